"""STL-10 (Coates, Lee and Ng, 2011) in its binary version.

A record of an ``_X.bin`` file is 27,648 bytes: the red, the green and the blue plane of 96×96,
column by column. A ``_y.bin`` file has a byte for each, 1 for the first class.
"""

import functools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparsegan.data import class_names, official, store
from sparsegan.data.cifar import check_labels
from sparsegan.data.content import container_digest
from sparsegan.data.decode import Decoding
from sparsegan.data.images import Images
from sparsegan.data.members import count_records, find_members, read_records
from sparsegan.data.resize import resize_into
from sparsegan.data.store import Labels, Pixels
from sparsegan.errors import SparseganError

SIDE = 96
# The size that GANs are trained at (docs/methods.md, ADAPT's settings).
DEFAULT_SIZE = 48
_RECORD = 3 * SIDE * SIDE


def load_stl10(
    path: Path | None,
    split: str,
    image_size: int | None,
    channels: int | None,
    *,
    labelled: bool,
) -> Images:
    """Read one split.

    Args:
        path: See `official.open_official`.
        split: ``train`` or ``test`` (8,000 labelled images).
        image_size: Side in pixels, resampled by Lanczos from 96; None is 48.
        channels: 3, or 1 for grey; None is 3.
        labelled: Whether the training split is that of 5,000 labelled images; else it is that of
            100,000 without labels, on which GANs are trained.

    Raises:
        SparseganError: The data are missing, damaged or not the binary version.
    """
    container = official.open_official(official.STL10, path)
    how = Decoding(image_size or DEFAULT_SIZE, channels or 3)
    name = "stl10-labelled" if labelled else "stl10"
    has_labels = labelled or split == "test"
    part = "unlabeled" if not has_labels else split

    @functools.cache
    def members() -> dict[str, int]:
        files = [f"{part}_X.bin"] + ([f"{part}_y.bin"] if has_labels else [])
        return find_members(container, files, f"take the binary version, {official.STL10.file}")

    def make() -> tuple[store.Plan, store.Fill]:
        images_path, *label_paths = members()
        counts = count_records(container, {images_path: members()[images_path]}, _RECORD)
        [count] = counts.values()
        label_counts = {path: members()[path] for path in label_paths}
        if any(labels != count for labels in label_counts.values()):
            raise SparseganError(
                f"{container.path} has {count} images and {sum(label_counts.values())} labels in "
                f"{part}: get it again from its source"
            )
        shape = (count, how.channels or 3, how.size, how.size)
        classes = class_names.STL10 if has_labels else ()

        def fill(pixels: Pixels, labels: Labels) -> int:
            def take_images(start: int, records: NDArray[np.uint8]) -> None:
                columns = records.reshape(-1, 3, SIDE, SIDE)
                resize_into(pixels[start : start + len(records)], columns.swapaxes(2, 3))

            def numbers(start: int, records: NDArray[np.uint8]) -> None:
                labels[start : start + len(records)] = records[:, 0].astype(np.int64) - 1

            read_records(container, counts, _RECORD, take_images)
            if has_labels:
                read_records(container, label_counts, 1, numbers)
                check_labels(container.path, labels, class_names.STL10)
            return shape[1]

        return store.Plan(name, shape, classes, has_labels), fill

    content = container_digest(container, members)
    return store.load(how.key(content, part), name, make)
