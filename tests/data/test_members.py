import numpy as np
import pytest
from official_sets import write_folder, write_tar

from sparsegan.data import members as module
from sparsegan.data.container import open_container
from sparsegan.data.members import count_records, find_members, read_records, read_text
from sparsegan.errors import SparseganError


def test_found_wherever_they_lie_in_the_order_asked_for(tmp_path):
    folder = open_container(write_folder(tmp_path, {"x/a.bin": b"12", "b.bin": b"3", "c": b""}))
    actual = find_members(folder, ("b.bin", "a.bin"), "remedy")
    assert list(actual.items()) == [("b.bin", 1), ("x/a.bin", 2)]
    with pytest.raises(SparseganError, match=r"no d\.bin in .*: take this one"):
        find_members(folder, ("d.bin",), "take this one")
    write_folder(tmp_path / "y", {"a.bin": b""})
    with pytest.raises(SparseganError, match=r"a\.bin and .*a\.bin"):
        find_members(folder, ("a.bin",), "remedy")


@pytest.mark.parametrize("chunk", [1, 7, 2**20])
def test_records_of_several_files_in_their_order(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(module, "_CHUNK_BYTES", chunk)
    numbers = np.arange(60, dtype=np.uint8).reshape(20, 3)
    files = {"b": numbers[:13].tobytes(), "a": numbers[13:].tobytes()}
    container = open_container(write_tar(tmp_path / "a.tar.gz", files, "w:gz"))
    counts = count_records(container, {"b": 39, "a": 21}, 3)
    assert counts == {"b": 13, "a": 7}
    read = np.zeros_like(numbers)

    def consume(start, records):
        read[start : start + len(records)] = records

    read_records(container, counts, 3, consume)
    assert (read == numbers).all()
    with pytest.raises(SparseganError, match="cut short"):
        read_records(container, {"b": 14}, 3, lambda *_: None)
    with pytest.raises(SparseganError, match="changed while"):
        read_records(container, {"absent": 1}, 3, lambda *_: None)


@pytest.mark.parametrize("size", [0, 2, 4])
def test_sizes_that_are_no_multiple(tmp_path, size):
    with pytest.raises(SparseganError, match=f"has {size} bytes"):
        count_records(open_container(tmp_path), {"a": size}, 3)


def test_text(tmp_path):
    folder = open_container(write_folder(tmp_path, {"a": "é".encode(), "b": b"\xff"}))
    assert read_text(folder, "a") == "é"
    with pytest.raises(SparseganError, match="cannot be read"):
        read_text(folder, "b")
    with pytest.raises(SparseganError, match="more than 1 bytes"):
        read_text(folder, "a", most=1)
    with pytest.raises(SparseganError, match="absent"):
        read_text(folder, "absent")
