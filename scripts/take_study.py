"""Takes what a study's runs came to into docs/results/, where scripts/results.py makes pages of it.

Cells that ended elsewhere and were taken before stay, if the same state of the program ran them.

Usage: python scripts/take_study.py STUDY-FOLDER NAME --commit COMMIT [--workers N]
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import csv_tables
import yaml

from sparsegan.files import atomic_write_text
from sparsegan.record.events import Decision, Rewiring, Start
from sparsegan.record.metrics_log import readable_history
from sparsegan.record.primary import PRIMARY
from sparsegan.record.run import RunDirectory
from sparsegan.record.run_cost import histories, masked_layers
from sparsegan.study import Table, load

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))
from harness import machine  # noqa: E402

FOLDER = ROOT / "docs" / "results"
FINISHED = "finished"
ENDED = (FINISHED, "diverged", "failed")
CURVES = ("cell", "step", "seconds", "kid")
LAYERS = ("cell", "network", "layer", "start", "end")
DECISIONS = ("cell", "step", "action", "balance_ratio", "before", "after")


class TakeError(Exception):
    """Why a study is not taken; nothing has been written."""


def take(source: Path, name: str, commit: str, workers: int = 2) -> None:
    """Copy a study's table in, with what ran it: so many cells at a time.

    Raises:
        TakeError: It is not the study of that name, nothing of it has ended, or cells of the page
            would be lost or mixed with those of another state of the program.
    """
    target = FOLDER / name
    base = _same_study(source, target)
    header, rows = csv_tables.read(source / "table.csv")
    kept = _kept(target, commit, header, rows)
    order = {row[0]: kept.get(row[0], row) for row in rows}
    if not any(row[header.index("status")] in ENDED for row in order.values()):
        raise TakeError(f"no cell of {source} has ended yet")
    series = load(source)
    cells = [row for row in series if row["cell"] not in kept]
    taken = {
        "curves.csv": (CURVES, [(r["cell"], *p) for r in cells for p in _on_the_way(series, r)]),
        "layers.csv": (LAYERS, [(r["cell"], *p) for r in cells for p in _layers(r)]),
        "decisions.csv": (DECISIONS, [(r["cell"], *p) for r in cells for p in _decisions(r)]),
    }
    places = list(order)
    files = {}
    for file_name, (columns, own) in taken.items():
        both = [row for row in csv_tables.read(target / file_name)[1] if row[0] in kept]
        both += own
        files[file_name] = columns, sorted(both, key=lambda row: places.index(str(row[0])))
    facts = machine() | {"threads": base.get("threads"), "workers": workers}
    before = _facts(target)
    machines = [*(before["machines"] if kept else ()), facts]
    distinct = [one for i, one in enumerate(machines) if one not in machines[:i]]

    csv_tables.write(target / "table.csv", header, list(order.values()))
    for file_name, (columns, both) in files.items():
        if both:
            csv_tables.write(target / file_name, columns, both)
        else:
            (target / file_name).unlink(missing_ok=True)
    # What else is written there by hand is of a state of the program.
    by_hand = before if before.get("commit") == commit else {}
    text = json.dumps({**by_hand, "commit": commit, "machines": distinct}, indent=1)
    atomic_write_text(target / "run.json", text + "\n")


def _same_study(source: Path, target: Path) -> Mapping[str, Any]:
    """What all cells share, if the folder is of the study that the page is of."""
    if not (target / "study.yaml").is_file():
        raise TakeError(f"{target} has no study.yaml: a study is planned before it is run")
    if not (source / "study.yaml").is_file():
        raise TakeError(
            f"{source} has no study.yaml: copy the one that its cells were run from into it"
        )
    ran, planned = (
        yaml.safe_load((folder / "study.yaml").read_text()) for folder in (source, target)
    )
    differing = sorted(
        key
        for key in ran.keys() | planned.keys()
        if key not in ("about", "directory") and ran.get(key) != planned.get(key)
    )
    if differing:
        raise TakeError(
            f"{source / 'study.yaml'} is not {target / 'study.yaml'}: {', '.join(differing)} differ"
        )
    base: Mapping[str, Any] = planned.get("base", {})
    return base


def _facts(target: Path) -> Any:
    path = target / "run.json"
    return json.loads(path.read_text()) if path.is_file() else {}


def _kept(
    target: Path, commit: str, header: Sequence[str], rows: Sequence[Sequence[str]]
) -> dict[str, list[str]]:
    """Rows of the page's cells that ended there and not here, by cell."""
    path = target / "table.csv"
    old_header, old = csv_tables.read(path)
    status = {row[0]: row[header.index("status")] for row in rows}
    kept = {}
    for row in old:
        before, now = row[old_header.index("status")], status.get(row[0])
        if before in ENDED and (now not in ENDED or (before == FINISHED and now != FINISHED)):
            kept[row[0]] = row
    if not kept:
        return kept
    ran = _facts(target)["commit"]
    if ran != commit or old_header != header:
        raise TakeError(
            f"{path} has cells that {ran} ran and this folder has not ended ({min(kept)}, ...): "
            f"run them, or take with --commit {ran} what that state ran"
        )
    if unknown := sorted(kept.keys() - status.keys()):
        raise TakeError(f"{path} has a cell that this folder knows nothing of: {unknown[0]}")
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
        raise TakeError(f"{row['cell']} is judged by {row['metric']}: curves are of KID alone")
    for step, kid in evaluations:
        at = seconds.get(step)
        if at is None:
            raise TakeError(
                f"{row['cell']} has no seconds at step {step}: log_every has to divide it"
            )
        if kid is not None:
            yield step, round(at, 2), kid


def _layers(row: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """The density of each layer of a finished cell's sparse networks at its start and its end."""
    if row["status"] != "finished":
        return
    # Of pairs of networks it is the last one's.
    events = readable_history(RunDirectory(Path(row["run"])).metrics, Start, Rewiring)
    masked = masked_layers(events)
    for network, history in histories(events).items():
        if not history or all(d == 1 for _, densities in history for d in densities.values()):
            continue  # dense throughout
        for layer, start in history[0][1].items():
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
    try:
        take(options.folder, options.name, options.commit, options.workers)
    except TakeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
