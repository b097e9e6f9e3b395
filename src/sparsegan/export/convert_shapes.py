"""Sizes, places and attention of a traced network as operations of a graph."""

from typing import Any

import torch

from sparsegan.export.converter import (
    BATCH,
    Arguments,
    Convert,
    Converter,
    axis_of,
    operation,
    pair,
)
from sparsegan.export.graph import (
    Arithmetic,
    Code,
    Function,
    Padding,
    Reduction,
    Shape,
    UnsupportedError,
    Value,
)


@operation("contiguous", "clone", "alias", "detach", "lift_fresh_copy", "detach_")
def _same(c: Converter, a: Arguments, out: Any) -> Any:
    return a[0]


@operation("to", "_to_copy", "type_as")
def _of_type(c: Converter, a: Arguments, out: Any) -> Any:
    if a[0] == "labels":
        if c.dtype.is_floating_point:
            raise UnsupportedError("it computes with labels other than by looking them up")
    elif c.dtype != torch.float32:
        raise UnsupportedError(f"it computes in {str(c.dtype).removeprefix('torch.')}")
    return a[0]


@operation("dropout", "feature_dropout", "alpha_dropout")
def _dropout(c: Converter, a: Arguments, out: Any) -> Any:
    if a[2] and a[1]:
        raise UnsupportedError("it drops values at random in evaluation mode, too")
    return a[0]


@operation("getitem")
def _getitem(c: Converter, a: Arguments, out: Any) -> Any:
    return a[0][a[1]]


# ---- sizes and places


@operation("upsample_nearest2d")
def _nearest(c: Converter, a: Arguments, out: Shape) -> Value:
    _require_sizes(a, a[0], out)
    return c.graph.add(Code.NEAREST, [a[0]], out, (), out[1:])


@operation("upsample_bilinear2d")
def _bilinear(c: Converter, a: Arguments, out: Shape) -> Value:
    _require_sizes([a[0], a[1], a[3]], a[0], out)
    return c.graph.add(Code.BILINEAR, [a[0]], out, (), [*out[1:], int(a[2])])


def _require_sizes(a: Arguments, x: Value, out: Shape) -> None:
    """Factors are those of the sizes: PyTorch computes places with the factors that it is told."""
    factors = a[2] if isinstance(a[2], list) else None
    if factors and any(
        size * factor != result
        for size, factor, result in zip(x.shape[1:], factors, out[1:], strict=True)
    ):
        raise UnsupportedError("it resizes by factors that do not lead to whole sizes")


@operation("max_pool2d")
def _max_pool(c: Converter, a: Arguments, out: Shape) -> Value:
    x, kernel, stride, padding, dilation, ceil = a
    if pair(dilation) != (1, 1):
        raise UnsupportedError("it pools with a dilation, which the runtime does not have")
    return _pool(c, x, 1, kernel, stride, padding, ceil, True, out)


@operation("avg_pool2d")
def _average_pool(c: Converter, a: Arguments, out: Shape) -> Value:
    x, kernel, stride, padding, ceil, counted, divisor = a
    if divisor is not None:
        raise UnsupportedError("it pools with a divisor, which the runtime does not have")
    return _pool(c, x, 0, kernel, stride, padding, ceil, counted, out)


def _pool(
    c: Converter,
    x: Value,
    maximum: int,
    kernel: Any,
    stride: Any,
    padding: Any,
    ceil: bool,
    counted: bool,
    out: Shape,
) -> Value:
    steps, sides = pair(stride or kernel), pair(padding)
    spans = [n + 2 * p - k for n, p, k in zip(x.shape[1:], sides, pair(kernel), strict=True)]
    if ceil and any(span % step for span, step in zip(spans, steps, strict=True)):
        raise UnsupportedError("it pools with ceil_mode, which the runtime does not have")
    parameters = [maximum, *pair(kernel), *steps, *sides, int(counted)]
    return c.graph.add(Code.POOL, [x], out, (), parameters)


@operation("adaptive_avg_pool2d")
def _adaptive_pool(c: Converter, a: Arguments, out: Shape) -> Value:
    x = a[0]
    if any(n % m for n, m in zip(x.shape[1:], out[1:], strict=True)):
        raise UnsupportedError("it pools adaptively to sizes that do not divide a map's")
    kernel = [n // m for n, m in zip(x.shape[1:], out[1:], strict=True)]
    return _pool(c, x, 0, kernel, kernel, 0, False, True, out)


def _reduction(kind: Reduction) -> Convert:
    def convert(c: Converter, a: Arguments, out: Shape) -> Value:
        x, axes = a[0], a[1]
        if not isinstance(axes, (list, int)):
            raise UnsupportedError("it mixes the images of a batch")
        bits, sizes = 0, list(x.shape)
        for axis in [axes] if isinstance(axes, int) else axes:
            bits |= 1 << axis_of(axis, x)
            sizes[axis_of(axis, x)] = 1
        result = c.graph.add(Code.REDUCE, [x], sizes, (), [kind, bits])
        return c.graph.reshape(result, out)

    return convert


operation("mean")(_reduction(Reduction.MEAN))
operation("sum")(_reduction(Reduction.SUM))
operation("amax")(_reduction(Reduction.MAXIMUM))


@operation("cat", "concat", "concatenate")
def _concat(c: Converter, a: Arguments, out: Shape) -> Value:
    values = [c.value(each) for each in a[0]]
    return c.graph.add(Code.CONCAT, values, out, (), [axis_of(a[1], values[0])])


def _slice_of(c: Converter, x: Value, axis: int, start: int, step: int, length: int) -> Value:
    if (start, step, length) == (0, 1, x.shape[axis]):
        return x
    shape = [*x.shape]
    shape[axis] = length
    return c.graph.add(Code.SLICE, [x], shape, (), [axis, start, step, length])


@operation("slice")
def _slice(c: Converter, a: Arguments, out: Shape) -> Any:
    x, axis, start, end, step = a
    if axis == 0 and not start and (end is None or end >= BATCH) and step == 1:
        return x
    if isinstance(x, str):
        raise UnsupportedError("it takes part of the labels")
    axis = axis_of(axis, x)
    size = x.shape[axis]
    start = 0 if start is None else max(0, start + size) if start < 0 else start
    return _slice_of(c, x, axis, start, step, out[axis])


@operation("select")
def _select(c: Converter, a: Arguments, out: Shape) -> Value:
    x, axis, index = a
    axis = axis_of(axis, x)
    one = _slice_of(c, x, axis, index % x.shape[axis], 1, 1)
    return c.graph.reshape(one, out)


def _splitting(argument: int, removed: bool) -> Convert:
    def convert(c: Converter, a: Arguments, out: list[Shape]) -> list[Value]:
        x, start, parts = a[0], 0, []
        axis = axis_of(a[argument], x)
        for shape in out:
            length = 1 if removed else shape[axis]
            part = _slice_of(c, x, axis, start, 1, length)
            parts.append(c.graph.reshape(part, shape))
            start += length
        return parts

    return convert


for _name in ("chunk", "split", "split_with_sizes", "tensor_split"):
    operation(_name)(_splitting(2, False))
operation("unbind")(_splitting(1, True))


@operation("view", "reshape", "_unsafe_view", "unflatten", "flatten", "view_as")
def _view(c: Converter, a: Arguments, out: Shape) -> Value:
    x = a[0]
    if not isinstance(x, Value):
        raise UnsupportedError("it reshapes labels or weights")
    size = 1
    for each in out:
        size *= each
    own = 1
    for each in x.shape:
        own *= each
    if size != own:
        raise UnsupportedError("it mixes the images of a batch")
    return c.graph.reshape(x, out)


@operation("unsqueeze", "squeeze")
def _squeeze(c: Converter, a: Arguments, out: Shape) -> Any:
    if isinstance(a[0], tuple):
        return c.graph.reshape(c.value(a[0]), out)
    return _view(c, a, out)


@operation("permute")
def _permute(c: Converter, a: Arguments, out: Shape) -> Value:
    x = a[0]
    order = [axis % (len(x.shape) + 1) for axis in a[1]]
    if order[0] != 0:
        raise UnsupportedError("it mixes the images of a batch")
    return c.graph.add(Code.PERMUTE, [x], out, (), [axis - 1 for axis in order[1:]])


@operation("transpose", "swapaxes")
def _transpose(c: Converter, a: Arguments, out: Shape) -> Value:
    x = a[0]
    order = list(range(len(x.shape)))
    i, j = axis_of(a[1], x), axis_of(a[2], x)
    order[i], order[j] = order[j], order[i]
    return c.graph.add(Code.PERMUTE, [x], out, (), order)


@operation("expand", "expand_as")
def _expand(c: Converter, a: Arguments, out: Shape) -> Value:
    x: Value = c.value(a[0])
    if isinstance(a[0], tuple) and len(x.shape) == len(out) + 1 and x.shape[0] == 1:
        x = c.graph.reshape(x, x.shape[1:])  # a learned constant, for each image of the batch
    if x.shape == out:
        return x
    x = c.graph.reshape(x, (1,) * (len(out) - len(x.shape)) + x.shape)
    for axis, (size, wanted) in enumerate(zip(x.shape, out, strict=True)):
        if size == 1 and wanted > 1:
            if wanted > 32:
                raise UnsupportedError("it repeats a value more than 32 times")
            shape = [*x.shape]
            shape[axis] = wanted
            x = c.graph.add(Code.CONCAT, [x] * wanted, shape, (), [axis])
    return x


@operation("repeat")
def _repeat(c: Converter, a: Arguments, out: Shape) -> Value:
    if isinstance(a[0], tuple) and a[1][0] == BATCH and set(a[1][1:]) <= {1}:
        expanded: Value = _expand(c, a, out)
        return expanded
    raise UnsupportedError("it uses repeat, which the runtime has for learned constants alone")


@operation("bmm", "matmul")
def _matmul(c: Converter, a: Arguments, out: Shape) -> Value:
    x, y = c.value(a[0]), c.value(a[1])
    if len(x.shape) != len(y.shape) or len(x.shape) < 2:
        raise UnsupportedError("it multiplies matrices of different dimensions")
    return c.graph.add(Code.MATMUL, [x, y], out)


@operation("baddbmm")
def _baddbmm(c: Converter, a: Arguments, out: Shape) -> Value:
    product = _matmul(c, a[1:3], out)
    product = c.graph.unary(product, Function.SCALE, a[4])
    return c.graph.binary(Arithmetic.ADD, product, c.graph.unary(a[0], Function.SCALE, a[3]))


@operation("scaled_dot_product_attention")
def _attention(c: Converter, a: Arguments, out: Shape) -> Value:
    query, key, value, mask, _, causal, scale = a[:7]
    if mask is not None or causal:
        raise UnsupportedError("it uses attention with a mask, which the runtime does not have")
    rank = len(key.shape)
    order = [*range(rank - 2), rank - 1, rank - 2]
    turned = c.graph.add(
        Code.PERMUTE, [key], (*key.shape[:-2], key.shape[-1], key.shape[-2]), (), order
    )
    query = c.graph.unary(query, Function.SCALE, scale or query.shape[-1] ** -0.5)
    scores = (*query.shape[:-1], key.shape[-2])
    weights = c.graph.add(Code.MATMUL, [query, turned], scores)
    weights = c.graph.add(Code.SOFTMAX, [weights], scores, (), [rank - 1])
    return c.graph.add(Code.MATMUL, [weights, value], out)


@operation("softmax", "_softmax")
def _softmax(c: Converter, a: Arguments, out: Shape) -> Value:
    return c.graph.add(Code.SOFTMAX, [a[0]], out, (), [axis_of(a[1], a[0])])


@operation("embedding")
def _embedding(c: Converter, a: Arguments, out: Shape) -> Value:
    table, labels = a[:2]
    if labels != "labels" or not isinstance(table, tuple):
        raise UnsupportedError("it looks up something else than labels")
    return c.graph.add(Code.EMBEDDING, [], out, [table])


def _padding(mode: Padding | None) -> Convert:
    modes = {
        "constant": Padding.CONSTANT,
        "reflect": Padding.REFLECT,
        "replicate": Padding.REPLICATE,
    }

    def convert(c: Converter, a: Arguments, out: Shape) -> Value:
        x, sides = a[0], [*a[1]]
        kind = modes.get(a[2]) if mode is None else mode
        number = a[3] if mode is None else a[2] if len(a) > 2 else 0
        if kind is None or len(x.shape) != 3 or len(sides) > 4 or min(sides) < 0:
            raise UnsupportedError("it pads in a way that the runtime does not have")
        left, right, top, bottom = sides + [0] * (4 - len(sides))
        parameters = [kind, float(number or 0), top, left, bottom, right]
        return c.graph.add(Code.PAD, [x], out, (), parameters)

    return convert


operation("pad")(_padding(None))
operation("constant_pad_nd")(_padding(Padding.CONSTANT))
operation("reflection_pad2d")(_padding(Padding.REFLECT))
operation("replication_pad2d")(_padding(Padding.REPLICATE))


@operation("pixel_shuffle")
def _shuffle(c: Converter, a: Arguments, out: Shape) -> Value:
    return c.graph.add(Code.SHUFFLE, [a[0]], out, (), [a[1]])
