"""Batch normalisation with its (leaky) ReLU ."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sparsegan.engine.native import kernel
from sparsegan.engine.registry import register
from sparsegan.errors import SparseganError

_AFFINE = "Tensor weight, Tensor bias, Tensor mean, Tensor inverse, bool batch_statistics"

_ops = torch.ops.sparsegan


def batch_norm(
    x: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    negative_slope: float = 1.0,
) -> Tensor:
    """``F.batch_norm`` and the activation behind it.

    Args:
        x: Input (N, C, H, W); copied where it is not contiguous.
        running_mean: (C); updated in place in training. Needed outside training.
        running_var: (C); likewise, with the unbiased variance.
        weight: (C), or (N, C) for class-conditional normalisation; None is 1.
        bias: As ``weight``; None is 0.
        training: Whether the statistics are those of the batch.
        momentum: Share of the batch's statistics in the running ones.
        eps: Added to the variance.
        negative_slope: Of the leaky ReLU behind: 0 is ReLU, 1 no activation.

    Returns:
        (N, C, H, W).

    Raises:
        SparseganError: If there are no running statistics outside training, or shapes do not fit.
    """
    statistics = normalisation(x, running_mean, running_var, weight, bias, training, momentum, eps)
    y: Tensor = _ops.normalise(x, *statistics, training, negative_slope)
    return y


def normalisation(
    x: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    moments: tuple[Tensor, Tensor] | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What ``batch_norm`` normalises with, the running statistics moved.

    Args:
        x: As of ``batch_norm``.
        running_mean: Likewise.
        running_var: Likewise.
        weight: Likewise.
        bias: Likewise.
        training: Likewise.
        momentum: Likewise.
        eps: Likewise.
        moments: Means and variances of the channels of ``x``, (C), where they are known.

    Returns:
        Gains and biases, (C) or (N, C); means and inverse standard deviations, (C).

    Raises:
        SparseganError: As ``batch_norm``.
    """
    n, c = x.shape[:2]
    shape = next((a.shape for a in (weight, bias) if a is not None), torch.Size([c]))
    gamma = x.new_ones(shape) if weight is None else weight
    beta = x.new_zeros(shape) if bias is None else bias
    if gamma.shape != beta.shape or shape not in (torch.Size([c]), torch.Size([n, c])):
        raise SparseganError(
            f"batch_norm: weight {tuple(gamma.shape)} and bias {tuple(beta.shape)} must both be "
            f"({c},) or ({n}, {c})"
        )
    if training:
        with torch.no_grad():
            mean, variance = moments if moments is not None else _ops.moments(x)
            _update(running_mean, running_var, mean, variance, x.numel() // c, momentum)
    elif running_mean is not None and running_var is not None:
        mean, variance = running_mean.to(x.dtype), running_var.to(x.dtype)
    else:
        raise SparseganError("batch_norm: outside training give it running statistics")
    return gamma, beta, mean, torch.rsqrt(variance + eps)


def _update(
    running_mean: Tensor | None,
    running_var: Tensor | None,
    mean: Tensor,
    variance: Tensor,
    count: int,
    momentum: float,
) -> None:
    if running_mean is not None:
        running_mean.lerp_(mean.to(running_mean.dtype), momentum)
    if running_var is not None:
        unbiased = variance * (count / max(1, count - 1))
        running_var.lerp_(unbiased.to(running_var.dtype), momentum)


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    x = x.contiguous()
    mean, variance = x.new_empty(x.shape[1]), x.new_empty(x.shape[1])
    addresses = (mean.data_ptr(), variance.data_ptr())
    shape = tuple(x.shape)
    kernel("moments", x.dtype)(x.data_ptr(), shape, *addresses, torch.get_num_threads())
    return mean, variance


def _arguments(
    x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, inverse: Tensor, slope: float
) -> tuple[object, ...]:
    pointers = (t.data_ptr() for t in (mean, inverse, gamma, beta))
    return (tuple(x.shape), *pointers, gamma.dim() == 2, slope)


def _normalise(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    mean: Tensor,
    inverse: Tensor,
    batch_statistics: bool,
    slope: float,
) -> Tensor:
    x = x.contiguous()
    gamma, beta, y = weight.contiguous(), bias.contiguous(), torch.empty_like(x)
    mean, inverse = mean.contiguous(), inverse.contiguous()
    arguments = _arguments(x, gamma, beta, mean, inverse, slope)
    kernel("normalise", x.dtype)(x.data_ptr(), arguments, y.data_ptr(), torch.get_num_threads())
    return y


def _normalise_gradient(
    x: Tensor,
    gradient: Tensor,
    weight: Tensor,
    bias: Tensor,
    mean: Tensor,
    inverse: Tensor,
    batch_statistics: bool,
    slope: float,
) -> tuple[Tensor, Tensor, Tensor]:
    x, gradient = x.contiguous(), gradient.contiguous()
    gamma, beta, d_x = weight.contiguous(), bias.contiguous(), torch.empty_like(x)
    mean, inverse = mean.contiguous(), inverse.contiguous()
    d_gamma, d_beta = torch.empty_like(gamma), torch.empty_like(beta)
    kernel("normalise_gradient", x.dtype)(
        x.data_ptr(),
        gradient.data_ptr(),
        _arguments(x, gamma, beta, mean, inverse, slope),
        batch_statistics,
        d_x.data_ptr(),
        d_gamma.data_ptr(),
        d_beta.data_ptr(),
        torch.get_num_threads(),
    )
    return d_x, d_gamma, d_beta


def _moments_fake(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.new_empty(x.shape[1]), x.new_empty(x.shape[1])


def _normalise_fake(x: Tensor, *rest: object) -> Tensor:
    return x.new_empty(x.shape)


def _normalise_gradient_fake(
    x: Tensor, gradient: Tensor, weight: Tensor, bias: Tensor, *rest: object
) -> tuple[Tensor, Tensor, Tensor]:
    return x.new_empty(x.shape), weight.new_empty(weight.shape), bias.new_empty(bias.shape)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: object) -> None:
    ctx.save_for_backward(*(a for a in inputs if isinstance(a, Tensor)))
    ctx.batch_statistics, ctx.slope = inputs[-2:]


def _normalise_backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
    x, *affine = ctx.saved_tensors
    gradients = _ops.normalise_gradient(x, g, *affine, ctx.batch_statistics, ctx.slope)
    return *gradients, None, None, None, None


def _dense(
    x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, inverse: Tensor, from_batch: bool
) -> Tensor:
    """The normalisation in plain operations, for derivatives of its gradient."""
    mean, inverse = mean[:, None, None], inverse[:, None, None]
    if from_batch:
        # `inverse` holds epsilon: 1 / inverse^2 = variance + epsilon.
        centre = x.mean((0, 2, 3), keepdim=True)
        variance = (x - centre).square().mean((0, 2, 3), keepdim=True)
        epsilon = inverse.pow(-2) - variance.detach()
        mean, inverse = centre, torch.rsqrt(variance + epsilon)
    return (x - mean) * inverse * weight[..., None, None] + bias[..., None, None]


def _gradient_backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
    saved = [t.detach().requires_grad_() for t in ctx.saved_tensors[:4]]
    x, gradient, weight, bias = saved
    mean, inverse = ctx.saved_tensors[4:]
    with torch.enable_grad():
        y = _dense(x, weight, bias, mean, inverse, ctx.batch_statistics)
        y = F.leaky_relu(y, ctx.slope)
        first = torch.autograd.grad(y, (x, weight, bias), gradient, create_graph=True)
        second = torch.autograd.grad(first, saved, upstream, allow_unused=True)
    return *second, None, None, None, None


register("moments(Tensor x) -> (Tensor, Tensor)", _moments, _moments_fake)
register(
    f"normalise(Tensor x, {_AFFINE}, float slope) -> Tensor",
    _normalise,
    _normalise_fake,
    _normalise_backward,
    _keep,
)
register(
    f"normalise_gradient(Tensor x, Tensor gradient, {_AFFINE}, float slope)"
    " -> (Tensor, Tensor, Tensor)",
    _normalise_gradient,
    _normalise_gradient_fake,
    _gradient_backward,
    _keep,
)
