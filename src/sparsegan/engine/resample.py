"""Average pooling and nearest upsampling by two."""

from typing import Any

import torch
from torch import Tensor

from sparsegan.engine.native import kernel
from sparsegan.engine.registry import register
from sparsegan.errors import SparseganError

_ops = torch.ops.sparsegan


def average_pool2(x: Tensor) -> Tensor:
    """Means of 2x2 pixels: ``F.avg_pool2d(x, 2)``.

    Args:
        x: (N, C, H, W) of even height and width; copied where it is not contiguous.

    Returns:
        (N, C, H/2, W/2).

    Raises:
        SparseganError: If height or width is odd.
    """
    if x.shape[2] % 2 or x.shape[3] % 2:
        raise SparseganError(
            f"average_pool2 needs even height and width, not {tuple(x.shape[2:])}: use avg_pool2d"
        )
    y: Tensor = _ops.gather2(x, 0.25)
    return y


def upsample2(x: Tensor) -> Tensor:
    """Every pixel four times: ``F.interpolate(x, scale_factor=2)``.

    Args:
        x: (N, C, H, W); copied where it is not contiguous.

    Returns:
        (N, C, 2H, 2W).
    """
    y: Tensor = _ops.spread2(x, 1.0)
    return y


def add_upsampled2(base: Tensor, x: Tensor) -> Tensor:
    """``base + upsample2(x)`` in one pass.

    Args:
        base: (N, C, 2H, 2W); copied where it is not contiguous.
        x: (N, C, H, W); copied where it is not contiguous.

    Returns:
        (N, C, 2H, 2W).
    """
    y: Tensor = _ops.add_spread2(base, x)
    return y


def _resample(x: Tensor, factor: float, base: Tensor | None = None, *, down: bool) -> Tensor:
    x = x.contiguous()
    base = base.contiguous() if base is not None else None
    n, c, h, w = x.shape
    y = x.new_empty((n, c, h // 2, w // 2) if down else (n, c, 2 * h, 2 * w))
    small = y if down else x
    kernel("resample", x.dtype)(
        down,
        x.data_ptr(),
        n * c,
        small.shape[2],
        small.shape[3],
        factor,
        0 if base is None else base.data_ptr(),
        y.data_ptr(),
        torch.get_num_threads(),
    )
    return y


def _gather2(x: Tensor, factor: float) -> Tensor:
    return _resample(x, factor, down=True)


def _spread2(x: Tensor, factor: float) -> Tensor:
    return _resample(x, factor, down=False)


def _add_spread2(base: Tensor, x: Tensor) -> Tensor:
    return _resample(x, 1.0, base, down=False)


def _gather2_fake(x: Tensor, factor: float) -> Tensor:
    n, c, h, w = x.shape
    return x.new_empty((n, c, h // 2, w // 2))


def _spread2_fake(x: Tensor, factor: float) -> Tensor:
    n, c, h, w = x.shape
    return x.new_empty((n, c, 2 * h, 2 * w))


def _add_spread2_fake(base: Tensor, x: Tensor) -> Tensor:
    return base.new_empty(base.shape)


def _keep_factor(ctx: Any, inputs: tuple[Any, ...], output: object) -> None:
    ctx.factor = inputs[1]


def _gather2_backward(ctx: Any, g: Tensor) -> tuple[Tensor, None]:
    return _ops.spread2(g, ctx.factor), None


def _spread2_backward(ctx: Any, g: Tensor) -> tuple[Tensor, None]:
    return _ops.gather2(g, ctx.factor), None


def _keep_nothing(ctx: Any, inputs: tuple[Any, ...], output: object) -> None:
    pass


def _add_spread2_backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
    needs_base, needs_x = ctx.needs_input_grad
    return g if needs_base else None, _ops.gather2(g, 1.0) if needs_x else None


register(
    "add_spread2(Tensor base, Tensor x) -> Tensor",
    _add_spread2,
    _add_spread2_fake,
    _add_spread2_backward,
    _keep_nothing,
)
for _schema, _functions in {
    "gather2(Tensor x, float factor) -> Tensor": (_gather2, _gather2_fake, _gather2_backward),
    "spread2(Tensor x, float factor) -> Tensor": (_spread2, _spread2_fake, _spread2_backward),
}.items():
    register(_schema, *_functions, _keep_factor)
