"""A name that is not known, and the nearest one that is."""

import difflib
from collections.abc import Sequence


def unknown(what: str, name: str, known: Sequence[str], lister: str = "--help") -> str:
    """A sentence on a name that is not known, with the nearest one that is.

    Args:
        what: The kind of name.
        name: The one given.
        known: Those that there are.
        lister: What lists them, for where they are too many to be named.
    """
    last = name.split(".")[-1].lstrip("-")
    near = [other for other in known if other.startswith(name + ".")]  # a group's name
    near = near or [other for other in known if other.split(".")[-1].lstrip("-") == last]
    near = near[:3] or difflib.get_close_matches(name, known, n=1)
    if near:
        return f"unknown {what} {name}: did you mean {' or '.join(near)}?"
    if len(known) > 8:
        return f"unknown {what} {name}: {lister} lists those that there are"
    return f"unknown {what} {name}: choose one of {', '.join(known)}"
