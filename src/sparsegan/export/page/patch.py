"""What makes one file out of another that is nearly the same."""

from bisect import bisect_left
from collections import defaultdict

_WINDOW = 16
"""Bytes that have to be the same for two places to be taken for one."""

Edit = tuple[int, int, str]


def patch(old: bytes, new: bytes) -> list[Edit]:
    """The new file as parts of the old one and what stands between them.

    Returns:
        Edits (start, end, text): the bytes from start to end of the old file, and then those that
        text has as hexadecimal digits; all of them after one another are the new file.

    Example:
        >>> patch(b"0123456789abcdefgh", b"0123456789abcdef-gh")
        [(0, 16, '2d6768')]
    """
    places = defaultdict(list)
    for begin in range(len(old) - _WINDOW + 1):
        places[old[begin : begin + _WINDOW]].append(begin)
    edits: list[Edit] = []
    start = end = written = 0  # of the part of the old file; bytes of the new one before `between`
    between = bytearray()
    while written < len(new):
        known = places.get(new[written : written + _WINDOW], [])
        nearest = bisect_left(known, end)
        if nearest == len(known):
            between.append(new[written])
            written += 1
            continue
        if between or end:
            edits.append((start, end, between.hex()))
            between.clear()
        start = end = known[nearest]
        while end < len(old) and written < len(new) and old[end] == new[written]:
            end += 1
            written += 1
    edits.append((start, end, between.hex()))
    return edits
