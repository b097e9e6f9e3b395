"""What this machine has, and what runs on it."""

import os
import platform
from contextlib import suppress
from pathlib import Path

import torch

import sparsegan

_CGROUP = Path("/sys/fs/cgroup/memory.max")


def memory() -> int:
    """Bytes of memory that this process may come to have; a great number where nobody says."""
    most = 2**63
    with suppress(AttributeError, ValueError, OSError):  # a system that does not say
        most = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(ValueError, OSError):  # there is no limit, or there are no such groups
        most = min(most, int(_CGROUP.read_text()))
    return most


def usable_processors() -> int:
    """How many of them this process may use."""
    with suppress(AttributeError):  # a system that does not say
        return len(os.sched_getaffinity(0))
    return processors()


def processors() -> int:
    """How many of them there are."""
    return os.cpu_count() or 1


def versions() -> dict[str, str]:
    """The versions of this package, of PyTorch and of Python."""
    return {
        "sparsegan": sparsegan.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
