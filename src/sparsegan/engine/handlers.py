"""What the engine makes of each function that it computes: a result, a result that waits, or None.

Convolutions run on the sparse kernels. Normalisation, activation and nearest upsampling by two wait
(`pending`) for the convolution that packs them (`fused`), whatever order the network's author wrote
them in; what needs their values computes them, in as few passes as possible. A handler takes the
arguments of the function that it stands for, and gives None where that has to run as it always did.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sparsegan.engine.constants import Kept
from sparsegan.engine.convolution import Convolution, convolution, transposed_convolution
from sparsegan.engine.functional import sparse_linear
from sparsegan.engine.fused import Prologue
from sparsegan.engine.normalise import normalisation
from sparsegan.engine.pending import Pending, pend_inplace
from sparsegan.engine.resample import add_upsampled2, average_pool2

if TYPE_CHECKING:
    from sparsegan.engine.mode import Interception


_FEW_ROWS = 32
"""Below it a dense product is faster: 14 to 101 us against 90 to 135 (128 to 1024, 15 % active)."""


def _conv2d(
    native: "Interception",
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor | None:
    index = native.take(input, weight, (4,))
    if index is None:
        return None
    prologue = _prologue_of(input) or Prologue(_plain(input))
    return native.defer(convolution(prologue, weight, index, bias, stride, padding))


def _conv_transpose2d(
    native: "Interception",
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor | None:
    index = native.take(input, weight, (4,))
    if index is None:
        return None
    prologue = _prologue_of(input)
    if prologue is None or prologue.upsample:
        prologue = Prologue(_plain(input))
    layer = (weight, index, bias, stride, padding, output_padding)
    return native.defer(transposed_convolution(prologue, *layer))


def _linear(
    native: "Interception", input: Tensor, weight: Tensor, bias: Tensor | None = None
) -> Tensor | None:
    index = native.take(input, weight, (2,))
    if index is None or index.density == 1:
        return None  # nothing to skip
    if not torch.is_grad_enabled() and input.numel() < input.shape[-1] * _FEW_ROWS:
        return None  # rows are the kernels' lanes, most of which would be empty
    return sparse_linear(_plain(input), weight, index, bias)


def _batch_norm(
    native: "Interception",
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor | None:
    if training and input.numel() == input.shape[1]:
        return None  # PyTorch refuses a single value per channel, in its own words
    x, moments = _with_moments(input) if training else (_plain(input), None)
    if not _is_ours(x):
        return None
    affine = (weight, bias, training, momentum, eps)
    if training or native.constants is None or running_var is None:
        statistics = normalisation(x, running_mean, running_var, *affine, moments=moments)
        return native.defer(Prologue(x, statistics, from_batch=training))
    made_from = (running_mean, running_var, weight, bias)
    folded = native.constants.get(running_var.data_ptr())
    if folded is None or not folded.holds_for(*made_from):
        with torch.no_grad():
            statistics = normalisation(x, running_mean, running_var, *affine)
        folded = native.constants[running_var.data_ptr()] = Kept(statistics, *made_from)
    return native.defer(Prologue(x, folded.value))


def _relu(native: "Interception", input: Tensor, inplace: bool = False) -> Tensor | None:
    return _activate(native, input, 0.0, inplace)


def _relu_inplace(native: "Interception", input: Tensor) -> Tensor | None:
    return _activate(native, input, 0.0, True)


def _leaky_relu(
    native: "Interception", input: Tensor, negative_slope: float = 0.01, inplace: bool = False
) -> Tensor | None:
    # A slope of one is a prologue's "no activation", and a negative one has another gradient.
    return _activate(native, input, negative_slope, inplace) if 0 <= negative_slope < 1 else None


def _activate(native: "Interception", x: Tensor, slope: float, inplace: bool) -> Tensor | None:
    prologue = _prologue_of(x)
    if prologue is None:
        x = _plain(x)
        waits = native.calm and not inplace and _is_ours(x)
        return native.defer(Prologue(x, slope=slope)) if waits else None
    if prologue.slope != 1:
        return None
    activated = replace(prologue, slope=slope)
    if not inplace:
        return native.defer(activated)
    assert isinstance(x, Pending)
    return pend_inplace(x, activated)


def _interpolate(native: "Interception", input: Tensor, *args: Any, **kwargs: Any) -> Tensor | None:
    options = dict(zip(("size", "scale_factor", "mode"), args, strict=False)) | kwargs
    plain = options.pop("mode", "nearest") == "nearest" and options.pop("size", None) is None
    factor = options.pop("scale_factor", None)
    twice = factor in (2, (2, 2), [2, 2])
    if not (plain and twice and not any(options.values())):
        return None
    prologue = _prologue_of(input)
    if prologue is None or prologue.upsample:
        x = _plain(input)
        return native.defer(Prologue(x, upsample=True)) if _is_ours(x) else None
    return native.defer(replace(prologue, upsample=True))


def _avg_pool2d(
    native: "Interception",
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    *rest: Any,
    **kwargs: Any,
) -> Tensor | None:
    twos = (2, (2, 2), [2, 2])
    if kernel_size not in twos or stride not in (None, [], *twos) or rest or kwargs:
        return None
    if input.dim() != 4 or input.shape[2] % 2 or input.shape[3] % 2:
        return None
    convolved = _convolution_of(input)
    if convolved is not None and convolved.size is None and _is_bare(convolved):
        return native.defer(replace(convolved, pool=True))
    x = _plain(input)
    return average_pool2(x) if _is_ours(x) else None


def _add(native: "Interception", input: Any, other: Any, **kwargs: Any) -> Tensor | None:
    """A residual block's sum: into the last convolution, or with an upsampled shortcut."""
    if kwargs or not (isinstance(input, Tensor) and isinstance(other, Tensor)) or input is other:
        return None
    for first, second in ((input, other), (other, input)):
        convolved = _convolution_of(first)
        if convolved is None or convolved.residual is not None:
            continue
        small = _only_upsampled(second)
        residual = _plain(second) if small is None else small
        if second.shape == convolved.shape and _is_ours(residual):
            added = replace(convolved, residual=residual, residual_upsampled=small is not None)
            return native.defer(added)
    for first, second in ((input, other), (other, input)):
        small, base = _only_upsampled(second), _plain(first)
        if small is not None and base.shape == second.shape and _is_ours(base):
            return add_upsampled2(base, small)
    return None


def _is_bare(convolved: Convolution) -> bool:
    return not convolved.pool and convolved.residual is None


def _only_upsampled(x: Tensor) -> Tensor | None:
    """What a waiting tensor is the upsampling of, where it is nothing else."""
    prologue = _prologue_of(x)
    if prologue is None or not prologue.upsample or prologue.slope != 1:
        return None
    return prologue.x if prologue.statistics is None and _is_ours(prologue.x) else None


def _addcmul(
    native: "Interception", input: Tensor, tensor1: Tensor, tensor2: Tensor, **kwargs: Any
) -> Tensor | None:
    """Gains and biases of each sample behind a normalisation (class-conditional)."""
    bias, gain = input, tensor2
    prologue = _prologue_of(tensor1)
    if prologue is None or prologue.statistics is None or prologue.slope != 1 or kwargs:
        return None
    shape = (*prologue.shape[:2], 1, 1)
    if prologue.per_sample or not bias.shape == gain.shape == shape:
        return None
    if gain.dtype != prologue.x.dtype:
        return None
    gamma, beta, mean, inverse = prologue.statistics
    gain, bias = gain[..., 0, 0], bias[..., 0, 0]
    statistics = (gamma * gain, beta * gain + bias, mean, inverse)
    return native.defer(replace(prologue, statistics=statistics))


def _made_of(x: Any) -> Any:
    """What may be taken up in place of values: where gradients are recorded as at its making."""
    fits = isinstance(x, Pending) and x.waits and x.recorded == torch.is_grad_enabled()
    return x.made_of if fits else None


def _prologue_of(x: Any) -> Prologue | None:
    made_of = _made_of(x)
    return made_of if isinstance(made_of, Prologue) else None


def _convolution_of(x: Any) -> Convolution | None:
    made_of = _made_of(x)
    return made_of if isinstance(made_of, Convolution) else None


def _with_moments(x: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor] | None]:
    """The values, and means and variances of the channels where they are found on the way."""
    convolved = _convolution_of(x)
    if convolved is None:
        return _plain(x), None
    assert isinstance(x, Pending)
    values, moments = convolved.compute_with_moments()
    x.settle(values)
    return values, moments


def _plain(x: Tensor) -> Tensor:
    return x.plain() if isinstance(x, Pending) else x


def _is_ours(x: Tensor) -> bool:
    plain = x.dtype == torch.float32 and x.device.type == "cpu"
    return plain and x.dim() == 4 and x.is_contiguous()


HANDLERS: dict[Any, Callable[..., Tensor | None]] = {
    F.conv2d: _conv2d,
    F.conv_transpose2d: _conv_transpose2d,
    F.linear: _linear,
    F.batch_norm: _batch_norm,
    F.relu: _relu,
    torch.relu: _relu,
    Tensor.relu: _relu,
    torch.relu_: _relu_inplace,
    Tensor.relu_: _relu_inplace,
    F.leaky_relu: _leaky_relu,
    F.interpolate: _interpolate,
    F.avg_pool2d: _avg_pool2d,
    torch.add: _add,
    Tensor.add: _add,
    torch.addcmul: _addcmul,
}
