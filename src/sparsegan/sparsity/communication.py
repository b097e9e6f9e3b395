"""Averaging gradients between processes: only those of active weights travel.

Masks are equal on all ranks, so each knows which numbers the others send: no indices travel. Where
a step's gradient is wanted at inactive places, to grow by, the whole one travels. The sums are
those of PyTorch's own averaging, term by term: with two processes its results are equal to the bit,
with more to the rounding of sums in another order.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.futures import Future
from torch.nn.parallel import DistributedDataParallel

from sparsegan.sparsity.network import SparseNetwork


@dataclass
class ActiveGradients:
    """What a network's processes exchange at a step.

    Attributes:
        network: Whose gradients they are.
        sent: Numbers that this process has given away to be summed, over all steps.
        dense: How many it would have been with those of inactive weights.
    """

    network: SparseNetwork
    sent: int = 0
    dense: int = 0
    _version: int | None = None
    _places: dict[int, Tensor] = field(default_factory=dict)

    def places(self) -> dict[int, Tensor]:
        """Flat positions of the active weights of sparse layers, by the id of the parameter."""
        masks = self.network.masks
        if self._version != masks.version:
            self._places = {
                id(layer.parameter): masks[layer.name].flatten().nonzero().squeeze(1)
                for layer in masks.layers
                if not bool(masks[layer.name].all())
            }
            self._version = masks.version
        return self._places


def average_active_gradients(wrapped: nn.Module, network: SparseNetwork) -> ActiveGradients | None:
    """Has a DistributedDataParallel module average the gradients of active weights only.

    Args:
        wrapped: The module, or one that holds it, before its first backward pass.
        network: The sparse network inside, with the same masks on every rank.

    Returns:
        What counts the numbers that travel; None where there is no such module.
    """
    for module in wrapped.modules():
        if isinstance(module, DistributedDataParallel):
            state = ActiveGradients(network)
            module.register_comm_hook(state, lambda state, bucket: average(state, bucket))
            return state
    return None


def average(state: ActiveGradients, bucket: Any) -> Future[Tensor]:
    """A communication hook: the mean over the ranks of a ``GradBucket``.

    Gradients of inactive weights become zero, unless the step's are wanted.
    """
    buffer: Tensor = bucket.buffer()
    whole = state.network.wants_dense_gradient
    places = {} if whole else state.places()
    pieces = [
        (gradient.view(-1), places.get(id(parameter)))
        for gradient, parameter in zip(bucket.gradients(), bucket.parameters(), strict=True)
    ]
    state.dense += buffer.numel()
    if all(at is None for _, at in pieces):
        travelling = buffer
    else:
        travelling = torch.cat([flat if at is None else flat[at] for flat, at in pieces])
    state.sent += travelling.numel()
    travelling.div_(dist.get_world_size())
    work = dist.all_reduce(travelling, async_op=True)
    assert work is not None

    def put_back(done: Future[list[Tensor]]) -> Tensor:
        averaged: Tensor = done.value()[0]
        if travelling is buffer:
            return averaged
        sizes = [len(flat if at is None else at) for flat, at in pieces]
        for (flat, at), values in zip(pieces, torch.split(averaged, sizes), strict=True):
            if at is None:
                flat.copy_(values)
            else:
                flat.zero_()
                flat[at] = values
        return buffer

    future: Future[list[Tensor]] = work.get_future()
    return future.then(put_back)
