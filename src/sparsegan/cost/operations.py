"""Operations of a forward and of a training run, dense or sparse (docs/methods.md, cost).

One multiplication with its addition counts as one. Two conventions exist. The published one gives
the tables of ADAPT: it multiplies the discriminator's share by the number of *its* steps although
they are in its weight already, counts half of what it sees, and leaves out the products of
attention. The consistent one counts what is done: in each discriminator step three passes
(forward, and twice that for backward) over a real and a fake batch, in each generator step a
forward and an input gradient of the discriminator, and attention's products in every pass.
R1's estimate is one more pass over the real batch, which the published convention does not know.
Neither counts activations, resizing, the second derivatives of a gradient penalty, embeddings, the
power iteration of spectral normalisation (once a step, whatever the batch) or the optimiser.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal, get_args

from sparsegan.cost.layers import LayerCost
from sparsegan.errors import SparseganError
from sparsegan.nearest import nearest_name

Convention = Literal["published", "consistent"]
CONVENTIONS: tuple[Convention, ...] = get_args(Convention)

History = Sequence[tuple[int, Mapping[str, float]]]
"""`(from_step, densities)`, in order of the steps: these densities hold for the generator steps
from_step, from_step + 1, … (the first is 0) until the next entry takes over."""


def forward(
    layers: Sequence[LayerCost],
    densities: Mapping[str, float] | None = None,
    *,
    convention: Convention = "consistent",
) -> float:
    """Operations of one forward of one sample.

    Args:
        layers: From `cost.layers`.
        densities: Layer name to the share of its weights that are active, in [0, 1]; absent
            layers are dense. Biases, normalisations and products are always dense, and so are
            layers that are `filled`.
        convention: `published` leaves out the products of activations with activations.

    Raises:
        SparseganError: for a density of a layer that is not there or has no weights, or
            outside [0, 1], and for another convention.
    """
    _check_convention(convention)
    densities = {} if densities is None else densities
    check_densities(layers, densities)
    products = sum(c.products for c in layers) if convention == "consistent" else 0
    weights = math.fsum(c.macs * _computed(c, densities) for c in layers)
    return weights + sum(c.bias_adds + c.norm_ops for c in layers) + products


def _computed(layer: LayerCost, densities: Mapping[str, float]) -> float:
    """The share of a layer's multiplications that are left."""
    return 1.0 if layer.filled else densities.get(layer.name, 1.0)


def training(
    g: float,
    d: float,
    *,
    d_batch: int,
    g_batch: int,
    discriminator_steps: int,
    steps: int,
    convention: Convention = "consistent",
    generator_passes: int = 1,
    real_passes: int = 1,
) -> float:
    """Operations of a training run.

    Args:
        g: The generator's forward per sample, from `forward` by the same convention.
        d: The discriminator's forward per sample, likewise.
        d_batch: Real images, and as many fakes, in a discriminator step.
        g_batch: Samples in a generator step.
        discriminator_steps: Discriminator steps for each generator step.
        steps: Generator steps.
        convention: `published` or `consistent`, see the module's text.
        generator_passes: Forwards and backwards of the generator for each sample of its step; a
            cycle has three (translation, the way back of the other one's, identity).
        real_passes: Forwards and backwards of the discriminator for each real image; R1's
            estimate (`train.losses.r1_estimate`) has two.

    Raises:
        SparseganError: for another convention.
    """
    _check_convention(convention)
    seen = d_batch * discriminator_steps
    g_samples = (seen + 3 * generator_passes * g_batch) * steps
    if convention == "published":
        d_samples = (3 * seen + g_batch) * steps * discriminator_steps
    else:
        d_samples = (3 * (1 + real_passes) * seen + 2 * g_batch) * steps
    return g * g_samples + d * d_samples


def training_of_history(
    generator: Sequence[LayerCost],
    discriminator: Sequence[LayerCost],
    generator_history: History,
    discriminator_history: History,
    *,
    d_batch: int,
    g_batch: int,
    discriminator_steps: int,
    steps: int,
    convention: Convention = "consistent",
    generator_passes: int = 1,
    real_passes: int = 1,
) -> float:
    """Operations of a training run whose densities moved.

    Args:
        generator: The generator's layers, from `cost.layers`.
        discriminator: The discriminator's.
        generator_history: Its densities from step to step; an empty history is a dense run,
            and entries from `steps` on have no part in it.
        discriminator_history: The same of the discriminator.
        d_batch: As in `training`.
        g_batch: As in `training`.
        discriminator_steps: As in `training`.
        steps: Generator steps counted, at least 1.
        convention: As in `training`.
        generator_passes: As in `training`.
        real_passes: As in `training`.

    Raises:
        SparseganError: for a history that does not begin at step 0 or is out of order, for
            densities that do not fit the layers, and for another convention.
    """
    return training(
        _average_forward(generator, generator_history, steps, convention),
        _average_forward(discriminator, discriminator_history, steps, convention),
        d_batch=d_batch,
        g_batch=g_batch,
        discriminator_steps=discriminator_steps,
        steps=steps,
        convention=convention,
        generator_passes=generator_passes,
        real_passes=real_passes,
    )


def mean_densities(history: History, steps: int) -> dict[str, float]:
    """Each layer's density, averaged over the steps of a run.

    Costs are linear in densities, so the cost at these is the average cost.

    Args:
        history: Densities from step to step; layers that an entry lacks are dense while it holds,
            and an empty history is a dense run.
        steps: Generator steps of the run, at least 1.

    Raises:
        SparseganError: for a history that does not begin at step 0 or is out of order.

    Example:
        >>> mean_densities([(0, {"conv": 0.25}), (6, {"conv": 0.75})], steps=8)
        {'conv': 0.375}
    """
    if steps < 1:
        raise SparseganError(f"a history over {steps} steps has no cost: give at least 1 step")
    if not history:
        return {}
    starts = [start for start, _ in history]
    if starts[0] != 0 or any(a > b for a, b in pairwise(starts)):
        raise SparseganError(
            f"the density history starts at steps {starts[:4]}…: it must begin at step 0 and "
            "be in order"
        )
    ends = [*starts[1:], steps]
    lengths = [max(0, min(end, steps) - start) for start, end in zip(starts, ends, strict=True)]
    names = dict.fromkeys(name for _, densities in history for name in densities)
    return {
        name: min(
            1.0,
            math.fsum(
                densities.get(name, 1.0) * length
                for (_, densities), length in zip(history, lengths, strict=True)
            )
            / steps,
        )
        for name in names
    }


def _average_forward(
    layers: Sequence[LayerCost], history: History, steps: int, convention: Convention
) -> float:
    for _, densities in history:
        check_densities(layers, densities)
    return forward(layers, mean_densities(history, steps), convention=convention)


def _check_convention(convention: str) -> None:
    if convention not in CONVENTIONS:
        raise SparseganError(
            f"there is no cost convention {convention!r}: choose {' or '.join(CONVENTIONS)}"
        )


def check_densities(layers: Sequence[LayerCost], densities: Mapping[str, float]) -> None:
    """Refuse densities that do not fit the layers; see `forward`."""
    weighted = [c.name for c in layers if c.weights]
    for name in densities.keys() - set(weighted):
        near = nearest_name(name, weighted, cutoff=0.0)
        hint = f": did you mean {near!r}?" if near else ": the network has no weights"
        raise SparseganError(f"no layer {name!r} with weights to take a density{hint}")
    for name, density in densities.items():
        if not 0 <= density <= 1:
            raise SparseganError(f"the density of {name!r} is {density}: give one from 0 to 1")
