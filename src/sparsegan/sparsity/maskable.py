"""Which weights of a module can be masked, found by rule, in either form of spectral norm."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn
from torch.nn.parameter import UninitializedParameter
from torch.nn.utils import parametrize
from torch.nn.utils.spectral_norm import SpectralNorm

from sparsegan.errors import SparseganError
from sparsegan.modules import TRANSPOSED, WEIGHTED, unwrap

Include = str | Callable[[str, nn.Module], bool]

# ADAPT leaves out every parameter whose name holds one of these words (methods.md, A5).
ADAPT_WORDS = ("bias", "gain", "classifier")


def _adapt(name: str, module: nn.Module) -> bool:
    return not any(word in f"{name}.weight" for word in ADAPT_WORDS)


def _stu_gan(name: str, module: nn.Module) -> bool:
    # STU-GAN masks 4-D weights only: two-dimensional convolutions (methods.md, B3).
    return isinstance(module, nn.Conv2d | nn.ConvTranspose2d)


RULES: dict[str, Callable[[str, nn.Module], bool]] = {
    "weights": lambda name, module: True,
    "adapt": _adapt,
    "stu-gan": _stu_gan,
}
"""Rules by name: every Linear and convolution weight; ADAPT's choice; STU-GAN's choice."""


class UnmaskableError(SparseganError):
    """A rule selects a layer that cannot be masked.

    Attributes:
        fact: What is so, without the remedy that a caller of Python has.
    """

    def __init__(self, fact: str) -> None:
        super().__init__(f"{fact}: leave the layer out with a rule of your own (include=...)")
        self.fact = fact


@dataclass(frozen=True)
class MaskableLayer:
    """A layer whose weight is masked.

    Attributes:
        name: The module's path in the network, such as ``block1.conv1``.
        module: The Linear or convolution.
    """

    name: str
    module: nn.Module

    @property
    def parameter(self) -> nn.Parameter:
        """The parameter the optimiser holds: under spectral norm the un-normalised one.

        It is looked up at every use, since ``load_state_dict(assign=True)`` replaces it, and
        without reading ``module.weight``, which under spectral norm advances a power iteration.
        """
        if parametrize.is_parametrized(self.module, "weight"):
            parametrizations = cast(nn.ModuleDict, self.module.parametrizations)
            return cast(nn.Parameter, parametrizations["weight"].original)
        parameters = self.module._parameters
        weight = parameters.get("weight_orig", parameters.get("weight"))
        return cast(nn.Parameter, weight)

    @property
    def output_dimension(self) -> int:
        """The dimension of the weight that output channels are: 1 where it is transposed, or 0."""
        return 1 if isinstance(self.module, TRANSPOSED) else 0


def maskable_layers(module: nn.Module, include: Include = "weights") -> list[MaskableLayer]:
    """The layers whose weights a rule selects, in the order of the module's definition.

    Candidates are Linear, Conv1d/2d/3d and ConvTranspose1d/2d/3d; norms, biases, embeddings and
    scalars never are. A weight shared by several layers counts once, under the first.

    Args:
        module: Any network, wrapped or not.
        include: The name of a rule in :data:`RULES`, or ``f(name, module) -> bool``.

    Raises:
        UnmaskableError: If a weight is empty or under a reparametrisation other than spectral norm.
        SparseganError: If the rule is unknown or selects nothing, if a weight is lazy, or if
            weights lie on two devices.
    """
    if isinstance(include, str):
        if include not in RULES:
            raise SparseganError(f"maskable rule is {include!r}: choose one of {', '.join(RULES)}")
        rule = RULES[include]
    else:
        rule = include
    network = unwrap(module)
    _require_whole(network)
    layers: list[MaskableLayer] = []
    seen: set[int] = set()
    for layer in _candidates(network):
        if rule(layer.name, layer.module):
            _check(layer)
            if id(layer.parameter) not in seen:
                seen.add(id(layer.parameter))
                layers.append(layer)
    if not layers:
        raise SparseganError(
            f"{type(network).__name__} has nothing to mask under the rule {include!r}: "
            "it needs Linear or convolution layers that the rule selects ('weights' selects all)"
        )
    if len({layer.parameter.device for layer in layers}) > 1:
        raise SparseganError("the network's weights lie on several devices: move them to one")
    return layers


def _candidates(network: nn.Module) -> Iterator[MaskableLayer]:
    for name, module in network.named_modules():
        if isinstance(module, WEIGHTED):
            yield MaskableLayer(name or "weight", module)


def is_supported(module: nn.Module) -> bool:
    """Whether a layer's weight is a parameter, plain or under one spectral norm of either form."""
    if parametrize.is_parametrized(module, "weight"):
        applied = cast(nn.ModuleDict, module.parametrizations)["weight"]
        names = [type(p).__name__ for p in cast(nn.ModuleList, applied)]
        return names == ["_SpectralNorm"]
    # PyTorch's pruning keeps a weight_orig too; only spectral norm's is a weight of its own.
    hooks = module._forward_pre_hooks.values()
    legacy = any(isinstance(hook, SpectralNorm) and hook.name == "weight" for hook in hooks)
    return ("weight_orig" if legacy else "weight") in module._parameters


def _require_whole(network: nn.Module) -> None:
    """Refuse weights of which every process has only a part: masks are of whole layers."""
    # By name: to import what shards weights takes long, and not every PyTorch has it.
    sharded = any(type(m).__name__ == "FullyShardedDataParallel" for m in network.modules())
    if sharded or any(type(p).__name__ == "DTensor" for p in network.parameters()):
        raise SparseganError(
            f"the weights of this {type(network).__name__} are sharded over processes (FSDP), and "
            "masks need whole ones: take DistributedDataParallel instead"
        )


def _check(layer: MaskableLayer) -> None:
    if not is_supported(layer.module):
        raise UnmaskableError(
            f"the weight of {layer.name} is reparametrised by something else than spectral norm"
        )
    if isinstance(layer.parameter, UninitializedParameter):
        raise SparseganError(f"{layer.name} is lazy and has no weight yet: run one forward first")
    if not torch.is_floating_point(layer.parameter) or layer.parameter.numel() == 0:
        raise UnmaskableError(f"the weight of {layer.name} is empty or not of real numbers")
