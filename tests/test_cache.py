from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sparsegan.cache import cache_folder, digest, read_tensor, write_tensor


@pytest.mark.parametrize("shape", [(3, 4), (0, 4), ()])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_round_trip(tmp_path, shape, dtype):
    tensor = (torch.rand(shape) * 255).to(dtype)
    write_tensor(tmp_path / "new" / "t.safetensors", tensor)
    stored = read_tensor(tmp_path / "new" / "t.safetensors")
    assert stored.dtype == dtype
    assert torch.equal(stored, tensor)


def test_any_damage_is_noticed(tmp_path):
    path = tmp_path / "t"
    write_tensor(path, torch.arange(8, dtype=torch.uint8))
    whole = path.read_bytes()
    assert read_tensor(path) is not None
    for position in range(len(whole)):
        path.write_bytes(whole[:position])
        assert read_tensor(path) is None, f"cut at {position}"
    for position in range(8, len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 0b100
        path.write_bytes(damaged)
        assert read_tensor(path) is None, f"changed at {position}"


def test_a_file_of_someone_else_is_not_trusted(tmp_path):
    assert read_tensor(tmp_path / "absent") is None
    assert read_tensor(tmp_path) is None
    save_file({"tensor": torch.zeros(3)}, tmp_path / "no-checksum")
    assert read_tensor(tmp_path / "no-checksum") is None
    save_file({"other": torch.zeros(3)}, tmp_path / "other")
    assert read_tensor(tmp_path / "other") is None


def test_nothing_is_kept_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("a file where the folder should be")
    write_tensor(tmp_path / "file" / "t", torch.zeros(3))
    assert (tmp_path / "file").read_text() == "a file where the folder should be"


def test_digest_tells_type_shape_and_elements_apart():
    a = torch.zeros(4, dtype=torch.uint8)
    others = [a.to(torch.int8), a.view(2, 2), torch.ones_like(a), torch.zeros(3, dtype=torch.uint8)]
    assert len({digest(a), *map(digest, others)}) == 5
    assert digest(torch.arange(6).view(2, 3).T) == digest(torch.arange(6).view(2, 3).T.contiguous())


def test_folder_is_the_environments(monkeypatch, tmp_path):
    monkeypatch.setenv("SPARSEGAN_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("SPARSEGAN_CACHE")
    assert cache_folder() == Path.home() / ".cache" / "sparsegan"
