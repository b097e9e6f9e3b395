"""What was not equal between groups: a comparison is of methods only where budgets are equal."""

from collections.abc import Sequence
from dataclasses import dataclass

from sparsegan.record.events import NETWORKS
from sparsegan.report.format import figure, percent
from sparsegan.study.report.groups import Group, number

TOLERANCE = 0.02
"""Numbers that differ by less than this share of the larger one are called equal."""


@dataclass(frozen=True)
class Property:
    """A property of all groups.

    Attributes:
        name: What it is.
        values: As texts, one a group.
        equal: Whether they are, as far as they are known.
    """

    name: str
    values: tuple[str, ...]
    equal: bool


def properties(groups: Sequence[Group]) -> list[Property]:
    """Budgets of every group: sizes, maskable sets, weights, operations and steps."""
    compared = [
        *(
            _property(f"{name} weights, dense", groups, f"{name}_weights_dense")
            for name in NETWORKS
        ),
        *(_maskable(name, groups) for name in NETWORKS),
        *(_property(f"{name} weights, mean", groups, f"{name}_weights_mean") for name in NETWORKS),
        _property("operations", groups, "cost"),
        _property("of these beside the steps", groups, "operations_overhead"),
        _property("steps", groups, "steps"),
    ]
    return [each for each in compared if any(value != figure(None) for value in each.values)]


def sentences(groups: Sequence[Group]) -> list[str]:
    """What a reader has to know before comparing; empty where all is equal.

    Above all the sets of maskable weights: what no mask takes stays dense whatever the density.
    """
    said = []
    for name in NETWORKS:
        shares = {
            group.name: share for group in groups if (share := _share(group, name)) is not None
        }
        if not _equal(list(shares.values())):
            least, most = (choose(shares, key=shares.__getitem__) for choose in (min, max))
            said.append(
                f"Masks take {percent(shares[least])} of the {name}'s weights in {least}, so that "
                f"{percent(1 - shares[least])} of them are dense at any density, and "
                f"{percent(shares[most])} in {most}: equal densities are not equal weights."
            )
    for key, what in (
        ("generator_weights_dense", "The generators are not of one size"),
        ("discriminator_weights_dense", "The discriminators are not of one size"),
        ("weights_mean", "The weights of both networks, averaged over the steps, are not equal"),
        ("cost", "The operations of training are not equal"),
        ("steps", "The runs are not of one length"),
    ):
        values = {
            group.name: value for group in groups if (value := _value(group, key)) is not None
        }
        if not _equal(list(values.values())):
            least, most = (choose(values, key=values.__getitem__) for choose in (min, max))
            said.append(
                f"{what}: from {figure(values[least])} in {least} to {figure(values[most])} in "
                f"{most}, {figure(values[most] / values[least])} times as many."
                if values[least]
                else f"{what}."
            )
    return said


def _property(name: str, groups: Sequence[Group], key: str) -> Property:
    values = [_value(group, key) for group in groups]
    return Property(name, tuple(figure(value) for value in values), _equal(values))


def _maskable(name: str, groups: Sequence[Group]) -> Property:
    shares = [_share(group, name) for group in groups]
    return Property(f"{name} maskable", tuple(percent(share) for share in shares), _equal(shares))


def _share(group: Group, name: str) -> float | None:
    """The share of a network's weights that masks take; None where masks have no part in it."""
    maskable, dense, mean = (
        _value(group, f"{name}_{of}") for of in ("maskable", "weights_dense", "weights_mean")
    )
    if mean is not None and mean == dense:  # dense throughout
        return None
    return maskable / dense if maskable is not None and dense else None


def _value(group: Group, key: str) -> float | None:
    """The mean of the finished cells, else the number of a cell that has begun."""
    mean = group.mean(key)
    if mean is None and key not in ("cost", "weights_mean"):
        begun = [value for row in group.rows if (value := number(row, key)) is not None]
        mean = begun[0] if begun else None
    return mean


def _equal(values: Sequence[float | None]) -> bool:
    known = [value for value in values if value is not None]
    return not known or max(known) - min(known) <= TOLERANCE * abs(max(known))
