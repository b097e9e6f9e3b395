"""Training tests run on one thread: their networks are too small to share."""

import pytest
import torch

from sparsegan.train import parse, recipes


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def recipe_configs():
    """Every recipe's configuration but the variants'; parsing them all takes seconds."""
    stacks = {name: recipes.find(name) for name in recipes.names()}
    return {name: parse.parse(r.layers) for name, r in stacks.items() if not r.of}
