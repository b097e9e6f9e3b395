import hashlib
import json
import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from sparsegan.errors import SparseganError
from sparsegan.record.checkpoint import load_state, save_state


def same(a, b):
    """Equal to the bit, types included."""
    if isinstance(a, torch.Tensor):
        if not (isinstance(b, torch.Tensor) and a.dtype == b.dtype and a.shape == b.shape):
            return False
        raw = [t.contiguous().reshape(-1).view(torch.uint8) for t in (a, b)]
        return torch.equal(*raw)
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b or (a != a and b != b)


def tensors():
    dtypes = [torch.bool, torch.uint8, torch.int64, torch.float32, torch.float64, torch.bfloat16]
    shapes = st.lists(st.integers(0, 3), max_size=3)
    return st.builds(
        lambda dtype, shape, seed: (
            torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 50
        ).to(dtype),
        st.sampled_from(dtypes),
        shapes,
        st.integers(0, 99),
    )


leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), tensors()
)
keys = st.one_of(st.text(max_size=5), st.integers(-5, 5), st.sampled_from(["$tensor", "$items"]))
states = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(keys, inner, max_size=3),
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(state=st.dictionaries(st.text(max_size=5), states, max_size=4))
def test_any_state_comes_back_to_the_bit(tmp_path_factory, state):
    path = tmp_path_factory.mktemp("state") / "a.safetensors"
    save_state(path, state)
    assert same(load_state(path), state)


def test_views_and_shared_memory_come_back_as_values(tmp_path):
    base = torch.arange(24.0).reshape(4, 6)
    channels_last = torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last)
    state = {
        "whole": base,
        "alias": base,
        "transposed": base.T,
        "row": base[1],
        "strided": base[:, ::2],
        "channels_last": channels_last,
        "scalar": torch.tensor(math.nan),
        "empty": torch.empty(0, 3),
        "parameter": torch.nn.Parameter(base.clone()),
    }
    save_state(tmp_path / "a", state)
    loaded = load_state(tmp_path / "a")
    state["parameter"] = state["parameter"].detach()
    assert same(loaded, state)


def test_an_optimisers_state_steps_on_to_the_same_bits(tmp_path):
    def pair():
        weight = torch.nn.Parameter(torch.ones(5))
        return weight, torch.optim.Adam([weight], lr=0.1, betas=(0.0, 0.9))

    def step(weight, optimiser, seed):
        weight.grad = torch.randn(5, generator=torch.Generator().manual_seed(seed))
        optimiser.step()

    weight, optimiser = pair()
    step(weight, optimiser, 0)
    save_state(tmp_path / "a", {"weight": weight, "optimiser": optimiser.state_dict()})
    step(weight, optimiser, 1)
    other, other_optimiser = pair()
    loaded = load_state(tmp_path / "a")
    other.data.copy_(loaded["weight"])
    other_optimiser.load_state_dict(loaded["optimiser"])
    step(other, other_optimiser, 1)
    assert torch.equal(weight, other)


def test_a_state_with_anything_else_is_a_type_error_and_leaves_no_file(tmp_path):
    with pytest.raises(TypeError, match="/a/0"):
        save_state(tmp_path / "a", {"a": [object()]})
    with pytest.raises(TypeError, match="key"):
        save_state(tmp_path / "a", {"a": {1.5: 0}})
    assert not list(tmp_path.iterdir())


@settings(max_examples=40, deadline=None)
@given(where=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
@example(where=0.6640625, flip=ord(" ") ^ ord("\t"))  # white space behind the header
def test_every_changed_byte_is_noticed_or_means_nothing(tmp_path_factory, where, flip):
    path = tmp_path_factory.mktemp("state") / "a.safetensors"
    state = {"w": torch.randn(40), "step": 3, "mask": torch.ones(9, dtype=torch.bool)}
    save_state(path, state)
    content = bytearray(path.read_bytes())
    position = int(where * len(content))
    white = content[position] in b" \t\r\n" and content[position] ^ flip in b" \t\r\n"
    content[position] ^= flip
    path.write_bytes(content)
    try:
        loaded = load_state(path)
    except SparseganError:
        return
    assert white
    assert torch.equal(loaded["w"], state["w"])
    assert torch.equal(loaded["mask"], state["mask"])
    assert loaded["step"] == 3


@pytest.mark.parametrize("left", [0, 7, 100, -1])
def test_a_cut_off_file_is_refused_with_the_remedy(tmp_path, left):
    path = tmp_path / "a.safetensors"
    save_state(path, {"w": torch.randn(100)})
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(SparseganError, match=r"a\.safetensors is damaged.*--checkpoint PATH"):
        load_state(path)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(SparseganError, match="there is no checkpoint"):
        load_state(tmp_path / "missing")
    save_file({"w": torch.ones(2)}, tmp_path / "b.safetensors")
    with pytest.raises(SparseganError, match="no sparsegan checkpoint"):
        load_state(tmp_path / "b.safetensors")


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    save_state(path, {"step": 1})

    def full(*_):
        raise OSError("disk full")

    monkeypatch.setattr("sparsegan.files.os.fsync", full)
    with pytest.raises(SparseganError, match="disk full"):
        save_state(path, {"step": 2})
    assert load_state(path) == {"step": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]


@pytest.mark.parametrize(
    "skeleton", ["[" * 100_000, "[]", '{"a": {"$tensor": "b"}}', '{"a": {"$items": 1}}', "no JSON"]
)
def test_a_file_with_a_right_checksum_and_a_wrong_state_is_refused(tmp_path, skeleton):
    path = tmp_path / "step.safetensors"
    digest = hashlib.sha256(skeleton.encode()).hexdigest()
    save_file({}, path, {"format": "sparsegan-state-1", "state": skeleton, "sha256": digest})
    with pytest.raises(SparseganError, match="damaged"):
        load_state(path)


@pytest.mark.parametrize("size", [2**20, 2**40, 2**63])
def test_a_header_that_promises_more_than_there_is_takes_no_memory(tmp_path, size):
    path = tmp_path / "step.safetensors"
    header = json.dumps({"x": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}})
    for length in (len(header), size):
        path.write_bytes(length.to_bytes(8, "little") + header.encode())
        with pytest.raises(SparseganError, match="damaged"):
            load_state(path)
