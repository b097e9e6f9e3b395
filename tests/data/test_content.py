import hashlib
import os

import pytest
from official_sets import write_folder, write_zip

from sparsegan.data.container import open_container
from sparsegan.data.content import container_digest, content_digest
from sparsegan.errors import SparseganError

pytestmark = pytest.mark.usefixtures("cache")


def test_of_names_and_contents(tmp_path):
    files = {"a": b"1", "b/c": b"2"}
    one, two = (write_folder(tmp_path / source, files) for source in ("one", "two"))
    digest = content_digest(one, list(files))
    assert digest == content_digest(two, list(files))
    assert digest != content_digest(one, ["a"])
    (two / "a").write_bytes(b"3")
    assert digest != content_digest(two, list(files))


def test_remembered_until_a_file_is_touched(tmp_path, monkeypatch, cache):
    path = tmp_path / "a"
    path.write_bytes(b"1")
    digest = content_digest(path, [""])
    with monkeypatch.context() as patch:
        patch.setattr(hashlib, "file_digest", None)
        assert content_digest(path, [""]) == digest
    status = path.stat()
    path.write_bytes(b"2")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert content_digest(path, [""]) != digest
    for note in (cache / "contents").iterdir():
        note.write_text("damaged")
    path.write_bytes(b"1")
    assert content_digest(path, [""]) == digest


def test_archive_is_not_listed(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"x": b"x"})
    moved = write_zip(tmp_path / "b.zip", {})
    moved.write_bytes(path.read_bytes())
    digests = {container_digest(open_container(source), lambda: 1 / 0) for source in (path, moved)}
    assert len(digests) == 1
    folder = open_container(write_folder(tmp_path / "f", {"x": b"x", "y": b"y"}))
    assert container_digest(folder, lambda: ["x"]) != container_digest(folder, lambda: ["y"])


def test_missing_file_is_named(tmp_path):
    with pytest.raises(SparseganError, match="absent"):
        content_digest(tmp_path, ["absent"])
