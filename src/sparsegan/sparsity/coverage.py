"""How much of a network its masks can reach, and why not the rest."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn
from torch.nn.parameter import UninitializedParameter
from torch.nn.utils.parametrize import type_before_parametrizations

from sparsegan.modules import WEIGHTED, unwrap
from sparsegan.sparsity.maskable import ADAPT_WORDS, Include, MaskableLayer

# So many of the largest parameters are named to a user, if they are not negligible.
SHOWN = 3
NEGLIGIBLE = 0.01


@dataclass(frozen=True)
class LeftOut:
    """A parameter that no mask takes.

    Attributes:
        name: Its path in the network, of a parametrised one without the parametrisation.
        size: Its entries.
        reason: A phrase for people.
    """

    name: str
    size: int
    reason: str


@dataclass(frozen=True)
class Coverage:
    """How many of a network's parameters masks take.

    Attributes:
        parameters: Entries of all parameters.
        masked: Of those that masks take, active and inactive.
        left_out: The others, largest first.
    """

    parameters: int
    masked: int
    left_out: tuple[LeftOut, ...]

    @property
    def share(self) -> float:
        """The share of the parameters that masks take."""
        return self.masked / self.parameters

    def nonzero(self, density: float) -> float:
        """The share of all parameters that is there at a density of the masked ones."""
        return 1 - self.share * (1 - density)

    def sentence(self, network: str, density: float) -> str:
        """What a user should know of it."""
        return (
            f"{network}: masked layers hold {self.share:.0%} of its {self.parameters:,} "
            f"parameters, so that at density {density:.3g} {self.nonzero(density):.0%} of all may "
            "be non-zero"
        )

    def largest(self) -> str:
        """The largest parameters that are left out, and why, in a phrase."""
        names: dict[str, list[str]] = {}
        for rank, one in enumerate(self.left_out[:SHOWN]):
            if rank and one.size < NEGLIGIBLE * self.parameters:
                break
            names.setdefault(one.reason, []).append(f"{one.name} ({one.size:,})")
        return "; ".join(f"{', '.join(of_one)}: {reason}" for reason, of_one in names.items())


def coverage(
    module: nn.Module, layers: Sequence[MaskableLayer], include: Include = "weights"
) -> Coverage:
    """Count what masks take of a network.

    Args:
        module: The network, wrapped or not.
        layers: Its masked layers.
        include: The rule that they were selected by.
    """
    network = unwrap(module)
    taken = {id(layer.parameter) for layer in layers}
    masked, others = 0, []
    for path, parameter in network.named_parameters():
        if isinstance(parameter, UninitializedParameter):
            continue
        if id(parameter) in taken:
            masked += parameter.numel()
        else:
            owner, name = _owner(path)
            reason = _reason(network.get_submodule(owner), owner, name, include)
            others.append(LeftOut(f"{owner}.{name}".strip("."), parameter.numel(), reason))
    total = masked + sum(one.size for one in others)
    return Coverage(total, masked, tuple(sorted(others, key=lambda one: -one.size)))


def _owner(path: str) -> tuple[str, str]:
    """The path of the layer that a parameter belongs to, and what it is there."""
    layer, parametrised, rest = f".{path}".partition(".parametrizations.")
    if parametrised:
        return layer.strip("."), rest.partition(".")[0]
    owner, _, name = path.rpartition(".")
    return owner, name


def _reason(layer: nn.Module, path: str, name: str, include: Include) -> str:
    kind = type_before_parametrizations(layer).__name__
    if not isinstance(layer, WEIGHTED):
        if type_before_parametrizations(layer).__module__.startswith("torch."):
            return f"{kind} is not masked, only linear layers and convolutions are"
        return f"a parameter of {kind} itself, and only linear layers and convolutions are masked"
    if not name.startswith("weight"):
        return "biases are not masked"
    if not isinstance(include, str):
        return "include= leaves it out"
    if include == "stu-gan":
        return (
            "rule 'stu-gan' takes two-dimensional convolutions alone (maskable 'weights' takes all)"
        )
    words = [word for word in ADAPT_WORDS if word in f"{path}.weight"]
    return f"rule {include!r} leaves out names with {words[0]!r} (maskable 'weights' takes all)"
