"""Where the official archives are, and how one comes to be on this machine."""

from dataclasses import dataclass
from pathlib import Path

from sparsegan.cache import cache_folder
from sparsegan.data.container import Container, open_container
from sparsegan.data.download import download


@dataclass(frozen=True)
class Archive:
    """An archive as its authors publish it.

    Attributes:
        file: Its name.
        url: Where it is.
        md5: Its published hash, in hexadecimal.
    """

    file: str
    url: str
    md5: str


CIFAR10 = Archive(
    "cifar-10-binary.tar.gz",
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    "c32a1d4ab5d03f1284b67883e8d87530",
)
CIFAR100 = Archive(
    "cifar-100-binary.tar.gz",
    "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
    "03b5dce01913d631647c71ecec9e9cb8",
)
STL10 = Archive(
    "stl10_binary.tar.gz",
    "https://cs.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",
    "91f7769df0f17e558f3565bffb0c7dfb",
)
TINY_IMAGENET = Archive(
    "tiny-imagenet-200.zip",
    "http://cs231n.stanford.edu/tiny-imagenet-200.zip",
    "90528d7ca1a48142e341f4ef8d21d0de",
)


def open_official(archive: Archive, path: Path | None) -> Container:
    """The archive, or the folder that it was unpacked to.

    Args:
        archive: Which.
        path: The archive's file, a folder that it lies in, or the folder that it was unpacked to;
            None is the cache folder, where it is downloaded to unless it is there.

    Raises:
        SparseganError: There is nothing at ``path``, or the archive cannot be downloaded.
    """
    if path is None:
        path = download(archive.url, cache_folder() / "downloads" / archive.file, archive.md5)
    inside = path / archive.file
    return open_container(inside if inside.is_file() else path)
