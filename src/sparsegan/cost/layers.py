"""The cost of each layer of a network, counted in one forward of one sample."""

import math
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn.utils.parametrize import ParametrizationList, type_before_parametrizations

from sparsegan.cost.products import Products, counted_products
from sparsegan.cost.untouched import untouched
from sparsegan.errors import SparseganError
from sparsegan.modules import TRANSPOSED, WEIGHTED, unwrap, weight_shape
from sparsegan.torch_private import NormBase

# Batch and instance normalisation share NormBase.
_NORMS: tuple[type[nn.Module], ...] = (NormBase, nn.GroupNorm, nn.LayerNorm)


@dataclass(frozen=True)
class LayerCost:
    """One layer: its size, and its operations in the forward of one sample when it is dense.

    Attributes:
        name: The module's path in the network.
        kind: The layer's type: `Linear`, `Conv2d`, `BatchNorm2d`, …
        shape: Of the weight; empty where there is none.
        weights: Entries of the weight of a linear layer or convolution, those that a mask can
            take; 0 for every other layer.
        macs: Multiplications with a weight, each with its addition counted as one. Places of
            the padding are counted, as everywhere in the field.
        bias_adds: Additions of the bias.
        norm_ops: Of a normalisation: two for each value where it has a gain and a bias, else
            none, which is what the published tables count.
        other_parameters: Parameters of this layer that are no `weights`: biases, gains,
            embeddings.
        products: Multiplications of activations with activations, each with its addition
            counted as one: attention. The published tables leave them out.
        bare_weights: Those of `other_parameters` that the forward multiplies with as a linear
            layer or a convolution does with its weight; no mask takes them.
        unseen: Entries of weights, and of parameters that could be such, that no counted
            operation was seen to use: unused, or used in a way that is not counted.
        filled: Whether the forward multiplies with a weight that it has made of the layer's, and
            whose zeros may not be where those are (standardised, say): it is counted as dense,
            whatever its density.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    weights: int
    macs: int
    bias_adds: int
    norm_ops: int
    other_parameters: int
    products: int = 0
    bare_weights: int = 0
    unseen: int = 0
    filled: bool = False


@dataclass
class _Tally:
    """Operations of one layer over all its calls."""

    macs: int = 0
    bias_adds: int = 0
    norm_ops: int = 0


def layers(
    module: nn.Module,
    *example_inputs: object,
    as_published: bool = True,
    keywords: Mapping[str, object] | None = None,
) -> list[LayerCost]:
    """Count the operations of each layer in a forward of one sample.

    The forward runs in evaluation mode, and the network, its buffers and the random state are
    afterwards bit-equal to before; on the `meta` device nothing is computed. This counts calls of
    linear layers, convolutions and normalisations, what functions like `F.linear`, `F.conv2d` and
    `@` do with weights (modulated ones are their layer's, too), and attention's products, but no
    activations, resizing, embeddings and power iteration of spectral normalisation
    (docs/methods.md, cost).

    Args:
        module: Any network; the wrappers of PyTorch's data parallelism, of Fabric and of
            torch.compile are taken off.
        example_inputs: What the network is called with: noise, images, labels. The first sample of
            each tensor is taken; it is on the network's device.
        as_published: Count a layer that is evaluated at fewer positions than in the published
            network (`published_positions` of the layer, see `nets.blocks.MovedConv`) at the
            published ones. False counts what the forward here does.
        keywords: What the network is called with by name.

    Returns:
        Every layer that has parameters, normalises or multiplies activations, in the order of
        `named_modules`. Each parameter belongs to one entry. A layer that is called several
        times is counted as often, one that is never used has no operations. Products with a
        weight that is computed from others belong to the layer that makes them.

    Raises:
        SparseganError: without example inputs.
    """
    if not (example_inputs or keywords):
        raise SparseganError(
            "cost.layers has no example input: give it what the network is called with, "
            "for example torch.zeros(1, G.latent_dim)"
        )
    module = unwrap(module)
    named = {
        # A network that is a single layer has no path; the masks call it "weight", too.
        name or "weight": layer
        for name, layer in module.named_modules()
        if "parametrizations" not in name.split(".")
    }
    tallies = {name: _Tally() for name, layer in named.items() if _is_counted(layer)}
    sample = [_first(x) for x in example_inputs]
    named_sample = {key: _first(x) for key, x in (keywords or {}).items()}
    weights = [(name, weight) for name, layer in named.items() for weight in _weights(layer)]
    called = {name for name in tallies if isinstance(named[name], WEIGHTED)}
    with untouched(module), ExitStack() as hooks:
        for name, tally in tallies.items():
            hook = _counter(tally, as_published)
            hooks.callback(named[name].register_forward_hook(hook, with_kwargs=True).remove)
        products = hooks.enter_context(counted_products(named, weights, called))
        module(*sample, **named_sample)
    return [
        _layer_cost(name, layer, tallies.get(name, _Tally()), products)
        for name, layer in named.items()
        if name in tallies or products.activations[name] or products.macs[name]
    ]


def _first(value: object) -> object:
    return value[:1] if isinstance(value, Tensor) and value.dim() else value


def _is_counted(layer: nn.Module) -> bool:
    return isinstance(layer, (*WEIGHTED, *_NORMS)) or _parameter_count(layer) > 0


def _parameter_count(layer: nn.Module) -> int:
    """Parameters of the layer itself, parametrised ones included, its children's not."""
    count = sum(p.numel() for p in layer.parameters(recurse=False))
    for part in getattr(layer, "parametrizations", {}).values():
        if isinstance(part, ParametrizationList):
            count += sum(p.numel() for p in part.parameters())
    return count


def _counter(
    tally: _Tally, as_published: bool
) -> Callable[[nn.Module, tuple[Any, ...], Mapping[str, Any], Any], None]:
    """A forward hook that adds one call of a layer to its tally."""

    def count(
        layer: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any
    ) -> None:
        if isinstance(layer, _NORMS):
            affine = getattr(layer, "affine", getattr(layer, "elementwise_affine", False))
            tally.norm_ops += 2 * output.numel() if affine else 0
        elif isinstance(layer, WEIGHTED):
            repeats = getattr(layer, "published_positions", 1) if as_published else 1
            inputs = args[0] if args else kwargs["input"]
            tally.macs += repeats * _macs(layer, inputs, output)
            if isinstance(layer.bias, Tensor):
                tally.bias_adds += repeats * output.numel()

    return count


def _macs(layer: nn.Module, inputs: Tensor, output: Tensor) -> int:
    shape = weight_shape(layer)
    if isinstance(layer, TRANSPOSED):
        # Each value of the input meets every weight of its input channel.
        return inputs.numel() * math.prod(shape[1:])
    return output.numel() * math.prod(shape[1:])


def _weights(layer: nn.Module) -> list[Tensor]:
    """The layer's own parameters that products may be made with: of two dimensions at least."""
    if isinstance(layer, (*_NORMS, nn.Embedding, nn.EmbeddingBag)):
        return []
    counted: list[Tensor] = [p for p in layer.parameters(recurse=False) if p.dim() > 1]
    for part in getattr(layer, "parametrizations", {}).values():
        counted += [p for p in part.parameters(recurse=False) if p.dim() > 1]
    return counted


def _layer_cost(name: str, layer: nn.Module, tally: _Tally, products: Products) -> LayerCost:
    shape = weight_shape(layer)
    weights = math.prod(shape) if isinstance(layer, WEIGHTED) else 0
    own = _weights(layer)
    used = sum(p.numel() for p in own if id(p) in products.used)
    macs = tally.macs + products.macs[name]
    if weights:
        bare, unseen = 0, 0 if macs else weights
    else:
        bare, unseen = used, sum(p.numel() for p in own) - used
    return LayerCost(
        name=name,
        kind=_kind(layer),
        shape=shape,
        weights=weights,
        macs=macs,
        bias_adds=tally.bias_adds + products.bias_adds[name],
        norm_ops=tally.norm_ops,
        other_parameters=_parameter_count(layer) - weights,
        products=products.activations[name],
        bare_weights=bare,
        unseen=unseen,
        filled=any(id(p) in products.filled for p in own),
    )


def _kind(layer: nn.Module) -> str:
    """The type's name, for subclasses of linear layers and convolutions PyTorch's own."""
    for kind in WEIGHTED:
        if isinstance(layer, kind):
            return kind.__name__
    original: type = type_before_parametrizations(layer)
    return original.__name__
