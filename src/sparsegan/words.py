"""Numbers as sentences have them."""


def counted(count: int, what: str) -> str:
    """A number of things, in English.

    Args:
        count: How many.
        what: One of them; its plural ends in s.

    Example:
        >>> counted(1, "step"), counted(3000, "step")
        ('1 step', '3,000 steps')
    """
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
