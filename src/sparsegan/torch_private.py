"""Everything of PyTorch that this package uses and PyTorch does not promise to keep.

What a release renames or takes away is missed here, when the package is imported.
``_version``, ``_base``, ``_modules``, ``_parameters`` and ``_buffers`` of tensors and modules are
as old as PyTorch and are used where they are needed.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm
from torch.nn.modules.batchnorm import _NormBase as NormBase
from torch.nn.modules.module import _has_any_global_hook
from torch.nn.utils.parametrizations import _SpectralNorm as SpectralNorm
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map

__all__ = [
    "BatchNorm",
    "NormBase",
    "SpectralNorm",
    "TorchDispatchMode",
    "Undisturbed",
    "as_plain_tensors",
    "has_global_hooks",
    "is_transformed",
    "is_watched",
    "return_and_correct_aliasing",
    "tree_leaves",
    "tree_map",
    "wrapper",
]

_tracing_state = torch._C._get_tracing_state
_interpreters = torch._C._functorch.peek_interpreter_stack
_saved_tensors_hooks = torch._C._autograd._top_saved_tensors_default_hooks
_make_wrapper: Any = Tensor._make_wrapper_subclass

Undisturbed = torch._C.DisableTorchFunction
"""Within it, no mode is told of functions."""

as_plain_tensors = torch._C.DisableTorchFunctionSubclass
"""Within it, functions take tensors of a subclass as they take others."""


def is_watched() -> bool:
    """Whether hooks see what is kept for the backward pass.

    Checkpointing makes these tensors again where no interception is, and they must be the same.
    """
    return torch.is_grad_enabled() and _saved_tensors_hooks(True) is not None


def has_global_hooks() -> bool:
    """Whether hooks are registered on all modules."""
    return bool(_has_any_global_hook())  # type: ignore[no-untyped-call]


def is_transformed() -> bool:
    """Whether a forward is compiled, traced or transformed: it then runs on dense kernels."""
    return (
        torch.compiler.is_compiling()
        or _tracing_state() is not None
        or _interpreters() is not None
        or forward_ad._current_level >= 0
    )


def wrapper(kind: type, like: Tensor, size: tuple[int, ...], strides: tuple[int, ...]) -> Any:
    """A tensor of a subclass that has a shape, and the type and device of another, but no memory.

    Args:
        kind: The subclass.
        like: The other tensor.
        size: Its shape.
        strides: Its strides, in elements.
    """
    return _make_wrapper(kind, size, strides, dtype=like.dtype, device=like.device)
