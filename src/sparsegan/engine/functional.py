"""Sparse layers as functions: what ``torch.nn.functional`` has, with an index of active weights."""

from collections.abc import Sequence

import torch
from torch import Tensor

from sparsegan.engine.index import Int2, SparseIndex
from sparsegan.engine.operators import (
    NOTHING,
    Epilogue,
    Source,
    output_size,
    run_convolution,
)
from sparsegan.errors import SparseganError


def _int2(value: int | Int2) -> Int2:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


def _check(
    name: str,
    x: Tensor,
    weight: Tensor,
    index: SparseIndex,
    bias: Tensor | None,
    *,
    transposed: bool = False,
) -> None:
    outputs, channels = weight.shape[:2][:: -1 if transposed else 1]
    if weight.shape != index.mask.shape:
        raise SparseganError(
            f"{name}: the weight {tuple(weight.shape)} and the mask of its index "
            f"{tuple(index.mask.shape)} must have one shape"
        )
    if x.shape[1] != channels:
        raise SparseganError(
            f"{name}: an input of {x.shape[1]} channels does not fit a weight "
            f"{tuple(weight.shape)}: give it {channels}"
        )
    if x.dtype != weight.dtype:
        raise SparseganError(
            f"{name}: input ({x.dtype}) and weight ({weight.dtype}) must have one type: cast one"
        )
    if bias is not None and (bias.shape != (outputs,) or bias.dtype != x.dtype):
        raise SparseganError(
            f"{name}: a bias of shape {tuple(bias.shape)} and {bias.dtype} does not fit {outputs} "
            f"output channels of {x.dtype}: give it that shape and type"
        )
    if x.device.type != "cpu" or weight.device.type != "cpu":
        raise SparseganError(f"{name}: the native engine runs on the CPU: use the masked engine")


def _check_geometry(name: str, stride: Int2, padding: Int2) -> None:
    if min(stride) < 1 or min(padding) < 0:
        raise SparseganError(
            f"{name}: stride {stride} and padding {padding} must be at least 1 and 0"
        )


def make_plans(
    inputs: Sequence[Tensor],
    weight: Tensor,
    index: SparseIndex,
    stride: Int2,
    padding: Int2,
    sizes: tuple[Sequence[int], Sequence[int]],
    adjoint: bool,
) -> tuple[Tensor, Tensor, Tensor, Int2, Int2, bool]:
    """The plans that the passes of this call need; one that is not needed is an empty tensor.

    Args:
        inputs: What the layer's input is made of.
        weight: Of the layer.
        index: Likewise.
        stride: Likewise.
        padding: Likewise.
        sizes: Shapes that end in height and width: of what a convolution with this weight gives,
            and of what it takes.
        adjoint: Whether the layer is the convolution's adjoint.
    """
    small, large = ((size[-2], size[-1]) for size in sizes)
    tensors = (*inputs, weight)
    gradients = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
    none = torch.empty(0, dtype=torch.int32)
    arguments = (inputs[0].shape[0], stride, padding, inputs[0].dtype, small, large)
    # Groups are output channels of the layer: of the pass that is its forward one.
    forward = backward = of_weight = none
    if gradients or not adjoint:
        forward = index.plan(*arguments, groups=not adjoint)
    if gradients or adjoint:
        backward = index.plan(*arguments, adjoint=True, groups=adjoint)
    dense = index.dense_gradient and gradients and weight.requires_grad
    if gradients and weight.requires_grad:
        of_weight = index.plan(*arguments, dense=dense)
    return forward, backward, of_weight, stride, padding, dense


def check_convolution(
    shape: Sequence[int],
    x: Tensor,
    weight: Tensor,
    index: SparseIndex,
    bias: Tensor | None,
    stride: int | Int2,
    padding: int | Int2,
) -> tuple[Int2, Int2]:
    """Stride and padding as pairs, if a convolution of an image of ``shape`` made of x is valid.

    Raises:
        SparseganError: If it is not.
    """
    stride, padding = _int2(stride), _int2(padding)
    _check("sparse_conv2d", x, weight, index, bias)
    _check_geometry("sparse_conv2d", stride, padding)
    if any(shape[2 + i] + 2 * padding[i] < weight.shape[2 + i] for i in (0, 1)):
        raise SparseganError(
            f"sparse_conv2d: the kernel {tuple(weight.shape[2:])} is larger than the padded image "
            f"{tuple(shape[2:])}: enlarge the padding"
        )
    return stride, padding


def check_transposed(
    shape: Sequence[int],
    x: Tensor,
    weight: Tensor,
    index: SparseIndex,
    bias: Tensor | None,
    stride: int | Int2,
    padding: int | Int2,
    output_padding: int | Int2,
) -> tuple[Int2, Int2, Int2]:
    """Stride, padding and the result's size, of a transposed convolution of an image of ``shape``.

    Raises:
        SparseganError: If it is not valid.
    """
    stride, padding, extra = _int2(stride), _int2(padding), _int2(output_padding)
    _check("sparse_conv_transpose2d", x, weight, index, bias, transposed=True)
    _check_geometry("sparse_conv_transpose2d", stride, padding)
    size = [
        (shape[2 + i] - 1) * stride[i] - 2 * padding[i] + weight.shape[2 + i] + extra[i]
        for i in (0, 1)
    ]
    if min(size) < 1 or any(extra[i] >= stride[i] for i in (0, 1) if extra[i]):
        raise SparseganError(
            f"sparse_conv_transpose2d: stride {stride}, padding {padding} and output padding "
            f"{extra} leave no valid output {tuple(size)}: change them"
        )
    return stride, padding, (size[0], size[1])


def run_constant(
    source: Source,
    weight: Tensor,
    index: SparseIndex,
    bias: Tensor | None,
    stride: Int2,
    padding: Int2,
    shape: Sequence[int],
    shape_of_input: Sequence[int],
    epilogue: Epilogue = NOTHING,
) -> Tensor:
    """A convolution with constant weights, outside autograd and the dispatcher.

    Args:
        source: What is convolved.
        weight: Of the layer.
        index: Likewise.
        bias: Likewise.
        stride: Likewise.
        padding: Likewise.
        shape: Of the result.
        shape_of_input: Of what is convolved.
        epilogue: What is done with the result.
    """
    factor = 2 if epilogue.pool else 1
    small = (factor * shape[2], factor * shape[3])
    large = (shape_of_input[2], shape_of_input[3])
    x = source.x
    plan = index.plan(x.shape[0], stride, padding, x.dtype, small, large, groups=True)
    values = index.gathered(weight, plan)
    return run_convolution(source, weight, bias, plan, shape, values, epilogue)


def sparse_conv2d(
    x: Tensor,
    weight: Tensor,
    index: SparseIndex,
    bias: Tensor | None = None,
    stride: int | Int2 = 1,
    padding: int | Int2 = 0,
) -> Tensor:
    """``F.conv2d`` with the active weights only.

    Args:
        x: Input (N, C, H, W); copied where it is not contiguous.
        weight: Dense weight (out, C, kh, kw); its inactive entries are never read.
        index: Of the weight's mask.
        bias: (out) or None.
        stride: In pixels.
        padding: Zeros around the image, in pixels.

    Returns:
        (N, out, H', W'). The gradient of ``weight`` is zero at inactive entries, or
        the dense gradient where ``index.dense_gradient`` is set.

    Raises:
        SparseganError: If shapes, types or devices do not fit, or the kernels are not compiled.
    """
    stride, padding = check_convolution(x.shape, x, weight, index, bias, stride, padding)
    shape = output_size(x.shape, weight.shape, stride, padding)
    if index.constant and not torch.is_grad_enabled():
        rest = (weight, index, bias, stride, padding, shape, x.shape)
        return run_constant(Source(x), *rest)
    sizes = (shape, x.shape)
    plans = make_plans((x,), weight, index, stride, padding, sizes, adjoint=False)
    y: Tensor = torch.ops.sparsegan.convolve(x, weight, bias, *plans)
    return y


def sparse_conv_transpose2d(
    x: Tensor,
    weight: Tensor,
    index: SparseIndex,
    bias: Tensor | None = None,
    stride: int | Int2 = 1,
    padding: int | Int2 = 0,
    output_padding: int | Int2 = 0,
) -> Tensor:
    """``F.conv_transpose2d`` with the active weights only.

    Args:
        x: Input (N, C, H, W).
        weight: Dense weight (C, out, kh, kw).
        index: Of the weight's mask.
        bias: (out) or None.
        stride: In pixels of the output.
        padding: Pixels cut off around the output.
        output_padding: Pixels added at the lower right; less than the stride.

    Returns:
        (N, out, H', W').

    Raises:
        SparseganError: As ``sparse_conv2d``.
    """
    call = (x.shape, x, weight, index, bias)
    stride, padding, size = check_transposed(*call, stride, padding, output_padding)
    plans = make_plans((x,), weight, index, stride, padding, (x.shape, size), adjoint=True)
    y: Tensor = torch.ops.sparsegan.convolve_adjoint(x, weight, bias, *plans, size)
    return y


def sparse_linear(
    x: Tensor, weight: Tensor, index: SparseIndex, bias: Tensor | None = None
) -> Tensor:
    """``F.linear`` with the active weights only.

    Args:
        x: Input (..., in).
        weight: Dense weight (out, in).
        index: Of the weight's mask.
        bias: (out) or None.

    Returns:
        (..., out).

    Raises:
        SparseganError: As ``sparse_conv2d``.
    """
    rows = x.reshape(-1, x.shape[-1])
    _check("sparse_linear", rows, weight, index, bias)
    # One image, whose pixels are the samples.
    image, kernel = rows.t()[None, :, None], weight[:, :, None, None]
    sizes = (image.shape, image.shape)
    plans = make_plans((image,), kernel, index, (1, 1), (0, 0), sizes, adjoint=False)
    y: Tensor = torch.ops.sparsegan.convolve(image, kernel, bias, *plans)
    return y[0, :, 0].t().reshape(*x.shape[:-1], weight.shape[0]).contiguous()
