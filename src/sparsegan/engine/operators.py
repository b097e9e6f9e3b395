"""Sparse convolution and linear layers as torch operators.

Three operators, closed under differentiation, so that gradients of any order exist:

* ``convolve``: ``y = x * w + b``
* ``convolve_adjoint``: the gradient of ``x``, which is also the transposed convolution
* ``convolve_weight``: the gradients of ``w`` (on the entries of its plan) and of ``b``

The weight is a dense tensor. The plans (``SparseIndex.plan``) say which of its entries exist; the
others are never read.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn import grad as dense_gradient

from sparsegan.engine.index import Int2
from sparsegan.engine.native import kernel
from sparsegan.engine.recording import step
from sparsegan.engine.registry import register

_PLANS = (
    "Tensor plan, Tensor adjoint, Tensor weight_plan, int[2] stride, int[2] padding, bool dense"
)

_ops = torch.ops.sparsegan
_dense_input_gradient: Callable[..., Tensor] = dense_gradient.conv2d_input


class Epilogue(NamedTuple):
    """What a convolution does with its sums before it writes them.

    Attributes:
        pool: Whether the result is the means of squares of 2x2 pixels.
        residual: What is added: contiguous, of the result's shape or of half its height and width.
        residual_upsampled: Whether it is of half the size.
        mean: Where the channels' means go, or None.
        variance: Where their variances go.
    """

    pool: bool = False
    residual: Tensor | None = None
    residual_upsampled: bool = False
    mean: Tensor | None = None
    variance: Tensor | None = None


NOTHING = Epilogue()


class Source:
    """What is convolved, as the kernels' argument: a tensor and what is made of it while packed.

    Holds the memory that the argument points into.

    Args:
        x: What it starts from, (N, C, H, W).
        gamma: Gains (C) or (N, C) of a normalisation, or None for all four.
        beta: Biases of gamma's shape.
        mean: Means (C).
        inverse: Inverse deviations (C).
        slope: Of the leaky ReLU behind: 0 is ReLU, 1 no activation.
        upsample: Whether every pixel is repeated in a square of four.
    """

    def __init__(
        self,
        x: Tensor,
        gamma: Tensor | None = None,
        beta: Tensor | None = None,
        mean: Tensor | None = None,
        inverse: Tensor | None = None,
        slope: float = 1.0,
        upsample: bool = False,
    ) -> None:
        self.x = x.contiguous()
        self.affine: tuple[Tensor, ...] = ()
        per_sample = gamma is not None and gamma.dim() == 2
        if gamma is not None and beta is not None and mean is not None and inverse is not None:
            self.inverse = inverse.contiguous()
            self.affine = (mean.contiguous(), gamma * inverse, beta.contiguous())
        n, c, h, w = x.shape
        factor = 2 if upsample else 1
        self.form = ((n, c, factor * h, factor * w), per_sample, slope, upsample)

    @property
    def argument(self) -> tuple[object, ...]:
        """The kernels' argument."""
        mean, scale, shift = self.affine or (None, None, None)
        return _argument(self.x, mean, scale, shift, self.form)


def _argument(
    x: Tensor, mean: Tensor | None, scale: Tensor | None, shift: Tensor | None, form: Any
) -> tuple[object, ...]:
    size, *rest = form
    return (x.data_ptr(), size, address(mean), address(scale), address(shift), *rest)


def address(x: Tensor | None) -> int:
    """Where a tensor's memory begins; 0 of None."""
    return 0 if x is None else x.data_ptr()


def output_size(x: Sequence[int], weight: Sequence[int], stride: Int2, padding: Int2) -> list[int]:
    """The shape of a convolution's result, from those of its input and weight."""
    spatial = [(x[2 + i] + 2 * padding[i] - weight[2 + i]) // stride[i] + 1 for i in (0, 1)]
    return [x[0], weight[0], *spatial]


def run_convolution(
    source: Source,
    weight: Tensor,
    bias: Tensor | None,
    plan: Tensor,
    size: Sequence[int],
    values: Tensor | None = None,
    epilogue: Epilogue = NOTHING,
) -> Tensor:
    """Runs the kernel: a convolution of a source, under a plan, to a result of ``size``.

    ``values`` are the active weights, gathered (``SparseIndex.gathered``), where they are at hand.
    """
    bias = bias.contiguous() if bias is not None else None
    pool, residual, residual_upsampled, *moments = epilogue
    tensors = (source.x, *(source.affine or (None,) * 3), residual, *moments)
    constants = (weight.contiguous(), bias, plan, values)
    form = (source.form, tuple(size), pool, residual_upsampled)
    return step(_convolve_source, (*tensors, *constants), form)


def _convolve_source(
    x: Tensor,
    mean: Tensor | None,
    scale: Tensor | None,
    shift: Tensor | None,
    residual: Tensor | None,
    channel_means: Tensor | None,
    channel_variances: Tensor | None,
    weight: Tensor,
    bias: Tensor | None,
    plan: Tensor,
    values: Tensor | None,
    form: Any,
    size: tuple[int, ...],
    pool: bool,
    residual_upsampled: bool,
) -> Tensor:
    y = x.new_empty(size)
    kernel("convolve", x.dtype)(
        plan.data_ptr(),
        weight.data_ptr(),
        address(values),
        _argument(x, mean, scale, shift, form),
        (
            y.data_ptr(),
            size,
            address(bias),
            pool,
            address(residual),
            residual_upsampled,
            address(channel_means),
            address(channel_variances),
        ),
        torch.get_num_threads(),
    )
    return y


def run_weight_gradient(
    source: Source, gradient: Tensor, weight_plan: Tensor, shape: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """The gradients of weight and bias of a convolution of a source."""
    gradient = gradient.contiguous()
    d_weight, d_bias = gradient.new_zeros(shape), gradient.new_empty(shape[0])
    kernel("weight_gradient", gradient.dtype)(
        weight_plan.data_ptr(),
        source.argument,
        gradient.data_ptr(),
        tuple(gradient.shape),
        d_weight.data_ptr(),
        d_bias.data_ptr(),
        torch.get_num_threads(),
    )
    return d_weight, d_bias


def _convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    plan: Tensor,
    adjoint: Tensor,
    weight_plan: Tensor,
    stride: Int2,
    padding: Int2,
    dense: bool,
) -> Tensor:
    size = output_size(x.shape, weight.shape, stride, padding)
    return run_convolution(Source(x), weight, bias, plan, size)


def _convolve_adjoint(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    plan: Tensor,
    adjoint: Tensor,
    weight_plan: Tensor,
    stride: Int2,
    padding: Int2,
    dense: bool,
    size: Sequence[int],
) -> Tensor:
    return run_convolution(Source(x), weight, bias, adjoint, [x.shape[0], weight.shape[1], *size])


def _convolve_weight(
    x: Tensor,
    gradient: Tensor,
    plan: Tensor,
    adjoint: Tensor,
    weight_plan: Tensor,
    stride: Int2,
    padding: Int2,
    dense: bool,
    shape: Sequence[int],
) -> tuple[Tensor, Tensor]:
    return run_weight_gradient(Source(x), gradient, weight_plan, shape)


def _channel_sum(x: Tensor) -> Tensor:
    x = x.contiguous()
    sums = x.new_empty(x.shape[1])
    kernel("channel_sums", x.dtype)(
        x.data_ptr(), tuple(x.shape), sums.data_ptr(), torch.get_num_threads()
    )
    return sums


def _convolve_fake(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    plan: Tensor,
    adjoint: Tensor,
    weight_plan: Tensor,
    stride: Int2,
    padding: Int2,
    dense: bool,
) -> Tensor:
    return x.new_empty(output_size(x.shape, weight.shape, stride, padding))


def _convolve_adjoint_fake(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    plan: Tensor,
    adjoint: Tensor,
    weight_plan: Tensor,
    stride: Int2,
    padding: Int2,
    dense: bool,
    size: Sequence[int],
) -> Tensor:
    return x.new_empty([x.shape[0], weight.shape[1], *size])


def _convolve_weight_fake(
    x: Tensor,
    gradient: Tensor,
    plan: Tensor,
    adjoint: Tensor,
    weight_plan: Tensor,
    stride: Int2,
    padding: Int2,
    dense: bool,
    shape: Sequence[int],
) -> tuple[Tensor, Tensor]:
    return x.new_empty(shape), x.new_empty(shape[0])


def _channel_sum_fake(x: Tensor) -> Tensor:
    return x.new_empty(x.shape[1])


def _keep(ctx: Any, inputs: tuple[Any, ...], output: object) -> None:
    """Saves (x, weight) or (x, gradient), and the plans."""
    first, second = inputs[0], inputs[1]
    plans = [a for a in inputs[2:] if isinstance(a, Tensor) and a.dtype == torch.int32]
    ctx.save_for_backward(first, second, *plans)
    ctx.rest = [a for a in inputs[2:] if not isinstance(a, Tensor) and a is not None]


def _convolve_backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
    x, weight, *plans = ctx.saved_tensors
    need_x, need_weight, need_bias, *_ = ctx.needs_input_grad
    d_x = d_weight = d_bias = None
    if need_x:
        d_x = _ops.convolve_adjoint(g, weight, None, *plans, *ctx.rest, x.shape[2:])
    if need_weight:
        d_weight, d_bias = _ops.convolve_weight(x, g, *plans, *ctx.rest, weight.shape)
    elif need_bias:
        d_bias = _ops.channel_sum(g)
    return d_x, d_weight, d_bias if need_bias else None, *[None] * 6


def _adjoint_backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
    x, weight, *plans = ctx.saved_tensors
    geometry = ctx.rest[:3]
    need_x, need_weight, need_bias, *_ = ctx.needs_input_grad
    d_x = d_weight = d_bias = None
    if need_x:
        d_x = _ops.convolve(g, weight, None, *plans, *geometry)
    if need_weight:
        d_weight, _ = _ops.convolve_weight(g, x, *plans, *geometry, weight.shape)
    if need_bias:
        d_bias = _ops.channel_sum(g)
    return d_x, d_weight, d_bias, *[None] * 7


def _weight_backward(
    ctx: Any,
    d_weight: Tensor,
    d_bias: Tensor,
) -> tuple[Tensor | None, ...]:
    x, gradient, *plans = ctx.saved_tensors
    stride, padding, dense, _ = ctx.rest
    need_x, need_gradient, *_ = ctx.needs_input_grad
    d_x = d_gradient = None
    if dense:
        # The plans of the other passes hold active entries only.
        if need_x:
            d_x = _dense_input_gradient(x.shape, d_weight, gradient, stride, padding)
        if need_gradient:
            d_gradient = F.conv2d(x, d_weight, d_bias, stride, padding)
    else:
        geometry = (*plans, stride, padding, dense)
        if need_x:
            d_x = _ops.convolve_adjoint(gradient, d_weight, None, *geometry, x.shape[2:])
        if need_gradient:
            d_gradient = _ops.convolve(x, d_weight, d_bias, *geometry)
    return d_x, d_gradient, *[None] * 7


def _keep_shape(ctx: Any, inputs: tuple[Any, ...], output: object) -> None:
    ctx.shape = inputs[0].shape


def _channel_sum_backward(ctx: Any, g: Tensor) -> Tensor:
    return g[:, None, None].expand(ctx.shape)


register(
    f"convolve(Tensor x, Tensor weight, Tensor? bias, {_PLANS}) -> Tensor",
    _convolve,
    _convolve_fake,
    _convolve_backward,
    _keep,
)
register(
    f"convolve_adjoint(Tensor x, Tensor weight, Tensor? bias, {_PLANS}, SymInt[2] size) -> Tensor",
    _convolve_adjoint,
    _convolve_adjoint_fake,
    _adjoint_backward,
    _keep,
)
register(
    f"convolve_weight(Tensor x, Tensor gradient, {_PLANS}, int[4] shape) -> (Tensor, Tensor)",
    _convolve_weight,
    _convolve_weight_fake,
    _weight_backward,
    _keep,
)
register(
    "channel_sum(Tensor x) -> Tensor",
    _channel_sum,
    _channel_sum_fake,
    _channel_sum_backward,
    _keep_shape,
)
