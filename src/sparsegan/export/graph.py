"""What a generator computes, as a list of operations for the runtime (`runtime/src/graph.h`).

Each operation makes one value of one image, so that shapes here have no batch. The list is in
topological order and its last operation makes the image. It names tensors of the packed file and
holds no code.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from math import prod

from sparsegan.errors import SparseganError

_MAGIC = 0x32474753
_NO_TENSOR = 0xFFFFFFFF
# What the runtime reads at most (`runtime/src/base.h`, `graph.h`, `graph.cpp`).
_MOST_OPERATIONS, _MOST_TENSORS, _MOST_INPUTS = 1024, 1024, 32
_MOST_CHANNELS = 4
_MOST_KERNEL = 64
_MOST_SIZE = 1 << 16
_MOST_ELEMENTS, _MOST_WEIGHTS = 1 << 25, 1 << 28
_MOST_WORK = 1 << 40

Shape = tuple[int, ...]


class Code(IntEnum):
    """The operations; their order is that of `graph.h`."""

    INPUT = 0
    EMBEDDING = 1
    CONSTANT = 2
    LINEAR = 3
    CONVOLUTION = 4
    TRANSPOSED = 5
    AFFINE = 6
    GROUP_NORM = 7
    UNARY = 8
    BINARY = 9
    NEAREST = 10
    BILINEAR = 11
    POOL = 12
    REDUCE = 13
    CONCAT = 14
    SLICE = 15
    RESHAPE = 16
    PERMUTE = 17
    MATMUL = 18
    SOFTMAX = 19
    PAD = 20
    SHUFFLE = 21


class Function(IntEnum):
    """Functions of one number; a and b are parameters."""

    IDENTITY = 0
    RELU = 1
    LEAKY = 2
    TANH = 3
    SIGMOID = 4
    SILU = 5
    ELU = 6
    GELU = 7
    GELU_TANH = 8
    SOFTPLUS = 9
    EXP = 10
    LOG = 11
    SQRT = 12
    RSQRT = 13
    ABS = 14
    SQUARE = 15
    CLAMP = 16
    SCALE = 17
    RECIPROCAL = 18
    HARD_SIGMOID = 19
    HARD_SILU = 20
    MISH = 21


class Arithmetic(IntEnum):
    """Functions of two numbers."""

    ADD = 0
    SUBTRACT = 1
    MULTIPLY = 2
    DIVIDE = 3
    MAXIMUM = 4
    MINIMUM = 5


class Reduction(IntEnum):
    """What many numbers become."""

    MEAN = 0
    SUM = 1
    MAXIMUM = 2


class Padding(IntEnum):
    """What lies around a map."""

    CONSTANT = 0
    REFLECT = 1
    REPLICATE = 2


class UnsupportedError(SparseganError):
    """A generator does what the runtime cannot compute."""


@dataclass(frozen=True)
class Value:
    """What an operation makes: its number, and the sizes of the value of one image."""

    op: int
    shape: Shape


@dataclass
class Graph:
    """The operations so far, and the tensors that they name.

    Attributes:
        tensors: Name and shape of each tensor.
    """

    tensors: dict[str, Shape] = field(default_factory=dict)
    _ops: list[bytes] = field(default_factory=list)
    _classes: int | None = None
    _work: int = 0

    def add(
        self,
        code: Code,
        inputs: Sequence[Value],
        shape: Sequence[int],
        tensors: Sequence[tuple[str, Shape] | None] = (),
        parameters: Sequence[int | float] = (),
    ) -> Value:
        """Append an operation.

        Args:
            code: What it does.
            inputs: Values that it takes.
            shape: Sizes of what it makes.
            tensors: Names and shapes of its weights; None where one is left out.
            parameters: As `graph.h` says; a float is one there.

        Raises:
            UnsupportedError: The operation is beyond a limit of the runtime.
        """
        if len(shape) > 4:
            raise UnsupportedError(f"it has values of {len(shape)} dimensions beside the batch")
        if prod(shape) > _MOST_ELEMENTS:
            raise UnsupportedError(f"it has values of more than {_MOST_ELEMENTS} numbers")
        if len(inputs) > _MOST_INPUTS:
            raise UnsupportedError(f"it joins more than {_MOST_INPUTS} values")
        for sizes in (each[1] for each in tensors if each is not None):
            if len(sizes) > 4 or prod(sizes) > _MOST_WEIGHTS:
                raise UnsupportedError(f"it has weights of the sizes {list(sizes)}")
        if code in (Code.CONVOLUTION, Code.TRANSPOSED):
            assert tensors[0] is not None
            self._check_convolution(tensors[0][1], parameters)
        if code is Code.EMBEDDING:
            self._check_table(tensors)
        made = prod(shape)
        self._work += made * _each(code, inputs, made, tensors, parameters)
        if self._work > _MOST_WORK:
            raise UnsupportedError(f"it takes more than {_MOST_WORK} operations for an image")
        numbers = list(self.tensors)
        ids = []
        for tensor in tensors:
            if tensor is None:
                ids.append(_NO_TENSOR)
                continue
            name, sizes = tensor
            if name not in self.tensors:
                self.tensors[name] = tuple(sizes)
                numbers.append(name)
            ids.append(numbers.index(name))
        head = code | len(inputs) << 8 | len(ids) << 16 | len(parameters) << 24
        words = struct.pack(f"<{1 + len(inputs) + len(ids)}I", head, *(v.op for v in inputs), *ids)
        for parameter in parameters:
            words += struct.pack("<f" if isinstance(parameter, float) else "<i", parameter)
        self._ops.append(words)
        if len(self._ops) > _MOST_OPERATIONS or len(self.tensors) > _MOST_TENSORS:
            raise UnsupportedError(
                f"it has more than {_MOST_OPERATIONS} operations or {_MOST_TENSORS} weights"
            )
        return Value(len(self._ops) - 1, tuple(shape))

    def _check_convolution(self, weight: Shape, parameters: Sequence[int | float]) -> None:
        if max(*weight[2:], *parameters[:2]) > _MOST_KERNEL:
            raise UnsupportedError(f"it has a kernel or a stride of more than {_MOST_KERNEL}")
        if max(parameters) > _MOST_SIZE:
            raise UnsupportedError(f"it has a padding or a dilation of more than {_MOST_SIZE}")

    def _check_table(self, tensors: Sequence[tuple[str, Shape] | None]) -> None:
        """Every table has a row for each class."""
        rows = {sizes[0] for _, sizes in filter(None, tensors)}
        if self._classes is not None:
            rows.add(self._classes)
        if len(rows) > 1:
            raise UnsupportedError("it has tables of different numbers of classes")
        self._classes = rows.pop()
        if self._classes > _MOST_SIZE:
            raise UnsupportedError(f"it has more than {_MOST_SIZE} classes")

    def finish(self, image: Value) -> None:
        """End with the operation that makes the image.

        Raises:
            UnsupportedError: The runtime makes no such image.
        """
        if len(image.shape) != 3 or image.shape[0] > _MOST_CHANNELS:
            raise UnsupportedError(
                f"it makes {list(image.shape)}, and the runtime makes images of up to "
                f"{_MOST_CHANNELS} channels"
            )
        self.unary(image, Function.IDENTITY)

    def unary(self, x: Value, function: Function, a: float = 0.0, b: float = 0.0) -> Value:
        """A function of every number of `x`."""
        return self.add(Code.UNARY, [x], x.shape, (), [function, float(a), float(b)])

    def reshape(self, x: Value, shape: Sequence[int]) -> Value:
        """The same numbers under other sizes, of which one may be -1."""
        sizes = list(shape)
        if -1 in sizes:
            sizes[sizes.index(-1)] = prod(x.shape) // -prod(sizes)
        sizes = sizes or [1]
        if tuple(sizes) == x.shape:
            return x
        return self.add(Code.RESHAPE, [x], sizes, (), sizes)

    def binary(self, kind: Arithmetic, x: Value, y: Value) -> Value:
        """Both combined, number by number, with sizes of 1 repeated; missing ones come first."""
        rank = max(len(x.shape), len(y.shape))
        x, y = (self.reshape(v, (1,) * (rank - len(v.shape)) + v.shape) for v in (x, y))
        shape = [max(pair) for pair in zip(x.shape, y.shape, strict=True)]
        return self.add(Code.BINARY, [x, y], shape, (), [kind])

    def as_bytes(self) -> bytes:
        """The graph as the packed file has it."""
        words = struct.pack("<3I", _MAGIC, len(self.tensors), len(self._ops))
        for name, shape in self.tensors.items():
            encoded = name.encode()
            words += struct.pack("<I", len(encoded)) + encoded + b"\0" * (-len(encoded) % 4)
            words += struct.pack(f"<{1 + len(shape)}I", len(shape), *shape)
        return words + b"".join(self._ops)


def _each(
    code: Code,
    inputs: Sequence[Value],
    made: int,
    tensors: Sequence[tuple[str, Shape] | None],
    parameters: Sequence[int | float],
) -> int:
    """Operations for each of the numbers made, as the runtime counts them (`Graph::count`)."""
    if code is Code.POOL:
        return int(parameters[1] * parameters[2])
    if code is Code.MATMUL:
        return inputs[0].shape[-1]
    if code is Code.REDUCE:
        return 1 + prod(inputs[0].shape) // max(made, 1)
    if code is Code.GROUP_NORM:
        return 4
    if code in (Code.LINEAR, Code.CONVOLUTION, Code.TRANSPOSED) and tensors[0] is not None:
        sizes = tensors[0][1]
        return prod(sizes if code is Code.TRANSPOSED else sizes[1:])
    return 1
