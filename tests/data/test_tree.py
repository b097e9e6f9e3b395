import os
import tracemalloc

import pytest

from sparsegan.data.paths import Paths
from sparsegan.data.tree import Folder
from sparsegan.errors import SparseganError


def every(_):
    return True


def test_names_sizes_and_contents(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "x").write_bytes(b"x")
    (tmp_path / "a" / "b" / "two").write_bytes(b"22")
    (tmp_path / "one").write_bytes(b"1")
    folder = Folder(tmp_path)
    assert sorted(folder.entries(every)) == [("a/b/two", 2), ("one", 1)]
    wanted = Paths.sort(["one", "a/b/two"])
    assert [(source, file.read()) for source, file in folder.contents(wanted)] == [
        (0, b"22"),
        (1, b"1"),
    ]


def test_only_what_is_wanted_is_looked_at(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("nowhere")
    folder = Folder(tmp_path)
    assert list(folder.entries(lambda name: False)) == []


def test_what_cannot_be_opened_tells_when_it_is_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "whole").write_bytes(b"1")
    folder = Folder(tmp_path)
    assert {name for name, _ in folder.entries(every)} == {"pipe", "link", "whole"}
    read = 0
    for _, file in folder.contents(wanted := Paths.sort(["pipe", "link", "whole", "absent"])):
        name = wanted[read]
        read += 1
        if name == "whole":
            assert file.read() == b"1"
            continue
        with pytest.raises(SparseganError, match=f"{name} cannot be read"):
            file.read()
    assert read == 4


def test_entries_of_a_large_folder_are_streamed(tmp_path, monkeypatch):
    """A folder of 100,000 files, which the system is only pretended to have."""
    (tmp_path / "file").write_bytes(b"1")
    [entry] = os.scandir(tmp_path)

    class Listing:
        def __enter__(self):
            return (entry for _ in range(100_000))

        def __exit__(self, *_):
            return None

    monkeypatch.setattr(os, "scandir", lambda _: Listing())
    tracemalloc.start()
    assert sum(size for _, size in Folder(tmp_path).entries(every)) == 100_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000
