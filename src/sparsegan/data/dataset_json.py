"""Labels out of a ``dataset.json``, as StyleGAN's data sets have one beside their images.

The format is that of NVlabs/stylegan3, dataset_tool.py: ``{"labels": [[PATH, NUMBER], …]}``, or
null for images without classes; paths are relative to the file. Folders such as 00000 and 00001
divide the images, and are no classes.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparsegan.data.container import Container
from sparsegan.data.members import read_text
from sparsegan.data.paths import Paths, is_hidden
from sparsegan.errors import SparseganError

NAME = "dataset.json"
# Labels of ImageNet's training images have some 50 MB.
_MOST_BYTES = 2**27
_MOST_FILES = 16


@dataclass(frozen=True)
class Labelled:
    """What the files say of a list of images.

    Attributes:
        labels: int64 ``(N,)``, places in ``class_names``; None where they say of no classes.
        class_names: The numbers that the classes have there, in their order.
        digest: Of what the files say.
    """

    labels: NDArray[np.int64] | None
    class_names: tuple[str, ...]
    digest: str


def read_labels(container: Container, images: Paths) -> Labelled | None:
    """The labels of images, by the nearest file above each; None where there is no such file.

    Raises:
        SparseganError: A file is damaged or absurdly large, or has no label for an image.
    """
    paths = sorted(
        path
        for path, _ in container.entries(lambda path: path.rpartition("/")[2] == NAME)
        if not is_hidden(path)
    )
    folders = {path[: -len(NAME)] for path in paths}
    used = {_nearest(name, folders) for name in images} - {None}
    if len(used) > _MOST_FILES:
        raise _refusal(container, NAME, f"there are {len(used)} files of that name")
    total, tables = hashlib.sha256(), {}
    for above in sorted(folder for folder in used if folder is not None):
        content = _read(container, f"{above}{NAME}")
        if "labels" in content:
            tables[above] = _rows(container, f"{above}{NAME}", content["labels"])
            total.update(repr((above, tables[above])).encode())
    if not tables:
        return None
    governing = {index: _nearest(name, set(tables)) for index, name in enumerate(images)}
    if None in governing.values() or None in tables.values():
        return Labelled(None, (), total.hexdigest())
    numbers = np.zeros(len(images), np.int64)
    for index, name in enumerate(images):
        folder = governing[index] or ""
        rows = tables[folder]
        assert rows is not None, "taken above"
        number = rows.get(name[len(folder) :])
        if number is None:
            raise _refusal(container, f"{folder}{NAME}", f"it has no label for the image {name}")
        numbers[index] = number
    classes, labels = np.unique(numbers, return_inverse=True)
    names = tuple(str(number) for number in classes.tolist())
    return Labelled(labels.astype(np.int64), names, total.hexdigest())


def _nearest(name: str, folders: set[str]) -> str | None:
    folder = name
    while folder:
        folder = folder.rstrip("/").rpartition("/")[0]
        folder = f"{folder}/" if folder else ""
        if folder in folders:
            return folder
    return None


def _read(container: Container, path: str) -> dict[str, Any]:
    try:
        content = json.loads(read_text(container, path, _MOST_BYTES).removeprefix("\ufeff"))
    except SparseganError as error:
        if isinstance(error.__cause__, UnicodeDecodeError):
            raise _refusal(container, path, "it is no text in UTF-8") from None
        raise
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise _refusal(container, path, reason) from None
    if not isinstance(content, dict):
        raise _refusal(container, path, "it is no object with the key labels")
    return content


def _rows(container: Container, path: str, labels: Any) -> dict[str, int] | None:
    """The label of every path; None where there are none."""
    if labels is None:
        return None
    if isinstance(labels, dict):
        labels = list(labels.items())
    if not isinstance(labels, list):
        raise _refusal(container, path, "its labels are no list")
    rows: dict[str, int] = {}
    for row in labels:
        if not isinstance(row, list | tuple) or len(row) != 2 or not isinstance(row[0], str):
            raise _refusal(container, path, f"{str(row)[:60]!r} is no pair of a path and a label")
        name, number = row
        if type(number) is not int or not 0 <= number < 2**31:
            raise _refusal(container, path, f"the label of {name[:200]!r} is {str(number)[:20]!r}")
        if rows.setdefault(name.replace("\\", "/").removeprefix("./"), number) != number:
            raise _refusal(container, path, f"{name[:200]!r} has two labels")
    return rows


def _refusal(container: Container, path: str, reason: str) -> SparseganError:
    return SparseganError(
        f"{container.path}/{path} is no list of StyleGAN's labels ({reason}): correct it, or take "
        "it away, so that folders are the classes"
    )
