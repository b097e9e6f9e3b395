"""A short run of the fuzzer: what it is for is long runs, what is tested here is that it works."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.full("clang")
def test_the_fuzzer_finds_nothing_in_a_short_run(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "export"))
    from toy_export import frozen

    from sparsegan.export import Blueprint, write_packed

    subprocess.run([ROOT / "runtime" / "fuzz" / "build.sh", tmp_path / "fuzz"], check=True)
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, name in enumerate(("dcgan", "biggan")):
        classes = 3 if name == "biggan" else None
        blueprint = Blueprint(name, 32, 3, width=1, latent_dim=4, classes=classes)
        write_packed(frozen(blueprint, 0.3), corpus / str(number), half=bool(number))
    # Without a limit on resident memory, since Linux counts the peak of the process that starts
    # another one as the other one's; one allocation is limited instead.
    limits = ["-rss_limit_mb=0", "-malloc_limit_mb=256"]
    command = [tmp_path / "fuzz", "-runs=20000", "-max_len=12000", "-seed=1", *limits, corpus]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Done 20000 runs" in done.stderr
    sys.stdout.write(done.stderr[-500:])
