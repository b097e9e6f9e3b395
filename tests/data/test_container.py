import pytest
from official_sets import png, write_tar, write_zip

from sparsegan.data.container import open_container
from sparsegan.data.tars import TarArchive
from sparsegan.data.tree import Folder
from sparsegan.data.zips import ZipArchive
from sparsegan.errors import SparseganError


def test_told_by_content_not_by_name(tmp_path):
    assert isinstance(open_container(tmp_path), Folder)
    assert isinstance(open_container(write_zip(tmp_path / "a.tar", {})), ZipArchive)
    for mode in ("w", "w:gz", "w:bz2", "w:xz"):
        path = write_tar(tmp_path / "a.zip", {"x": b"x"}, mode)
        assert isinstance(open_container(path), TarArchive)


def test_what_is_neither(tmp_path):
    with pytest.raises(SparseganError, match="absent"):
        open_container(tmp_path / "absent")
    (tmp_path / "x.png").write_bytes(png(1))
    with pytest.raises(SparseganError, match=r"x\.png is no folder and no \.zip"):
        open_container(tmp_path / "x.png")
    (tmp_path / "empty").touch()
    with pytest.raises(SparseganError, match="empty is no folder"):
        open_container(tmp_path / "empty")
