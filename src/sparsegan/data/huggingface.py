"""Data sets of the Hugging Face hub, through the optional library ``datasets``."""

import hashlib
import importlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from sparsegan.data import store
from sparsegan.data.decode import RGB, Decoding
from sparsegan.data.decode_all import ImageFile, decode_all
from sparsegan.data.images import Images
from sparsegan.data.store import Labels, Pixels
from sparsegan.errors import SparseganError, first_line

DEFAULT_SIZE = 32
PREFIX = "hf:"
_TEST_SPLITS = ("test", "validation", "valid", "val")


def load_huggingface(
    name: str, split: str, image_size: int | None, channels: int | None, background: RGB
) -> Images:
    """Read one split, in the order of its rows.

    The first column of images is taken, and the first one of class labels where there is one. No
    code that comes with a data set is run.

    Args:
        name: The data set's name on the hub, ``owner/name``, or a local folder that ``datasets``
            can read.
        split: ``train``, or ``test`` for the first of the splits test, validation, valid and val.
        image_size: Side of the squares in pixels (see `decode.decode`); None is 32.
        channels: 1 or 3; None is 1 where every image is grey, and else 3.
        background: RGB colour under transparent parts.

    Raises:
        SparseganError: ``datasets`` is not installed, the data set cannot be had, or it has no
            images or no such split.
    """
    rows, column, label = _open(name, split)
    how = Decoding(image_size or DEFAULT_SIZE, channels, background)
    class_names = tuple(rows.features[label].names) if label else ()
    content = hashlib.sha256()

    def make() -> tuple[store.Plan, store.Fill]:
        shape = (len(rows), how.channels or 3, how.size, how.size)

        def fill(pixels: Pixels, labels: Labels) -> int:
            if label:
                labels[:] = rows[label]
            grey = decode_all(pixels, _files(name, rows, column), background).grey
            return 1 if grey and how.channels is None else shape[1]

        return store.Plan(name, shape, class_names, bool(label)), fill

    for file in _files(name, rows, column):
        assert isinstance(file.content, bytes), "the library reads them whole"
        content.update(hashlib.sha256(file.content).digest())
    if label:
        numbers = np.asarray([-1 if n is None else n for n in rows[label]], np.int64)
        if numbers.min() < 0 or numbers.max() >= len(class_names):
            raise SparseganError(
                f"the {split} split of {name} has images without a class: take another split"
            )
        content.update(numbers.tobytes())
    return store.load(how.key(content.hexdigest(), class_names), name, make)


def _open(name: str, split: str) -> tuple[Any, str, str | None]:
    """The rows of a split with images as files, the column of the images and that of labels."""
    try:
        datasets = importlib.import_module("datasets")
    except ImportError as error:
        raise SparseganError(
            f"the data set {name} needs the library datasets: pip install 'sparsegan[datasets]'"
        ) from error
    try:
        splits = datasets.load_dataset(name)
    # The library passes on what its many parts raise, of the network, of files, of formats.
    except Exception as error:
        raise SparseganError(
            f"the data set {name} cannot be had ({first_line(error)}): check its "
            f"name, or save its images to a folder and pass that as data.path"
        ) from error
    names = ("train",) if split == "train" else _TEST_SPLITS
    match = next((candidate for candidate in names if candidate in splits), None)
    if match is None:
        raise SparseganError(
            f"the data set {name} has no {split} split but {', '.join(splits)}: save its images to "
            f"a folder and pass that as data.path"
        )
    rows = splits[match]
    image_columns = [key for key, kind in rows.features.items() if isinstance(kind, datasets.Image)]
    labels = [key for key, kind in rows.features.items() if isinstance(kind, datasets.ClassLabel)]
    if not image_columns or not len(rows):
        raise SparseganError(f"the data set {name} has no images: take another one")
    return (
        rows.cast_column(image_columns[0], datasets.Image(decode=False)),
        image_columns[0],
        labels[0] if labels else None,
    )


def _files(name: str, rows: Any, column: str) -> Iterator[ImageFile]:
    pixel_rows = rows.select_columns([column])
    for index, row in enumerate(pixel_rows):
        if row[column] is None:
            raise SparseganError(
                f"row {index} of {name} has no image: save its images to a folder and pass that as "
                "data.path"
            )
        content = row[column]["bytes"]
        if content is None:
            with open(row[column]["path"], "rb") as file:  # noqa: PTH123 - a path of the library
                content = file.read()
        yield ImageFile(index, f"{index} of {name}", content)
