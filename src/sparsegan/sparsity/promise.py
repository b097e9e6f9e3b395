"""The promise of a sparse network: its inactive weights are zero, and its layers are those masked.

Hooks on the optimiser keep it at every step. No hook sees what comes after a step, an optimiser
wrapper's own update or a weight written by hand; so all weights are looked at once for every step
of the generator.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from sparsegan.errors import SparseganError
from sparsegan.modules import unwrap
from sparsegan.sparsity.maskable import is_supported
from sparsegan.sparsity.masks import Masks


@dataclass(frozen=True)
class Breach:
    """Inactive weights that were not zero.

    Attributes:
        step: Generator steps completed when they were looked at.
        counts: How many, by layer; layers that kept the promise are left out.
    """

    step: int
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.counts.values())

    def __str__(self) -> str:
        layers = list(self.counts)
        more = f" and {len(layers) - 3} more" if len(layers) > 3 else ""
        return f"{self.total:,} inactive weights (of {', '.join(layers[:3])}{more})"


class Promise:
    """Looks whether a network's inactive weights are zero.

    On the CPU a look answers at once. Elsewhere its counts are copied in the background, and a
    later look gives them: the host never waits for the device. Only the CPU has run this.

    Args:
        module: The network, wrapped or not.
        masks: Its masks.
    """

    def __init__(self, module: nn.Module, masks: Masks) -> None:
        self._network, self._masks = unwrap(module), masks
        self._names = self._parameter_names()
        self._waiting: list[tuple[int, Tensor, torch.cuda.Event | None]] = []

    def look(self, step: int) -> list[Breach]:
        """Look at all weights.

        Args:
            step: Generator steps completed.

        Returns:
            What has become known of this look or of earlier ones, oldest first.
        """
        masks = self._masks
        if masks.active == masks.total and not self._waiting:
            return []
        counts = masks.nonzero_inactive()
        event = None
        if counts.device.type == "cuda":
            counts = counts.to("cpu", non_blocking=True)
            event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            event.record()
        self._waiting.append((step, counts, event))
        known = []
        while self._waiting and self._is_ready():
            number, counts, _ = self._waiting.pop(0)
            broken = {
                name: count
                for name, count in zip(masks.names, counts.tolist(), strict=True)
                if count
            }
            if broken:
                known.append(Breach(number, broken))
        return known

    def _is_ready(self) -> bool:
        _, counts, event = self._waiting[0]
        if event is not None:
            return bool(event.query())  # type: ignore[no-untyped-call]
        # Devices without such events: their counts are read when the next look is under way.
        return counts.device.type == "cpu" or len(self._waiting) > 1

    def require_same_structure(self) -> None:
        """Refuse a network that has other parameters than when it was masked.

        Raises:
            SparseganError: Naming the first that came, went, or is made by something else now.
        """
        names = self._parameter_names()
        if names != self._names:
            came = [name for name in names if name not in self._names]
            gone = [name for name in self._names if name not in names]
            what = (
                f"has a parameter {came[0]} that it had not"
                if came
                else f"lacks the parameter {gone[0]} that it had"
            )
            raise SparseganError(
                f"this {type(self._network).__name__} {what} when the method was attached: "
                "detach() the method before layers are added, taken away, pruned or "
                "reparametrised, and attach it anew to the network as it is then"
            )
        for layer in self._masks.layers:
            if not is_supported(layer.module):
                raise SparseganError(
                    f"the weight of {layer.name} is made by a reparametrisation or a pruning that "
                    "came after the method was attached: take it off, or detach() the method "
                    "first and attach it anew"
                )

    def _parameter_names(self) -> list[str]:
        return [name for name, _ in self._network.named_parameters(remove_duplicate=False)]
