import pytest
from synthetic_run import write_run

from sparsegan.report.read import read_run


@pytest.fixture(scope="session")
def run_path(tmp_path_factory):
    """A finished ADAPT run with two grids."""
    path = tmp_path_factory.mktemp("runs") / "garments-adapt-1"
    return write_run(path, grids=2, cell=8)


@pytest.fixture(scope="session")
def run(run_path):
    return read_run(run_path)[0]


@pytest.fixture(scope="session")
def other_path(tmp_path_factory):
    """An unfinished SDST run without cost.json."""
    path = tmp_path_factory.mktemp("runs") / "garments-sdst-1"
    return write_run(
        path, method="sdst", seed=1, steps=4000, finished=False, cost=False, grids=1, cell=8
    )


@pytest.fixture(scope="session")
def other(other_path):
    return read_run(other_path)[0]


@pytest.fixture
def bare(tmp_path):
    """A run that has written nothing but its configuration."""
    (tmp_path / "config.yaml").write_text("steps: 100\n")
    return read_run(tmp_path, "bare")[0]
