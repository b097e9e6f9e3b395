"""CIFAR-10 and CIFAR-100 (Krizhevsky, 2009) in their binary version.

A record is one label byte (CIFAR-100: the coarse label, then the fine one) and 3072 bytes of
pixels: the red, the green and the blue plane of 32×32, row by row.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sparsegan.data import class_names, official, store
from sparsegan.data.content import container_digest
from sparsegan.data.decode import Decoding
from sparsegan.data.images import Images
from sparsegan.data.members import count_records, find_members, read_records
from sparsegan.data.resize import resize_into
from sparsegan.data.store import Labels, Pixels
from sparsegan.errors import SparseganError

SIDE = 32
_PIXELS = 3 * SIDE * SIDE


@dataclass(frozen=True)
class Cifar:
    """One of the labellings.

    Attributes:
        name: `Images.name`.
        archive: The official archive.
        train: Names of the training split's files, in their order.
        test: Name of the test split's file.
        label_bytes: Bytes in front of the pixels of a record.
        label_at: Which of them is the label.
        class_names: Names of the labels 0, 1, …, as in the archive's text files.
    """

    name: str
    archive: official.Archive
    train: tuple[str, ...]
    test: str
    label_bytes: int
    label_at: int
    class_names: tuple[str, ...]


def load_cifar(
    kind: Cifar, path: Path | None, split: str, image_size: int | None, channels: int | None
) -> Images:
    """Read one split, in the order of the files.

    Args:
        kind: `CIFAR10`, `CIFAR100` or `CIFAR100_COARSE`.
        path: See `official.open_official`.
        split: ``train`` (50,000 images) or ``test`` (10,000).
        image_size: Side in pixels; None is 32, which keeps every pixel as it is.
        channels: 3, or 1 for grey; None is 3.

    Raises:
        SparseganError: The data are missing, damaged or not the binary version.
    """
    container = official.open_official(kind.archive, path)
    how = Decoding(image_size or SIDE, channels or 3)
    record = kind.label_bytes + _PIXELS

    @functools.cache
    def members() -> dict[str, int]:
        files = kind.train if split == "train" else (kind.test,)
        return find_members(container, files, f"take the binary version, {kind.archive.file}")

    def make() -> tuple[store.Plan, store.Fill]:
        counts = count_records(container, members(), record)
        shape = (sum(counts.values()), how.channels or 3, how.size, how.size)

        def fill(pixels: Pixels, labels: Labels) -> int:
            def consume(start: int, records: NDArray[np.uint8]) -> None:
                rows = slice(start, start + len(records))
                labels[rows] = records[:, kind.label_at]
                images = records[:, kind.label_bytes :].reshape(-1, 3, SIDE, SIDE)
                resize_into(pixels[rows], images)

            read_records(container, counts, record, consume)
            check_labels(container.path, labels, kind.class_names)
            return shape[1]

        return store.Plan(kind.name, shape, kind.class_names, labelled=True), fill

    content = container_digest(container, members)
    return store.load(how.key(content, kind.name, split), kind.name, make)


def check_labels(path: Path, labels: Labels, class_names: tuple[str, ...]) -> None:
    """Refuse labels that are not places in the names of the classes.

    Raises:
        SparseganError: There is such a label.
    """
    if labels.min() < 0 or labels.max() >= len(class_names):
        raise SparseganError(
            f"{path} has a label outside of its {len(class_names)} classes: "
            f"get it again from its source"
        )


CIFAR10 = Cifar(
    "cifar10",
    official.CIFAR10,
    tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
    "test_batch.bin",
    1,
    0,
    class_names.CIFAR10,
)
CIFAR100_COARSE = Cifar(
    "cifar100-coarse",
    official.CIFAR100,
    ("train.bin",),
    "test.bin",
    2,
    0,
    class_names.CIFAR100_COARSE,
)
CIFAR100 = Cifar(
    "cifar100",
    official.CIFAR100,
    ("train.bin",),
    "test.bin",
    2,
    1,
    class_names.CIFAR100,
)
