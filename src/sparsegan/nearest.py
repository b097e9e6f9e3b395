"""Which name may be meant by one that nobody knows."""

import difflib
from collections.abc import Iterable


def nearest_name(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The known name that is spelt most like this one, or None where none is like it.

    Args:
        name: A name that is not known.
        known: The names that are.
        cutoff: From 0 (the nearest, however far) to 1 (equal names alone): the share of letters
            that must agree, as `difflib.SequenceMatcher.ratio` counts it.

    Example:
        >>> nearest_name("trian", ["train", "resume"])
        'train'
    """
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)
    return near[0] if near else None


def did_you_mean(name: str, known: Iterable[str], otherwise: str, *, cutoff: float = 0.6) -> str:
    """A remedy for a misspelt name: the nearest one as a question, or what is said otherwise."""
    near = nearest_name(name, known, cutoff=cutoff)
    return otherwise if near is None else f"did you mean {near}?"
