"""What the networks of somebody's loop are called with, seen at their first forward."""

import functools
import inspect
from collections.abc import Mapping
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
        self._inputs: dict[str, inspect.BoundArguments] = {}
        self._handles = {
            name: module.register_forward_pre_hook(
                Hook(functools.partial(self._see, name)), with_kwargs=True
            )
            for name, module in self._modules.items()
        }
        self.batch_size = 1

    def _see(
        self,
        name: str,
        module: nn.Module,
        inputs: tuple[Any, ...],
        keywords: Mapping[str, Any] | None = None,
    ) -> None:
        handle = self._handles.pop(name, None)
        if handle is None:
            # A forward inside of the first one, such as one that times kernels, was seen and took
            # this hook off; the outer one has it on its list still, and no keywords for it.
            return
        handle.remove()
        bound = inspect.signature(module.forward).bind(*inputs, **(keywords or {}))
        if name == "generator":
            self.batch_size = len(_first(bound, name))
        for key, value in bound.arguments.items():
            bound.arguments[key] = _of_one(value)
        self._inputs[name] = bound

    def costs(self) -> dict[str, list[LayerCost]]:
        """Cost of every layer of both networks, for one sample.

        Raises:
            SparseganError: A network has not been called yet, or not so that it can be seen.
        """
        costs = {}
        for name, module in self._modules.items():
            seen = self._inputs_of(name)
            costs[name] = cost.layers(module, *seen.args, keywords=seen.kwargs)
        return costs

    def shape(self) -> dict[str, int]:
        """The arguments of a generator that makes such images out of such noise.

        Raises:
            SparseganError: As `costs`, or a network is called with no tensor.
        """
        noise, images = (
            _first(self._inputs_of(name), name) for name in ("generator", "discriminator")
        )
        _, channels, _, width = images.shape
        return {"latent_dim": noise.shape[1], "image_size": width, "channels": channels}

    def close(self) -> None:
        """Look no more."""
        for handle in self._handles.values():
            handle.remove()

    def _inputs_of(self, name: str) -> inspect.BoundArguments:
        if name not in self._inputs:
            raise SparseganError(
                f"no forward of the {name} has been seen: build the recorder before the first "
                "step, and before torch.compile"
            )
        return self._inputs[name]


def _of_one(value: Any) -> Any:
    """One sample of an argument, or of each that a network takes as `*args` or `**kwargs`."""
    if isinstance(value, Tensor):
        return (value[:1] if value.dim() else value).detach().clone()
    if isinstance(value, tuple):
        return tuple(map(_of_one, value))
    if isinstance(value, dict):
        return {key: _of_one(one) for key, one in value.items()}
    return value


def _first(bound: inspect.BoundArguments, name: str) -> Tensor:
    """The first tensor that a network is called with, in the order of its signature."""
    for value in (*bound.args, *bound.kwargs.values()):
        if isinstance(value, Tensor) and value.dim():
            return value
    raise SparseganError(f"the {name} is called without a batch: give it a tensor of samples")
