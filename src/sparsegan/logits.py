"""Whether scores are what losses and the balance ratio take: numbers before any sigmoid."""

from torch import Tensor

# Autograd's names of what leaves the values as they are.
_SAME_VALUES = ("View", "Reshape", "UnsafeView", "Squeeze", "Unsqueeze", "Clone", "Permute")


def come_from_sigmoid(scores: Tensor) -> bool:
    """Whether a sigmoid is the last that autograd saw of scores; False where it saw nothing.

    Example:
        >>> x = torch.zeros(4, 1, requires_grad=True)
        >>> come_from_sigmoid(torch.sigmoid(2 * x).squeeze(1)), come_from_sigmoid(2 * x)
        (True, False)
    """
    return ends_in(scores, "Sigmoid")


def ends_in(values: Tensor, function: str) -> bool:
    """Whether a function, by autograd's name, is the last that it saw of values but for shapes."""
    node = values.grad_fn
    while node is not None and node.name().startswith(_SAME_VALUES):
        node = node.next_functions[0][0]
    return node is not None and node.name().startswith(function)
