"""What a study is going to run, and how long that will take."""

from collections.abc import Callable
from dataclasses import dataclass

from sparsegan.errors import SparseganError
from sparsegan.plan.pilot import Pilot, Pilots
from sparsegan.study.cells import Cell
from sparsegan.study.file import Study
from sparsegan.study.progress import Progress
from sparsegan.train.evaluation import evaluations
from sparsegan.train.learner import DivergedError

START = 6.0
"""Seconds of a process before its first step: imports, data, networks. Ours, on two busy cores."""
_TIMED = 24
"""Points that are timed one by one; in a larger study the first of each arm alone."""


@dataclass(frozen=True)
class Forecast:
    """How long what is left is going to take.

    Attributes:
        pilots: What was timed, by point (`Cell.point`).
        seconds: Of each cell that is not at its end, alone on this machine, by name.
    """

    pilots: dict[str, Pilot]
    seconds: dict[str, float]

    def total(self, workers: int) -> float:
        """Seconds with so many cells at a time: each goes where there is first room."""
        ends = [0.0] * max(1, workers)
        for seconds in self.seconds.values():
            first = ends.index(min(ends))
            ends[first] += seconds
        return max(ends)


def forecast(
    study: Study, left: list[Progress], say: Callable[[str], None] = lambda _: None
) -> Forecast:
    """Time what is left of a study.

    Args:
        study: The study.
        left: Its cells that are not at an end, as they stand.
        say: Is told the name of what is about to be timed.

    Raises:
        SparseganError: A cell cannot be trained, for another reason than that it diverges.
    """
    points: dict[str, Cell] = {}
    for each in left:
        points.setdefault(each.cell.point, each.cell)
    timed = points
    if len(points) > _TIMED:
        firsts: dict[str, Cell] = {}
        for cell in points.values():
            firsts.setdefault(cell.arm, cell)
        timed = {cell.point: cell for cell in firsts.values()}
    timer = Pilots(min(1.0, 30 / max(1, len(timed))))
    pilots: dict[str, Pilot] = {}
    for name, cell in timed.items():
        say(name)
        try:
            pilots[name] = timer.of(cell.config)
        except DivergedError:  # in its first steps: the run will tell, and take no time
            pilots[name] = Pilot(0.0, 0.0)
        except SparseganError as error:
            raise SparseganError(f"{name} cannot be trained: {error}") from None
    of_arm = {cell.arm: pilots[name] for name, cell in reversed(timed.items())}
    seconds = {}
    for each in left:
        cell, done = each.cell, 0 if each.standing.status == "changed" else each.step
        pilot = pilots.get(cell.point, of_arm[cell.arm])
        steps = max(0, cell.config.steps - done)
        seconds[cell.name] = START + pilot.seconds(steps, evaluations(cell.config, done))
    return Forecast(pilots, seconds)
