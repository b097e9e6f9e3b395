"""Studies whose runs are made up: what came of each cell is told, nothing is trained."""

import pytest

from sparsegan.study import load
from study_of_seconds import study, write_cell

STEPS = 20


@pytest.fixture
def of(tmp_path):
    """Three arms on three seeds; nothing has begun."""
    arms = {
        "dense": {"method": {"name": "dense"}},
        "static": {"method": {"name": "static"}},
        "adapt": {},
    }
    return study(tmp_path, base={"steps": STEPS}, arms=arms, seeds=[0, 1, 2])


@pytest.fixture
def ended(of):
    """The table of these values: adapt is the best, static one lost cell, dense costs the most."""
    for seed, (dense, static, adapt) in enumerate(
        [(0.50, 0.9, 0.300), (0.52, 0.7, 0.318), (0.51, None, 0.312)]
    ):
        write_cell(of, f"dense/seed={seed}", [dense] * 3, operations=4e9, seconds=20.0)
        write_cell(of, f"adapt/seed={seed}", [adapt - 0.01, adapt, adapt + 0.01])
        if static is None:
            write_cell(of, f"static/seed={seed}", [], diverged="the loss is not finite")
        else:
            write_cell(of, f"static/seed={seed}", [static] * 3, operations=5e8, overhead=0.0)
    return load(of.origin)
