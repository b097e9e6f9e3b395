import gzip
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from sparsegan.data.idx import read_idx
from sparsegan.errors import SparseganError


def idx_bytes(array, kind=8):
    header = bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


ARRAY = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


@given(array=arrays(np.uint8, array_shapes(min_dims=1, max_dims=3)), compress=st.booleans())
@settings(max_examples=40, deadline=None)
def test_round_trip(tmp_path_factory, array, compress):
    path = tmp_path_factory.mktemp("idx") / "file"
    content = idx_bytes(array)
    path.write_bytes(gzip.compress(content) if compress else content)
    read = read_idx(path, array.ndim)
    assert read.shape == array.shape
    assert (read == array).all()
    assert read.flags.writeable


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_file_cut_anywhere_is_refused_by_name(tmp_path, pack):
    whole = pack(idx_bytes(ARRAY))
    path = tmp_path / "cut-file"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(SparseganError, match="cut-file"):
            read_idx(path, 3)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_more_bytes_than_announced(tmp_path, pack):
    path = tmp_path / "long"
    path.write_bytes(pack(idx_bytes(ARRAY) + b"x"))
    with pytest.raises(SparseganError, match="more than"):
        read_idx(path, 3)


def test_damage_inside_gzip(tmp_path):
    whole = bytearray(gzip.compress(idx_bytes(ARRAY)))
    whole[len(whole) // 2] ^= 0xFF
    (tmp_path / "file").write_bytes(whole)
    with pytest.raises(SparseganError):
        read_idx(tmp_path / "file", 3)


@pytest.mark.parametrize("content", [b"", b"no idx", idx_bytes(ARRAY[0]), idx_bytes(ARRAY, kind=9)])
def test_another_format_or_type(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(SparseganError, match="no IDX file"):
        read_idx(tmp_path / "file", 3)


def test_missing_file(tmp_path):
    with pytest.raises(SparseganError, match="absent"):
        read_idx(tmp_path / "absent", 3)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_header_that_lies_costs_no_memory(tmp_path, pack):
    header = bytes([0, 0, 8, 3]) + struct.pack(">3I", 2**31, 2**31, 2**31)
    (tmp_path / "file").write_bytes(pack(header + b"x" * 100))
    with pytest.raises(SparseganError, match="announces"):
        read_idx(tmp_path / "file", 3)


def test_bomb_is_unpacked_no_further_than_announced(tmp_path):
    (tmp_path / "file").write_bytes(gzip.compress(idx_bytes(ARRAY) + bytes(2**26)))
    tracemalloc.start()
    with pytest.raises(SparseganError, match="more than"):
        read_idx(tmp_path / "file", 3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**22
