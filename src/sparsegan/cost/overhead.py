"""Operations that a sparse run makes beside its training steps, by the consistent convention.

Growth by gradient needs the gradients of inactive weights, which a sparse backward leaves out: one
more product of the layer's size for each sample of that backward. A measurement of the balance
ratio is a forward of the generator and of the discriminator on the fakes of the step, and one of
the discriminator on a real batch.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from sparsegan.cost.layers import LayerCost
from sparsegan.cost.operations import History, forward


def occasions(
    history: History, every: int, steps: int
) -> Iterator[tuple[int, Mapping[str, float]]]:
    """How often something that is done every so many steps is done under which densities.

    It is done after `every`, 2 `every`, … completed steps, under the densities of the step just
    made.

    Args:
        history: Densities from step to step; an empty one is a dense run.
        every: Generator steps from one occasion to the next, at least 1.
        steps: The last completed step that is one of them if it is a multiple of `every`.

    Example:
        >>> list(occasions([(0, {"conv": 0.1}), (6, {"conv": 0.3})], every=3, steps=10))
        [(2, {'conv': 0.1}), (1, {'conv': 0.3})]
    """
    history = history or [(0, {})]
    starts = [start for start, _ in history]
    for (start, end), (_, densities) in zip(
        pairwise([*starts, max(steps, starts[-1])]), history, strict=True
    ):
        number = min(end, steps) // every - min(start, steps) // every
        if number:
            yield number, densities


def dense_gradients(
    layers: Sequence[LayerCost],
    history: History,
    *,
    every: int,
    steps: int,
    samples: int,
) -> float:
    """Operations of the gradients of inactive weights, where weights grow by gradient.

    Args:
        layers: The network's, from `cost.layers`.
        history: Its densities from step to step.
        every: Generator steps from one growth to the next.
        steps: Of the whole run; nothing grows after the last one.
        samples: Samples in the backward passes of the network that keep such gradients, for each
            growth.
    """
    return samples * math.fsum(
        number
        * math.fsum(
            layer.macs * (1 - densities.get(layer.name, 1.0))
            for layer in layers
            if not layer.filled  # their backward is dense in any case
        )
        for number, densities in occasions(history, every, steps - 1)
    )


def forwards(
    layers: Sequence[LayerCost], history: History, *, every: int, steps: int, samples: int
) -> float:
    """Operations of a network's forwards at the measurements of the balance ratio.

    Args:
        layers: The network's, from `cost.layers`.
        history: Its densities from step to step.
        every: Generator steps from one measurement to the next.
        steps: Of the whole run; the last one may be measured at.
        samples: What goes through the network at each measurement.
    """
    return samples * math.fsum(
        number * forward(layers, densities)
        for number, densities in occasions(history, every, steps)
    )
