"""Small dense: the same networks, dense and narrower, that cost as much as a sparse run.

What a sparse network has to beat is not the dense one of its width but the dense one of its price:
of as many weights, or of as many operations a step. Each network's width is set by itself; since
widths are whole channels, they miss by a little, and it is said by how much.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Literal, get_args

from sparsegan.errors import SparseganError
from sparsegan.methods.dense import DenseSettings
from sparsegan.nets.architectures import find
from sparsegan.plan.plan import Plan, counted
from sparsegan.record.events import NETWORKS
from sparsegan.settings.config import Config, MethodChoice

Budget = Literal["weights", "flops"]
BUDGETS: tuple[Budget, ...] = get_args(Budget)
UNITS = {"weights": "weights", "flops": "operations a step"}

WIDEST = 4096
"""Channels that no width goes beyond."""


@dataclass(frozen=True)
class Match:
    """A network's width, and what it costs beside what it is to cost.

    Attributes:
        network: ``generator`` or ``discriminator``.
        budget: What is to be equal.
        before: The width as it was.
        width: The width that comes nearest.
        wanted: Weights, or operations a step, of the run to match.
        reached: Those of the dense network of that width.
    """

    network: str
    budget: Budget
    before: int
    width: int
    wanted: float
    reached: float

    @property
    def miss(self) -> float:
        """How much more than wanted, as a share of it; negative: less."""
        return self.reached / self.wanted - 1

    def __str__(self) -> str:
        return (
            f"network.{self.network}_width {self.before} -> {self.width}: {self.reached:,.0f} "
            f"{UNITS[self.budget]} for {self.wanted:,.0f} ({self.miss:+.1%})"
        )


def small_dense(
    config: Config, resolved: Config, budget: Budget, to: Plan | None = None
) -> tuple[Config, list[Match]]:
    """A dense run whose networks cost as much each as those of another.

    Args:
        config: The settings of the sparse run.
        resolved: The same with everything filled in that data and machine decide.
        budget: What is to be equal: active weights, all of a network's layers counted, or
            operations of a step by the consistent convention.
        to: The run to match, by its averages over time; None: that of `config`, at the
            densities that it starts with and those that its method schedules.

    Returns:
        The settings of the dense run, not resolved, and how well each network matches.

    Raises:
        SparseganError: A network takes no width, or none comes near.
    """
    reference = counted(resolved) if to is None else to
    before = {name: _width(resolved, name) for name in NETWORKS}
    wanted = {name: _amount(reference, name, budget) for name in NETWORKS}
    trials: dict[tuple[int, int], Plan] = {}

    def reached(widths: dict[str, int]) -> dict[str, float]:
        key = widths["generator"], widths["discriminator"]
        if key not in trials:
            trials[key] = counted(_dense(resolved, widths))
        return {name: _amount(trials[key], name, budget) for name in NETWORKS}

    widths = _nearest(before, wanted, reached)
    amounts = reached(widths)
    matches = [
        Match(name, budget, before[name], widths[name], wanted[name], amounts[name])
        for name in NETWORKS
    ]
    return _dense(config, widths), matches


def _amount(run: Plan, network: str, budget: Budget) -> float:
    """Of a network of all games together: mean active weights, or operations a step."""
    of_role = [name for name in run.layers if name.split()[0] == network]
    rows = [row for name in of_role for row in run.layers[name]]
    if budget == "flops":
        return float(sum(row["training"]["consistent"]["run"] for row in rows)) / run.config.steps
    return float(sum(row["active_mean"] + row["bare_weights"] for row in rows))


def _width(config: Config, network: str) -> int:
    width: int | None = getattr(config.network, f"{network}_width")
    if width is not None:
        return width
    if getattr(config.network, network) is not None:
        raise SparseganError(
            f"network.{network} is your own and network.{network}_width is not set, so it cannot "
            "be made narrower: set its width, if it takes one"
        )
    architecture = find(config.network.name, config.data.image_size or 0)
    return int(getattr(architecture, f"{network}_width"))


def _dense(config: Config, widths: dict[str, int]) -> Config:
    # A dense network has no weights to share out.
    shared = {field.name for field in fields(DenseSettings)} - {"faithful", "layer_densities"}
    settings = config.method.settings
    kept = {name: getattr(settings, name) for name in shared}
    known = (*DenseSettings.FAITHFUL, "all")
    kept["faithful"] = tuple(name for name in settings.faithful if name in known)
    network = replace(
        config.network,
        generator_width=widths["generator"],
        discriminator_width=widths["discriminator"],
    )
    return replace(config, network=network, method=MethodChoice("dense", DenseSettings(**kept)))


def _nearest(
    before: dict[str, int],
    wanted: dict[str, float],
    reached: Callable[[dict[str, int]], dict[str, float]],
) -> dict[str, int]:
    """The widths that come nearest, each network's by bisection, both at once.

    Raises:
        SparseganError: A network costs the same at every width, or too much at all of them.
    """
    low, high = dict.fromkeys(before, 1), dict(before)
    while any(amount < wanted[name] for name, amount in reached(high).items()):
        short = {name for name, amount in reached(high).items() if amount < wanted[name]}
        if any(high[name] >= WIDEST for name in short):
            raise SparseganError(f"no width up to {WIDEST} costs as much: match another run")
        for name in short:
            high[name] = min(WIDEST, 2 * high[name])
    narrowest, widest = reached(low), reached(high)
    for name in before:
        if narrowest[name] == widest[name] and high[name] > 1:
            raise SparseganError(
                f"the {name} costs the same at every width: a network of your own has to take "
                "`width`"
            )
    # Between low, which costs no more than wanted (or is 1), and high, which costs no less.
    while any(high[name] - low[name] > 1 for name in before):
        middle = {name: (low[name] + high[name]) // 2 for name in before}
        for name, amount in reached(middle).items():
            if amount < wanted[name]:
                low[name] = middle[name]
            else:
                high[name] = middle[name]
    below, above = reached(low), reached(high)
    return {
        name: low[name] if wanted[name] - below[name] < above[name] - wanted[name] else high[name]
        for name in before
    }
