"""The active entries of a network: the one owner of the question which weights are there."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sparsegan.engine import zero_where_
from sparsegan.errors import SparseganError
from sparsegan.sparsity.allocation import NONE_PINNED, Allocation, group_counts, weight_budget
from sparsegan.sparsity.maskable import Include, maskable_layers
from sparsegan.sparsity.units import Granularity, Units


class Masks:
    """The masks of a network's weights, drawn at random with exact counts.

    The bits of all layers lie in one flat tensor, so that an operation over the network and one
    over a layer are the same operation on another slice. Nothing else multiplies by a mask.

    Args:
        module: Any network; its weights are masked at once.
        density: Share of active weights, in (0, 1].
        allocation: How the layers share it: ``uniform``, ``er`` or ``erk``.
        pinned: Densities of single layers, by their places; the others share what is left.
        include: Which layers are maskable: a rule's name or ``f(name, module) -> bool``.
        granularity: What is active or not as a whole: a single ``weight`` or a ``block`` of four
            output channels (`Units`).
        generator: A CPU generator for the draw; masks are equal on every device.

    Attributes:
        layers: The masked layers, in order.
        units: The units that are active or not as a whole.
        flat: Bool tensor of all weights, layer after layer; True is active. Do not write to it.
        budget: How many weights are to be active. Single weights meet it exactly, blocks to within
            two weights, so that moving it up and down again leads back to where it was.
        version: Grows by one with every change, loading included; it is not saved.

    Raises:
        SparseganError: If nothing is maskable or the density is impossible.

    Example:
        >>> masks = Masks(nn.Linear(10, 10), density=0.3)
        >>> masks.active, masks.total, masks.density
        (30, 100, 0.3)
    """

    def __init__(
        self,
        module: nn.Module,
        density: float,
        allocation: Allocation = "erk",
        pinned: Mapping[int, float] = NONE_PINNED,
        *,
        include: Include = "weights",
        granularity: Granularity = "weight",
        generator: torch.Generator | None = None,
    ) -> None:
        self.layers = maskable_layers(module, include)
        self._shapes = [tuple(layer.parameter.shape) for layer in self.layers]
        self._sizes = [layer.parameter.numel() for layer in self.layers]
        self.units = Units(self.layers, granularity)
        counts = group_counts(self._shapes, self.units.groups, density, allocation, pinned)
        flat = self._random_units(counts, generator)
        self.version = -1
        self.flat = flat
        self._ever_active = flat.clone()
        self.replace(flat, weight_budget(density, self.total))
        self.initial_counts = list(self._counts)

    def _random_units(self, counts: Sequence[int], generator: torch.Generator | None) -> Tensor:
        groups = self.units.groups
        units = torch.zeros(sum(group.count for group in groups), dtype=torch.bool)
        for bits, count in zip(self.units.split_groups(units), counts, strict=True):
            bits[torch.randperm(len(bits), generator=generator)[:count]] = True
        return self.units.spread(units)

    # ---- reading

    @property
    def names(self) -> list[str]:
        """The layers' names: their modules' paths."""
        return [layer.name for layer in self.layers]

    @property
    def total(self) -> int:
        """The number of maskable weights."""
        return sum(self._sizes)

    @property
    def active(self) -> int:
        """The number of active weights."""
        return sum(self._counts)

    @property
    def density(self) -> float:
        """Active over maskable weights."""
        return self.active / self.total

    @property
    def ever_active(self) -> float:
        """The share of weights that have been active at least once (the ITOP rate)."""
        return int(self._ever_active.sum()) / self.total

    def counts(self) -> dict[str, int]:
        """Active weights of each layer."""
        return dict(zip(self.names, self._counts, strict=True))

    def sizes(self) -> dict[str, int]:
        """Maskable weights of each layer."""
        return dict(zip(self.names, self._sizes, strict=True))

    def __contains__(self, name: object) -> bool:
        """Whether a layer of this name is masked."""
        return name in self.names

    def __getitem__(self, name: str) -> Tensor:
        """The mask of a layer, a bool tensor of its weight's shape."""
        index = self.names.index(name)
        return self.split(self.flat)[index].view(self._shapes[index])

    def split(self, flat: Tensor) -> tuple[Tensor, ...]:
        """Cut a flat tensor of all weights into one flat view per layer."""
        return tuple(torch.split(flat, self._sizes))

    def flatten(self, tensors: list[Tensor]) -> Tensor:
        """Join one tensor per layer into a flat tensor in the masks' order."""
        return torch.cat([tensor.detach().reshape(-1) for tensor in tensors])

    def weights(self) -> Tensor:
        """A flat copy of all weights, active and inactive."""
        return self.flatten([layer.parameter for layer in self.layers])

    def checksum(self) -> int:
        """A 63-bit number that two different masks do not share."""
        digest = hashlib.blake2b(self._packed(self.flat).numpy().tobytes(), digest_size=8)
        return int.from_bytes(digest.digest(), "little") >> 1

    # ---- changing

    def replace(self, flat: Tensor, budget: int | None = None) -> None:
        """Make another set of weights the active one; newly inactive weights become zero.

        Args:
            flat: Bool tensor of all weights.
            budget: How many weights were to be active; None: as many as are.

        Raises:
            SparseganError: If a layer would be left without an active weight: under spectral
                norm it would give NaN for good. If a block would be active in part.
        """
        if self.units.granularity == "block" and not torch.equal(
            self.units.spread(self.units.first(flat)), flat
        ):
            raise SparseganError(
                "a mask of granularity block takes whole blocks of output channels, and this one "
                "has blocks that are active in part"
            )
        counts = [int(bits.sum()) for bits in self.split(flat)]
        if 0 in counts:
            raise SparseganError(
                f"layer {self.names[counts.index(0)]} would lose its last active weight"
            )
        self.flat = flat.to(self.layers[0].parameter.device)
        self._counts = counts
        self.budget = sum(counts) if budget is None else budget
        self._inactive = [
            bits.view(shape)
            for bits, shape in zip(self.split(~self.flat), self._shapes, strict=True)
        ]
        self._ever_active = self._ever_active.to(self.flat.device) | self.flat
        self.version += 1
        self.apply_()

    def restart(self, flat: Tensor, budget: int | None = None) -> None:
        """As `replace`, for masks that have not been trained under yet: they begin with these."""
        self.replace(flat, budget)
        self.initial_counts = list(self._counts)
        self._ever_active = self.flat.clone()

    @torch.no_grad()
    def apply_(self) -> None:
        """Set every inactive weight to zero, in place."""
        self.clear_([layer.parameter for layer in self.layers])

    @torch.no_grad()
    def clear_(self, tensors: list[Any]) -> None:
        """Set the inactive entries of one tensor per layer to zero, in place.

        Args:
            tensors: In the layers' order, each of its weight's shape, or None to leave out.
        """
        self._follow_device()
        if self.active == self.total:
            return
        for tensor, inactive in zip(tensors, self._inactive, strict=True):
            if tensor is not None:
                zero_where_(tensor, inactive)

    def _follow_device(self) -> None:
        device = self.layers[0].parameter.device
        if self.flat.device != device:  # the network was moved
            self.flat = self.flat.to(device)
            self._ever_active = self._ever_active.to(device)
            self._inactive = [bits.to(device) for bits in self._inactive]

    @torch.no_grad()
    def nonzero_inactive(self) -> Tensor:
        """How many inactive weights of each layer are not zero now, int64 (layers,).

        On the weights' device, which is not waited for; NaN and infinity are not zero.
        """
        self._follow_device()
        counts = torch.zeros(len(self.layers), dtype=torch.int64, device=self.flat.device)
        for number, (layer, inactive) in enumerate(zip(self.layers, self._inactive, strict=True)):
            weight = layer.parameter
            # A product is an eighth of the counting on a CPU; it is NaN where the weights are odd.
            if weight.device.type != "cpu" or bool(
                inactive.view(torch.uint8).to(weight.dtype).mul_(weight).abs_().sum()
            ):
                counts[number] = torch.logical_and(weight, inactive).sum()
        return counts

    # ---- saving

    def state_dict(self) -> dict[str, Any]:
        """Names, shapes and bits (eight to a byte), as tensors and JSON values."""
        return {
            "names": self.names,
            "shapes": [list(shape) for shape in self._shapes],
            "granularity": self.units.granularity,
            "budget": self.budget,
            "initial_counts": list(self.initial_counts),
            "active": self._packed(self.flat),
            "ever_active": self._packed(self._ever_active),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over saved masks and apply them.

        Raises:
            SparseganError: If the state is not that of masks, or of another network's, or of
                another granularity.
        """
        missing = self.state_dict().keys() - state.keys()
        if missing:
            raise SparseganError(
                f"the saved state holds no masks ({', '.join(sorted(missing))} missing): "
                "it was not written by a sparse run"
            )
        shapes = [list(shape) for shape in self._shapes]
        if list(state["names"]) != self.names or [list(s) for s in state["shapes"]] != shapes:
            raise SparseganError(
                "the saved masks are of another network: layer names or shapes differ"
            )
        if state["granularity"] != self.units.granularity:
            raise SparseganError(
                f"the saved masks are of granularity {state['granularity']}, not "
                f"{self.units.granularity}: go on with the granularity that the run began with"
            )
        ever_active = self._unpacked(state["ever_active"])
        self.replace(self._unpacked(state["active"]), int(state["budget"]))
        self.initial_counts = list(state["initial_counts"])
        self._ever_active = ever_active.to(self.flat.device) | self.flat

    @staticmethod
    def unpacked_state(state: Mapping[str, Any]) -> dict[str, Tensor]:
        """The mask of every layer in a saved state, by name.

        Raises:
            SparseganError: If its bits are not those of its shapes.
        """
        sizes = [math.prod(shape) for shape in state["shapes"]]
        flat = _unpacked(state["active"], sum(sizes))
        rows = zip(state["names"], torch.split(flat, sizes), state["shapes"], strict=True)
        return {name: bits.view(shape) for name, bits, shape in rows}

    @staticmethod
    def _packed(bits: Tensor) -> Tensor:
        return torch.from_numpy(np.packbits(bits.cpu().numpy()))

    def _unpacked(self, packed: Tensor) -> Tensor:
        return _unpacked(packed, self.total)


def _unpacked(packed: Tensor, total: int) -> Tensor:
    if packed.dtype != torch.uint8 or packed.numel() != (total + 7) // 8:
        raise SparseganError("the saved masks are damaged: wrong number of bits")
    bits = np.unpackbits(packed.cpu().numpy(), count=total)
    return torch.from_numpy(bits.astype(np.bool_))
