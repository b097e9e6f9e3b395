"""Which files are images, of which split, and of which class."""

import functools
import logging
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparsegan.data import dataset_json, splits
from sparsegan.data.container import Container
from sparsegan.data.decode import FORMATS
from sparsegan.data.notes import NO_NOTES, Notes
from sparsegan.data.paths import Paths, is_hidden
from sparsegan.data.safety import Limits
from sparsegan.data.tree import Folder
from sparsegan.errors import SparseganError
from sparsegan.words import counted

log = logging.getLogger("sparsegan")

# Pictures, too, that are not read: their absence would not be noticed.
_OTHER_PICTURES = (
    *(".avif", ".heic", ".heif", ".jp2", ".j2k", ".jxl", ".apng", ".svg", ".psd", ".eps"),
    *(".tga", ".ico", ".ppm", ".pgm", ".pbm", ".pnm", ".pcx", ".dds", ".exr", ".hdr", ".qoi"),
    *(".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".raf", ".rw2"),
)
_NO_FOLDER = -1


@dataclass(frozen=True)
class Listing:
    """The images of one split.

    Attributes:
        files: Their paths in the container.
        labels: int64 ``(N,)``, places in ``class_names``; None where the images have no classes.
        class_names: The classes of all splits, sorted; empty where the images have none.
        notes: What there is to say of how they were chosen.
        digest: Of the files that the labels are from, where they are not from the folders' names.
    """

    files: Paths
    labels: NDArray[np.int64] | None
    class_names: tuple[str, ...]
    notes: Notes = NO_NOTES
    digest: str = ""


def list_images(container: Container, split: str, held_out: str | None = None) -> Listing:
    """Find the images of a split; the rules are those of `folder.load_folder`.

    Args:
        container: What holds them.
        split: ``train`` or ``test``.
        held_out: A folder in the container, or `splits.TENTH`.

    Raises:
        SparseganError: The container cannot be read, or has no image for the split.
    """
    every = image_paths(container)
    if not len(every):
        raise _too_few(container, 0)
    shared = shared_folder(every)
    start = len(shared)
    if held_out is not None and shared and f"{held_out.strip('/')}/".startswith(shared):
        held_out = held_out.strip("/")[start:] or held_out
    division = splits.find_splits(lambda: (name[start:] for name in every), held_out)
    wanted = splits.TEST if split == "test" else splits.TRAIN
    part = np.flatnonzero(division.of_image == wanted)
    if not len(part):
        raise _too_few(container, len(every))
    paths = every.take(part)
    notes = division.notes + Notes(warnings=_of_shared(shared, held_out))
    if (labelled := dataset_json.read_labels(container, every)) is not None:
        labels = None if labelled.labels is None else labelled.labels[part]
        return Listing(paths, labels, labelled.class_names, notes, labelled.digest)
    used = np.flatnonzero(division.of_image != splits.UNUSED)
    ranks, names = _first_folders(division.within(every[int(i)][start:]) for i in used)
    training = ranks[division.of_image[used] == splits.TRAIN]
    own = ranks[division.of_image[used] == wanted]
    if _NO_FOLDER in training:
        return Listing(paths, None, (), notes)
    if not division.paired:
        # Folders of another kind than those of the classes have none of their own.
        kept = np.unique(training)
        own = np.searchsorted(kept, own) if np.isin(own, kept).all() else np.array([_NO_FOLDER])
        names = [names[int(rank)] for rank in kept]
    filled = {name[start:].partition("/")[0] for name in every}
    notes += Notes(warnings=_of_classes(container, shared, names, filled))
    return Listing(paths, None if _NO_FOLDER in own else own, tuple(names), notes)


def list_all(container: Container, class_names: tuple[str, ...]) -> Listing:
    """All images in a container, which are held out, in classes of which some are known.

    Raises:
        SparseganError: The container cannot be read, or has no image.
    """
    every = image_paths(container)
    if not len(every):
        raise _too_few(container, 0)
    notes = Notes(f"{len(every):,} image(s) in {container.path}, as asked for")
    labelled = dataset_json.read_labels(container, every)
    if labelled is not None:
        ranks, names, digest = labelled.labels, list(labelled.class_names), labelled.digest
    else:
        start, digest = len(shared_folder(every)), ""
        # A folder that holds everything may be the one class that there are images of.
        start = 0 if every[0].partition("/")[0] in class_names else start
        ranks, names = _first_folders(name[start:] for name in every)
        ranks = None if _NO_FOLDER in ranks else ranks
    if ranks is None or not class_names:
        return Listing(every, None, class_names, notes, digest)
    both = tuple(sorted({*class_names, *names}))
    number_of = {name: number for number, name in enumerate(both)}
    labels = np.array([number_of[name] for name in names], np.int64)[ranks]
    return Listing(every, labels, both, notes, digest)


def _of_shared(shared: str, held_out: str | None) -> tuple[str, ...]:
    """A word on images that all are in a folder that is named like a held-out one."""
    named = [name for name in shared.split("/") if splits.split_of(name) not in (None, "train")]
    if not named or held_out is not None:
        return ()
    return (
        f"all images are in the folder {named[0]}, and are trained on, all "
        f"but a tenth: if they are to be held out, name the images to train on with data.path",
    )


def _of_classes(
    container: Container, shared: str, names: list[str], filled: set[str]
) -> tuple[str, ...]:
    """Words on classes that may be none."""
    warnings = []
    numbered = all(re.fullmatch("[0-9]{3,}", name) for name in names)
    if numbered and [int(name) for name in names] == list(range(len(names))) and len(names) > 1:
        warnings.append(
            f"the folders {', '.join(names[:2])}{', …' if len(names) > 2 else ''} are "
            f"taken as {len(names):,} classes: if they only divide the "
            f"images, put a {dataset_json.NAME} with "
            '{"labels": null} beside them'
        )
    there = container.folders(shared) if isinstance(container, Folder) else []
    if set(names) <= filled and (empty := sorted(set(there) - filled)):
        shown = ", ".join(empty[:5]) + (", …" if len(empty) > 5 else "")
        warnings.append(f"no image is in the folder(s) {shown}, which are no classes")
    return tuple(warnings)


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
        if ending in _OTHER_PICTURES and not is_hidden(name):
            others[ending] += 1
        return ending in FORMATS and not is_hidden(name)

    paths = Paths.sort(name for name, _ in container.entries(wanted))
    if (name := paths.repeated()) is not None:
        raise Limits(container.path).refusal(f"it has two entries {name!r}")
    if others:
        files = (f"{count} ending in {ending}" for ending, count in sorted(others.items()))
        _warn_once(container.path.resolve(), ", ".join(files))
    return paths


def shared_folder(paths: Paths) -> str:
    """The folders that all of the paths start with, with the slash behind them, or nothing.

    Archives commonly hold one folder that holds everything, which is no class of images.
    """
    first, last = paths[0], paths[len(paths) - 1]
    shared = 0
    # All that lies between two sorted paths begins with what the two share.
    for depth, (a, b) in enumerate(zip(first, last, strict=False)):
        if a != b:
            break
        if a == "/":
            shared = depth + 1
    return first[:shared]


def _ending(name: str) -> str:
    return name[name.rfind(".") :].lower()


@functools.cache
def _warn_once(path: Path, files: str) -> None:
    """A run lists its images several times."""
    read = ", ".join(FORMATS)
    log.warning("%s: pictures were passed over (%s), since only %s are read", path, files, read)


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


def _too_few(container: Container, images: int) -> SparseganError:
    said = f"there are no images in {container.path}"
    if images:
        said = f"{container.path} has {counted(images, 'image')}, too few to hold some of them out"
    return SparseganError(f"{said}: add files that end in {', '.join(FORMATS)}")
