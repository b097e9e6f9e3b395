"""PyTorch's spectral normalisation in one call of the kernels, where a network runs natively."""

from typing import Any

import torch
from torch import Tensor

from sparsegan.engine.mode import intercepts
from sparsegan.engine.native import kernel
from sparsegan.engine.recording import step
from sparsegan.torch_private import SpectralNorm


class _SpectralNorm(SpectralNorm):
    """What ``torch.nn.utils.parametrizations.spectral_norm`` makes of a module, natively.

    Elsewhere than in a native forward it is PyTorch's own. Both move ``_u`` and ``_v`` alike, but
    for the rounding of sums. It has the name of PyTorch's class, by which others know that.
    """

    def forward(self, weight: Tensor) -> Tensor:
        """The weight over its largest singular value, as estimated."""
        plain = weight.dtype == torch.float32 and weight.device.type == "cpu"
        mine = plain and weight.dim() > 1 and self.dim == 0 and weight.is_contiguous()
        if not (mine and intercepts()):
            result: Tensor = super().forward(weight)
            return result
        iterations = self.n_power_iterations if self.training else 0
        if not (iterations or torch.is_grad_enabled()):
            return step(_over_norm, (weight, self._u, self._v), (self.eps,))
        y: Tensor = _Spectral.apply(weight, self._u, self._v, iterations, self.eps)  # type: ignore[no-untyped-call]
        return y


def nativize(module: SpectralNorm) -> None:
    """Let a spectral normalisation run on the kernels where its network does."""
    if type(module) is SpectralNorm:
        module.__class__ = _SpectralNorm


def denativize(module: SpectralNorm) -> None:
    """Make it PyTorch's own again."""
    if type(module) is _SpectralNorm:
        module.__class__ = SpectralNorm  # type: ignore[assignment]


def _over_norm(weight: Tensor, u: Tensor, v: Tensor, epsilon: float) -> Tensor:
    return _run(weight, u, v, 0, epsilon)[0]


def _run(
    weight: Tensor, u: Tensor, v: Tensor, iterations: int, epsilon: float
) -> tuple[Tensor, float]:
    """The weight over its norm, and the norm; the vectors are moved."""
    y = torch.empty_like(weight)
    rows = weight.shape[0]
    arguments = (rows, weight.numel() // rows, u.data_ptr(), v.data_ptr(), iterations, epsilon)
    norm: float = kernel("spectral", weight.dtype)(weight.data_ptr(), *arguments, y.data_ptr())
    return y, norm


class _Spectral(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, weight: Tensor, u: Tensor, v: Tensor, iterations: int, epsilon: float
    ) -> Tensor:
        y, ctx.norm = _run(weight, u, v, iterations, epsilon)
        ctx.size = (weight.shape[0], weight.numel() // weight.shape[0])
        # Copies: another forward moves the vectors before this one's backward.
        ctx.save_for_backward(weight, u.clone(), v.clone())
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        weight, u, v = ctx.saved_tensors
        gradient = gradients[0]
        if torch.is_grad_enabled():
            # Derivatives are wanted: the norm as a function of the weight.
            norm = torch.vdot(u, torch.mv(weight.flatten(1), v))
            direction = torch.outer(u, v).view_as(weight)
            product = (gradient * weight).sum()
            return gradient / norm - product / norm.square() * direction, None, None, None, None
        gradient = gradient.contiguous()
        d_weight = torch.empty_like(weight)
        addresses = (weight.data_ptr(), gradient.data_ptr(), *ctx.size, u.data_ptr(), v.data_ptr())
        kernel("spectral_gradient", weight.dtype)(*addresses, ctx.norm, d_weight.data_ptr())
        return d_weight, None, None, None, None
