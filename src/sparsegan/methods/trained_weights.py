"""Weights that had been trained before masks were drawn: none of them is lost without a word."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn, optim

from sparsegan.errors import SparseganError
from sparsegan.modules import unwrap
from sparsegan.sparsity import SparseNetwork
from sparsegan.sparsity.maskable import MaskableLayer


@dataclass(frozen=True)
class TrainedWeights:
    """The maskable weights of a network that has visibly been trained.

    Attributes:
        network: ``generator`` or ``discriminator``.
        evidence: What shows that it was trained.
        layers: Its maskable layers.
        count: How many of their weights were not zero.
    """

    network: str
    evidence: str
    layers: Sequence[MaskableLayer]
    count: int

    @classmethod
    def of(
        cls,
        network: str,
        module: nn.Module,
        optimiser: optim.Optimizer,
        layers: Sequence[MaskableLayer],
    ) -> "TrainedWeights | None":
        """The weights of a network about to be masked; None where nothing shows a training."""
        evidence = _evidence(network, module, optimiser)
        return None if evidence is None else cls(network, evidence, layers, _nonzero(layers))

    def lost(self) -> int:
        """How many of them are zero now."""
        return self.count - _nonzero(self.layers)

    def __str__(self) -> str:
        return (
            f"{self.evidence}, so that the {self.network} seems to be trained: masks drawn at "
            f"random have set {self.lost():,} of its {self.count:,} weights to zero; load weights "
            "that go with saved masks after the method is built, and then its state"
        )

    def require_loaded_since(self, network: SparseNetwork) -> None:
        """Refuse saved masks for weights that other masks have cleared meanwhile.

        Raises:
            SparseganError: No weights were loaded since.
        """
        if not network.loaded:
            raise SparseganError(
                f"the {self.network}'s weights were there before the method was built, which set "
                f"{self.lost():,} of them to zero: build the method first, then load the network's "
                "and the optimiser's state, then the method's"
            )


def _nonzero(layers: Sequence[MaskableLayer]) -> int:
    return sum(int((layer.parameter != 0).sum()) for layer in layers)


def _evidence(network: str, module: nn.Module, optimiser: optim.Optimizer) -> str | None:
    parameters = (p for group in optimiser.param_groups for p in group["params"])
    if any(optimiser.state.get(parameter) for parameter in parameters):
        return f"the {network}'s optimiser has made steps"
    for name, buffer in unwrap(module).named_buffers():
        counts = name.endswith("num_batches_tracked") and not buffer.is_meta
        if counts and int(buffer) > 0:
            return f"the {network}'s batch normalisation has seen batches"
    return None
