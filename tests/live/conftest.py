import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))

from synthetic_run import write_run


@pytest.fixture
def run(tmp_path):
    """An unfinished run, as a process would leave it that is training."""
    return write_run(tmp_path / "run", steps=2000, finished=False, cost=False, grids=2, cell=8)


@pytest.fixture
def other(tmp_path):
    return write_run(tmp_path / "other", steps=2000, method="sdst", grids=1, cell=8)
