import copy
import json
import pickle
import sys

import numpy as np
import pytest
import torch
from runtime_files import thinned
from safetensors import safe_open
from safetensors.numpy import save
from torch import nn
from toy_export import frozen, inputs

from sparsegan.draw.sampling import draw_images
from sparsegan.draw.walk import latent_walk
from sparsegan.errors import SparseganError
from sparsegan.export import Blueprint, Frozen, load, packed, runtime, write_packed

sparsegan_runtime = pytest.importorskip("sparsegan_runtime")


@pytest.fixture
def own_file(tmp_path):
    original = frozen()
    path = tmp_path / "own.safetensors"
    named = Blueprint("mine:Generator", 28, 1, width=None, latent_dim=16)
    write_packed(type(original)(original.generator, original.masks, named, {}), path)
    return path, original.generator


def test_a_generator_of_ones_own_needs_no_code_to_draw(own_file):
    path, original = own_file
    loaded = load(path)
    (z,) = inputs(Blueprint("dcgan", 28, 1, width=4, latent_dim=16), 5)
    assert torch.allclose(loaded(z), original(z), atol=1e-5)
    assert (loaded.latent_dim, loaded.image_size, loaded.channels) == (16, 28, 1)
    assert not loaded.training
    assert not list(loaded.parameters())
    drawn, expected = (draw_images(network, 70, seed=3) for network in (loaded, original))
    assert (drawn.int() - expected.int()).abs().max() <= 1
    walks = [latent_walk(g, 2, frames=4, stops=2, seed=3) for g in (loaded, original)]
    assert (walks[0].int() - walks[1].int()).abs().max() <= 1


def test_a_file_that_draws_another_size_than_it_says_is_refused(own_file):
    path, _ = own_file
    with safe_open(path, "np") as file:
        metadata, arrays = file.metadata(), {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
    about = json.loads(metadata["about"])
    about["generator"]["latent_dim"] = 32
    changed = metadata | {"about": json.dumps(about), "sha256": "0" * 64}
    path.write_bytes(packed._sealed(save(arrays, changed)))
    with pytest.raises(SparseganError, match="says another size of itself than it draws"):
        load(path)


def test_without_the_runtime_its_file_asks_for_either(own_file, monkeypatch):
    monkeypatch.setattr(runtime, "available", lambda: False)
    with pytest.raises(SparseganError, match=r"install sparsegan-runtime .* --generator mine:Gen"):
        load(own_file[0])


def test_without_the_runtime_a_known_architecture_is_drawn_as_ever(tmp_path, monkeypatch):
    original = frozen()
    write_packed(original, tmp_path / "g.safetensors")
    monkeypatch.setattr(runtime, "available", lambda: False)
    monkeypatch.setitem(sys.modules, "sparsegan_runtime", None)
    (z,) = inputs(original.blueprint, 1)
    loaded = load(tmp_path / "g.safetensors")
    assert torch.allclose(loaded(z), original.generator(z), atol=1e-5)


def test_small_batches_are_the_runtimes_and_large_ones_the_engines(tmp_path, monkeypatch):
    original = frozen(Blueprint("biggan", 32, 3, width=4, latent_dim=16, classes=5))
    write_packed(original, tmp_path / "g.safetensors")
    drawn = []
    draw = runtime.RuntimeGenerator.forward
    monkeypatch.setattr(
        runtime.RuntimeGenerator, "forward", lambda *a: drawn.append(len(a[1])) or draw(*a)
    )
    loaded = load(tmp_path / "g.safetensors")
    for count in (1, runtime.SMALL_BATCH, runtime.SMALL_BATCH + 1, 20):
        x = inputs(original.blueprint, count)
        assert torch.allclose(loaded(*x), original.generator(*x), atol=1e-5)
    assert drawn == [1, runtime.SMALL_BATCH]
    load(tmp_path / "g.safetensors", kernels="masked")(*inputs(original.blueprint, 1))
    assert len(drawn) == 2


def test_who_wants_gradients_gets_them_or_a_sentence(tmp_path, own_file):
    original = frozen()
    write_packed(original, tmp_path / "g.safetensors")
    (z,) = inputs(original.blueprint, 1)
    gradients = []
    for network in (load(tmp_path / "g.safetensors"), original.generator):
        latent = z.clone().requires_grad_()
        network(latent).square().sum().backward()
        gradients.append(latent.grad)
    assert torch.allclose(*gradients, atol=1e-5)
    with pytest.raises(SparseganError, match="the runtime has no gradients"):
        load(own_file[0])(z.clone().requires_grad_())


def test_halves_make_images_within_a_grey_level(tmp_path):
    original = frozen(Blueprint("sngan", 32, 3, width=8, latent_dim=16))
    write_packed(original, tmp_path / "half.safetensors", half=True)
    write_packed(original, tmp_path / "full.safetensors")
    (z,) = inputs(original.blueprint, 4)
    half, full = (
        sparsegan_runtime.load(tmp_path / f"{name}.safetensors")(z.numpy())
        for name in ("half", "full")
    )
    assert 0 < np.abs(half - full).max() < 2 / 255
    again = load(tmp_path / "half.safetensors", kernels="masked")
    assert np.abs(again(z).numpy() - half).max() <= 1e-5
    assert all(p.dtype == torch.float32 for p in again.parameters())
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("half", "full")]
    assert sizes[0] < sizes[1]


def test_a_copy_has_weights_of_its_own(tmp_path):
    original = frozen(Blueprint("sngan", 32, 3, width=8, latent_dim=16))
    write_packed(original, tmp_path / "g.safetensors")
    loaded = load(tmp_path / "g.safetensors")
    copies = [copy.deepcopy(loaded), pickle.loads(pickle.dumps(loaded))]
    for count in (1, 5):
        (z,) = inputs(original.blueprint, count)
        for network in (loaded, *copies):
            assert torch.allclose(network(z), original.generator(z), atol=1e-5)
    for each in copies:
        for parameter in each.parameters():
            parameter.zero_()
        assert not each(z[:1]).any()
    assert torch.allclose(loaded(z[:1]), original.generator(z[:1]), atol=1e-5)


def test_a_generator_without_code_is_copied_and_pickled(own_file):
    loaded = load(own_file[0])
    own_file[0].unlink()
    (z,) = inputs(Blueprint("dcgan", 28, 1, width=4, latent_dim=16), 3)
    for other in (copy.copy(loaded), copy.deepcopy(loaded), pickle.loads(pickle.dumps(loaded))):
        assert other is not loaded
        assert torch.equal(other(z), loaded(z))
        assert (other.latent_dim, other.class_names, other.training) == (16, (), False)


@pytest.mark.parametrize("count", [1, 5])
def test_other_sizes_are_refused_whatever_the_batch(tmp_path, count):
    original = frozen(Blueprint("biggan", 32, 3, width=4, latent_dim=16, classes=5))
    write_packed(original, tmp_path / "g.safetensors")
    loaded, labels = load(tmp_path / "g.safetensors"), torch.zeros(count, dtype=torch.int64)
    for shape in ((4, 4), (16, 1, 1), (15,)):
        with pytest.raises(SparseganError, match=r"it must be \[N, 16\]"):
            loaded(torch.zeros(count, *shape), labels)
    for wrong in (None, torch.zeros(count + 1, dtype=torch.int64)):
        with pytest.raises(SparseganError, match="one label for each image, and they"):
            loaded(torch.zeros(count, 16), wrong)
    plain = frozen()
    write_packed(plain, tmp_path / "plain.safetensors")
    with pytest.raises(SparseganError, match="no classes"):
        load(tmp_path / "plain.safetensors")(torch.zeros(count, 16), labels)


class Deaf(nn.Module):
    """It takes labels and draws the same for all."""

    class_names = ()

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(8, 64)

    def forward(self, z, labels):
        return self.linear(z).view(-1, 1, 8, 8).tanh()


def test_classes_are_those_of_the_file_where_they_make_no_difference(tmp_path):
    network = thinned(Deaf())
    blueprint = Blueprint("mine:Deaf", 8, 1, None, latent_dim=8, classes=3)
    write_packed(Frozen(network, {}, blueprint, {}), tmp_path / "g.safetensors")
    loaded, z = load(tmp_path / "g.safetensors"), torch.randn(2, 8)
    labels = torch.tensor([0, 2])
    assert loaded.classes == 3
    assert torch.allclose(loaded(z, labels), network(z, labels), atol=1e-5)
    assert torch.allclose(copy.deepcopy(loaded)(z, labels), network(z, labels), atol=1e-5)
    with pytest.raises(SparseganError, match="from 0 to 2"):
        loaded(z, labels + 1)


def test_what_the_runtime_refuses_the_engine_draws(tmp_path, monkeypatch):
    original = frozen()
    write_packed(original, tmp_path / "g.safetensors")

    def refuse(path):
        raise sparsegan_runtime.RefusedError(f"{path} needs a newer sparsegan-runtime: update it")

    monkeypatch.setattr(sparsegan_runtime, "load", refuse)
    (z,) = inputs(original.blueprint, 1)
    assert torch.allclose(load(tmp_path / "g.safetensors")(z), original.generator(z), atol=1e-5)


def test_images_of_five_channels_are_drawn_without_a_graph(tmp_path):
    original = frozen(Blueprint("dcgan", 32, 5, width=4, latent_dim=16))
    assert "up to 4 channels" in write_packed(original, tmp_path / "g.safetensors")
    (z,) = inputs(original.blueprint, 1)
    assert torch.allclose(load(tmp_path / "g.safetensors")(z), original.generator(z), atol=1e-5)
