"""The official files of a data set, wherever in a folder or archive they lie."""

from collections.abc import Callable, Sequence
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from sparsegan.data.container import Container
from sparsegan.data.paths import Paths
from sparsegan.data.safety import reading
from sparsegan.errors import SparseganError

_CHUNK_BYTES = 2**24


def find_members(container: Container, files: Sequence[str], remedy: str) -> dict[str, int]:
    """The paths of the official files, in the order asked for, and their sizes in bytes.

    Args:
        container: The folder or archive.
        files: Names of the files, without folders.
        remedy: What to do where one is missing, for the message.

    Raises:
        SparseganError: A file is missing, or there are two of the name.
    """
    members: dict[str, tuple[str, int]] = {}
    for path, size in container.entries(lambda path: path.rpartition("/")[2] in files):
        file = path.rpartition("/")[2]
        if file in members:
            raise SparseganError(
                f"{container.path} has both {members[file][0]} and {path}: take one of them away"
            )
        members[file] = path, size
    for file in files:
        if file not in members:
            raise SparseganError(f"there is no {file} in {container.path}: {remedy}")
    return dict(members[file] for file in files)


def count_records(container: Container, members: dict[str, int], record: int) -> dict[str, int]:
    """How many records of ``record`` bytes every file has.

    Raises:
        SparseganError: A file is empty, or its size is no multiple of ``record``.
    """
    for path, size in members.items():
        if not size or size % record:
            raise SparseganError(
                f"{container.path}/{path} has {size} bytes, no multiple of the {record} of a "
                f"record: get it again from its source"
            )
    return {path: size // record for path, size in members.items()}


def read_records(
    container: Container,
    counts: dict[str, int],
    record: int,
    consume: Callable[[int, NDArray[np.uint8]], None],
) -> None:
    """Read files of records, one file behind the other, without holding one in memory.

    Args:
        container: The folder or archive.
        counts: Paths and their numbers of records, as of `count_records`.
        record: Bytes of a record.
        consume: Takes the number of records before, counted over all files in their order, and
            the next few records, uint8 ``(n, record)``.

    Raises:
        SparseganError: A file is damaged.
    """
    paths = Paths.sort(counts)
    starts = dict(zip(counts, np.cumsum([0, *counts.values()]).tolist(), strict=False))
    read = 0
    with reading(container.path):
        for index, file in container.contents(paths):
            path = paths[index]
            _read_file(file, starts[path], counts[path], record, consume)
            read += 1
    if read != len(paths):
        raise SparseganError(f"{container.path} changed while it was read: start again")


def _read_file(
    file: BinaryIO,
    start: int,
    count: int,
    record: int,
    consume: Callable[[int, NDArray[np.uint8]], None],
) -> None:
    done, most = 0, max(1, _CHUNK_BYTES // record)
    while done < count:
        rows = min(most, count - done)
        content = bytearray()
        while len(content) < rows * record:
            part = file.read(rows * record - len(content))
            if not part:
                raise EOFError("it is cut short")
            content += part
        consume(start + done, np.frombuffer(content, np.uint8).reshape(rows, record))
        done += rows


def read_text(container: Container, path: str, most: int = 2**24) -> str:
    """A small text file, in UTF-8.

    Raises:
        SparseganError: It is missing, damaged or absurdly large.
    """
    with reading(container.path):
        for _, file in container.contents(Paths.sort([path])):
            content = file.read(most + 1)
            if len(content) > most:
                raise ValueError(f"{path} has more than {most:,} bytes")
            return content.decode()
    raise SparseganError(f"there is no {path} in {container.path}: get it from its source")
