from dataclasses import replace

import pytest
import torch

import tiny_run
from sparsegan.errors import SparseganError
from sparsegan.plan.plan import plan
from sparsegan.settings import parse
from sparsegan.settings.parse import Layer
from sparsegan.train import build, memory, networks
from sparsegan.train.loop import train
from tiny_run import SETTINGS


@pytest.fixture
def config():
    return parse.parse([Layer("test", SETTINGS)])


def resolved(config):
    return build.resolve(config, build.load_images(config))


def test_weights_are_counted_as_they_are_made(config):
    known = resolved(config)
    made = sum(p.numel() for network in networks.build(known) for p in network.parameters())
    assert memory._weights(known) == made


@pytest.mark.parametrize(
    ("settings", "most", "sentence"),
    [
        ({}, 26_000, "the networks take .* lower network.generator_width"),
        ({"network": {"discriminator_width": 65_536}}, 2**38, "the networks take .* this machine"),
        ({"generator_batch_size": 10**12}, 2**38, "a batch of 1,000,000,000,000 takes .* GB at"),
    ],
)
def test_what_cannot_be_held_is_refused_before_anything_is_made(
    settings, most, sentence, tmp_path, monkeypatch
):
    monkeypatch.setattr(memory, "_memory", lambda _: ("this machine", most))
    config = parse.parse([Layer("test", SETTINGS), Layer("more", settings)])
    config = replace(config, run=replace(config.run, directory=str(tmp_path / "run")))
    for begin in (plan, train):
        with pytest.raises(SparseganError, match=sentence):
            begin(config)
    assert not (tmp_path / "run").exists()


def test_no_more_processes_are_started_than_the_processors_can_share(tmp_path):
    config = tiny_run.config(tmp_path / "run", "--fabric.devices", "1024")
    with pytest.raises(SparseganError, match=r"fabric\.devices is 1024: this machine has \d+ proc"):
        train(config)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_memory_that_runs_out_is_told_with_the_remedy(error):
    with pytest.raises(SparseganError, match="accumulate 2"), memory.enough():
        raise error


def test_other_errors_pass_through():
    with pytest.raises(RuntimeError, match="shape"), memory.enough():
        raise RuntimeError("shape")
