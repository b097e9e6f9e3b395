"""Tiny ImageNet (Stanford CS231n): 64×64 JPEG files in 200 classes."""

from pathlib import Path

import numpy as np

from sparsegan.data import official
from sparsegan.data.container import Container
from sparsegan.data.decode import Decoding
from sparsegan.data.folder import load_listed
from sparsegan.data.images import Images
from sparsegan.data.listing import Listing, image_paths
from sparsegan.data.members import find_members, read_text
from sparsegan.data.paths import Paths
from sparsegan.errors import SparseganError

SIDE = 64
_REMEDY = f"take the official archive, {official.TINY_IMAGENET.file}"


def load_tiny_imagenet(
    path: Path | None, split: str, image_size: int | None, channels: int | None
) -> Images:
    """Read one split, in the order of the paths.

    A class has the place of its WordNet number among the sorted ones, and the first of its names
    in ``words.txt``, with the number behind it where two classes share the name.

    Args:
        path: See `official.open_official`.
        split: ``train`` (100,000 images), or ``test`` for the 10,000 of validation, since the test
            images have no labels.
        image_size: Side in pixels; None is 64, which keeps every pixel as it is.
        channels: 3, or 1 for grey; None is 3, though some of the files are grey.

    Raises:
        SparseganError: The data are missing or damaged.
    """
    container = official.open_official(official.TINY_IMAGENET, path)
    how = Decoding(image_size or SIDE, channels or 3)
    return load_listed(
        container,
        lambda: _list(container, split),
        how,
        split=split,
        name="tiny-imagenet",
        skip=None,
    )


def _list(container: Container, split: str) -> Listing:
    texts = find_members(container, ("wnids.txt", "words.txt", "val_annotations.txt"), _REMEDY)
    ids_path, words_path, annotations_path = texts
    ids = sorted(read_text(container, ids_path).split())
    words = dict(_fields(read_text(container, words_path)))
    root = ids_path.rpartition("wnids.txt")[0]
    every = image_paths(container)
    if split == "train":
        label_of = {number: index for index, number in enumerate(ids)}
        files, labels = _labelled(every, f"{root}train/", label_of, depth=0)
    else:
        annotations = _fields(read_text(container, annotations_path))
        label_of = {file: ids.index(number) for file, number in annotations if number in ids}
        files, labels = _labelled(every, f"{root}val/", label_of, depth=-1)
    if not len(files):
        raise SparseganError(f"there are no {split} images in {container.path}: {_REMEDY}")
    return Listing(files, labels, _names(ids, words))


def _labelled(
    every: Paths, folder: str, label_of: dict[str, int], depth: int
) -> tuple[Paths, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """The paths below a folder, and the labels that one part of each path stands for."""
    places, labels = [], []
    for index, path in enumerate(every):
        if path.startswith(folder):
            part = path[len(folder) :].split("/")[depth]
            if part not in label_of:
                raise SparseganError(f"the image {path} has no class: {_REMEDY}")
            places.append(index)
            labels.append(label_of[part])
    return every.take(np.array(places, np.int64)), np.array(labels, np.int64)


def _fields(text: str) -> list[tuple[str, str]]:
    """The first two of the fields of every line, which tabs separate."""
    rows = [line.split("\t") for line in text.splitlines() if line]
    if any(len(row) < 2 for row in rows):
        raise SparseganError(f"a text file of Tiny ImageNet is damaged: {_REMEDY}")
    return [(row[0], row[1]) for row in rows]


def _names(ids: list[str], words: dict[str, str]) -> tuple[str, ...]:
    names = [words.get(number, number).partition(",")[0].strip() for number in ids]
    return tuple(
        f"{name} ({number})" if names.count(name) > 1 else name
        for name, number in zip(names, ids, strict=True)
    )
