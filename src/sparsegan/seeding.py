"""Random streams that are functions of where they are used, so that no stream has a state to save.

A run that stops and resumes draws the same numbers as one that never stopped because every draw
is named by (seed, purpose, step, rank); nothing touches PyTorch's global generator.
"""

import hashlib

import torch


def stream(seed: int, *names: str | int) -> torch.Generator:
    """A CPU generator whose sequence is fixed by the seed and the names alone.

    Args:
        seed: The run's seed, any integer.
        names: What the numbers are for and when, e.g. ``"noise", step, rank``.

    Example:
        >>> a, b = stream(0, "noise", 7), stream(0, "noise", 7)
        >>> bool(torch.randn(3, generator=a).eq(torch.randn(3, generator=b)).all())
        True
    """
    text = repr((int(seed), *names)).encode()
    key = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")
    return torch.Generator().manual_seed(key)
