"""Run a network as for inference, without leaving a trace in it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from sparsegan.undisturbed import undisturbed


@contextmanager
def untouched(module: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards all is as it was, to the bit."""
    with undisturbed(module), torch.no_grad():
        for layer in module.modules():
            # Not eval(): a layer may override train() to do more than to set the mode.
            layer.training = False
        yield
