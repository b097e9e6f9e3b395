import pytest
import torch

import cycle_run
from sparsegan import data, engine
from sparsegan.engine import choice, layer_timing
from sparsegan.plan import measure
from sparsegan.record.checkpoint import save_state
from sparsegan.record.run import create
from sparsegan.settings import parse
from sparsegan.train import build, kinds, state
from sparsegan.train.batches import Batches
from sparsegan.train.launch import launch
from tiny_run import config

needs_kernels = pytest.mark.skipif(not engine.available(), reason="kernels are not compiled")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SPARSEGAN_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def timed(monkeypatch):
    """Every network takes 6 s masked, and native 1 s + 20 s x density; a layer 1 s and 0.5 s."""
    row = torch.tensor([7.0, 6.0, 1.0, 20.0], dtype=torch.float64)
    monkeypatch.setattr(choice, "time_network", lambda *_: row)

    def layers(calls, *_):
        return torch.tensor([[1.0, 0.5, 0.0]] * len(calls), dtype=torch.float64)

    monkeypatch.setattr(layer_timing, "_measure", layers)


def resolved(*flags):
    images = data.load("fashion-mnist", split="test")
    return build.resolve(config("unused", *flags), images)


@needs_kernels
def test_a_run_to_come_is_measured_and_decides_by_it():
    settings = resolved()
    measured = measure.of_plan(settings)
    assert [one.name for one in measured] == ["generator", "discriminator"]
    games = kinds.of(settings).games(settings, launch(settings))
    batches = Batches(data.load("fashion-mnist"), settings, 0, 1, torch.device("cpu"))
    games.choose_kernels(batches.generator_latents(1), batches.real(1, 0))
    for one, network in zip(measured, games[None].method.networks.values(), strict=True):
        assert one.timing == vars(network.engine.timing)
        assert (one.kernels, one.reason) == (network.engine.kernels, network.engine.reason)
        assert one.density == network.masks.density
        assert [layer.name for layer in one.layers] == network.masks.names
        counts = network.masks.counts()
        for layer in one.layers:
            assert layer.density == counts[layer.name] / network.masks.sizes()[layer.name]
            assert layer.ratio == layer.masked / layer.native


@needs_kernels
def test_a_run_is_measured_with_the_masks_of_its_newest_checkpoint(tmp_path, timed):
    settings = resolved("--threads", "2")
    games = kinds.of(settings).games(settings, launch(settings))
    network = games[None].method.discriminator
    network.resize(round(0.2 * network.masks.total), growth="random")
    run = create(tmp_path / "run")
    parse.write(run.config, settings)
    captured = state.capture(games) | {"seconds": 0.0, "metrics_bytes": 0, "images": ""}
    save_state(run.checkpoint(0), captured)
    threads = torch.get_num_threads()
    G, D = measure.of_run(run.path)
    assert torch.get_num_threads() == threads
    assert D.timing["threads"] == 2
    assert D.density == network.masks.density
    assert (G.kernels, D.kernels) == ("masked", "native")  # 1 + 20 x 0.3 s and x 0.2 s against 6 s
    assert {layer.kernels for layer in D.layers} == {"native"}


@needs_kernels
def test_the_directions_of_a_cycle_are_measured_each(tmp_path, timed):
    cycle_run.write_set(tmp_path / "squares")
    settings = cycle_run.config(tmp_path / "squares", tmp_path / "run", "--engine", "native")
    measured = measure.of_plan(
        kinds.of(settings).resolve(settings, kinds.of(settings).load_images(settings))
    )
    assert len(measured) == 4
    assert all(one.timed for one in measured)
    assert {one.reason for one in measured} == {"as told"}
    generator = next(one for one in measured if one.name == "generator a_to_b")
    reasons = {layer.reason for layer in generator.layers if layer.kernels == "masked"}
    assert reasons <= {"reflect padding"}
    assert any(layer.native for layer in generator.layers)


def test_told_to_run_masked_nothing_is_timed():
    for one in measure.of_plan(resolved("--engine", "masked")):
        assert (one.kernels, one.reason, one.timing) == ("masked", "as told", None)
        assert {layer.masked for layer in one.layers} == {None}
        assert "linear" in [layer.name for layer in one.layers]
        assert not one.timed
