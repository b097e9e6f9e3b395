"""Which files are images, of which split, and of which class."""

import functools
import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparsegan.data.container import Container
from sparsegan.data.decode import FORMATS
from sparsegan.data.paths import Paths
from sparsegan.data.safety import Limits
from sparsegan.errors import SparseganError

log = logging.getLogger("sparsegan")

# Pictures, too, that are not read: their absence would not be noticed.
_OTHER_PICTURES = (
    *(".avif", ".heic", ".heif", ".jp2", ".j2k", ".jxl", ".apng", ".svg", ".psd", ".eps"),
    *(".tga", ".ico", ".ppm", ".pgm", ".pbm", ".pnm", ".pcx", ".dds", ".exr", ".hdr", ".qoi"),
    *(".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".raf", ".rw2"),
)
# Sub-folders that are the held-out split; many public sets call it validation.
_TEST_FOLDERS = ("test", "val", "valid")
# Left beside the files by the archiver of macOS, which gives its shadow files the same endings.
_IGNORED_FOLDERS = ("__MACOSX",)
_NO_FOLDER = -1


@dataclass(frozen=True)
class Listing:
    """The images of one split.

    Attributes:
        files: Their paths in the container.
        labels: int64 ``(N,)``, places in ``class_names``; None where the images have no classes.
        class_names: The classes of all splits, sorted; empty where the images have none.
    """

    files: Paths
    labels: NDArray[np.int64] | None
    class_names: tuple[str, ...]


def list_images(container: Container, split: str) -> Listing:
    """Find the images of a split; the rules are those of `folder.load_folder`.

    Raises:
        SparseganError: The container cannot be read, or has no image for the split.
    """
    every = image_paths(container)
    if not len(every):
        raise _too_few(container, split)
    start = len(shared_folder(every))
    top, folders = _first_folders(name[start:] for name in every)
    tests = [name for name in _TEST_FOLDERS if name in folders]
    if "train" in folders and tests and _NO_FOLDER not in top:
        place = {"train": folders.index("train"), "test": folders.index(tests[0])}
        used = np.flatnonzero(np.isin(top, list(place.values())))
        chosen = top[used] == place[split]
        inner = (every[int(i)][start:].partition("/")[2] for i in used)
        labels, class_names = _first_folders(inner)
    else:
        used, (labels, class_names) = np.arange(len(every)), (top, folders)
        chosen = _held_out(name[start:] for name in every) == (split == "test")
    if not chosen.any():
        raise _too_few(container, split)
    files = every.take(used[chosen])
    if _NO_FOLDER in labels:
        return Listing(files, None, ())
    return Listing(files, labels[chosen], tuple(class_names))


def image_paths(container: Container) -> Paths:
    """The paths of all images in a container; hidden files and folders are passed over.

    Pictures of formats that are not read are passed over, too, with a warning.

    Raises:
        SparseganError: The container cannot be read, or is an archive that is not safe to read or
            has two files of one name.
    """
    others: Counter[str] = Counter()

    def wanted(name: str) -> bool:
        ending = _ending(name)
        if ending in _OTHER_PICTURES and not _is_hidden(name):
            others[ending] += 1
        return ending in FORMATS and not _is_hidden(name)

    paths = Paths.sort(name for name, _ in container.entries(wanted))
    if (name := paths.repeated()) is not None:
        raise Limits(container.place).refusal(f"it has two entries {name!r}")
    if others:
        files = (f"{count} ending in {ending}" for ending, count in sorted(others.items()))
        _warn_once(container.place.resolve(), ", ".join(files))
    return paths


def shared_folder(paths: Paths) -> str:
    """The folders that all of the paths start with, with the slash behind them, or nothing.

    Archives commonly hold one folder that holds everything, which is no class of images.
    """
    first, last = paths[0], paths[len(paths) - 1]
    shared = 0
    # All that lies between two sorted paths begins with what the two share.
    for place, (a, b) in enumerate(zip(first, last, strict=False)):
        if a != b:
            break
        if a == "/":
            shared = place + 1
    return first[:shared]


def _ending(name: str) -> str:
    return name[name.rfind(".") :].lower()


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") or part in _IGNORED_FOLDERS for part in name.split("/"))


@functools.cache
def _warn_once(place: Path, files: str) -> None:
    """A run lists its images several times."""
    read = ", ".join(FORMATS)
    log.warning("%s: pictures were passed over (%s), since only %s are read", place, files, read)


def _first_folders(names: Iterable[str]) -> tuple[NDArray[np.int64], list[str]]:
    """For every path the place of its first folder among those there are, which are sorted."""
    codes: dict[str, int] = {}

    def code(name: str) -> int:
        folder, slash, _ = name.partition("/")
        return codes.setdefault(folder, len(codes)) if slash else _NO_FOLDER

    drawn = np.fromiter(map(code, names), dtype=np.int64)
    folders = sorted(codes)
    ranks = np.empty(len(folders) + 1, dtype=np.int64)
    ranks[_NO_FOLDER] = _NO_FOLDER
    for rank, folder in enumerate(folders):
        ranks[codes[folder]] = rank
    return ranks[drawn], folders


def _held_out(names: Iterable[str]) -> NDArray[np.bool_]:
    """Which are the test split: a tenth, at least one, as a function of the paths alone."""

    def ranks() -> Iterator[int]:
        for name in names:
            hashed = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
            yield int.from_bytes(hashed[:8], "big")

    order = np.argsort(np.fromiter(ranks(), dtype=np.uint64), kind="stable")
    held_out = np.zeros(len(order), dtype=np.bool_)
    held_out[order[: max(1, len(order) // 10)]] = True
    return held_out


def _too_few(container: Container, split: str) -> SparseganError:
    return SparseganError(
        f"there are too few images in {container.place} for a {split} split: "
        f"add files that end in {', '.join(FORMATS)}"
    )
