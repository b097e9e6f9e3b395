"""Registration of the engine's operators with torch, the low-level way: few microseconds a call."""

from collections.abc import Callable
from typing import Any

import torch

_library: Any = torch.library.Library("sparsegan", "FRAGMENT")  # type: ignore[no-untyped-call]


def register(
    schema: str,
    compute: Callable[..., Any],
    fake: Callable[..., Any],
    backward: Callable[..., Any] | None = None,
    keep: Callable[..., Any] | None = None,
) -> None:
    """Defines ``torch.ops.sparsegan.<name>`` for the CPU.

    Args:
        schema: ``name(arguments) -> results``, as torch writes them.
        compute: What it does.
        fake: The shapes and strides of its results, without computing.
        backward: ``(ctx, *gradients of the results) -> gradients of the arguments``; None for an
            operator without gradients.
        keep: ``(ctx, inputs, output)``: saves what ``backward`` needs.
    """
    name = f"sparsegan::{schema.partition('(')[0]}"
    _library.define(schema)
    _library.impl(name, compute, "CPU")
    torch.library.register_fake(name, fake, lib=_library)
    if backward is not None:
        torch.library.register_autograd(name, backward, setup_context=keep, lib=_library)
