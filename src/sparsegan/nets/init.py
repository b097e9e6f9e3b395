"""Initial weights as a function of a seed (docs/methods.md, architectures).

ADAPT starts SNGAN on CIFAR-10 from PyTorch's defaults, STU-GAN from Xavier-uniform convolutions;
both leave linear layers (`xavier`) and biases at PyTorch's defaults. `kaiming` is ADAPT's for
STL-10. `normal` is the N(0, 0.02) of BigGAN at 32 pixels, DCGAN and CycleGAN for every weight,
`orthogonal` that of BigGAN above.
"""

import math
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from sparsegan.errors import SparseganError
from sparsegan.modules import CONVOLUTIONS, TRANSPOSED, WEIGHTED
from sparsegan.nets.attention import Attention
from sparsegan.torch_private import BatchNorm, SpectralNorm

Scheme = Literal["default", "xavier", "normal", "orthogonal", "kaiming"]
SCHEMES: tuple[str, ...] = get_args(Scheme)

# What PyTorch runs when it constructs the parametrisation.
_POWER_ITERATIONS = 15


@torch.no_grad()
def initialise(module: nn.Module, scheme: Scheme, generator: torch.Generator) -> None:
    """Draw all weights anew, so that they depend on the generator alone.

    Under `torch.nn.utils.parametrizations.spectral_norm` the unnormalised weight is drawn and
    the singular vectors are drawn and iterated anew; the normalised `.weight` is never read,
    because reading it in training mode advances the power iteration. Batch normalisation gets
    its neutral values, and the gate of attention is closed.

    Args:
        module: A network of linear layers, convolutions, embeddings, batch normalisations and
            `nets.attention.Attention`.
        scheme: `default`: PyTorch's uniform within ±1/√fan_in, embeddings N(0, 1); `xavier`:
            Glorot-uniform convolutions, the rest as default; `normal`: weights and embeddings
            N(0, 0.02), biases as default; `orthogonal`: weights and embeddings orthogonal as
            matrices, biases 0; `kaiming`: weights N(0, 2/fan_in), biases 0, embeddings as
            default.
        generator: A CPU generator (see `seeding.stream`); draws are made on the CPU, so they do
            not depend on where the module is.

    Raises:
        SparseganError: for an unknown scheme, or a layer whose initial values are not known.
    """
    if scheme not in SCHEMES:
        raise SparseganError(
            f"there is no initialisation {scheme!r}: choose one of {', '.join(SCHEMES)}"
        )
    for name, layer in module.named_modules():
        if isinstance(layer, (*WEIGHTED, nn.Embedding)):
            _initialise_layer(layer, scheme, generator)
        elif isinstance(layer, (BatchNorm, Attention)):
            layer.reset_parameters()
        elif any(True for _ in layer.parameters(recurse=False)) and not isinstance(
            layer, parametrize.ParametrizationList
        ):
            raise SparseganError(
                f"layer {name!r} ({type(layer).__name__}) has parameters that initialise does "
                "not know: set them yourself, or build the network from linear layers, "
                "convolutions, embeddings and batch normalisations"
            )


def _initialise_layer(layer: nn.Module, scheme: Scheme, generator: torch.Generator) -> None:
    weight = _unnormalised_weight(layer)
    values = torch.empty(weight.shape)
    fan_in, _ = nn.init._calculate_fan_in_and_fan_out(values)
    bound = 1 / math.sqrt(fan_in)
    if scheme == "normal":
        nn.init.normal_(values, 0.0, 0.02, generator=generator)
    elif scheme == "orthogonal":
        nn.init.orthogonal_(values, generator=generator)
    elif isinstance(layer, nn.Embedding):
        nn.init.normal_(values, generator=generator)
    elif scheme == "kaiming":
        nn.init.kaiming_normal_(values, generator=generator)
    elif scheme == "xavier" and isinstance(layer, (*CONVOLUTIONS, *TRANSPOSED)):
        nn.init.xavier_uniform_(values, generator=generator)
    else:
        # PyTorch's kaiming_uniform_(a=√5) is this bound.
        nn.init.uniform_(values, -bound, bound, generator=generator)
    weight.copy_(values)
    bias = getattr(layer, "bias", None)
    if isinstance(bias, Tensor):
        values = torch.zeros(bias.shape)
        if scheme not in ("orthogonal", "kaiming"):
            nn.init.uniform_(values, -bound, bound, generator=generator)
        bias.copy_(values)
    if parametrize.is_parametrized(layer, "weight"):
        _restart_power_iteration(_spectral_norm(layer), weight, generator)


def _unnormalised_weight(layer: nn.Module) -> Tensor:
    parameters = dict(layer.named_parameters())
    name = "parametrizations.weight.original"
    weight = parameters.get(name, parameters.get("weight"))
    if weight is None:
        raise SparseganError(
            f"initialise finds no weight parameter in {layer}: use "
            "torch.nn.utils.parametrizations.spectral_norm, not the older torch.nn.utils one"
        )
    return weight


def _spectral_norm(layer: nn.Module) -> SpectralNorm:
    for part in layer.modules():
        if isinstance(part, SpectralNorm):
            return part
    raise SparseganError(
        f"initialise knows spectral_norm alone as a parametrisation of weights, not that of "
        f"{layer}: set these weights yourself"
    )


def _restart_power_iteration(
    norm: SpectralNorm, weight: Tensor, generator: torch.Generator
) -> None:
    for vector in (norm._u, norm._v):
        values = torch.empty(vector.shape).normal_(generator=generator)
        vector.copy_(nn.functional.normalize(values, dim=0, eps=norm.eps))
    norm._power_method(norm._reshape_weight_to_matrix(weight), _POWER_ITERATIONS)
