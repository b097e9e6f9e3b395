"""Which weights of a layer are active, in few bytes: a bit for each weight, or gaps of 16 bits.

Bits take an eighth of a byte for each weight, gaps two bytes for each active one, so that gaps are
the shorter below a density of 1/16. A gap is the number of inactive weights before an active one;
65535 stands for so many inactive weights with no active one after them.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Form = Literal["bits", "gaps"]
FORMS: tuple[Form, ...] = ("bits", "gaps")
_ESCAPE = 0xFFFF


def encode(mask: NDArray[np.bool_]) -> tuple[Form, NDArray[np.uint8] | NDArray[np.uint16]]:
    """The shorter form of a flat mask.

    Example:
        >>> encode(np.arange(1000) == 700)
        ('gaps', array([700], dtype=uint16))
    """
    skipped = np.diff(np.flatnonzero(mask), prepend=-1) - 1
    escapes, rest = np.divmod(skipped, _ESCAPE)
    if 2 * (len(rest) + int(escapes.sum())) >= (len(mask) + 7) // 8:
        return "bits", np.packbits(mask)
    ends = np.cumsum(escapes + 1)
    gaps = np.full(ends[-1] if len(ends) else 0, _ESCAPE, np.uint16)
    gaps[ends - 1] = rest
    return "gaps", gaps


def decode(
    form: Form, stored: NDArray[np.generic], active: int | None, size: int
) -> NDArray[np.int64]:
    """The ascending places of the active weights.

    Args:
        form: As `encode` gave it.
        stored: The bits or the gaps.
        active: How many active weights there are; None if that is not known.
        size: How many weights.

    Returns:
        int64 `(active,)`. It takes memory in proportion to `stored`, whatever `size` says.

    Raises:
        ValueError: What is stored is no mask of so many weights.
    """
    if stored.ndim != 1 or stored.dtype != (np.uint8 if form == "bits" else np.uint16):
        raise ValueError(f"{form} of type {stored.dtype} and {stored.ndim} dimensions")
    if form == "bits":
        if len(stored) != (size + 7) // 8:
            raise ValueError(f"{len(stored)} bytes of bits for {size} weights")
        places = np.flatnonzero(np.unpackbits(stored.astype(np.uint8), count=size))
    else:
        ends_in_weight = stored != _ESCAPE
        places = np.cumsum(stored.astype(np.int64) + ends_in_weight)[ends_in_weight] - 1
    expected = len(places) if active is None else active
    if len(places) != expected or (len(places) and places[-1] >= size):
        raise ValueError(f"{len(places)} places for {active} of {size} weights")
    return places.astype(np.int64)
