"""Takes a run on few pictures into the tables of docs/results/few-pictures/, its rows anew.

A run that has ended goes into runs.csv with its last evaluation (`sparsegan evaluate RUN` may have
made it afterwards), every evaluation of either into evaluations.csv, those of fresh images into
fresh.csv. The page, few-pictures.md, is written by hand; tests/test_few_pictures.py holds it to the
tables.

Usage: python scripts/take_pictures.py RUN NAME SET [--trial] [--images N]
       NAME is what the tables call the run, SET what they call its pictures
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import csv_tables

from sparsegan.errors import SparseganError
from sparsegan.record.events import Evaluation
from sparsegan.record.metrics_log import readable_history
from sparsegan.record.run import RunDirectory, open_run
from sparsegan.settings import parse
from sparsegan.train import build
from sparsegan.train.resumption import is_complete

FOLDER = Path(__file__).parents[1] / "docs" / "results" / "few-pictures"
MEASURES = ("precision", "recall", "density", "coverage", "diversity", "copies")


def evaluations(run: RunDirectory, *, fresh: bool = False) -> list[Evaluation]:
    """All that the run has been judged by, on its way and afterwards by another number.

    Args:
        run: Its directory.
        fresh: Those of images that nothing was picked by (`sparsegan evaluate --fresh`) instead.
    """
    weights = parse.read(run.config).evaluate.weights
    history: dict[tuple[int, int | None], Evaluation] = {}
    for log in (run.metrics, run.evaluations):
        for event in readable_history(log, Evaluation):
            if not isinstance(event, Evaluation) or event.weights != weights:
                continue
            if bool(event.fresh) is fresh:
                history.setdefault((event.step, event.n), event)
    return sorted(history.values(), key=lambda event: event.step)


def rows(name: str, events: Sequence[Evaluation]) -> list[list[object]]:
    """Of evaluations.csv."""
    return [
        [name, e.step, e.n, *map(_short, (e.value, e.low, e.high))]
        + [_short(getattr(e, measure)) for measure in MEASURES]
        for e in events
    ]


def whole(run: RunDirectory, name: str, of: str, events: Sequence[Evaluation]) -> list[object]:
    """The run's row of runs.csv."""
    config, cost = parse.read(run.config), json.loads(run.cost.read_text())
    last = events[-1]
    pictures, held_out = (len(build.load_images(config, split)) for split in ("train", "test"))
    spent, seconds = cost["flops"]["consistent"], cost["seconds"]
    weights: Mapping[str, Any] = cost["weights"]["discriminator"]
    return [
        *(name, of, pictures, held_out, config.data.image_size, config.seed, config.steps),
        _short(min(e.value for e in events if e.value is not None)),
        *map(_short, (last.value, last.coverage, last.coverage_floor, last.copies, last.diversity)),
        _short(weights["maskable_active_end"] / weights["maskable"]),
        _short(spent["run"] / spent["dense"]),
        *(config.threads, round(seconds["run"]), round(seconds["dense"])),
    ]


def _short(number: float | None) -> float | None:
    return None if number is None else round(number, 4)


def put(path: Path, name: str, new: Sequence[Sequence[object]]) -> None:
    """Rows of a run in place of those that it had, or after all others."""
    header, old = csv_tables.read(path)
    places = [number for number, row in enumerate(old) if row[0] == name]
    at = places[0] if places else len(old)
    kept = [row for row in old if row[0] != name]
    csv_tables.write(path, header, [*kept[:at], *new, *kept[at:]])


def main() -> None:
    """As the module says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("name")
    parser.add_argument("set")
    parser.add_argument(
        "--trial", action="store_true", help="its evaluations alone, though it has ended"
    )
    parser.add_argument("--images", type=int, help="those alone that judge by so many")
    options = parser.parse_args()
    try:
        run = open_run(options.run)
    except SparseganError as error:
        sys.exit(str(error))
    events = [e for e in evaluations(run) if options.images in (None, e.n)]
    if not events or events[-1].coverage is None:
        sys.exit(f"{options.run} has no evaluation with --evaluate.metrics kid,prdc")
    if not options.trial and not is_complete(run):
        sys.exit(f"{options.run} has not ended: --trial takes what there is")
    if not options.trial:
        row = whole(run, options.name, options.set, events)
        put(FOLDER / "runs.csv", options.name, [row])
    put(FOLDER / "evaluations.csv", options.name, rows(options.name, events))
    put(FOLDER / "fresh.csv", options.name, rows(options.name, evaluations(run, fresh=True)))


if __name__ == "__main__":
    main()
