import zipfile

import pytest
from official_sets import write_folder, write_tar, write_zip

from sparsegan.data import safety
from sparsegan.data.container import open_container
from sparsegan.data.safety import reading
from sparsegan.errors import SparseganError

FORMATS = {
    "zip": lambda path, files: write_zip(path, files, zipfile.ZIP_DEFLATED),
    "tar": write_tar,
    "tar.xz": lambda path, files: write_tar(path, files, "w:xz"),
}


def names(path):
    return [name for name, _ in open_container(path).entries(lambda name: True)]


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/x", "\\x", "..\\x", "C:\\x", "c:x"])
def test_names_that_lead_out(tmp_path, ending, name):
    path = FORMATS[ending](tmp_path / f"a.{ending}", {"ok.png": b"", name: b"x"})
    with pytest.raises(SparseganError, match=rf"a\.{ending} is refused, since .* leads out"):
        names(path)


@pytest.mark.parametrize("ending", ["zip", "tar.xz"])
def test_bombs_but_not_what_merely_packs_well(tmp_path, ending, monkeypatch):
    path = FORMATS[ending](tmp_path / f"z.{ending}", {"z": bytes(10**6)})
    assert names(path) == ["z"]
    monkeypatch.setattr(safety, "FREE_BYTES", 10**5)
    with pytest.raises(SparseganError, match="unpacks to more than"):
        names(path)
    monkeypatch.setattr(safety, "MOST_RATIO", 10**5)
    assert names(path) == ["z"]
    monkeypatch.setattr(safety, "MOST_BYTES", 10**5)
    with pytest.raises(SparseganError, match="unpacks to more than 100,000"):
        names(path)


@pytest.mark.parametrize("ending", FORMATS)
def test_entries_without_end(tmp_path, ending, monkeypatch):
    path = FORMATS[ending](tmp_path / f"m.{ending}", {f"{i}": b"" for i in range(20)})
    monkeypatch.setattr(safety, "MOST_ENTRIES", 20)
    assert len(names(path)) == 20
    monkeypatch.setattr(safety, "MOST_ENTRIES", 19)
    with pytest.raises(SparseganError, match="more than 19 entries"):
        names(path)


def test_nothing_is_written_beside_an_archive(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"folder/x": b"1"})
    write_folder(tmp_path / "cwd", {"own": b""})
    assert names(path) == ["folder/x"]
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a.zip", "cwd", "own"]


@pytest.mark.parametrize("error", [OSError("odd"), EOFError("odd"), RecursionError("odd")])
def test_damage_is_one_sentence(tmp_path, error):
    with pytest.raises(SparseganError, match=r"cannot be read \(odd\)"), reading(tmp_path):
        raise error
    with pytest.raises(KeyError), reading(tmp_path):
        raise KeyError
    with pytest.raises(SparseganError, match=r"^as it is$"), reading(tmp_path):
        raise SparseganError("as it is")
