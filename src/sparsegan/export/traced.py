"""From a network to its graph: the program that torch.export makes of it, operation by operation.

The program is traced with a batch of `_BATCH`, which has to come through every operation first in
the sizes: what mixes images of a batch is refused. Nothing here knows of an architecture.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn

from sparsegan.export.graph import (
    Arithmetic,
    Code,
    Function,
    Graph,
    Padding,
    Reduction,
    Shape,
    UnsupportedError,
    Value,
)
from sparsegan.undisturbed import undisturbed

_BATCH = 13
Named = tuple[str, Shape]
_Arguments = list[Any]


def trace(network: nn.Module, inputs: Sequence[Tensor]) -> tuple[Graph, dict[str, Tensor]]:
    """The graph of a network in evaluation mode.

    Args:
        network: What is traced; it is left as it was.
        inputs: Noise or images and, where there are classes, labels (int64), of one image each:
            the sizes count, not the numbers.

    Returns:
        The graph, and the tensors that it names beside those of the network's state.

    Raises:
        UnsupportedError: The network does what the runtime cannot compute, or what depends on
            numbers or on the batch; the message is half a sentence that says what.
    """
    batch = tuple(each.expand(_BATCH, *each.shape[1:]).contiguous() for each in inputs)
    try:
        with undisturbed():
            program = torch.export.export(network, batch)
    except Exception as error:
        raise UnsupportedError(f"PyTorch cannot export it ({type(error).__name__})") from error
    return _Converter(program).graph_and_constants()


class _Converter:
    def __init__(self, program: torch.export.ExportedProgram) -> None:
        self.graph = Graph()
        self.constants: dict[str, Tensor] = {}
        self._program = program
        signature = program.graph_signature
        self._parameters = {
            **signature.inputs_to_parameters,
            **signature.inputs_to_buffers,
            **signature.inputs_to_lifted_tensor_constants,
        }
        self._values: dict[fx.Node, Any] = {}

    def graph_and_constants(self) -> tuple[Graph, dict[str, Tensor]]:
        for node in self._program.graph.nodes:
            if node.op == "placeholder":
                self._values[node] = self._placeholder(node)
            elif node.op == "call_function":
                self._values[node] = self._call(node)
            elif node.op == "output":
                self._finish(node)
        return self.graph, self.constants

    def _placeholder(self, node: fx.Node) -> Any:
        example = node.meta["val"]
        if node.name in self._parameters:
            name = self._parameters[node.name]
            state = self._program.state_dict
            if name not in state:
                self.constants[f"graph.{name}"] = self._program.constants[name]
                name = f"graph.{name}"
            return (name, tuple(example.shape))
        if not example.is_floating_point():
            return "labels"
        shape = tuple(example.shape[1:])
        return self.graph.add(Code.INPUT, [], shape, (), shape)

    def _finish(self, node: fx.Node) -> None:
        outputs = node.args[0]
        assert isinstance(outputs, (list, tuple))
        result = self._values[outputs[0]] if len(outputs) == 1 else None
        if not isinstance(result, Value):
            raise UnsupportedError("it does not return one tensor of images")
        self.graph.unary(result, Function.IDENTITY)

    def _call(self, node: fx.Node) -> Any:
        target: Any = node.target
        name = target.__name__ if target is operator.getitem else str(target).removeprefix("aten.")
        convert = _OPERATIONS.get(name.partition(".")[0])
        if convert is None:
            raise UnsupportedError(f"it uses {name}, which the runtime does not have")
        if convert is _skip:
            return None
        bound = _bound(node)
        arguments = [self._argument(each) for each in bound]
        out = node.meta.get("val")
        result = convert(self, arguments, _sizes(out))
        return result

    def _argument(self, argument: Any) -> Any:
        if isinstance(argument, fx.Node):
            return self._values[argument]
        if isinstance(argument, (list, tuple)):
            return [self._argument(each) for each in argument]
        return argument

    # ---- helpers of the operations

    def value(self, argument: Any) -> Value:
        """A value, also where the argument is a tensor of the state."""
        if isinstance(argument, Value):
            return argument
        if isinstance(argument, tuple):
            name, shape = argument
            constant = self.graph.add(Code.CONSTANT, [], shape, [argument])
            return self.graph.reshape(constant, shape or (1,))
        raise UnsupportedError("it computes with labels other than by looking them up")

    def beside(self, argument: Any, rank: int) -> Value:
        """An operand of arithmetic; a tensor of the state may have a batch of 1, which goes."""
        value = self.value(argument)
        if isinstance(argument, tuple) and len(value.shape) == rank + 1:
            if value.shape[0] != 1:
                raise UnsupportedError("it has a weight for each image of a batch")
            value = self.graph.reshape(value, value.shape[1:])
        return value


Convert = Callable[[_Converter, _Arguments, Any], Any]
_OPERATIONS: dict[str, Convert] = {}


def _bound(node: fx.Node) -> list[Any]:
    """All arguments of an operation in the order of its schema, defaults included."""
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return list(node.args)
    bound = []
    for i, argument in enumerate(schema.arguments):
        if i < len(node.args):
            bound.append(node.args[i])
        elif argument.name in node.kwargs:
            bound.append(node.kwargs[argument.name])
        else:
            bound.append(argument.default_value)
    return bound


def _sizes(out: Any) -> Any:
    """Sizes of results without the batch, of which every result has to have `_BATCH`."""
    if isinstance(out, (list, tuple)):
        return [_sizes(each) for each in out]
    if not isinstance(out, Tensor):
        return None
    if not out.dim() or out.shape[0] != _BATCH:
        return tuple(out.shape)
    return tuple(out.shape[1:])


def _operation(*names: str) -> Callable[[Convert], Convert]:
    def register(convert: Convert) -> Convert:
        for name in names:
            _OPERATIONS[name] = convert
        return convert

    return register


def _axis(axis: int, x: Value) -> int:
    """An axis of a batch as one of a single image."""
    axis = axis + len(x.shape) + 1 if axis < 0 else axis
    if axis == 0:
        raise UnsupportedError("it mixes the images of a batch")
    return axis - 1


def _without_batch(sizes: Sequence[int], out: Shape) -> Shape:
    if not sizes or sizes[0] not in (_BATCH, -1):
        raise UnsupportedError("it mixes the images of a batch")
    return out


def _pair(value: int | Sequence[int]) -> tuple[int, int]:
    pair = [value] * 2 if isinstance(value, int) else [*value] * (3 - len(value))
    return pair[0], pair[1]


@_operation("_assert_tensor_metadata", "_assert_scalar", "sym_constrain_range_for_size")
def _skip(c: _Converter, a: _Arguments, out: Any) -> None:
    """What computes nothing."""


@_operation(
    "dropout",
    "to",
    "_to_copy",
    "contiguous",
    "clone",
    "alias",
    "detach",
    "feature_dropout",
    "lift_fresh_copy",
    "type_as",
    "alpha_dropout",
    "detach_",
)
def _same(c: _Converter, a: _Arguments, out: Any) -> Any:
    return a[0]


@_operation("getitem")
def _getitem(c: _Converter, a: _Arguments, out: Any) -> Any:
    return a[0][a[1]]


@_operation("linear")
def _linear(c: _Converter, a: _Arguments, out: Shape) -> Value:
    x = c.value(a[0])
    if len(x.shape) == 1:
        return c.graph.add(Code.LINEAR, [x], out, [a[1], *([a[2]] if a[2] else [])])
    # Of a matrix: its product with the transposed weight.
    weight = c.value(a[1])
    rank = len(x.shape)
    turned = c.graph.add(Code.PERMUTE, [weight], weight.shape[::-1], (), [1, 0])
    if rank > 2:
        x = c.graph.reshape(x, (-1, x.shape[-1]))
    product = c.graph.add(Code.MATMUL, [x, turned], (x.shape[0], weight.shape[0]))
    product = c.graph.reshape(product, out)
    return product if a[2] is None else c.graph.binary(Arithmetic.ADD, product, c.value(a[2]))


@_operation("addmm")
def _addmm(c: _Converter, a: _Arguments, out: Shape) -> Value:
    raise UnsupportedError("it uses addmm on weights, which the runtime does not have")


@_operation("conv2d")
def _convolution(c: _Converter, a: _Arguments, out: Shape) -> Value:
    x, weight, bias, stride, padding, dilation, groups = a
    kernel = weight[1][2:]
    if padding == "valid":
        sides = [(0, 0)] * 2
    elif padding == "same":
        spans = [d * (k - 1) for d, k in zip(_pair(dilation), kernel, strict=True)]
        sides = [(span // 2, span - span // 2) for span in spans]
    else:
        sides = [(each, each) for each in _pair(padding)]
    parameters = [
        *_pair(stride),
        sides[0][0],
        sides[1][0],
        sides[0][1],
        sides[1][1],
        *_pair(dilation),
        groups,
    ]
    return _layer(c, Code.CONVOLUTION, x, weight, bias, out, parameters)


@_operation("conv_transpose2d")
def _transposed(c: _Converter, a: _Arguments, out: Shape) -> Value:
    x, weight, bias, stride, padding, output_padding, groups, dilation = a
    parameters = [*_pair(stride), *_pair(padding), *_pair(output_padding), *_pair(dilation), groups]
    return _layer(c, Code.TRANSPOSED, x, weight, bias, out, parameters)


def _layer(
    c: _Converter,
    code: Code,
    x: Any,
    weight: Named,
    bias: Named | None,
    out: Shape,
    parameters: Any,
) -> Value:
    for each in (weight, bias):
        if isinstance(each, Value):
            raise UnsupportedError("it computes the weights of a convolution")
    return c.graph.add(code, [c.value(x)], out, [weight, *([bias] if bias else [])], parameters)


@_operation("batch_norm", "_native_batch_norm_legit_no_training")
def _batch_norm(c: _Converter, a: _Arguments, out: Any) -> Value:
    x, gain, bias, mean, variance, training = a[:6]
    if training or mean is None or variance is None:
        raise UnsupportedError("it normalises by the statistics of a batch")
    return c.graph.add(Code.AFFINE, [x], x.shape, [gain, bias, mean, variance], [float(a[7])])


@_operation("instance_norm")
def _instance_norm(c: _Converter, a: _Arguments, out: Shape) -> Value:
    x, gain, bias, mean, variance, use_input_stats, _, eps = a[:8]
    if not use_input_stats:
        return c.graph.add(Code.AFFINE, [x], x.shape, [gain, bias, mean, variance], [float(eps)])
    return _group(c, x, x.shape[0], gain, bias, eps)


@_operation("group_norm")
def _group_norm(c: _Converter, a: _Arguments, out: Shape) -> Value:
    return _group(c, a[0], a[1], a[2], a[3], a[4])


def _group(c: _Converter, x: Value, groups: int, gain: Any, bias: Any, eps: float) -> Value:
    result = c.graph.add(Code.GROUP_NORM, [x], x.shape, (), [groups, float(eps)])
    if gain is None and bias is None:
        return result
    return c.graph.add(Code.AFFINE, [result], x.shape, [gain, bias, None, None], [0.0])


@_operation("layer_norm")
def _layer_norm(c: _Converter, a: _Arguments, out: Shape) -> Value:
    x, sizes, gain, bias, eps = a[:5]
    rest = x.shape[: len(x.shape) - len(sizes)]
    rows = 1
    for size in rest:
        rows *= size
    flat = c.graph.reshape(x, (rows, -1))
    flat = c.graph.add(Code.GROUP_NORM, [flat], flat.shape, (), [rows, float(eps)])
    result = c.graph.reshape(flat, x.shape)
    if gain is not None:
        result = c.graph.binary(Arithmetic.MULTIPLY, result, c.value(gain))
    return result if bias is None else c.graph.binary(Arithmetic.ADD, result, c.value(bias))


# ---- functions

_FUNCTIONS = {
    "relu": Function.RELU,
    "tanh": Function.TANH,
    "sigmoid": Function.SIGMOID,
    "silu": Function.SILU,
    "exp": Function.EXP,
    "log": Function.LOG,
    "sqrt": Function.SQRT,
    "rsqrt": Function.RSQRT,
    "abs": Function.ABS,
    "square": Function.SQUARE,
    "reciprocal": Function.RECIPROCAL,
    "hardsigmoid": Function.HARD_SIGMOID,
    "hardswish": Function.HARD_SILU,
    "mish": Function.MISH,
}


def _register_functions() -> None:
    for name, function in _FUNCTIONS.items():

        def convert(c: _Converter, a: _Arguments, out: Any, function: Function = function) -> Value:
            return c.graph.unary(c.value(a[0]), function)

        _operation(name, f"{name}_")(convert)


_register_functions()


@_operation("leaky_relu", "leaky_relu_")
def _leaky(c: _Converter, a: _Arguments, out: Any) -> Value:
    return c.graph.unary(a[0], Function.LEAKY, a[1])


@_operation("elu", "elu_")
def _elu(c: _Converter, a: _Arguments, out: Any) -> Value:
    if a[2:4] != [1, 1]:
        raise UnsupportedError("it uses elu with scales, which the runtime does not have")
    return c.graph.unary(a[0], Function.ELU, a[1])


@_operation("selu", "selu_")
def _selu(c: _Converter, a: _Arguments, out: Any) -> Value:
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    return c.graph.unary(c.graph.unary(a[0], Function.ELU, alpha), Function.SCALE, scale)


@_operation("gelu")
def _gelu(c: _Converter, a: _Arguments, out: Any) -> Value:
    return c.graph.unary(a[0], Function.GELU_TANH if a[1] == "tanh" else Function.GELU)


@_operation("softplus")
def _softplus(c: _Converter, a: _Arguments, out: Any) -> Value:
    if a[1] != 1:
        raise UnsupportedError("it uses softplus with a beta, which the runtime does not have")
    return c.graph.unary(a[0], Function.SOFTPLUS)


@_operation("prelu")
def _prelu(c: _Converter, a: _Arguments, out: Any) -> Value:
    # max(x, 0) + slope * min(x, 0)
    x, slope = a[0], c.value(a[1])
    slope = c.graph.reshape(slope, slope.shape + (1,) * (len(x.shape) - 1))
    low = c.graph.unary(x, Function.CLAMP, -3.4e38, 0.0)
    scaled = c.graph.binary(Arithmetic.MULTIPLY, low, slope)
    return c.graph.binary(Arithmetic.ADD, c.graph.unary(x, Function.RELU), scaled)


@_operation("clamp", "hardtanh", "clamp_", "hardtanh_")
def _clamp(c: _Converter, a: _Arguments, out: Any) -> Value:
    low, high = (-3.4e38 if a[1] is None else a[1]), (3.4e38 if a[2] is None else a[2])
    return c.graph.unary(a[0], Function.CLAMP, low, high)


@_operation("clamp_min")
def _clamp_min(c: _Converter, a: _Arguments, out: Any) -> Value:
    return c.graph.unary(a[0], Function.CLAMP, a[1], 3.4e38)


@_operation("neg")
def _negative(c: _Converter, a: _Arguments, out: Any) -> Value:
    return c.graph.unary(a[0], Function.SCALE, -1)


@_operation("pow")
def _power(c: _Converter, a: _Arguments, out: Any) -> Value:
    functions = {
        2: Function.SQUARE,
        0.5: Function.SQRT,
        -0.5: Function.RSQRT,
        -1: Function.RECIPROCAL,
    }
    if a[1] not in functions:
        raise UnsupportedError(f"it uses the power {a[1]}, which the runtime does not have")
    return c.graph.unary(c.value(a[0]), functions[a[1]])


# ---- arithmetic


def _arithmetic(kind: Arithmetic) -> Convert:
    def convert(c: _Converter, a: _Arguments, out: Shape) -> Value:
        x, y = a[0], a[1]
        alpha = a[2] if len(a) > 2 and isinstance(a[2], (int, float)) else 1
        if isinstance(y, (int, float)):
            return _with_number(c, kind, c.value(x), y * alpha)
        if isinstance(x, (int, float)):
            return _with_number_first(c, kind, x, c.value(y))
        rank = max(len(v.shape) for v in (x, y) if isinstance(v, Value))
        left, right = c.beside(x, rank), c.beside(y, rank)
        if isinstance(x, Value) and isinstance(y, Value) and len(x.shape) != len(y.shape):
            raise UnsupportedError("it mixes the images of a batch")
        if alpha != 1:
            right = c.graph.unary(right, Function.SCALE, alpha)
        return c.graph.binary(kind, left, right)

    return convert


def _with_number(c: _Converter, kind: Arithmetic, x: Value, number: float) -> Value:
    match kind:
        case Arithmetic.ADD:
            return c.graph.unary(x, Function.SCALE, 1, number)
        case Arithmetic.SUBTRACT:
            return c.graph.unary(x, Function.SCALE, 1, -number)
        case Arithmetic.MULTIPLY:
            return c.graph.unary(x, Function.SCALE, number)
        case Arithmetic.DIVIDE if number:
            return c.graph.unary(x, Function.SCALE, 1 / number)
        case Arithmetic.MAXIMUM:
            return c.graph.unary(x, Function.CLAMP, number, 3.4e38)
        case Arithmetic.MINIMUM:
            return c.graph.unary(x, Function.CLAMP, -3.4e38, number)
    raise UnsupportedError("it divides by 0")


def _with_number_first(c: _Converter, kind: Arithmetic, number: float, y: Value) -> Value:
    if kind is Arithmetic.SUBTRACT:
        return c.graph.unary(y, Function.SCALE, -1, number)
    if kind is Arithmetic.DIVIDE:
        inverse = c.graph.unary(y, Function.RECIPROCAL)
        return c.graph.unary(inverse, Function.SCALE, number)
    return _with_number(c, kind, y, number)


for _names, _kind in {
    ("add", "add_"): Arithmetic.ADD,
    ("sub", "sub_"): Arithmetic.SUBTRACT,
    ("mul", "mul_"): Arithmetic.MULTIPLY,
    ("div", "div_"): Arithmetic.DIVIDE,
    ("maximum",): Arithmetic.MAXIMUM,
    ("minimum",): Arithmetic.MINIMUM,
}.items():
    _operation(*_names)(_arithmetic(_kind))


@_operation("rsub")
def _reversed(c: _Converter, a: _Arguments, out: Any) -> Value:
    if isinstance(a[1], (int, float)):
        return c.graph.unary(c.value(a[0]), Function.SCALE, -a[2], a[1])
    return c.graph.binary(Arithmetic.SUBTRACT, a[1], a[0])


@_operation("addcmul")
def _addcmul(c: _Converter, a: _Arguments, out: Any) -> Value:
    rank = max(len(v.shape) for v in a[:3] if isinstance(v, Value))
    x, y, z = (c.beside(each, rank) for each in a[:3])
    product = c.graph.binary(Arithmetic.MULTIPLY, y, z)
    if a[3] != 1:
        product = c.graph.unary(product, Function.SCALE, a[3])
    return c.graph.binary(Arithmetic.ADD, product, x)


@_operation("lerp")
def _lerp(c: _Converter, a: _Arguments, out: Any) -> Value:
    raise UnsupportedError("it uses lerp, which the runtime does not have")


# ---- sizes and places


@_operation("upsample_nearest2d")
def _nearest(c: _Converter, a: _Arguments, out: Shape) -> Value:
    _require_sizes(a, a[0], out)
    return c.graph.add(Code.NEAREST, [a[0]], out, (), out[1:])


@_operation("upsample_bilinear2d")
def _bilinear(c: _Converter, a: _Arguments, out: Shape) -> Value:
    _require_sizes([a[0], a[1], a[3]], a[0], out)
    return c.graph.add(Code.BILINEAR, [a[0]], out, (), [*out[1:], int(a[2])])


def _require_sizes(a: _Arguments, x: Value, out: Shape) -> None:
    """Factors are those of the sizes: PyTorch computes places with the factors that it is told."""
    factors = a[2] if isinstance(a[2], list) else None
    if factors and any(
        size * factor != result
        for size, factor, result in zip(x.shape[1:], factors, out[1:], strict=True)
    ):
        raise UnsupportedError("it resizes by factors that do not lead to whole sizes")


@_operation("max_pool2d")
def _max_pool(c: _Converter, a: _Arguments, out: Shape) -> Value:
    x, kernel, stride, padding, dilation, ceil = a
    if _pair(dilation) != (1, 1):
        raise UnsupportedError("it pools with a dilation, which the runtime does not have")
    return _pool(c, x, 1, kernel, stride, padding, ceil, True, out)


@_operation("avg_pool2d")
def _average_pool(c: _Converter, a: _Arguments, out: Shape) -> Value:
    x, kernel, stride, padding, ceil, counted, divisor = a
    if divisor is not None:
        raise UnsupportedError("it pools with a divisor, which the runtime does not have")
    return _pool(c, x, 0, kernel, stride, padding, ceil, counted, out)


def _pool(
    c: _Converter,
    x: Value,
    maximum: int,
    kernel: Any,
    stride: Any,
    padding: Any,
    ceil: bool,
    counted: bool,
    out: Shape,
) -> Value:
    steps, sides = _pair(stride or kernel), _pair(padding)
    spans = [n + 2 * p - k for n, p, k in zip(x.shape[1:], sides, _pair(kernel), strict=True)]
    if ceil and any(span % step for span, step in zip(spans, steps, strict=True)):
        raise UnsupportedError("it pools with ceil_mode, which the runtime does not have")
    parameters = [maximum, *_pair(kernel), *steps, *sides, int(counted)]
    return c.graph.add(Code.POOL, [x], out, (), parameters)


@_operation("adaptive_avg_pool2d")
def _adaptive_pool(c: _Converter, a: _Arguments, out: Shape) -> Value:
    x = a[0]
    if any(n % m for n, m in zip(x.shape[1:], out[1:], strict=True)):
        raise UnsupportedError("it pools adaptively to sizes that do not divide a map's")
    kernel = [n // m for n, m in zip(x.shape[1:], out[1:], strict=True)]
    return _pool(c, x, 0, kernel, kernel, 0, False, True, out)


@_operation("mean", "sum", "amax")
def _reduce(c: _Converter, a: _Arguments, out: Shape) -> Value:
    raise AssertionError("replaced below")


def _reduction(kind: Reduction) -> Convert:
    def convert(c: _Converter, a: _Arguments, out: Shape) -> Value:
        x, axes = a[0], a[1]
        if not isinstance(axes, (list, int)):
            raise UnsupportedError("it mixes the images of a batch")
        bits, sizes = 0, list(x.shape)
        for axis in [axes] if isinstance(axes, int) else axes:
            bits |= 1 << _axis(axis, x)
            sizes[_axis(axis, x)] = 1
        result = c.graph.add(Code.REDUCE, [x], sizes, (), [kind, bits])
        return c.graph.reshape(result, out)

    return convert


_operation("mean")(_reduction(Reduction.MEAN))
_operation("sum")(_reduction(Reduction.SUM))
_operation("amax")(_reduction(Reduction.MAXIMUM))


@_operation("cat", "concat", "concatenate")
def _concat(c: _Converter, a: _Arguments, out: Shape) -> Value:
    values = [c.value(each) for each in a[0]]
    return c.graph.add(Code.CONCAT, values, out, (), [_axis(a[1], values[0])])


def _slice_of(c: _Converter, x: Value, axis: int, start: int, step: int, length: int) -> Value:
    if (start, step, length) == (0, 1, x.shape[axis]):
        return x
    shape = [*x.shape]
    shape[axis] = length
    return c.graph.add(Code.SLICE, [x], shape, (), [axis, start, step, length])


@_operation("slice")
def _slice(c: _Converter, a: _Arguments, out: Shape) -> Any:
    x, axis, start, end, step = a
    if axis == 0 and not start and (end is None or end >= _BATCH) and step == 1:
        return x
    if isinstance(x, str):
        raise UnsupportedError("it takes part of the labels")
    axis = _axis(axis, x)
    size = x.shape[axis]
    start = 0 if start is None else max(0, start + size) if start < 0 else start
    return _slice_of(c, x, axis, start, step, out[axis])


@_operation("select")
def _select(c: _Converter, a: _Arguments, out: Shape) -> Value:
    x, axis, index = a
    axis = _axis(axis, x)
    one = _slice_of(c, x, axis, index % x.shape[axis], 1, 1)
    return c.graph.reshape(one, out)


@_operation("chunk", "split", "split_with_sizes", "unbind")
def _split(c: _Converter, a: _Arguments, out: list[Shape]) -> list[Value]:
    raise AssertionError("replaced below")


def _splitting(axis_of: int, removed: bool) -> Convert:
    def convert(c: _Converter, a: _Arguments, out: list[Shape]) -> list[Value]:
        x, start, parts = a[0], 0, []
        axis = _axis(a[axis_of], x)
        for shape in out:
            length = 1 if removed else shape[axis]
            part = _slice_of(c, x, axis, start, 1, length)
            parts.append(c.graph.reshape(part, shape))
            start += length
        return parts

    return convert


for _name in ("chunk", "split", "split_with_sizes", "tensor_split"):
    _operation(_name)(_splitting(2, False))
_operation("unbind")(_splitting(1, True))


@_operation("view", "reshape", "_unsafe_view", "unflatten", "flatten", "view_as")
def _view(c: _Converter, a: _Arguments, out: Shape) -> Value:
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


@_operation("unsqueeze", "squeeze")
def _squeeze(c: _Converter, a: _Arguments, out: Shape) -> Any:
    if isinstance(a[0], tuple):
        return c.graph.reshape(c.value(a[0]), out)
    return _view(c, a, out)


@_operation("permute")
def _permute(c: _Converter, a: _Arguments, out: Shape) -> Value:
    x = a[0]
    order = [axis % (len(x.shape) + 1) for axis in a[1]]
    if order[0] != 0:
        raise UnsupportedError("it mixes the images of a batch")
    return c.graph.add(Code.PERMUTE, [x], out, (), [axis - 1 for axis in order[1:]])


@_operation("transpose", "swapaxes")
def _transpose(c: _Converter, a: _Arguments, out: Shape) -> Value:
    x = a[0]
    order = list(range(len(x.shape)))
    i, j = _axis(a[1], x), _axis(a[2], x)
    order[i], order[j] = order[j], order[i]
    return c.graph.add(Code.PERMUTE, [x], out, (), order)


@_operation("expand", "expand_as")
def _expand(c: _Converter, a: _Arguments, out: Shape) -> Value:
    x = c.value(a[0])
    if isinstance(a[0], tuple):  # a learned constant, for each image of the batch
        if len(x.shape) == len(out) + 1 and x.shape[0] == 1:
            x = c.graph.reshape(x, x.shape[1:])
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


@_operation("repeat")
def _repeat(c: _Converter, a: _Arguments, out: Shape) -> Value:
    if isinstance(a[0], tuple) and a[1][0] == _BATCH and set(a[1][1:]) <= {1}:
        return _expand(c, a, out)
    raise UnsupportedError("it uses repeat, which the runtime has for learned constants alone")


@_operation("bmm", "matmul")
def _matmul(c: _Converter, a: _Arguments, out: Shape) -> Value:
    x, y = c.value(a[0]), c.value(a[1])
    if len(x.shape) != len(y.shape) or len(x.shape) < 2:
        raise UnsupportedError("it multiplies matrices of different dimensions")
    return c.graph.add(Code.MATMUL, [x, y], out)


@_operation("baddbmm")
def _baddbmm(c: _Converter, a: _Arguments, out: Shape) -> Value:
    product = _matmul(c, a[1:3], out)
    product = c.graph.unary(product, Function.SCALE, a[4])
    return c.graph.binary(Arithmetic.ADD, product, c.graph.unary(a[0], Function.SCALE, a[3]))


@_operation("scaled_dot_product_attention")
def _attention(c: _Converter, a: _Arguments, out: Shape) -> Value:
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


@_operation("softmax", "_softmax")
def _softmax(c: _Converter, a: _Arguments, out: Shape) -> Value:
    return c.graph.add(Code.SOFTMAX, [a[0]], out, (), [_axis(a[1], a[0])])


@_operation("embedding")
def _embedding(c: _Converter, a: _Arguments, out: Shape) -> Value:
    table, labels = a[:2]
    if labels != "labels" or not isinstance(table, tuple):
        raise UnsupportedError("it looks up something else than labels")
    return c.graph.add(Code.EMBEDDING, [], out, [table])


@_operation("pad", "constant_pad_nd", "reflection_pad2d", "replication_pad2d")
def _pad(c: _Converter, a: _Arguments, out: Shape) -> Value:
    raise AssertionError("replaced below")


def _padding(mode: Padding | None) -> Convert:
    modes = {
        "constant": Padding.CONSTANT,
        "reflect": Padding.REFLECT,
        "replicate": Padding.REPLICATE,
    }

    def convert(c: _Converter, a: _Arguments, out: Shape) -> Value:
        x, sides = a[0], [*a[1]]
        kind = modes.get(a[2]) if mode is None else mode
        number = a[3] if mode is None else a[2] if len(a) > 2 else 0
        if kind is None or len(x.shape) != 3 or len(sides) > 4 or min(sides) < 0:
            raise UnsupportedError("it pads in a way that the runtime does not have")
        left, right, top, bottom = sides + [0] * (4 - len(sides))
        parameters = [kind, float(number or 0), top, left, bottom, right]
        return c.graph.add(Code.PAD, [x], out, (), parameters)

    return convert


_operation("pad")(_padding(None))
_operation("constant_pad_nd")(_padding(Padding.CONSTANT))
_operation("reflection_pad2d")(_padding(Padding.REFLECT))
_operation("replication_pad2d")(_padding(Padding.REPLICATE))


@_operation("pixel_shuffle")
def _shuffle(c: _Converter, a: _Arguments, out: Shape) -> Value:
    return c.graph.add(Code.SHUFFLE, [a[0]], out, (), [a[1]])
