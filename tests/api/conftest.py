"""A finished run of seconds, made by a call."""

import pytest
import torch

import sparsegan
from command_line import TINY


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    """Each test in a folder of its own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run on the packaged images."""
    threads = torch.get_num_threads()
    folder = tmp_path_factory.mktemp("api")
    run = sparsegan.fit(run_directory=str(folder / "run"), show=False, **TINY)
    assert torch.get_num_threads() == threads
    return run
