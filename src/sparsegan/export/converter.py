"""What turns the program of a network into a graph, and the table of the operations that it knows.

`convert_layers` and `convert_shapes` have the operations themselves.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, fx

from sparsegan.export.graph import Code, Graph, Shape, UnsupportedError, Value

BATCH = 13
"""Images of the traced batch: a size that no network has by itself."""
Named = tuple[str, Shape]
"""A tensor of the network's state: its name and its sizes."""
Arguments = list[Any]


class Converter:
    """The program that is read, and the graph that comes of it.

    Args:
        program: Of a network, with a batch of `BATCH`.

    Attributes:
        graph: The operations so far.
        constants: Tensors that it names beside those of the network's state.
        dtype: Of the numbers that the operation which is being converted makes.
    """

    def __init__(self, program: torch.export.ExportedProgram) -> None:
        self.graph = Graph()
        self.constants: dict[str, Tensor] = {}
        self.dtype = torch.float32
        self._program = program
        signature = program.graph_signature
        self._parameters = {
            **signature.inputs_to_parameters,
            **signature.inputs_to_buffers,
            **signature.inputs_to_lifted_tensor_constants,
        }
        self._values: dict[fx.Node, Any] = {}

    def graph_and_constants(self) -> tuple[Graph, dict[str, Tensor]]:
        """The whole program as a graph, and the tensors beside those of the state.

        Raises:
            UnsupportedError: An operation is none that the runtime has.
        """
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
        result: Any = None
        if len(outputs) == 1 and isinstance(outputs[0], fx.Node):
            result = self._values[outputs[0]]
        if not isinstance(result, Value):
            raise UnsupportedError("it does not return one tensor of images")
        self.graph.finish(result)

    def _call(self, node: fx.Node) -> Any:
        target: Any = node.target
        name = target.__name__ if target is operator.getitem else str(target).removeprefix("aten.")
        convert = OPERATIONS.get(name.partition(".")[0])
        if convert is None:
            raise UnsupportedError(f"it uses {name}, which the runtime does not have")
        if convert is _skip:
            return None
        arguments = [self._argument(each) for each in _bound(node)]
        out = node.meta.get("val")
        self.dtype = out.dtype if isinstance(out, Tensor) else torch.float32
        try:
            return convert(self, arguments, _sizes(out))
        except UnsupportedError:
            raise
        except (TypeError, ValueError, AttributeError, IndexError, KeyError) as error:
            # Arguments that a conversion does not reckon with, such as a computed weight.
            raise UnsupportedError(
                f"it uses {name.partition('.')[0]} in a way that the runtime does not have"
            ) from error

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
            _, shape = argument
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


Convert = Callable[[Converter, Arguments, Any], Any]
OPERATIONS: dict[str, Convert] = {}


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
    """Sizes of results without the batch, of which every result has to have `BATCH`."""
    if isinstance(out, (list, tuple)):
        return [_sizes(each) for each in out]
    if not isinstance(out, Tensor):
        return None
    if not out.dim() or out.shape[0] != BATCH:
        return tuple(out.shape)
    return tuple(out.shape[1:])


def operation(*names: str) -> Callable[[Convert], Convert]:
    """Enter a function of the converter, of arguments and of the result's sizes into the table."""

    def register(convert: Convert) -> Convert:
        for name in names:
            OPERATIONS[name] = convert
        return convert

    return register


def axis_of(axis: int, x: Value) -> int:
    """The axis of a batch as one of a single image."""
    axis = axis + len(x.shape) + 1 if axis < 0 else axis
    if axis == 0:
        raise UnsupportedError("it mixes the images of a batch")
    return axis - 1


def pair(value: int | Sequence[int]) -> tuple[int, int]:
    """A number for both directions."""
    both = [value] * 2 if isinstance(value, int) else [*value] * (3 - len(value))
    return both[0], both[1]


@operation("_assert_tensor_metadata", "_assert_scalar", "sym_constrain_range_for_size")
def _skip(c: Converter, a: Arguments, out: Any) -> None:
    """What computes nothing."""
