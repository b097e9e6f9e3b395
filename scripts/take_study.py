"""Takes what a study's runs came to into docs/results/, where scripts/results.py makes pages of it.

Of cells that the page has and this folder has not ended (they ran elsewhere), what is there stays,
if the same state of the program ran both.

Usage: python scripts/take_study.py STUDY-FOLDER NAME --commit COMMIT [--workers N]
"""

import argparse
import csv
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from sparsegan.record.events import Decision, Rewiring, Start
from sparsegan.record.metrics_log import readable_history
from sparsegan.record.primary import PRIMARY
from sparsegan.record.run import RunDirectory
from sparsegan.record.run_cost import histories, masked_layers
from sparsegan.study import Table, load

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "results"
ENDED = ("finished", "diverged", "failed")
CURVES = ("cell", "step", "seconds", "kid")
LAYERS = ("cell", "network", "layer", "start", "end")
DECISIONS = ("cell", "step", "action", "balance_ratio", "before", "after")

Rows = list[Sequence[object]]


def take(source: Path, name: str, commit: str, workers: int = 2) -> None:
    """Copy a study's table in, with what ran it: so many cells at a time."""
    target = FOLDER / name
    with (source / "table.csv").open() as file:
        header, *rows = csv.reader(file)
    kept = _kept(target, commit, header, rows)
    target.mkdir(exist_ok=True)
    order = {row[0]: kept.get(row[0], row) for row in rows}
    _write(target / "table.csv", header, list(order.values()))
    cells = load(source)
    taken = {
        "curves.csv": (CURVES, [(r["cell"], *p) for r in cells for p in _on_the_way(cells, r)]),
        "layers.csv": (LAYERS, [(r["cell"], *p) for r in cells for p in _layers(r)]),
        "decisions.csv": (DECISIONS, [(r["cell"], *p) for r in cells for p in _decisions(r)]),
    }
    for file_name, (columns, own) in taken.items():
        path = target / file_name
        both = [row for row in _read(path) if row[0] in kept] + own
        path.unlink(missing_ok=True)
        if both:
            both.sort(key=lambda row: list(order).index(str(row[0])))
            _write(path, columns, both)
    sys.path.insert(0, str(ROOT / "benchmarks"))
    from harness import machine

    base = yaml.safe_load((source / "study.yaml").read_text()).get("base", {})
    facts = machine() | {"threads": base.get("threads"), "workers": workers}
    (target / "run.json").write_text(json.dumps({"commit": commit, **facts}, indent=1) + "\n")


def _kept(
    target: Path, commit: str, header: Sequence[str], rows: Sequence[Sequence[str]]
) -> dict[str, Sequence[str]]:
    """Rows of the page's cells that ended there and not here, by cell."""
    path = target / "table.csv"
    if not path.is_file():
        return {}
    with path.open() as file:
        old_header, *old = csv.reader(file)
    status = old_header.index("status")
    ended = {row[0] for row in rows if row[header.index("status")] in ENDED}
    kept = {row[0]: row for row in old if row[status] in ENDED and row[0] not in ended}
    ran = json.loads((target / "run.json").read_text())["commit"]
    if kept and (ran != commit or old_header != header):
        sys.exit(
            f"{path} has cells that {ran} ran and this folder has not ended ({min(kept)}, ...): "
            f"run them, or take with --commit {ran} what that state ran"
        )
    return kept


def _on_the_way(cells: Table, row: Mapping[str, Any]) -> Iterator[tuple[int, float, float]]:
    """The evaluations of a finished cell that has some besides those at the end."""
    if row["status"] != "finished":
        return
    series = cells.series(row)
    seconds = dict(series.get("seconds", []))
    evaluations = [(step, kid) for step, kid in series.get("value", []) if step]
    if len(evaluations) <= len(PRIMARY):
        return
    if not str(row["metric"]).startswith("kid"):
        sys.exit(f"{row['cell']} is judged by {row['metric']}: curves are of KID alone")
    for step, kid in evaluations:
        at = seconds.get(step)
        if at is None:
            sys.exit(f"{row['cell']} has no seconds at step {step}: log_every has to divide it")
        if kid is not None:
            yield step, round(at, 2), kid


def _layers(row: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """The density of each masked layer of a finished cell at its start and at its end."""
    if row["status"] != "finished":
        return
    # Of pairs of networks it is the last one's.
    events = readable_history(RunDirectory(Path(row["run"])).metrics, Start, Rewiring)
    masked = masked_layers(events)
    for network, history in histories(events).items():
        for layer, start in history[0][1].items() if history else ():
            if layer in masked[network]:
                yield network, layer, f"{start:.4f}", f"{history[-1][1][layer]:.4f}"


def _decisions(row: Mapping[str, Any]) -> Iterator[tuple[int | str, ...]]:
    """What a finished cell's method decided, on which ratio, and its lever before and after."""
    if row["status"] != "finished":
        return
    for event in readable_history(RunDirectory(Path(row["run"])).metrics, Decision):
        if isinstance(event, Decision):
            numbers = (event.balance_ratio, event.before, event.after)
            yield event.step, event.action, *("" if x is None else f"{x:.4f}" for x in numbers)


def _read(path: Path) -> Rows:
    if not path.is_file():
        return []
    with path.open() as file:
        return list(csv.reader(file))[1:]


def _write(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def main() -> None:
    """As the module says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where `sparsegan study` ran it")
    parser.add_argument("name", help="the study's folder in docs/results/")
    parser.add_argument("--commit", required=True, help="the state of the program that ran it")
    parser.add_argument("--workers", type=int, default=2, help="how many cells ran at a time")
    options = parser.parse_args()
    take(options.folder, options.name, options.commit, options.workers)


if __name__ == "__main__":
    main()
