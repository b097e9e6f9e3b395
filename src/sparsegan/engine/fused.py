"""Convolution of a tensor that is normalised, activated and upsampled only while it is packed.

``Prologue`` says what happens before the convolution; its result is never stored, neither in the
forward pass nor for the backward pass, where the kernels make it again from the tensor it starts
from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sparsegan.engine.functional import check_convolution, make_plans, run_constant
from sparsegan.engine.index import Int2, SparseIndex
from sparsegan.engine.layout import empty_batch_inner, to_batch_inner
from sparsegan.engine.native import kernel
from sparsegan.engine.normalise import rows
from sparsegan.engine.operators import output_size, run_convolution
from sparsegan.engine.registry import register
from sparsegan.engine.resample import upsample2

_ops = torch.ops.sparsegan

Statistics = tuple[Tensor, Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Prologue:
    """Normalisation, leaky ReLU and nearest upsampling by two, in this order, each optional.

    Attributes:
        x: What it starts from, (N, C, H, W), batch-inner.
        statistics: Gains, biases, means, inverse deviations (``normalise.normalisation``), or None.
        from_batch: Whether means and deviations are functions of ``x``.
        slope: Of the leaky ReLU: 0 is ReLU, 1 no activation.
        upsample: Whether every pixel is repeated in a square of four.
    """

    x: Tensor
    statistics: Statistics | None = None
    from_batch: bool = False
    slope: float = 1.0
    upsample: bool = False

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of the result."""
        n, c, h, w = self.x.shape
        factor = 2 if self.upsample else 1
        return n, c, factor * h, factor * w

    @property
    def per_sample(self) -> bool:
        """Whether every sample has gains and biases of its own."""
        return self.statistics is not None and self.statistics[0].dim() == 2

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All tensors that the result depends on."""
        return (self.x, *(self.statistics or ()))

    def compute(self) -> Tensor:
        """The result as a plain tensor, differentiable."""
        y = self.x
        if self.statistics is not None:
            y = _ops.normalise(y, *self.statistics, self.from_batch, self.slope)
        elif self.slope != 1:
            y = F.relu(y) if self.slope == 0 else F.leaky_relu(y, self.slope)
        return upsample2(y) if self.upsample else y

    def arguments(self) -> tuple[Tensor | None, Tensor | None, Tensor | None, Tensor | None]:
        """The statistics, or None for each."""
        return self.statistics or (None, None, None, None)


def convolve_prologue(
    prologue: Prologue,
    weight: Tensor,
    index: SparseIndex,
    bias: Tensor | None,
    stride: int | Int2,
    padding: int | Int2,
) -> Tensor:
    """``functional.sparse_conv2d`` of a prologue's result.

    Raises:
        SparseganError: As ``functional.sparse_conv2d``.
    """
    call = (prologue.shape, prologue.x, weight, index, bias)
    stride, padding = check_convolution(*call, stride, padding)
    shape = output_size(prologue.shape, weight.shape, stride, padding)
    if index.constant and not torch.is_grad_enabled():
        source = _Source(prologue.x, *prologue.arguments(), prologue.slope, prologue.upsample)
        rest = (weight, index, bias, stride, padding, shape)
        return run_constant(source.x, source.argument, *rest)
    sizes = (shape, prologue.shape)
    plans = make_plans(prologue.tensors, weight, index, stride, padding, sizes, adjoint=False)
    y: Tensor = _ops.convolve_prologue(
        prologue.x,
        weight,
        bias,
        *prologue.arguments(),
        prologue.from_batch,
        prologue.slope,
        prologue.upsample,
        *plans,
    )
    return y


def can_fuse(prologue: Prologue, weight: Tensor) -> bool:
    """Whether the kernels pack through this prologue.

    A 1x1 convolution reads planes as rows of any length, which know neither pixels nor samples.
    """
    point = tuple(weight.shape[2:]) == (1, 1)
    return not (point and (prologue.upsample or prologue.per_sample))


class _Source:
    """A prologue as the kernels' argument; holds the memory that it points into."""

    def __init__(
        self,
        x: Tensor,
        gamma: Tensor | None,
        beta: Tensor | None,
        mean: Tensor | None,
        inverse: Tensor | None,
        slope: float,
        upsample: bool,
    ) -> None:
        self.x = to_batch_inner(x)
        self.affine: tuple[Tensor, ...] = ()
        per_sample = gamma is not None and gamma.dim() == 2
        if gamma is not None and beta is not None and mean is not None and inverse is not None:
            self.affine = (mean.contiguous(), rows(gamma * inverse), rows(beta))
        n, c, h, w = x.shape
        factor = 2 if upsample else 1
        addresses = [t.data_ptr() for t in self.affine] or [0, 0, 0]
        size = (c, factor * h, factor * w, n)
        self.argument = (self.x.data_ptr(), *size, *addresses, per_sample, slope, upsample)


def _convolve_prologue(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    gamma: Tensor | None,
    beta: Tensor | None,
    mean: Tensor | None,
    inverse: Tensor | None,
    from_batch: bool,
    slope: float,
    upsample: bool,
    plan: Tensor,
    adjoint: Tensor,
    weight_plan: Tensor,
    stride: Int2,
    padding: Int2,
    dense: bool,
) -> Tensor:
    source = _Source(x, gamma, beta, mean, inverse, slope, upsample)
    size = output_size(_large(x, upsample), weight.shape, stride, padding)
    return run_convolution(source.x, source.argument, weight, bias, plan, size)


def _large(x: Tensor, upsample: bool) -> list[Any]:
    n, c, h, w = x.shape
    return [n, c, 2 * h, 2 * w] if upsample else [n, c, h, w]


def _convolve_prologue_fake(x: Tensor, weight: Tensor, bias: Tensor | None, *rest: Any) -> Tensor:
    upsample, (stride, padding, _) = rest[6], rest[-3:]
    size = output_size(_large(x, upsample), weight.shape, stride, padding)
    return empty_batch_inner(x, size)


def _prologue_weight(
    x: Tensor,
    gradient: Tensor,
    gamma: Tensor | None,
    beta: Tensor | None,
    mean: Tensor | None,
    inverse: Tensor | None,
    slope: float,
    upsample: bool,
    weight_plan: Tensor,
    shape: Sequence[int],
) -> tuple[Tensor, Tensor]:
    source = _Source(x, gamma, beta, mean, inverse, slope, upsample)
    gradient = to_batch_inner(gradient)
    d_weight, d_bias = x.new_zeros(shape), x.new_empty(shape[0])
    kernel("weight_gradient", x.dtype)(
        weight_plan.data_ptr(),
        source.argument,
        gradient.data_ptr(),
        gradient.shape[2],
        gradient.shape[3],
        d_weight.data_ptr(),
        d_bias.data_ptr(),
        torch.get_num_threads(),
    )
    return d_weight, d_bias


def _prologue_weight_fake(x: Tensor, gradient: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    shape = rest[-1]
    return x.new_empty(shape), x.new_empty(shape[0])


def _keep(ctx: Any, inputs: tuple[Any, ...], output: object) -> None:
    x, weight, _, *statistics = inputs[:7]
    ctx.from_batch, ctx.slope, ctx.upsample = inputs[7:10]
    ctx.save_for_backward(x, weight, *statistics, *inputs[10:13])
    ctx.geometry = inputs[13:]


def _backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
    x, weight, *saved = ctx.saved_tensors
    statistics, plans = saved[:4], saved[4:]
    used = None if statistics[0] is None else tuple(statistics)
    before = Prologue(x, used, ctx.from_batch, ctx.slope, ctx.upsample)
    needs = ctx.needs_input_grad
    d_weight = d_bias = None
    if needs[1] or needs[2]:
        if torch.is_grad_enabled():
            # Derivatives of this gradient are wanted: through operators that have them.
            rest = (*plans, *ctx.geometry, list(weight.shape))
            d_weight, d_bias = _ops.convolve_weight(before.compute(), g, *rest)
        else:
            transform = (*statistics, ctx.slope, ctx.upsample)
            d_weight, d_bias = _ops.prologue_weight(x, g, *transform, plans[2], list(weight.shape))
    d_before: tuple[Tensor | None, ...] = (None, None, None)
    if needs[0] or needs[3] or needs[4]:
        size = list(before.shape[2:])
        inner = _ops.convolve_adjoint(g, weight, None, *plans, *ctx.geometry, size)
        d_before = prologue_gradient(before, inner)
    d_x, d_gamma, d_beta = d_before
    none = (None,) * 11
    return d_x, d_weight, d_bias if needs[2] else None, d_gamma, d_beta, *none


def prologue_gradient(
    prologue: Prologue, gradient: Tensor
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """The gradients of ``x``, gains and biases from that of the result, differentiable."""
    if prologue.upsample:
        gradient = _ops.gather2(gradient, 1.0)
    x, slope = prologue.x, prologue.slope
    if prologue.statistics is not None:
        arguments = (*prologue.statistics, prologue.from_batch, slope)
        d_x, d_gamma, d_beta = _ops.normalise_gradient(x, gradient, *arguments)
        return d_x, d_gamma, d_beta
    if slope == 1:
        return gradient, None, None
    if slope == 0:
        return torch.ops.aten.threshold_backward(gradient, x, 0), None, None
    return torch.ops.aten.leaky_relu_backward(gradient, x, slope, False), None, None


_STATISTICS = "Tensor? gamma, Tensor? beta, Tensor? mean, Tensor? inverse"

register(
    f"convolve_prologue(Tensor x, Tensor weight, Tensor? bias, {_STATISTICS}, bool from_batch, "
    "float slope, bool upsample, Tensor plan, Tensor adjoint, Tensor weight_plan, int[2] stride, "
    "int[2] padding, bool dense) -> Tensor",
    _convolve_prologue,
    _convolve_prologue_fake,
    _backward,
    _keep,
)
register(
    f"prologue_weight(Tensor x, Tensor gradient, {_STATISTICS}, float slope, bool upsample, "
    "Tensor weight_plan, int[4] shape) -> (Tensor, Tensor)",
    _prologue_weight,
    _prologue_weight_fake,
)
