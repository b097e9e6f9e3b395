"""Layers, functions and arithmetic of a traced network as operations of a graph."""

from typing import Any

from sparsegan.export.converter import Arguments, Convert, Converter, Named, operation, pair
from sparsegan.export.graph import Arithmetic, Code, Function, Shape, UnsupportedError, Value


@operation("linear")
def _linear(c: Converter, a: Arguments, out: Shape) -> Value:
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


@operation("addmm")
def _addmm(c: Converter, a: Arguments, out: Shape) -> Value:
    raise UnsupportedError("it uses addmm on weights, which the runtime does not have")


@operation("conv2d")
def _convolution(c: Converter, a: Arguments, out: Shape) -> Value:
    x, weight, bias, stride, padding, dilation, groups = a
    kernel = weight[1][2:]
    if padding == "valid":
        sides = [(0, 0)] * 2
    elif padding == "same":
        spans = [d * (k - 1) for d, k in zip(pair(dilation), kernel, strict=True)]
        sides = [(span // 2, span - span // 2) for span in spans]
    else:
        sides = [(each, each) for each in pair(padding)]
    parameters = [
        *pair(stride),
        sides[0][0],
        sides[1][0],
        sides[0][1],
        sides[1][1],
        *pair(dilation),
        groups,
    ]
    return _layer(c, Code.CONVOLUTION, x, weight, bias, out, parameters)


@operation("conv_transpose2d")
def _transposed(c: Converter, a: Arguments, out: Shape) -> Value:
    x, weight, bias, stride, padding, output_padding, groups, dilation = a
    parameters = [*pair(stride), *pair(padding), *pair(output_padding), *pair(dilation), groups]
    return _layer(c, Code.TRANSPOSED, x, weight, bias, out, parameters)


def _layer(
    c: Converter,
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


@operation("batch_norm", "_native_batch_norm_legit_no_training")
def _batch_norm(c: Converter, a: Arguments, out: Any) -> Value:
    x, gain, bias, mean, variance, training = a[:6]
    if training or mean is None or variance is None:
        raise UnsupportedError("it normalises by the statistics of a batch")
    return c.graph.add(Code.AFFINE, [x], x.shape, [gain, bias, mean, variance], [float(a[7])])


@operation("instance_norm")
def _instance_norm(c: Converter, a: Arguments, out: Shape) -> Value:
    x, gain, bias, mean, variance, use_input_stats, _, eps = a[:8]
    if not use_input_stats:
        return c.graph.add(Code.AFFINE, [x], x.shape, [gain, bias, mean, variance], [float(eps)])
    return _group(c, x, x.shape[0], gain, bias, eps)


@operation("group_norm")
def _group_norm(c: Converter, a: Arguments, out: Shape) -> Value:
    return _group(c, a[0], a[1], a[2], a[3], a[4])


def _group(c: Converter, x: Value, groups: int, gain: Any, bias: Any, eps: float) -> Value:
    result = c.graph.add(Code.GROUP_NORM, [x], x.shape, (), [groups, float(eps)])
    if gain is None and bias is None:
        return result
    return c.graph.add(Code.AFFINE, [result], x.shape, [gain, bias, None, None], [0.0])


@operation("layer_norm")
def _layer_norm(c: Converter, a: Arguments, out: Shape) -> Value:
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

        def convert(c: Converter, a: Arguments, out: Any, function: Function = function) -> Value:
            return c.graph.unary(c.value(a[0]), function)

        operation(name, f"{name}_")(convert)


_register_functions()


@operation("leaky_relu", "leaky_relu_")
def _leaky(c: Converter, a: Arguments, out: Any) -> Value:
    return c.graph.unary(a[0], Function.LEAKY, a[1])


@operation("elu", "elu_")
def _elu(c: Converter, a: Arguments, out: Any) -> Value:
    if a[2:4] != [1, 1]:
        raise UnsupportedError("it uses elu with scales, which the runtime does not have")
    return c.graph.unary(a[0], Function.ELU, a[1])


@operation("selu", "selu_")
def _selu(c: Converter, a: Arguments, out: Any) -> Value:
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    return c.graph.unary(c.graph.unary(a[0], Function.ELU, alpha), Function.SCALE, scale)


@operation("gelu")
def _gelu(c: Converter, a: Arguments, out: Any) -> Value:
    return c.graph.unary(a[0], Function.GELU_TANH if a[1] == "tanh" else Function.GELU)


@operation("softplus")
def _softplus(c: Converter, a: Arguments, out: Any) -> Value:
    if a[1] != 1:
        raise UnsupportedError("it uses softplus with a beta, which the runtime does not have")
    return c.graph.unary(a[0], Function.SOFTPLUS)


@operation("prelu")
def _prelu(c: Converter, a: Arguments, out: Any) -> Value:
    # max(x, 0) + slope * min(x, 0)
    x, slope = a[0], c.value(a[1])
    slope = c.graph.reshape(slope, slope.shape + (1,) * (len(x.shape) - 1))
    low = c.graph.unary(x, Function.CLAMP, -3.4e38, 0.0)
    scaled = c.graph.binary(Arithmetic.MULTIPLY, low, slope)
    return c.graph.binary(Arithmetic.ADD, c.graph.unary(x, Function.RELU), scaled)


@operation("clamp", "hardtanh", "clamp_", "hardtanh_")
def _clamp(c: Converter, a: Arguments, out: Any) -> Value:
    low, high = (-3.4e38 if a[1] is None else a[1]), (3.4e38 if a[2] is None else a[2])
    return c.graph.unary(a[0], Function.CLAMP, low, high)


@operation("clamp_min")
def _clamp_min(c: Converter, a: Arguments, out: Any) -> Value:
    return c.graph.unary(a[0], Function.CLAMP, a[1], 3.4e38)


@operation("neg")
def _negative(c: Converter, a: Arguments, out: Any) -> Value:
    return c.graph.unary(a[0], Function.SCALE, -1)


@operation("pow")
def _power(c: Converter, a: Arguments, out: Any) -> Value:
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
    def convert(c: Converter, a: Arguments, out: Shape) -> Value:
        x, y = a[0], a[1]
        if len(a) > 2 and isinstance(a[2], str):
            raise UnsupportedError("it divides and rounds, which the runtime does not do")
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


def _with_number(c: Converter, kind: Arithmetic, x: Value, number: float) -> Value:
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


def _with_number_first(c: Converter, kind: Arithmetic, number: float, y: Value) -> Value:
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
    operation(*_names)(_arithmetic(_kind))


@operation("rsub")
def _reversed(c: Converter, a: Arguments, out: Any) -> Value:
    if isinstance(a[1], (int, float)):
        return c.graph.unary(c.value(a[0]), Function.SCALE, -a[2], a[1])
    return c.graph.binary(Arithmetic.SUBTRACT, a[1], a[0])


@operation("addcmul")
def _addcmul(c: Converter, a: Arguments, out: Any) -> Value:
    rank = max(len(v.shape) for v in a[:3] if isinstance(v, Value))
    x, y, z = (c.beside(each, rank) for each in a[:3])
    product = c.graph.binary(Arithmetic.MULTIPLY, y, z)
    if a[3] != 1:
        product = c.graph.unary(product, Function.SCALE, a[3])
    return c.graph.binary(Arithmetic.ADD, product, x)


@operation("lerp")
def _lerp(c: Converter, a: Arguments, out: Any) -> Value:
    raise UnsupportedError("it uses lerp, which the runtime does not have")
