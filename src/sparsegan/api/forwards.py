"""What the networks of somebody's loop are called with, seen at their first forward."""

import functools
from typing import Any

from torch import Tensor, nn

from sparsegan import cost
from sparsegan.cost import LayerCost
from sparsegan.errors import SparseganError
from sparsegan.hooks import Hook
from sparsegan.methods import Method
from sparsegan.modules import unwrap


class Forwards:
    """Keeps one sample of the first inputs of both networks.

    Args:
        method: Whose networks.
    """

    def __init__(self, method: Method) -> None:
        self._modules = {name: unwrap(network.module) for name, network in method.networks.items()}
        self._inputs: dict[str, tuple[Any, ...]] = {}
        self._handles = {
            name: module.register_forward_pre_hook(Hook(functools.partial(self._see, name)))
            for name, module in self._modules.items()
        }
        self.batch_size = 1

    def _see(self, name: str, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        handle = self._handles.pop(name, None)
        if handle is None:  # in a forward inside of the first one, such as one that times kernels
            return
        handle.remove()
        if name == "generator":
            self.batch_size = len(inputs[0])
        self._inputs[name] = tuple(
            value[:1].detach().clone() if isinstance(value, Tensor) else value for value in inputs
        )

    def costs(self) -> dict[str, list[LayerCost]]:
        """Cost of every layer of both networks, for one sample.

        Raises:
            SparseganError: A network has not been called yet, or not so that it can be seen.
        """
        return {
            name: cost.layers(module, *self._inputs_of(name))
            for name, module in self._modules.items()
        }

    def shape(self) -> dict[str, int]:
        """The arguments of a generator that makes such images out of such noise.

        Raises:
            SparseganError: As `costs`.
        """
        (noise, *_), (images, *_) = map(self._inputs_of, ("generator", "discriminator"))
        _, channels, _, width = images.shape
        return {"latent_dim": noise.shape[1], "image_size": width, "channels": channels}

    def close(self) -> None:
        """Look no more."""
        for handle in self._handles.values():
            handle.remove()

    def _inputs_of(self, name: str) -> tuple[Any, ...]:
        if name not in self._inputs:
            raise SparseganError(
                f"no forward of the {name} has been seen: build the recorder before the first "
                "step, and before torch.compile"
            )
        return self._inputs[name]
