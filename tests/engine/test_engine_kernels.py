"""The kernels' own test program, as it is and under tools that watch memory."""

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "check_kernels.sh"


@pytest.mark.parametrize(
    ("how", "problems"),
    [
        pytest.param("plain", 100, marks=pytest.mark.full("compiler")),
        pytest.param("sanitize", 40, marks=pytest.mark.full("compiler")),
        pytest.param("valgrind", 8, marks=pytest.mark.full("compiler", "valgrind")),
    ],
)
def test_kernels_agree_with_the_reference(how, problems):
    done = subprocess.run([SCRIPT, how, str(problems)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 failures" in done.stdout, done.stdout
