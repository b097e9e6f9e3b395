"""How many weights of each layer may be active: uniform, Erdős–Rényi, and its kernel form.

Densities are real numbers, budgets are integers. The whole network's budget is
``floor(density * total + 1/2)``; the layers' counts sum to it exactly (largest remainder, ties to
the earlier layer), and every layer has at least one active weight. Where weights come in blocks,
counts are of whole blocks and their weights come as near to the budget as those allow.
"""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal, get_args

from sparsegan.errors import SparseganError
from sparsegan.sparsity.units import Group

Allocation = Literal["uniform", "er", "erk"]
Shape = Sequence[int]
NONE_PINNED: Mapping[int, float] = MappingProxyType({})
"""No layer's density is pinned: all share the network's."""


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


def layer_densities(
    shapes: Sequence[Shape],
    density: float,
    allocation: Allocation,
    pinned: Mapping[int, float] = NONE_PINNED,
) -> list[float]:
    """The density that each layer should have, before rounding to whole weights.

    Args:
        shapes: Shape of each layer's weight, in PyTorch's order (out, in, *kernel).
        density: Density of the whole network, in (0, 1].
        allocation: ``uniform`` gives every layer the network's density; ``er`` a density
            proportional to (out + in) / (out * in); ``erk`` to the sum of all dimensions over
            their product (RigL's Erdős–Rényi kernel, power 1; ADAPT and STU-GAN use it).
        pinned: Densities of single layers, by their place in ``shapes``; the other layers share
            what these leave of the network's.

    Returns:
        One density per layer, in (0, 1]; their weighted mean is ``density``.

    Raises:
        SparseganError: The pinned densities leave the other layers nothing, or more than they have,
            or are all layers' and come to another density by more than a hundredth of it.

    Example:
        >>> layer_densities([(4, 4), (100, 100)], 0.1, "erk")  # small layers are kept denser
        [1.0, 0.08560000000000001]
    """
    if allocation not in get_args(Allocation):
        raise SparseganError(
            f"allocation is {allocation!r}: choose one of {', '.join(get_args(Allocation))}"
        )
    sizes = [math.prod(shape) for shape in shapes]
    if pinned:
        return _around(pinned, shapes, density, allocation)
    if allocation == "uniform":
        return [density] * len(sizes)
    dims = [shape[:2] if allocation == "er" else shape for shape in shapes]
    raw = [sum(dim) / math.prod(dim) for dim in dims]
    return _scale_to_density(raw, sizes, density)


def _around(
    pinned: Mapping[int, float], shapes: Sequence[Shape], density: float, allocation: Allocation
) -> list[float]:
    """The pinned densities, and the others' share of what is left."""
    sizes = [math.prod(shape) for shape in shapes]
    others = [i for i in range(len(sizes)) if i not in pinned]
    fixed_weights = sum(share * sizes[i] for i, share in pinned.items())
    left = density * sum(sizes) - fixed_weights
    free = sum(sizes[i] for i in others)
    excess, rounding = left - free, 0.01 * fixed_weights
    if 0 < excess <= rounding or (not others and -rounding <= excess <= 0):
        # Roundings of what was pinned are shared out by the layers' weights.
        own = [sizes[i] for i in pinned]
        mean = (density * sum(sizes) - free) / sum(own)
        scaled = dict(zip(pinned, _scale_to_density([*pinned.values()], own, mean), strict=True))
        return [scaled.get(i, 1.0) for i in range(len(sizes))]
    if not 0 < left <= free:
        taken = density - left / sum(sizes)
        rest = f"the other layers have {free / sum(sizes):.4g} of it" if others else "no other"
        raise SparseganError(
            f"layer_densities make {taken:.4g} of a network dense, {rest}, and its density is to "
            f"be {density:.4g}: take other densities, fewer layers, or a denser network"
        )
    densities = dict(pinned)
    shared = layer_densities([shapes[i] for i in others], left / free, allocation)
    densities.update(zip(others, shared, strict=True))
    return [densities[i] for i in range(len(sizes))]


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
    """The exact number of active weights of each layer, where every weight is a unit.

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
    weights = [Group(layer, 1, math.prod(shape)) for layer, shape in enumerate(shapes)]
    return group_counts(shapes, weights, density, allocation)


def group_counts(
    shapes: Sequence[Shape],
    groups: Sequence[Group],
    density: float,
    allocation: Allocation,
    pinned: Mapping[int, float] = NONE_PINNED,
) -> list[int]:
    """The exact number of active units of each group of units of one size.

    Args:
        shapes: Shape of each layer's weight, in PyTorch's order (out, in, *kernel).
        groups: The layers' units, layer after layer (`Units.groups`).
        density: Density of the whole network, in (0, 1].
        allocation: See :func:`layer_densities`; all groups of a layer have its density.
        pinned: Densities of single layers, see there.

    Returns:
        One count of units per group. Their weights are in sum ``weight_budget(density, total)``
        where all units are single weights, and with blocks within two weights of it. The first
        group of every layer has at least one unit.

    Raises:
        SparseganError: If the budget does not give every layer one unit.

    Example:
        >>> group_counts([(6, 8)], [Group(0, 4, 8), Group(0, 2, 8)], 0.5, "uniform")
        [4, 4]
    """
    first = [i for i, group in enumerate(groups) if i == 0 or group.layer != groups[i - 1].layer]
    total = sum(group.size * group.count for group in groups)
    budget = weight_budget(density, total)
    least = sum(groups[i].size for i in first)
    if budget < least:
        enough = 1.05 * least / total  # two digits of it never round below the least
        one = "one" if least == len(first) else f"one block of up to {max(g.size for g in groups)}"
        raise SparseganError(
            f"density {density} leaves {budget} active weights for {len(first)} layers: "
            f"every layer needs at least {one}, so take {min(1.0, enough):.2g} or more"
        )
    densities = layer_densities(shapes, density, allocation, pinned)
    wanted = [densities[group.layer] * group.count for group in groups]
    lowest = [int(i in first) for i in range(len(groups))]
    return _round_to_budget(wanted, groups, lowest, budget)


def _round_to_budget(
    wanted: list[float], groups: Sequence[Group], lowest: list[int], budget: int
) -> list[int]:
    """Largest remainder within [lowest, all units]; ties go to the earlier group.

    One unit at a time is added or taken away as long as the weights come nearer to the budget.
    """
    counts = [
        min(group.count, max(low, math.floor(w)))
        for group, low, w in zip(groups, lowest, wanted, strict=True)
    ]
    left = budget - sum(group.size * n for group, n in zip(groups, counts, strict=True))
    moved = True
    while moved:
        moved = False
        step = 1 if left > 0 else -1
        bound = [group.count for group in groups] if step > 0 else lowest
        movable = [i for i in range(len(groups)) if counts[i] != bound[i]]
        # sorted() is stable: of equal remainders the earlier group comes first.
        movable.sort(key=lambda i: step * (counts[i] - wanted[i]))
        for i in movable:
            after = left - step * groups[i].size
            # Where two counts miss the budget by as much, the smaller one is taken.
            if abs(after) < abs(left) or after == -left > 0:
                counts[i] += step
                left, moved = after, True
    return counts
