"""The wheel sparsegan-runtime as its user meets it, and what it refuses."""

import copy
import hashlib
import json
import pickle
import struct
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import sparsegan_runtime as runtime
import torch
from safetensors.numpy import save

from sparsegan.export.graph import Code, Function, Graph


def sealed(arrays, metadata=None):
    metadata = {"format": "sparsegan-packed-2", "sha256": "0" * 64} | (metadata or {})
    data = save(arrays, metadata)
    key = b'"sha256":"'
    at = data.index(key) + len(key)
    return data[:at] + hashlib.sha256(data).hexdigest().encode() + data[at + 64 :]


def small_graph(classes=None):
    """Noise of 4 to an image of 1 x 2 x 2: a linear layer, and the shift of a class."""
    graph = Graph()
    z = graph.add(Code.INPUT, [], (4,), (), (4,))
    x = graph.add(Code.LINEAR, [z], (4,), [("w", (4, 4))])
    if classes:
        shift = graph.add(Code.EMBEDDING, [], (4,), [("table", (classes, 4))])
        x = graph.binary(0, x, shift)
    graph.unary(graph.reshape(x, (1, 2, 2)), Function.IDENTITY)
    return graph


WEIGHT = np.arange(16, dtype=np.float32).reshape(4, 4)


def arrays_of(graph, **others):
    return {"graph": np.frombuffer(graph.as_bytes(), np.uint8), "w": WEIGHT} | others


@pytest.fixture
def small():
    return sealed(arrays_of(small_graph()), {"about": json.dumps({"origin": {"step": 7}})})


def test_it_says_what_it_is(small):
    generator = runtime.Generator(small)
    assert (generator.latent_dim, generator.classes) == (4, None)
    assert (generator.channels, generator.height, generator.width) == (1, 2, 2)
    assert generator.density == 15 / 16  # one weight is 0
    assert generator.multiply_adds == 15
    assert generator.about == {"origin": {"step": 7}}
    assert generator.class_names == ()


def test_a_copy_draws_alike(small):
    generator, z = runtime.Generator(small), np.ones((2, 4), np.float32)
    for other in (copy.copy(generator), pickle.loads(pickle.dumps(generator))):
        assert (other(z) == generator(z)).all()
        assert other.about == generator.about


def test_images_are_the_products(small):
    z = np.random.default_rng(0).standard_normal((3, 4), np.float32)
    images = runtime.Generator(small)(z)
    assert np.allclose(images.reshape(3, 4), z @ WEIGHT.T, atol=1e-4)
    assert images.dtype == np.float32


def test_seeds_repeat_and_no_seed_does_not(small):
    generator = runtime.Generator(small)
    assert np.array_equal(generator.sample(2, seed=1), generator.sample(2, seed=1))
    assert not np.array_equal(generator.sample(2), generator.sample(2))


@pytest.mark.parametrize("wrong", [np.zeros(4), np.zeros((2, 5)), np.zeros((2, 2, 4)), 3.0])
def test_latents_of_other_sizes_are_refused(small, wrong):
    with pytest.raises(ValueError, match=r"it must be \(N, 4\)"):
        runtime.Generator(small)(wrong)


def test_labels():
    table = np.eye(3, 4, dtype=np.float32)
    data = sealed(
        arrays_of(small_graph(3), table=table),
        {"about": json.dumps({"class_names": ["a", "b", "c"]})},
    )
    generator = runtime.Generator(data)
    assert (generator.classes, generator.class_names) == (3, ("a", "b", "c"))
    images = generator(np.zeros((3, 4)), [0, 1, 2])
    assert np.array_equal(images.reshape(3, 4), table)
    assert np.array_equal(generator(np.zeros((2, 4)), 1).reshape(2, 4), table[[1, 1]])
    for wrong in (3, -1):
        with pytest.raises(ValueError, match=f"there is no class {wrong}: labels go from 0 to 2"):
            generator(np.zeros((1, 4)), wrong)
    with pytest.raises(ValueError, match="labels must be whole numbers"):
        generator(np.zeros((1, 4)), np.array([0.0]))
    with pytest.raises(ValueError, match="draws one of 3 classes"):
        generator(np.zeros((1, 4)))


def test_labels_where_there_are_no_classes_are_refused(small):
    with pytest.raises(ValueError, match="has no classes"):
        runtime.Generator(small)(np.zeros((1, 4)), 0)


def require_alike_at_once(draw):
    """Four threads draw what one draws alone."""
    expected = draw()
    with ThreadPoolExecutor(4) as threads:
        drawn = [each.result() for each in [threads.submit(draw) for _ in range(4)]]
    assert all(np.array_equal(images, expected) for images in drawn)


def test_several_generators_draw_at_once(small):
    z = np.random.default_rng(0).standard_normal((500, 4), np.float32)
    require_alike_at_once(lambda: runtime.Generator(small)(z))


def test_one_generator_called_from_several_threads_takes_turns():
    # Of some size, so that a draw lasts long enough for another one to begin.
    graph = Graph()
    x = graph.add(Code.INPUT, [], (256,), (), (256,))
    weights = np.random.default_rng(1).standard_normal((256, 256)).astype(np.float32) / 16
    for _ in range(6):
        x = graph.unary(graph.add(Code.LINEAR, [x], (256,), [("w", (256, 256))]), Function.TANH)
    graph.unary(graph.reshape(x, (1, 16, 16)), Function.IDENTITY)
    generator = runtime.Generator(sealed(arrays_of(graph, w=weights)))
    z = np.random.default_rng(0).standard_normal((300, 256), np.float32)
    require_alike_at_once(lambda: generator(z))


# ---- what is refused


def test_every_changed_byte_and_every_truncation_is_refused(small):
    for position in range(len(small)):
        data = bytearray(small)
        data[position] ^= 1
        with pytest.raises(runtime.RefusedError, match=r"^the file (is|holds|has|needs)"):
            runtime.Generator(bytes(data))
    for length in range(0, len(small), 7):
        with pytest.raises(runtime.RefusedError, match="damaged"):
            runtime.Generator(small[:length])


def with_bytes(old, new):
    """A sealed file, some of whose bytes were others before it was sealed."""
    data = sealed(arrays_of(small_graph()), {"about": '{"a":"xxxx"}'}).replace(old, new)
    key = b'"sha256":"'
    at = data.index(key) + len(key)
    data = data[:at] + b"0" * 64 + data[at + 64 :]
    return data[:at] + hashlib.sha256(data).hexdigest().encode() + data[at + 64 :]


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: with_bytes(b"xxxx", b"\\qxx"), "damaged JSON"),
        (lambda: with_bytes(b"xxxx", b"\xff\xfexx"), "damaged JSON"),
        (lambda: about('{"a":'), "damaged JSON"),
        (lambda: about('{"a":' + "1" * 5000 + "}"), "damaged JSON"),
        (lambda: about("[" * 100_000), "damaged JSON"),
        (lambda: about("[1]"), "no JSON object"),
        (lambda: about('{"class_names":5}'), "no list of names"),
        (lambda: about('{"class_names":"abc"}'), "no list of names"),
        (lambda: about('{"class_names":[1]}'), "no list of names"),
    ],
)
def test_metadata_that_nobody_writes_are_refused_in_a_sentence(make, why):
    with pytest.raises(runtime.RefusedError, match=f"^the file .*{why}.*: export it again"):
        runtime.Generator(make())


def about(text):
    return sealed(arrays_of(small_graph()), {"about": text})


def changed(word, value):
    words = bytearray(small_graph().as_bytes())
    words[4 * word : 4 * word + 4] = struct.pack("<I", value & 0xFFFFFFFF)
    return np.frombuffer(bytes(words), np.uint8)


REFUSALS = {
    "another format": (lambda: sealed(arrays_of(small_graph()), {"format": "pt"}), "no packed"),
    "no graph": (lambda: sealed({"w": WEIGHT}), "no packed generator with a graph"),
    "newer": (lambda: sealed({"graph": changed(0, 0x33474753), "w": WEIGHT}), "update it"),
    "another operation": (
        lambda: sealed({"graph": changed(8, 99 | 1 << 24), "w": WEIGHT}),
        "does not know: update it",
    ),
    "an input that is not there": (
        lambda: sealed({"graph": changed(11, 7), "w": WEIGHT}),
        "a graph that fits no generator",
    ),
    "more operations": (lambda: sealed({"graph": changed(2, 9), "w": WEIGHT}), "fits no generator"),
    "many operations": (lambda: sealed({"graph": changed(2, 10**6), "w": WEIGHT}), "larger than"),
    "a huge input": (
        lambda: sealed({"graph": changed(9, 10**9), "w": WEIGHT}),
        "fits no generator",
    ),
    "no weight": (
        lambda: sealed({"graph": np.frombuffer(small_graph().as_bytes(), np.uint8)}),
        "weights that do not fit",
    ),
    "another weight": (
        lambda: sealed(arrays_of(small_graph(), w=WEIGHT[:3])),
        "weights that do not fit",
    ),
    "another type": (
        lambda: sealed(arrays_of(small_graph(), w=WEIGHT.astype(np.float64))),
        "weights that do not fit",
    ),
    "bits for other weights": (
        lambda: sealed(
            {
                "graph": np.frombuffer(small_graph().as_bytes(), np.uint8),
                "w.values": np.ones(3, np.float32),
                "w.bits": np.array([0xFF, 0], np.uint8),
            }
        ),
        "weights that do not fit",
    ),
    "gaps beyond the weights": (
        lambda: sealed(
            {
                "graph": np.frombuffer(small_graph().as_bytes(), np.uint8),
                "w.values": np.ones(2, np.float32),
                "w.gaps": np.array([3, 60000], np.uint16),
            }
        ),
        "weights that do not fit",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_each_refusal_says_why(case):
    make, why = REFUSALS[case]
    with pytest.raises(runtime.RefusedError, match=why):
        runtime.Generator(make())


def test_gaps_and_bits_say_the_same():
    places = np.array([0, 5, 6, 15])
    dense = np.zeros(16, np.float32)
    dense[places] = [1, 2, 3, 4]
    bits = np.packbits(dense != 0)
    gaps = (np.diff(places, prepend=-1) - 1).astype(np.uint16)
    graph = np.frombuffer(small_graph().as_bytes(), np.uint8)
    z = np.random.default_rng(0).standard_normal((2, 4), np.float32)
    for stored in ({"w.bits": bits}, {"w.gaps": gaps}):
        values = {"w.values": dense[places], "graph": graph}
        images = runtime.Generator(sealed(values | stored))(z)
        assert np.allclose(images.reshape(2, 4), z @ dense.reshape(4, 4).T, atol=1e-5)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(
        runtime.RefusedError, match=r"none\.safetensors cannot be read: No such file"
    ):
        runtime.load(tmp_path / "none.safetensors")


def test_other_files_are_refused(tmp_path):
    torch.save({"w": torch.zeros(3)}, tmp_path / "a.pt")
    (tmp_path / "empty").touch()
    for name in ("a.pt", "empty"):
        with pytest.raises(runtime.RefusedError, match="damaged, or no safetensors file"):
            runtime.load(tmp_path / name)
