import pytest
from official_sets import write_folder, write_tar

from sparsegan.data import load, official
from sparsegan.data.tars import TarArchive
from sparsegan.data.tree import Folder

ARCHIVES = (official.CIFAR10, official.CIFAR100, official.STL10, official.TINY_IMAGENET)


def test_without_a_path_it_is_downloaded_into_the_cache(cache, monkeypatch):
    asked = []

    def download(url, path, md5):
        asked.append((url, path, md5))
        path.parent.mkdir(parents=True)
        return write_tar(path, {"x": b""}, "w:gz")

    monkeypatch.setattr(official, "download", download)
    container = official.open_official(official.CIFAR10, None)
    archive = official.CIFAR10
    assert asked == [(archive.url, cache / "downloads" / archive.file, archive.md5)]
    assert isinstance(container, TarArchive)


def test_with_a_path_it_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(official, "download", None)
    write_folder(tmp_path / "folder", {"x": b""})
    assert isinstance(official.open_official(official.STL10, tmp_path / "folder"), Folder)
    path = write_tar(tmp_path / official.STL10.file, {"x": b""}, "w:gz")
    for location in (path, tmp_path):
        container = official.open_official(official.STL10, location)
        assert container == TarArchive(path)


@pytest.mark.parametrize(
    ("source", "archive"),
    [
        ("cifar10", official.CIFAR10),
        ("cifar100", official.CIFAR100),
        ("cifar100-coarse", official.CIFAR100),
        ("stl10", official.STL10),
        ("stl10-labelled", official.STL10),
        ("tiny-imagenet", official.TINY_IMAGENET),
    ],
)
def test_every_source_has_its_archive(source, archive, cache, monkeypatch):
    def refuse(url, path, md5):
        raise LookupError(url, path.name, md5)

    monkeypatch.setattr(official, "download", refuse)
    with pytest.raises(LookupError) as caught:
        load(source)
    assert caught.value.args == (archive.url, archive.file, archive.md5)


def test_addresses_end_in_the_files_names():
    for archive in ARCHIVES:
        assert archive.url.endswith(f"/{archive.file}")
        assert len(bytes.fromhex(archive.md5)) == 16
