"""A convolution, transposed or not, with what comes before and after it, in one pass each way.

Before it a `Prologue` is made while input is packed; behind it results are pooled, a shortcut is
added and the moments of what is written are found while it is in the cache. The backward pass takes
all gradients from one walk through the batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from sparsegan.engine.functional import (
    check_convolution,
    check_transposed,
    make_plans,
    run_constant,
)
from sparsegan.engine.fused import (
    Prologue,
    convolve_backward,
    prologue_gradient,
)
from sparsegan.engine.index import Int2, SparseIndex
from sparsegan.engine.operators import (
    Epilogue,
    Source,
    output_size,
    run_convolution,
    run_weight_gradient,
)

_ops = torch.ops.sparsegan

Moments = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Convolution:
    """A convolution of a prologue's result, pooled or not, plus a residual.

    Attributes:
        prologue: What is convolved.
        weight: Dense weight (out, C, kh, kw).
        index: Of the weight's mask.
        bias: (out) or None.
        stride: In pixels.
        padding: Zeros around the image.
        pool: Whether the means of squares of 2x2 pixels are taken; height and width are even then.
        residual: What is added: contiguous, of the result's shape or of half its size, or None.
        residual_upsampled: Whether it is of half the size, every pixel to be repeated.
        size: Height and width of a transposed convolution's result; None of a convolution.
    """

    prologue: Prologue
    weight: Tensor
    index: SparseIndex
    bias: Tensor | None
    stride: Int2
    padding: Int2
    pool: bool = False
    residual: Tensor | None = None
    residual_upsampled: bool = False
    size: Int2 | None = None

    @property
    def convolved(self) -> list[int]:
        """The shape before pooling."""
        shape = self.prologue.shape
        if self.size is not None:
            return [shape[0], self.weight.shape[1], *self.size]
        return output_size(shape, self.weight.shape, self.stride, self.padding)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of the result."""
        n, c, h, w = self.convolved
        return (n, c, h // 2, w // 2) if self.pool else (n, c, h, w)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All tensors that the result depends on."""
        besides = (self.weight, self.bias, self.residual)
        return (*self.prologue.tensors, *(t for t in besides if t is not None))

    def with_tensors(self, tensors: Sequence[Tensor]) -> "Convolution":
        """The same of other tensors."""
        count = len(self.prologue.tensors)
        besides = iter(tensors[count:])
        return replace(
            self,
            prologue=self.prologue.with_tensors(tensors[:count]),
            weight=next(besides),
            bias=None if self.bias is None else next(besides),
            residual=None if self.residual is None else next(besides),
        )

    def gradient(self, upstream: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of `tensors` from that of the result, differentiable."""
        again = torch.is_grad_enabled()
        tensors = self.tensors
        if not again:
            tensors = tuple(t.detach().requires_grad_(t.requires_grad) for t in tensors)
        wanted = [t for t in tensors if t.requires_grad]
        with torch.enable_grad():
            result = self.with_tensors(tensors).compute()
        gradients = iter(torch.autograd.grad(result, wanted, upstream, create_graph=again))
        return tuple(next(gradients) if t.requires_grad else None for t in tensors)

    def compute(self) -> Tensor:
        """The result as a plain tensor, differentiable."""
        return self._run(moments=False)[0]

    def compute_with_moments(self) -> tuple[Tensor, Moments]:
        """The result, and means and variances (C) of its channels, which are constants."""
        y, mean, variance = self._run(moments=True)
        return y, (mean.detach(), variance.detach())

    def _run(self, moments: bool) -> tuple[Tensor, Tensor, Tensor]:
        before = self.prologue
        geometry = (self.stride, self.padding)
        transposed = self.size is not None
        constant = self.index.constant and not torch.is_grad_enabled()
        if constant and not moments and not transposed:
            source = Source(before.x, *before.arguments(), before.slope, before.upsample)
            epilogue = Epilogue(self.pool, self.residual, self.residual_upsampled)
            shapes = (self.shape, before.shape)
            constants = (self.weight, self.index, self.bias, *geometry, *shapes, epilogue)
            y = run_constant(source, *constants)
            return y, y, y
        small, large = self.convolved, list(before.shape)
        sizes = (large, small) if transposed else (small, large)
        layer = (self.weight, self.index, *geometry, sizes)
        plans = make_plans(before.tensors, *layer, adjoint=transposed)
        arguments = (
            *(before.x, self.weight, self.bias, *before.arguments()),
            *(before.from_batch, before.slope, before.upsample),
            *(self.pool, self.residual, self.residual_upsampled, moments, self.shape, transposed),
            *plans,
        )
        if not torch.is_grad_enabled():
            return _convolve_all(*arguments)
        result: tuple[Tensor, Tensor, Tensor] = _All.apply(*arguments)  # type: ignore[no-untyped-call]
        return result


def convolution(
    prologue: Prologue,
    weight: Tensor,
    index: SparseIndex,
    bias: Tensor | None,
    stride: int | Int2,
    padding: int | Int2,
) -> Convolution:
    """``functional.sparse_conv2d`` of a prologue's result, to be computed or to be added to.

    Raises:
        SparseganError: As ``functional.sparse_conv2d``.
    """
    call = (prologue.shape, prologue.x, weight, index, bias)
    return Convolution(prologue, weight, index, bias, *check_convolution(*call, stride, padding))


def transposed_convolution(
    prologue: Prologue,
    weight: Tensor,
    index: SparseIndex,
    bias: Tensor | None,
    stride: int | Int2,
    padding: int | Int2,
    output_padding: int | Int2,
) -> Convolution:
    """``functional.sparse_conv_transpose2d`` likewise.

    Raises:
        SparseganError: As ``functional.sparse_conv_transpose2d``.
    """
    call = (prologue.shape, prologue.x, weight, index, bias)
    stride, padding, size = check_transposed(*call, stride, padding, output_padding)
    return Convolution(prologue, weight, index, bias, stride, padding, size=size)


def _convolve_all(
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
    pool: bool,
    residual: Tensor | None,
    residual_upsampled: bool,
    moments: bool,
    shape: Sequence[int],
    transposed: bool,
    plan: Tensor,
    adjoint: Tensor,
    weight_plan: Tensor,
    stride: Int2,
    padding: Int2,
    dense: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    source = Source(x, gamma, beta, mean, inverse, slope, upsample)
    means, variances = (x.new_empty(shape[1] if moments else 0) for _ in range(2))
    moved = (means, variances) if moments else (None, None)
    epilogue = Epilogue(pool, residual, residual_upsampled, *moved)
    used = adjoint if transposed else plan
    y = run_convolution(source, weight, bias, used, shape, None, epilogue)
    return y, means, variances


class _All(torch.autograd.Function):
    """Not an operator of the dispatcher: what is traced or compiled never comes here."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> tuple[Tensor, Tensor, Tensor]:
        result = _convolve_all(*inputs)
        ctx.mark_non_differentiable(*result[1:])
        _keep(ctx, inputs)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        return _backward(ctx, gradients[0])


def _keep(ctx: Any, inputs: tuple[Any, ...]) -> None:
    x, weight, _, *statistics = inputs[:7]
    ctx.from_batch, ctx.slope, ctx.upsample, ctx.pool = inputs[7:11]
    ctx.residual_upsampled, ctx.transposed = inputs[12], inputs[15]
    ctx.save_for_backward(x, weight, *statistics, *inputs[16:19])
    ctx.geometry = inputs[19:]


def _backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
    """From the gradient of the result; the moments are constants."""
    x, weight, gamma, beta, mean, inverse, *plans = ctx.saved_tensors
    needs = ctx.needs_input_grad
    d_residual = None
    if needs[11]:
        d_residual = _ops.gather2(g, 1.0) if ctx.residual_upsampled else g
    # A dense gradient has a plan of its own, which a transposed convolution cannot share.
    frozen = not (needs[1] or needs[2])
    one_plan = needs[1] and not (ctx.transposed and ctx.geometry[2])
    if needs[0] and (frozen or one_plan) and not torch.is_grad_enabled():
        used = (ctx.pool, ctx.transposed, plans, frozen)
        source = Source(x, gamma, beta, mean, inverse, ctx.slope, ctx.upsample)
        gradients: Sequence[Tensor | None] = convolve_backward(
            source, g, weight, ctx.from_batch, *used
        )
    else:
        gradients = _one_by_one(ctx, g)
    d_x, d_weight, d_bias, d_gamma, d_beta = gradients
    of_layer = (d_x, d_weight, d_bias if needs[2] else None, d_gamma, d_beta)
    return *of_layer, *(None,) * 6, d_residual, *(None,) * 10


def _one_by_one(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
    """The gradients of x, weight, bias, gains and biases; of their derivatives, too."""
    x, weight, gamma, beta, mean, inverse, *plans = ctx.saved_tensors
    needs = ctx.needs_input_grad
    rest = (*plans, *ctx.geometry)
    g = _ops.spread2(g, 0.25) if ctx.pool else g
    used = None if gamma is None else (gamma, beta, mean, inverse)
    before = Prologue(x, used, ctx.from_batch, ctx.slope, ctx.upsample)
    d_x = d_weight = d_bias = d_gamma = d_beta = None
    if needs[2]:
        d_bias = _ops.channel_sum(g)
    if needs[1] and ctx.transposed:
        d_weight, _ = _ops.convolve_weight(g, before.compute(), *rest, list(weight.shape))
    elif needs[1] and torch.is_grad_enabled():
        d_weight, d_bias = _ops.convolve_weight(before.compute(), g, *rest, list(weight.shape))
    elif needs[1]:
        source = Source(x, gamma, beta, mean, inverse, ctx.slope, ctx.upsample)
        shape = list(weight.shape)
        d_weight, d_bias = run_weight_gradient(source, g, plans[2], shape)
    if needs[0] or needs[3] or needs[4]:
        if ctx.transposed:
            inner = _ops.convolve(g, weight, None, *rest)
        else:
            inner = _ops.convolve_adjoint(g, weight, None, *rest, list(before.shape[2:]))
        d_x, d_gamma, d_beta = prologue_gradient(before, inner)
    return d_x, d_weight, d_bias, d_gamma, d_beta
