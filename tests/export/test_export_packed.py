import json
import shutil

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import save, save_file
from safetensors.torch import save as save_tensors
from torch import nn
from toy_export import frozen, inputs

from needs import in_full
from sparsegan import engine
from sparsegan.errors import SparseganError
from sparsegan.export import Blueprint, Frozen, load, packed, write_packed
from sparsegan.export.graph import UnsupportedError
from sparsegan.nets.base import Generator

DCGAN = Blueprint("dcgan", 28, 1, width=4, latent_dim=16)
SNGAN = Blueprint("sngan", 32, 3, width=8, latent_dim=16)
SNGAN48 = Blueprint("sngan", 48, 3, width=2, latent_dim=16)
BIGGAN32 = Blueprint("biggan", 32, 3, width=4, latent_dim=16, classes=5)
# Spectral norm in the generator, and attention.
BIGGAN64 = Blueprint("biggan", 64, 3, width=2, latent_dim=10, classes=5)


@pytest.fixture
def written(tmp_path):
    """A packed file that nobody has harmed."""
    path = tmp_path / "generator.safetensors"
    write_packed(frozen(), path)
    return path


def contents(path):
    with safe_open(path, "np") as file:
        return file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def rewritten(path, about=None, **arrays):
    """The file with something else in it and a checksum that fits; None takes an array away."""
    metadata, old = contents(path)
    new = {name: array for name, array in (old | arrays).items() if array is not None}
    about = metadata["about"] if about is None else about
    unsealed = metadata | {"about": about, "sha256": "0" * 64}
    path.write_bytes(packed._sealed(save(new, unsealed)))


@pytest.mark.parametrize("granularity", ["weight", "block"])
@pytest.mark.parametrize(
    ("blueprint", "density"),
    [
        (DCGAN, 0.02),
        (DCGAN, 0.6),
        (DCGAN, 1.0),
        (SNGAN, 0.1),
        (SNGAN48, 0.1),
        *in_full((BIGGAN64, 0.1)),
    ],
)
def test_every_tensor_comes_back_bit_for_bit(tmp_path, blueprint, density, granularity):
    original = frozen(blueprint, density, granularity)
    write_packed(original, tmp_path / "g.safetensors")
    loaded = load(tmp_path / "g.safetensors", kernels="masked")
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    before, after = original.generator.state_dict(), loaded.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert [t.dtype for t in before.values()] == [t.dtype for t in after.values()]
    x = inputs(blueprint, 3)
    assert torch.allclose(loaded(*x), original.generator(*x), atol=1e-6)


@pytest.mark.skipif(not engine.available(), reason="the native kernels are not compiled")
@pytest.mark.parametrize("blueprint", [DCGAN, SNGAN, BIGGAN32], ids=lambda b: b.network)
def test_native_kernels_make_the_same_images(tmp_path, blueprint):
    original = frozen(blueprint, 0.1)
    write_packed(original, tmp_path / "g.safetensors")
    native = load(tmp_path / "g.safetensors", kernels="native")
    for count in (1, 20):
        x = inputs(blueprint, count)
        assert torch.allclose(native(*x), original.generator(*x), atol=1e-5)


def test_the_engine_gets_the_masks_that_training_kept(written, monkeypatch):
    taken = []
    attach = engine.attach
    monkeypatch.setattr(engine, "attach", lambda *a: taken.append(a[1]) or attach(*a))
    load(written)
    (masks,) = taken
    original = frozen()
    for name, mask in original.masks.items():
        if name in masks:
            assert torch.equal(masks[name], mask)
        else:  # so full that it is stored as it is
            assert mask.float().mean() > 0.9
    assert sum(name in masks for name in original.masks) >= 3
    assert masks.density == pytest.approx(0.1, abs=0.01)


@pytest.mark.skipif(not engine.available(), reason="the native kernels are not compiled")
@pytest.mark.parametrize(("density", "native"), [(0.1, True), (0.9, False)])
def test_dense_kernels_are_kept_where_they_may_be_faster(tmp_path, density, native, monkeypatch):
    wanted = []
    attach = engine.attach
    monkeypatch.setattr(engine, "attach", lambda *a: wanted.append(a[-1]) or attach(*a))
    write_packed(frozen(density=density), tmp_path / "g.safetensors")
    load(tmp_path / "g.safetensors")
    assert wanted == ["native" if native else "masked"]


@pytest.mark.parametrize(
    "blueprint",
    [
        Blueprint("sngan", 32, 3, width=64, latent_dim=128),
        Blueprint("dcgan", 32, 3, width=16, latent_dim=128),
    ],
    ids=lambda b: b.network,
)
def test_at_density_a_tenth_the_file_is_at_most_fifteen_hundredths_of_the_dense_one(
    tmp_path, blueprint
):
    original = frozen(blueprint, 0.1)
    write_packed(original, tmp_path / "packed.safetensors")
    arrays = {name: t.numpy() for name, t in original.generator.state_dict().items()}
    save_file(arrays, tmp_path / "dense.safetensors")
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("packed", "dense")]
    print(f"{blueprint.network}: {sizes[0]} / {sizes[1]} = {sizes[0] / sizes[1]:.4f}")
    assert sizes[0] <= 0.15 * sizes[1]
    assert 0 < original.dense_bytes <= sizes[1]


def test_the_metadata_tell_what_it_is_and_where_it_is_from(written):
    about = json.loads(contents(written)[0]["about"])
    assert about["generator"] == {
        "network": "dcgan",
        "image_size": 28,
        "channels": 1,
        "width": 4,
        "latent_dim": 16,
        "classes": None,
    }
    assert about["origin"] == {"step": 7}


def test_the_names_of_classes_come_back(tmp_path):
    original, path = frozen(BIGGAN32), tmp_path / "g.safetensors"
    write_packed(original, path)
    assert load(path).class_names == ()
    original.generator.class_names = ("a", "b", "c", "d", "été")
    write_packed(original, path)
    assert load(path).class_names == ("a", "b", "c", "d", "été")
    about = json.loads(contents(path)[0]["about"])
    for wrong in (["a"], "abcde", [1, 2, 3, 4, 5], None):
        rewritten(path, json.dumps(about | {"class_names": wrong}))
        with pytest.raises(SparseganError, match="no list of the names of 5 classes"):
            load(path)


def test_weights_at_inactive_places_are_not_in_the_file(written):
    _, arrays = contents(written)
    original = frozen()
    for name, mask in original.masks.items():
        if f"{name}.weight" not in arrays:
            assert arrays[f"{name}.weight.values"].shape == (int(mask.sum()),)


def test_masks_of_blocks_take_a_fourth_of_the_places(tmp_path):
    sizes = []
    for granularity in ("weight", "block"):
        write_packed(frozen(SNGAN, 0.2, granularity), tmp_path / granularity)
        _, arrays = contents(tmp_path / granularity)
        values = sum(a.nbytes for name, a in arrays.items() if name.endswith(".values"))
        places = sum(a.nbytes for name, a in arrays.items() if name.endswith(("bits", "gaps")))
        sizes.append((values, places))
    (values, places), (block_values, block_places) = sizes
    assert abs(block_values - values) <= 0.01 * values
    assert block_places <= 0.26 * places


def test_blocks_that_are_not_those_of_the_values_are_refused(tmp_path):
    path = tmp_path / "g.safetensors"
    write_packed(frozen(DCGAN, 0.3, "block"), path)
    _, arrays = contents(path)
    name = next(name for name in arrays if name.endswith(".block_bits"))
    for wrong in (arrays[name][:-1], arrays[name] ^ 1, arrays[name].astype(np.uint16)):
        rewritten(path, **{name: wrong})
        with pytest.raises(SparseganError, match="holds no generator that this version can build"):
            load(path)


def test_what_the_runtime_cannot_compute_is_written_without_a_graph(tmp_path, monkeypatch):
    def refuse(*_):
        raise UnsupportedError("it uses aten.cumsum, which the runtime does not have")

    original, path = frozen(), tmp_path / "g.safetensors"
    assert write_packed(original, path) is None
    assert contents(path)[0]["format"] == "sparsegan-packed-2"
    monkeypatch.setattr(packed, "trace", refuse)
    assert write_packed(original, path) == "it uses aten.cumsum, which the runtime does not have"
    metadata, arrays = contents(path)
    assert metadata["format"] == "sparsegan-packed-1"
    assert "graph" not in arrays
    x = inputs(original.blueprint, 1)
    assert torch.allclose(load(path)(*x), original.generator(*x), atol=1e-5)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(SparseganError, match="damaged"):
        load(path)


# ---- what cannot be loaded


@pytest.mark.parametrize("position", [9, 300, 5000, -1])
def test_a_changed_byte_is_found(written, position):
    data = bytearray(written.read_bytes())
    data[position] ^= 1
    written.write_bytes(data)
    with pytest.raises(SparseganError, match=r"generator\.safetensors (is|holds)"):
        load(written)


def test_a_file_of_another_kind_is_not_called_damaged(tmp_path):
    page = tmp_path / "generator.html"
    page.write_text("<!doctype html><title>a page</title>")
    with pytest.raises(SparseganError, match=r"generator\.html is a file of another kind"):
        load(page)


def test_every_truncation_is_found(written):
    data = written.read_bytes()
    for length in (0, 7, 8, 100, len(data) // 2, len(data) - 1):
        written.write_bytes(data[:length])
        with pytest.raises(SparseganError, match="damaged or cut off"):
            load(written)


def test_what_is_no_packed_file_is_refused_with_the_remedy(tmp_path, written):
    with pytest.raises(SparseganError, match="there is no file"):
        load(tmp_path / "none.safetensors")
    with pytest.raises(SparseganError, match="there is no file"):
        load(tmp_path)
    for metadata in (None, {"format": "pt"}, {"format": "sparsegan-state-1"}):
        save_file({"weight": np.zeros(3, np.float32)}, tmp_path / "a.safetensors", metadata)
        with pytest.raises(SparseganError, match="no packed generator: name one that"):
            load(tmp_path / "a.safetensors")
    torch.save({"weight": torch.zeros(3)}, tmp_path / "a.pt")
    with pytest.raises(SparseganError, match="a file of another kind"):
        load(tmp_path / "a.pt")


def bombs():
    """Contents whose checksum fits and which are no generator; each a change of the toy's file."""
    generator = DCGAN.as_json()

    def about(**changed):
        return {"about": json.dumps({"generator": generator | changed})}

    return {
        "no json": {"about": "{"},
        "nested": {"about": "[" * 100_000},
        "a list": {"about": "[]"},
        "no generator": {"about": "{}"},
        "unknown key": about(depth=3),
        "huge": about(width=2**16),
        "wider": about(width=8),
        "text": about(width="4"),
        "unknown network": about(network="sngna"),
        "a network that is no text": about(network=[1]),
        "missing": {"norm.running_mean": None},
        "too many": {"other": np.zeros(2, np.float32)},
        "another type": {"norm.running_mean": np.zeros(16, np.float64)},
        "another shape": {"norm.running_mean": np.zeros((16, 1), np.float32)},
        "no places": {"linear.weight.bits": None, "linear.weight.gaps": None},
        "no values": {"linear.weight.values": None},
        "few values": {"linear.weight.values": np.zeros(3, np.float32)},
        "square values": {"linear.weight.values": np.zeros((3, 3), np.float32)},
        "values of another type": {"conv.bias": np.zeros(1, np.int32)},
    }


@pytest.mark.parametrize("bomb", bombs())
def test_contents_that_do_not_fit_are_refused_before_memory_is_taken(written, bomb):
    rewritten(written, **bombs()[bomb])
    with pytest.raises(SparseganError, match="holds no generator that this version can build"):
        load(written)


def test_a_file_that_cannot_be_written_is_named_and_leaves_nothing(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(SparseganError, match=r"cannot write .*folder"):
        write_packed(frozen(), tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_copy_elsewhere_is_enough(written, tmp_path):
    other = tmp_path / "elsewhere" / "any-name.bin"
    other.parent.mkdir()
    shutil.move(written, other)
    assert load(other)(torch.zeros(2, 16)).shape == (2, 1, 28, 28)


class WithGraph(Generator):
    """A generator with a part of the name that the list of operations has in a file."""

    def __init__(self):
        super().__init__(latent_dim=4, image_size=2, channels=1)
        self.graph = nn.Sequential(nn.Linear(4, 4), nn.Unflatten(1, (1, 2, 2)))

    def forward(self, z):
        return torch.tanh(self.graph(z))


def test_a_part_called_graph_is_kept(tmp_path):
    own = WithGraph().eval().requires_grad_(False)
    blueprint = Blueprint("mine:WithGraph", 2, 1, width=None, latent_dim=4)
    path = tmp_path / "own.safetensors"
    assert "called graph" in write_packed(Frozen(own, {}, blueprint, {}), path)
    z = torch.randn(3, 4)
    assert torch.equal(load(path, generator=WithGraph)(z), own(z))


def test_numbers_of_a_type_that_numpy_does_not_have_are_damage(tmp_path):
    path = tmp_path / "g.safetensors"
    tensors = {"a": torch.zeros(2).to(torch.float8_e4m3fn)}
    metadata = {"format": "sparsegan-packed-2", "about": "{}", "sha256": "0" * 64}
    path.write_bytes(save_tensors(tensors, metadata))
    with pytest.raises(SparseganError, match="damaged or cut off"):
        load(path)
