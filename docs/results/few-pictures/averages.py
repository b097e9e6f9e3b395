"""`sparsegan train` with further averages of the generator beside its own, at the same steps.

An average changes nothing in a training, so that one run tells what each of several would have
given. From the middle of the run on every evaluation is repeated with each of them.

Usage: python averages.py NAME TABLE.csv STEPS train [options as of `sparsegan train`]
       NAME is what the table calls the run, STEPS how many it is going to have
"""

import csv
import sys
from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from sparsegan.cli import main
from sparsegan.draw import sampling
from sparsegan.record import events
from sparsegan.record.run import RunDirectory
from sparsegan.settings.scale import decay_of
from sparsegan.sparsity.ema import SparseEMA
from sparsegan.train.evaluation import Evaluation
from sparsegan.train.games import Games

NAME, TABLE, STEPS = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
DECAYS: dict[str, Callable[[int], float]] = {
    "a tenth": lambda step: decay_of(STEPS / 10),
    "a fifth": lambda step: decay_of(STEPS / 5),
    "a tenth of the steps so far": lambda step: 0.5 ** (1 / max(step / 10, 1)),
}
"""Half-life in runs -> decay after a step."""

others: dict[int, dict[str, dict[str, Tensor]]] = {}
own_update, own_evaluation = SparseEMA.update, Evaluation.__call__


def update(self: SparseEMA, step: int) -> None:
    """The average's own step, and that of each other one."""
    averages, decay = self.averages, self.decay
    copies = others.setdefault(
        id(self), {name: {key: a.clone() for key, a in averages.items()} for name in DECAYS}
    )
    for name, decay_after in DECAYS.items():
        self.averages, self.decay = copies[name], decay_after(step)
        own_update(self, step)
        copies[name] = self.averages
    self.averages, self.decay = averages, decay
    own_update(self, step)


def evaluation(
    self: Evaluation, run: RunDirectory, games: Games, step: int
) -> list[events.Evaluation]:
    """The run's own evaluation; a row of the table for it and for each other average."""
    made = own_evaluation(self, run, games, step)
    (game,) = games
    ema, judge = game.method.ema, self._evaluator
    if not made or 2 * step < STEPS or ema is None or judge is None:
        return made
    rows = [(NAME, step, "own", made[0].value, made[0].coverage)]
    averages, bn, seed = ema.averages, self.config.evaluate.bn, self.config.seed
    for name, other in others[id(ema)].items():
        ema.averages = other
        with sampling.sampled(game.method, bn=bn, weights="ema", seed=seed) as generator:
            numbers = judge(generator)
        rows.append((NAME, step, name, numbers["value"], numbers["coverage"]))
    ema.averages = averages
    with TABLE.open("a", newline="") as table:
        csv.writer(table, lineterminator="\n").writerows(rows)
    return made


SparseEMA.update = update  # type: ignore[method-assign]
Evaluation.__call__ = evaluation  # type: ignore[method-assign]
sys.exit(main(sys.argv[4:]))
