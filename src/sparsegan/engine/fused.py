"""What happens to a tensor before it is convolved, and only while it is packed.

The result of a ``Prologue`` is never stored, neither in the forward pass nor for the backward pass,
where the kernels make it again from the tensor it starts from.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from sparsegan.engine.native import kernel
from sparsegan.engine.operators import Source, address
from sparsegan.engine.resample import upsample2

_ops = torch.ops.sparsegan

Statistics = tuple[Tensor, Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Prologue:
    """Normalisation, leaky ReLU and nearest upsampling by two, in this order, each optional.

    Attributes:
        x: What it starts from, (N, C, H, W).
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

    def with_tensors(self, tensors: Sequence[Tensor]) -> "Prologue":
        """The same of other tensors."""
        x, *statistics = tensors
        gamma, beta, mean, inverse = statistics or (None,) * 4
        if gamma is None or beta is None or mean is None or inverse is None:
            return replace(self, x=x, statistics=None)
        return replace(self, x=x, statistics=(gamma, beta, mean, inverse))

    def gradient(self, upstream: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of `tensors` from that of the result, differentiable."""
        return (*prologue_gradient(self, upstream), None, None)[: len(self.tensors)]

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


def convolve_backward(
    source: Source,
    gradient: Tensor,
    weight: Tensor,
    from_batch: bool,
    pool: bool,
    transposed: bool,
    plans: Sequence[Tensor],
    frozen: bool,
) -> tuple[Tensor | None, ...]:
    """The gradients of x, weight, bias, gains and biases, from one walk through the batch.

    Args:
        source: The prologue.
        gradient: Of the result.
        weight: Of the layer.
        from_batch: Whether the prologue's statistics are functions of x.
        pool: Whether the result was pooled.
        transposed: Whether the layer is a transposed convolution.
        plans: Of the layer's passes (`functional.make_plans`).
        frozen: Whether no gradients of weight and bias are wanted.
    """
    gradient, weight = gradient.contiguous(), weight.contiguous()
    d_x = torch.empty_like(source.x)
    d_weight = None if frozen else torch.zeros_like(weight)
    d_bias = None if frozen else gradient.new_empty(gradient.shape[1])
    d_gamma = d_beta = None
    addresses = (0, 0, 0)
    if source.affine:
        _, scale, _ = source.affine
        d_gamma, d_beta = torch.empty_like(scale), torch.empty_like(scale)
        addresses = (source.inverse.data_ptr(), d_gamma.data_ptr(), d_beta.data_ptr())
    forward, adjoint, of_weight = plans
    # A transposed convolution's follow from the plan of what it is the adjoint of.
    used = (forward,) if transposed else (None if frozen else of_weight, adjoint)
    kernel("transposed_backward" if transposed else "backward", gradient.dtype)(
        *(address(plan) for plan in used),
        weight.data_ptr(),
        source.argument,
        gradient.data_ptr(),
        tuple(gradient.shape),
        (
            d_x.data_ptr(),
            address(d_weight),
            address(d_bias),
            addresses[0],
            from_batch,
            *addresses[1:],
            pool,
        ),
        torch.get_num_threads(),
    )
    return d_x, d_weight, d_bias, d_gamma, d_beta


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
