"""The one exception for wrong use and bad input, and how it is printed."""

import os
import sys
import unicodedata


class SparseganError(ValueError):
    """Wrong use or bad input, told in one sentence that names the thing and the remedy.

    The command line prints the sentence and ends with exit code 2; a traceback of any other
    exception is a defect of the library.
    """

    exit_code = 2
    reported = False  # another process has told it


def require_positive(**numbers: int | None) -> None:
    """Refuse whole numbers below 1; None is what nobody has stated.

    Args:
        numbers: By the names that users know them by.

    Raises:
        SparseganError: One is below 1.
    """
    for name, number in numbers.items():
        if number is not None and number < 1:
            raise SparseganError(f"{name} is {number}: it must be at least 1")


def tell(error: str) -> None:
    """Print an error as the command line does: on one line, with the process that it is of."""
    rank = int(os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0")))
    where = f" [process {rank}]" if rank else ""
    print(f"sparsegan:{where} error: {printable(' '.join(error.split()))}", file=sys.stderr)


def first_line(error: Exception) -> str:
    r"""What a library's complaint begins with, or the kind of it where it says nothing.

    Example:
        >>> first_line(ValueError("no such\nfile")), first_line(AssertionError())
        ('no such', 'AssertionError')
    """
    return next(iter(str(error).splitlines()), "")[:200] or type(error).__name__


def printable(text: str) -> str:
    r"""A text in which characters that move, recolour or reverse a terminal's are spelt out.

    Names of files, classes and layers may come from anybody.

    Example:
        >>> printable("a\x1b[2Jb")
        'a\\x1b[2Jb'
    """
    return "".join(
        f"\\x{ord(c):02x}" if unicodedata.category(c) in ("Cc", "Cf", "Cs") else c for c in text
    )
