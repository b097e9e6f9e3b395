"""Very many relative paths, sorted, without a Python object for each."""

import bisect
import heapq
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

# Paths that are sorted as Python strings at a time; sorted runs are then merged.
_RUN = 8192


class Paths:
    """Sorted paths in one block of bytes: a path takes its own length and eight bytes more.

    Paths are sorted by their UTF-8 bytes, which is the order of their code points; bytes of a file
    system that are no UTF-8 come through as Python's surrogate escapes.

    Args:
        text: The paths, one behind the other, in UTF-8.
        ends: int64 ``(N,)``: where in ``text`` each ends.
    """

    def __init__(self, text: bytes, ends: NDArray[np.int64]) -> None:
        self._text, self._ends = text, ends

    @classmethod
    def sort(cls, names: Iterable[str]) -> "Paths":
        """Sort any number of paths, with never more than a few thousand of them as objects.

        Example:
            >>> list(Paths.sort(["b/2.png", "a/1.png"]))
            ['a/1.png', 'b/2.png']
        """
        runs, run = [], []
        for name in names:
            run.append(_encode(name))
            if len(run) == _RUN:
                runs.append(cls._pack(sorted(run)))
                run = []
        if not runs:
            return cls._pack(sorted(run))
        runs.append(cls._pack(sorted(run)))
        return cls._pack(heapq.merge(*(part._raw() for part in runs)))

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: int) -> str:
        return _decode(self._bytes(index))

    def __iter__(self) -> Iterator[str]:
        return map(_decode, self._raw())

    def find(self, name: str) -> int:
        """The place of a path; -1 where it is not among them."""
        wanted = _encode(name)
        index = bisect.bisect_left(range(len(self)), wanted, key=self._bytes)
        return index if index < len(self) and self._bytes(index) == wanted else -1

    def take(self, places: NDArray[np.int64]) -> "Paths":
        """The paths at some places, which have to ascend."""
        return self._pack(self._bytes(int(index)) for index in places)

    def repeated(self) -> str | None:
        """A path that is there twice, or None."""
        before = None
        for raw in self._raw():
            if raw == before:
                return _decode(raw)
            before = raw
        return None

    def _bytes(self, index: int) -> bytes:
        start = self._ends[index - 1] if index else 0
        return self._text[start : self._ends[index]]

    def _raw(self) -> Iterator[bytes]:
        return map(self._bytes, range(len(self)))

    @classmethod
    def _pack(cls, encoded: Iterable[bytes]) -> "Paths":
        text = bytearray()

        def ends() -> Iterator[int]:
            for raw in encoded:
                text.extend(raw)
                yield len(text)

        # The text is complete only once the ends are drawn.
        drawn = np.fromiter(ends(), dtype=np.int64)
        return cls(bytes(text), drawn)


def _encode(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _decode(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def is_hidden(path: str) -> bool:
    """Whether a file, or a folder that it is in, is a system's own and not anybody's picture."""
    # The archiver of macOS leaves shadows of the files beside them, with the same endings.
    return any(part.startswith(".") or part == "__MACOSX" for part in path.split("/"))
