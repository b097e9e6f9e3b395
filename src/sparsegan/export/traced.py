"""From a network to its graph: the program that torch.export makes of it, operation by operation.

The program is traced with a batch, which has to come through every operation first in the sizes:
what mixes images of a batch is refused. Nothing here knows of an architecture.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sparsegan.export import convert_layers, convert_shapes  # they fill the converter's table
from sparsegan.export.converter import BATCH, Converter
from sparsegan.export.graph import Graph, UnsupportedError
from sparsegan.undisturbed import undisturbed

__all__ = ["convert_layers", "convert_shapes", "trace"]


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
    batch = tuple(each.expand(BATCH, *each.shape[1:]).contiguous() for each in inputs)
    try:
        with undisturbed():
            program = torch.export.export(network, batch)
    except Exception as error:
        raise UnsupportedError(f"PyTorch cannot export it ({type(error).__name__})") from error
    return Converter(program).graph_and_constants()
