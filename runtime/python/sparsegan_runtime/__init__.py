"""Draws images from a packed file that `sparsegan export RUN --to packed` has written.

It needs NumPy alone: no PyTorch, no compiler.

Example:
    >>> import sparsegan_runtime
    >>> generator = sparsegan_runtime.load("generator.safetensors")  # doctest: +SKIP
    >>> images = generator.sample(16, seed=0)  # doctest: +SKIP
"""

from sparsegan_runtime._generator import Generator, RefusedError, load

__all__ = ["Generator", "RefusedError", "load"]
__version__ = "0.1.0"
