"""Fixtures for all rooms; that this file is here also lets tests import the helpers beside it."""

import os

import pytest
import torch
from hypothesis import settings

from needs import missing
from sparsegan.draw import sampling
from sparsegan.record.run_cost import StepSeconds
from sparsegan.settings import parse, recipes
from sparsegan.train import timing

# The tests' tensors are tiny: threads would spend their time waiting for each other.
torch.set_num_threads(1)

# A busy machine must not fail a test: nothing here asserts a time.
settings.register_profile("sparsegan", deadline=None)
settings.load_profile("sparsegan")


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory):
    """One cache for all tests, not the user's: equal networks choose their kernels alike."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARSEGAN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(
    params=[
        "cpu",
        pytest.param(
            "cuda",
            marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
        ),
    ]
)
def device(request):
    """Every device at hand: what must hold on the CPU must hold on CUDA."""
    return torch.device(request.param)


@pytest.fixture(autouse=True)
def _seeded():
    """Equal weights in every run of a test, whatever ran before it."""
    torch.manual_seed(0)


@pytest.fixture
def without_gpu(monkeypatch):
    """As where no GPU is, for what takes one unasked: DataParallel moves a network there."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def pytest_runtest_setup(item):
    """A test of `make test-all` skips without what it needs, or fails where that must be there."""
    for mark in item.iter_markers("full"):
        absent = missing(mark.args)
        if absent and os.environ.get("SPARSEGAN_REQUIRE_ALL"):
            pytest.fail(f"not installed: {', '.join(absent)}")
        elif absent:
            pytest.skip(f"needs {', '.join(absent)}")


@pytest.fixture(scope="module")
def quick_runs():
    """Standing statistics and the dense run's seconds would take most of a tiny run's time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampling, "STANDING_BATCHES", 4)
        patch.setattr(timing, "compare", lambda *args, **options: StepSeconds(1, 1, 1))
        yield


@pytest.fixture(scope="session")
def recipe_configs():
    """Every recipe's configuration but the variants'; parsing them all takes seconds."""
    stacks = {name: recipes.find(name) for name in recipes.names()}
    return {name: parse.parse(r.layers) for name, r in stacks.items() if not r.of}
