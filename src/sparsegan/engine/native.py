"""Loading the compiled kernels and choosing the instruction set that computes."""

import functools
import os
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch  # before the kernels: they share torch's OpenMP threads

from sparsegan.engine.recording import note_kernel
from sparsegan.errors import SparseganError

_DTYPES = {torch.float32: "float32", torch.float64: "float64"}


@functools.cache
def _module() -> ModuleType | None:
    try:
        from sparsegan.engine import _native
    except ImportError:
        return None
    return _native


@functools.cache
def library() -> ModuleType:
    """Returns the compiled module, its instruction set chosen on the first call.

    ``SPARSEGAN_ISA`` names the instruction set; without it the fastest one is taken whose results
    agree with plain loops on this machine. The process then keeps the memory of freed tensors for
    new ones (where the C library is glibc), unless the environment sets thresholds of its own:
    ``MALLOC_MMAP_THRESHOLD_``, ``MALLOC_TRIM_THRESHOLD_`` or ``GLIBC_TUNABLES``.

    Raises:
        SparseganError: If the kernels are not compiled, or ``SPARSEGAN_ISA`` cannot be had.
    """
    module = _module()
    if module is None:
        raise SparseganError(
            "the native engine is not compiled in this installation: install sparsegan with a C++ "
            "compiler present, or use the masked engine"
        )
    module.keep_pages()
    wanted = os.environ.get("SPARSEGAN_ISA")
    if wanted:
        _use(module, wanted, f"SPARSEGAN_ISA={wanted}")
        return module
    for name in module.supported():
        if module.use(name):
            return module
        warnings.warn(
            f"the {name} kernels give wrong results on this machine and are not used",
            RuntimeWarning,
            stacklevel=2,
        )
    raise SparseganError("no kernels give right results on this machine: use the masked engine")


def _use(module: ModuleType, name: str, source: str) -> None:
    names = module.supported()
    if name not in names:
        raise SparseganError(
            f"{source} is not available on this machine: choose one of {', '.join(names)}"
        )
    if not module.use(name):
        raise SparseganError(f"{source} gives wrong results on this machine: choose another one")


def available() -> bool:
    """Says whether the compiled kernels are there."""
    return _module() is not None


def isa() -> str:
    """The name of the instruction set in use: avx512, avx2, neon or portable."""
    return str(library().current())


def supported_isas() -> tuple[str, ...]:
    """The instruction sets that this machine and this build have, the fastest first."""
    return tuple(library().supported())


def use_isa(name: str) -> None:
    """Makes an instruction set the current one; indices rebuild their plans when next used.

    Raises:
        SparseganError: If this machine or this build does not have it.
    """
    _use(library(), name, f"instruction set {name}")


def kernel(name: str, dtype: torch.dtype) -> Callable[..., Any]:
    """Returns the compiled function ``name`` for elements of ``dtype``.

    Raises:
        SparseganError: If ``dtype`` is neither float32 nor float64 (the slow reference).
    """
    suffix = _DTYPES.get(dtype)
    if suffix is None:
        raise SparseganError(f"the native engine computes in float32, not in {dtype}: cast first")
    note_kernel(name)
    function: Callable[..., Any] = getattr(library(), f"{name}_{suffix}")
    return function
