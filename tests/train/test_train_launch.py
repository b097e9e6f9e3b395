"""One process, and what is refused before others are started; the rest is in two ranks' tests."""

import os
import random

import numpy as np
import pytest
import torch

from sparsegan import machine
from sparsegan.errors import SparseganError
from sparsegan.train import launch
from tiny_run import config


@pytest.fixture(autouse=True)
def _no_launcher(monkeypatch):
    for name in ("RANK", "LOCAL_RANK", "TORCHELASTIC_RUN_ID", "SPARSEGAN_STARTED_BY"):
        monkeypatch.delenv(name, raising=False)


def test_one_process_starts_no_other(monkeypatch):
    monkeypatch.setattr(launch, "_start", None)
    fabric = launch.launch(config("unused"))
    assert (fabric.world_size, fabric.global_rank, fabric.device.type) == (1, 0, "cpu")
    assert launch.reduced(fabric, 3.5, "mean") == 3.5
    assert launch.gather("own") == ["own"]


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--fabric.devices", "99"], "fabric.devices is 99: this machine has 2 processors"),
        (["--fabric.accelerator", "mps"], r"cannot use 1 device\(s\) of kind mps: .*fabric\.acc"),
        (["--fabric.precision", "16-mixed"], "16-mixed, which is for CUDA devices"),
    ],
)
def test_what_this_machine_has_not_is_refused_before_anything_is_started(
    flags, sentence, monkeypatch
):
    monkeypatch.setattr(machine, "processors", lambda: 2)
    monkeypatch.setattr(launch, "_start", None)
    with pytest.raises(SparseganError, match=sentence):
        launch.launch(config("unused", *flags))


def test_a_rank_is_what_the_launcher_says(monkeypatch):
    assert launch.process_rank() == 0
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert launch.process_rank() == 1
    monkeypatch.setenv("RANK", "5")
    assert launch.process_rank() == 5


def test_torchrun_says_how_many_processes_and_machines_there_are(monkeypatch):
    assert launch._layout(config("unused", "--fabric.devices", "3")) == (3, 1)
    assert launch._watched_parent() is None
    torchrun = {"TORCHELASTIC_RUN_ID": "x", "LOCAL_WORLD_SIZE": "2", "WORLD_SIZE": "8"}
    for name, value in torchrun.items():
        monkeypatch.setenv(name, value)
    assert launch._layout(config("unused", "--fabric.devices", "3")) == (2, 4)
    assert launch._watched_parent() == os.getppid()
    monkeypatch.setenv("SPARSEGAN_STARTED_BY", "77")
    assert launch._watched_parent() == 77


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ("EADDRINUSE: in use", "another program uses 127.0.0.1:9: choose another port"),
        ("no route\nto host", r"cannot be connected at 127.0.0.1:9 \(no route\): check MASTER"),
    ],
)
def test_processes_that_cannot_be_connected_are_told_where(error, sentence, monkeypatch):
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", "9")
    with pytest.raises(SparseganError, match=sentence):
        raise launch._not_connected(RuntimeError(error))


def test_the_global_generators_are_a_function_of_seed_and_rank():
    def drawn(seed, rank):
        launch.seed_everything(config("unused", "--seed", str(seed)), rank)
        return random.random(), float(np.random.rand()), float(torch.rand(()))

    sets = [drawn(seed, rank) for seed in (0, 1) for rank in (0, 1)]
    assert sets == [drawn(seed, rank) for seed in (0, 1) for rank in (0, 1)]
    assert all(len(set(numbers)) == 4 for numbers in zip(*sets, strict=True))
