"""The optimiser's per-weight state follows the weights that come and go.

Adam and its relatives keep one step count per tensor, so a second moment of zero late in a run
makes the first step of a grown weight ``lr / sqrt(1 - beta2)``: 32 learning rates at 0.999. Hence
the default ``seeded``.
"""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn, optim

from sparsegan.errors import SparseganError
from sparsegan.precision import total
from sparsegan.sparsity.maskable import MaskableLayer

Moments = Literal["seeded", "zero", "kept"]
"""What a grown weight's moments are.

``seeded``: first moment 0, second moment the mean over the tensor's surviving active weights.
``zero``: all 0 (RigL). ``kept``: whatever they were; the published ADAPT and STU-GAN codes, whose
moments integrate dense gradients at inactive places.
"""

FIRST = ("exp_avg", "momentum_buffer", "grad_avg")
SECOND = ("exp_avg_sq", "max_exp_avg_sq", "square_avg", "sum")

SUPPORTED: tuple[type[optim.Optimizer], ...] = (
    optim.Adam,
    optim.AdamW,
    optim.NAdam,
    optim.RAdam,
    optim.SGD,
    optim.RMSprop,
    optim.Adagrad,
)


PLAIN_WRAPPERS = ("lightning_fabric", "lightning", "pytorch_lightning", "accelerate")
"""Packages of wrappers whose step is that of the optimiser inside and nothing else."""


def unwrap_optimizer(optimizer: object) -> optim.Optimizer:
    """The PyTorch optimiser inside the wrapper of Lightning, Fabric or Accelerate.

    Raises:
        SparseganError: It is none, or another wrapper, which may write weights after the step.
    """
    inner = getattr(optimizer, "optimizer", optimizer)
    name = type(optimizer).__name__
    if inner is not optimizer:
        packages = {cls.__module__.partition(".")[0] for cls in type(optimizer).__mro__}
        if packages.isdisjoint(PLAIN_WRAPPERS):
            raise SparseganError(
                f"{name} wraps another optimiser and may change weights after its step, inactive "
                "ones too: pass the optimiser inside it and step that, or leave the wrapper out"
            )
    if not isinstance(inner, optim.Optimizer):
        raise SparseganError(f"{name} is not a PyTorch optimiser")
    return inner


def check_optimizer(
    optimizer: object, layers: Sequence[MaskableLayer], moments: str
) -> optim.Optimizer:
    """The PyTorch optimiser, refused unless its state can follow the layers' single weights.

    Raises:
        SparseganError: Naming an optimiser of another kind, a layer that it does not hold, or an
            unknown choice of moments.
    """
    if moments not in get_args(Moments):
        raise SparseganError(
            f"moments is {moments!r}: choose one of {', '.join(get_args(Moments))}"
        )
    inner = unwrap_optimizer(optimizer)
    if not isinstance(inner, SUPPORTED):
        raise SparseganError(
            f"{type(inner).__name__} is not supported, since its state is not known to be "
            f"per weight: use one of {', '.join(cls.__name__ for cls in SUPPORTED)}"
        )
    held = {id(p) for group in inner.param_groups for p in group["params"]}
    for layer in layers:
        if id(layer.parameter) not in held:
            raise SparseganError(
                f"the optimiser does not hold the weight of {layer.name}: build it from the "
                "parameters of the very network that is masked"
            )
    return inner


def require_kernels(moments: Moments, kernels: str) -> None:
    """Refuse kernels that cannot give the gradients that the moments need.

    Raises:
        SparseganError: Naming both.
    """
    if moments == "kept" and kernels == "native":
        raise SparseganError(
            "engine is 'native' and moments are kept (as faithful: kept_moments has them), which "
            "integrate gradients of inactive weights: take engine 'auto', or other moments"
        )


def clear_inactive_(optimizer: optim.Optimizer, parameter: nn.Parameter, active: Tensor) -> None:
    """Set the moments of inactive weights to zero, in place."""
    for _, moment in _moments_of(optimizer, parameter):
        moment.masked_fill_(~active, 0)


@torch.no_grad()
def follow_(
    optimizer: optim.Optimizer,
    parameter: nn.Parameter,
    before: Tensor,
    after: Tensor,
    moments: Moments,
) -> None:
    """Bring a weight's moments in line with a change of its mask, in place.

    Args:
        optimizer: A supported optimiser.
        parameter: The masked weight.
        before: Its mask before the change, of its shape.
        after: Its mask after the change.
        moments: What grown weights get.
    """
    if moments == "kept":
        return
    grown = after & ~before
    survivors = after & before
    for name, moment in _moments_of(optimizer, parameter):
        moment.masked_fill_(~survivors, 0)
        if moments == "seeded" and name in SECOND and bool(survivors.any()):
            moment.masked_fill_(grown, total(moment[survivors]) / int(survivors.sum()))


def _moments_of(optimizer: optim.Optimizer, parameter: nn.Parameter) -> list[tuple[str, Tensor]]:
    """The tensors of state that hold one number per weight; none before the first step."""
    state = optimizer.state.get(parameter, {})
    return [
        (name, state[name])
        for name in (*FIRST, *SECOND)
        if isinstance(state.get(name), Tensor) and state[name].shape == parameter.shape
    ]
