"""Which kernels computed: the engine's, counted as they are called, or PyTorch's."""

from collections import Counter
from contextlib import contextmanager

from sparsegan.engine import native


@contextmanager
def kernel_calls():
    """Counts the calls of the engine's kernels, by their names without the type of numbers."""
    count, before = Counter(), native.library
    compiled = before()

    class Counted:
        def __getattr__(self, name):
            function = getattr(compiled, name)
            kernel, _, number = name.rpartition("_float")
            if not number.isdigit():
                return function  # it computes nothing

            def call(*args):
                count[kernel] += 1
                return function(*args)

            return call

    native.library = Counted
    try:
        yield count
    finally:
        native.library = before


def operations(y):
    """The names of the nodes of the autograd graph behind a tensor, those of leaves aside."""
    waiting, seen = [y.grad_fn], {}
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen[node] = node.name()
        waiting += [before for before, _ in node.next_functions]
    return [name for name in seen.values() if "AccumulateGrad" not in name]


def dense_convolutions(y):
    """How many convolutions behind a tensor ran on PyTorch's kernels."""
    return sum(name.startswith("ConvolutionBackward") for name in operations(y))
