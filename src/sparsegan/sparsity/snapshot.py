"""A network and its optimiser at one moment, kept to go back to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn, optim

from sparsegan import ranks
from sparsegan.errors import SparseganError
from sparsegan.modules import unwrap
from sparsegan.sparsity.moments import unwrap_optimizer


@dataclass(frozen=True)
class Snapshot:
    """Copies of everything that an optimiser's steps change in a network.

    Attributes:
        weights: All parameters, masked or not, by name.
        buffers: All buffers by name: batch statistics, vectors of spectral norms.
        optimiser: The state that the optimiser keeps for each parameter, by the parameter's name;
            empty before its first step.
    """

    weights: Mapping[str, Tensor]
    buffers: Mapping[str, Tensor]
    optimiser: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, module: nn.Module, optimizer: optim.Optimizer) -> "Snapshot":
        """As they are now.

        Args:
            module: The network, wrapped or not.
            optimizer: Its optimiser, wrapped or not.
        """
        network, inner = unwrap(module), unwrap_optimizer(optimizer)
        return cls(
            {name: _copy(weight) for name, weight in network.named_parameters()},
            {name: _copy(buffer) for name, buffer in network.named_buffers()},
            {
                name: {key: _copy(value) for key, value in inner.state[weight].items()}
                for name, weight in network.named_parameters()
                if inner.state.get(weight)
            },
        )

    @torch.no_grad()
    def restore(self, module: nn.Module, optimizer: optim.Optimizer) -> None:
        """Put everything back, bit for bit; on all ranks at once.

        Batch statistics differ between ranks: the first rank's are put back on all of them, so that
        what a checkpoint keeps for all is enough.
        """
        network, inner = unwrap(module), unwrap_optimizer(optimizer)
        for name, weight in network.named_parameters():
            weight.copy_(self.weights[name])
            before = inner.state.pop(weight, {})
            if name in self.optimiser:
                saved = self.optimiser[name]
                inner.state[weight] = {
                    key: _like(value, before.get(key), weight) for key, value in saved.items()
                }
        for name, buffer in network.named_buffers():
            buffer.copy_(ranks.of_first(self.buffers[name].to(buffer.device, copy=True)))

    def shuffled(self, generator: torch.Generator) -> "Snapshot":
        """The same, with the values of every parameter in another order, drawn on the CPU.

        Each layer's values keep their distribution, whatever a network's author drew them from.
        """
        return Snapshot(
            {
                name: weight.flatten()[
                    torch.randperm(weight.numel(), generator=generator).to(weight.device)
                ].view_as(weight)
                for name, weight in self.weights.items()
            },
            self.buffers,
            self.optimiser,
        )

    def state_dict(self) -> dict[str, Any]:
        """Nested dicts of tensors and JSON values."""
        return {
            "weights": dict(self.weights),
            "buffers": dict(self.buffers),
            "optimiser": {name: dict(state) for name, state in self.optimiser.items()},
        }

    @classmethod
    def loaded(cls, state: Mapping[str, Any], module: nn.Module) -> "Snapshot":
        """From `state_dict`, of a network of the same kind.

        Raises:
            SparseganError: It is of another network.
        """
        network = unwrap(module)
        for own, saved in (
            (dict(network.named_parameters()), state["weights"]),
            (dict(network.named_buffers()), state["buffers"]),
        ):
            if own.keys() != saved.keys() or any(
                saved[name].shape != tensor.shape for name, tensor in own.items()
            ):
                raise SparseganError(
                    "the saved weights to go back to are of another network: names or shapes differ"
                )
        return cls(state["weights"], state["buffers"], state["optimiser"])


def _copy(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, Tensor) else value


def _like(value: Any, before: Any, weight: Tensor) -> Any:
    """A copy of a value of state, on the device of what is there, else of the weight."""
    if not isinstance(value, Tensor):
        return value
    if isinstance(before, Tensor):
        device = before.device
    else:
        device = weight.device if value.shape == weight.shape else value.device
    return value.to(device, copy=True)
