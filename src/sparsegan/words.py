"""Numbers in sentences."""


def counted(number: float, noun: str) -> str:
    """A number, to the nearest whole one, and what there are so many of.

    Args:
        number: How many.
        noun: Of one; its plural ends in s.

    Example:
        >>> counted(1, "byte"), counted(1.4, "second"), counted(35168, "byte")
        ('1 byte', '1 second', '35,168 bytes')
    """
    whole = round(number)
    return f"{whole:,} {noun}{'' if whole == 1 else 's'}"


def estimate(shown: str, value: float) -> str:
    """An unbiased estimate of a distance, which is below nought where the distance is about that.

    Args:
        shown: The value as it is to be written.
        value: The value.

    Example:
        >>> estimate("0.36", 0.36), estimate("-0.02", -0.02)
        ('0.36', '-0.02 (0 within its noise)')
    """
    return f"{shown} (0 within its noise)" if value < 0 else shown


def megabytes(count: float) -> str:
    """Bytes as readers of a page or of a terminal know them.

    Example:
        >>> megabytes(331_000), megabytes(17_106_956), megabytes(1_500)
        ('0.33 MB', '17.1 MB', '1.5 kB')
    """
    if count < 1e5:
        return f"{count / 1e3:.1f} kB"
    return f"{count / 1e6:.2f} MB" if count < 1e7 else f"{count / 1e6:,.1f} MB"
