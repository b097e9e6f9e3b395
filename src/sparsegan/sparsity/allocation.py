"""How many weights of each layer may be active: uniform, Erdős–Rényi, and its kernel form.

Densities are real numbers, budgets are integers. The whole network's budget is
``floor(density * total + 1/2)``; the layers' counts sum to it exactly (largest remainder, ties to
the earlier layer), and every layer has at least one active weight.
"""

import math
from collections.abc import Sequence
from typing import Literal, get_args

from sparsegan.errors import SparseganError

Allocation = Literal["uniform", "er", "erk"]
Shape = Sequence[int]


def weight_budget(density: float, total: int) -> int:
    """The number of active weights at a density: ``floor(density * total + 1/2)``.

    Args:
        density: Share of active weights, in (0, 1].
        total: Number of maskable weights.

    Raises:
        SparseganError: If the density is not in (0, 1].
    """
    if not 0 < density <= 1:  # also refuses NaN
        raise SparseganError(f"density is {density}: it must lie in (0, 1], 1 being dense")
    return min(total, math.floor(density * total + 0.5))


def layer_densities(shapes: Sequence[Shape], density: float, allocation: Allocation) -> list[float]:
    """The density that each layer should have, before rounding to whole weights.

    Args:
        shapes: Shape of each layer's weight, in PyTorch's order (out, in, *kernel).
        density: Density of the whole network, in (0, 1].
        allocation: ``uniform`` gives every layer the network's density; ``er`` a density
            proportional to (out + in) / (out * in); ``erk`` to the sum of all dimensions over
            their product (RigL's Erdős–Rényi kernel, power 1; ADAPT and STU-GAN use it).

    Returns:
        One density per layer, in (0, 1]; their weighted mean is ``density``.

    Example:
        >>> layer_densities([(4, 4), (100, 100)], 0.1, "erk")  # small layers are kept denser
        [1.0, 0.08560000000000001]
    """
    if allocation not in get_args(Allocation):
        raise SparseganError(
            f"allocation is {allocation!r}: choose one of {', '.join(get_args(Allocation))}"
        )
    sizes = [math.prod(shape) for shape in shapes]
    if allocation == "uniform":
        return [density] * len(sizes)
    dims = [shape[:2] if allocation == "er" else shape for shape in shapes]
    raw = [sum(dim) / math.prod(dim) for dim in dims]
    return _scale_to_density(raw, sizes, density)


def _scale_to_density(raw: list[float], sizes: list[int], density: float) -> list[float]:
    """Scale raw scores so that the network has the density, layers above 1 becoming dense.

    Each round solves ``sum over sparse l of eps * raw_l * size_l = budget left by dense layers``
    and, when the largest scaled score exceeds 1, declares the layers that have it dense.
    """
    dense: set[int] = set()
    while len(dense) < len(sizes):
        sparse = [i for i in range(len(sizes)) if i not in dense]
        left = density * sum(sizes) - sum(sizes[i] for i in dense)
        eps = left / sum(raw[i] * sizes[i] for i in sparse)
        largest = max(raw[i] for i in sparse)
        if eps * largest <= 1:
            return [1.0 if i in dense else eps * raw[i] for i in range(len(sizes))]
        dense.update(i for i in sparse if raw[i] == largest)
    return [1.0] * len(sizes)


def layer_counts(shapes: Sequence[Shape], density: float, allocation: Allocation) -> list[int]:
    """The exact number of active weights of each layer.

    Args:
        shapes: Shape of each layer's weight, in PyTorch's order (out, in, *kernel).
        density: Density of the whole network, in (0, 1].
        allocation: See :func:`layer_densities`.

    Returns:
        One count per layer, each at least 1, in sum ``weight_budget(density, total)``.

    Raises:
        SparseganError: If the budget does not give every layer one weight.

    Example:
        >>> layer_counts([(4, 4), (100, 100)], 0.1, "uniform")
        [2, 1000]
    """
    sizes = [math.prod(shape) for shape in shapes]
    budget = weight_budget(density, sum(sizes))
    if budget < len(sizes):
        enough = 1.05 * len(sizes) / sum(sizes)  # two digits of it never round below the least
        raise SparseganError(
            f"density {density} leaves {budget} active weights for {len(sizes)} layers: "
            f"every layer needs at least one, so take {min(1.0, enough):.2g} or more"
        )
    wanted = [
        d * n for d, n in zip(layer_densities(shapes, density, allocation), sizes, strict=True)
    ]
    return _round_to_budget(wanted, sizes, budget)


def _round_to_budget(wanted: list[float], sizes: list[int], budget: int) -> list[int]:
    """Largest remainder with bounds [1, size]; ties go to the earlier layer."""
    counts = [min(n, max(1, math.floor(w))) for w, n in zip(wanted, sizes, strict=True)]
    while (left := budget - sum(counts)) != 0:
        step = 1 if left > 0 else -1
        bound = sizes if step > 0 else [1] * len(sizes)
        movable = [i for i in range(len(sizes)) if counts[i] != bound[i]]
        # sorted() is stable: of equal remainders the earlier layer comes first.
        movable.sort(key=lambda i: step * (counts[i] - wanted[i]))
        for i in movable[: abs(left)]:
            counts[i] += step
    return counts
