"""Fixtures of the command line's tests."""

import io
from contextlib import redirect_stdout

import pytest
import torch
import yaml

from command_line import TINY
from sparsegan import cli


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    """Each test in a folder of its own, with no cache but its own, on one thread."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPARSEGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "100")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A finished run, and what training it printed."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as printed:
        patch.chdir(folder)
        patch.setenv("COLUMNS", "100")
        arguments = ["--config", "tiny.yaml", "--run.directory", "run"]
        assert cli.main(["train", *arguments, "--method.generator_density", "0.25"]) == 0
    return folder / "run", printed.getvalue()
