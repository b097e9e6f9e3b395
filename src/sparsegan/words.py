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
