"""What a study has come to, as a table: one plain dict a cell."""

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sparsegan import cost
from sparsegan.record import run_cost
from sparsegan.record.events import NETWORKS, read
from sparsegan.record.metrics_log import readable_events
from sparsegan.record.primary import PRIMARY, primary, step_at
from sparsegan.study import file, standing
from sparsegan.study.cells import Cell
from sparsegan.study.paths import CellPaths

Event = Mapping[str, Any]
Series = dict[str, list[tuple[int, float | None]]]

_NO_SERIES = {"step", "n", "generated", "seconds"}
_NO_MEASURE = {"low", "high", "n", "generated", "diversity", "copies"}


class Table(list[dict[str, Any]]):
    """A list of plain dicts, one a cell, all with the same keys; `pandas.DataFrame(table)` works.

    What is not known yet, or does not apply, is None. Counts are of weights, costs are of the whole
    run, and of several pairs of networks (CycleGAN) weights are sums and measures are means.

    | key | value |
    | --- | --- |
    | `cell` | its name, `arm[,key=value…]/seed=n` |
    | `arm` | the arm's name |
    | each axis, by its dotted key | its value; None where the arm's method has no such setting |
    | `seed` | the seed |
    | `status` | `waiting`, `running`, `stopped`, `finished`, `diverged`, `failed`, `changed` |
    | `reason` | why it diverged, failed or is to begin anew; else `""` |
    | `attempts` | how often a process has begun to work on it |
    | `anew` | why it began anew, sentences joined by `; `; else `""` |
    | `run` | its run directory, a text |
    | `step`, `steps` | generator steps done, and of the whole run |
    | `metric` | what `primary`, `best` and `last` are of, `kid-…`; smaller is better |
    | `primary` | the mean of the evaluations at 90, 95 and 100 % of its (last) training |
    | `evaluations` | how many of those there are; `primary` is None until all are there |
    | `best`, `best_step` | the smallest evaluation after step 0 and the last pruning, its step |
    | `best_fresh` | that checkpoint evaluated again on other images, at the cell's end |
    | `last`, `last_step` | the newest evaluation, and its step |
    | `floor`, `frechet`, … | the same mean of each other number of the evaluations |
    | `seconds` | of training, without evaluations |
    | `seconds_per_step` | measured at the end of the run |
    | `dense_seconds_per_step` | of its dense equal, measured in turns with it |
    | `operations` | multiply-accumulates of the training, in the consistent convention |
    | `operations_overhead` | beside: gradients to grow by, measurements of the balance ratio |
    | `operations_published` | `operations` in the papers' convention |
    | `dense_operations` | `operations` of the same networks dense |
    | `generator_weights`, `discriminator_weights` | at the end, dense layers included |
    | `generator_weights_mean`, `discriminator_weights_mean` | averaged over the steps |
    | `weights_mean` | both together, averaged over the steps |
    | `generator_weights_dense`, `discriminator_weights_dense` | of the dense networks |
    | `generator_maskable`, `discriminator_maskable` | weights that masks can take |
    | `generator_density`, `discriminator_density` | of maskable weights, at the end |
    | `balance_ratio` | the mean of what was logged in the last tenth of the run |

    Attributes:
        name: The study's.
        about: What it is to show, in its file's words.
        directory: Its folder.
        arms: Their names, in order.
        axes: Their dotted keys, in order.
        seeds: In order.
        measures: Those keys of the rows that are measures of quality: `primary`, and the other
            numbers of `evaluate` events.
        left_out: Cells that are kept and no longer in the study, which are not in the table.
        command: What repeats the study.
    """

    def __init__(self, study: file.Study) -> None:
        rows = [_row(study, cell) for cell in study.cells]
        measures = dict.fromkeys(key for _, measured in rows for key in measured)
        super().__init__({**row, **dict.fromkeys(measures), **measured} for row, measured in rows)
        self.name, self.about, self.directory = study.name, study.about, study.directory
        self.arms, self.axes, self.seeds = study.arms, study.axes, study.seeds
        self.measures = ("primary", *measures)
        self.left_out = study.left_out()
        self._axes = {cell.name: tuple(cell.axes) for cell in study.cells}
        self.command = f"sparsegan study {study.directory}"

    def axes_of(self, cell: str | Mapping[str, Any]) -> tuple[str, ...]:
        """The dotted keys of the axes that a cell's arm has."""
        return self._axes[cell if isinstance(cell, str) else str(cell["cell"])]

    def pairs(self, cell: str | Mapping[str, Any]) -> list[str]:
        """The names of a cell's pairs of networks; empty where it has one alone, or not begun."""
        starts = (event for event in self._events(cell) if event["kind"] == "start")
        return [str(event["pair"]) for event in starts if event.get("pair")]

    def _events(self, cell: str | Mapping[str, Any]) -> Sequence[Event]:
        name = cell if isinstance(cell, str) else str(cell["cell"])
        return readable_events(CellPaths(self.directory, name).run.metrics)

    def series(self, cell: str | Mapping[str, Any], pair: str | None = None) -> Series:
        """The curves of a cell over its steps.

        Args:
            cell: A row, or a cell's name.
            pair: Of several pairs of networks, the one to follow; None: the first.

        Returns:
            By name, pairs of step and value (None where there was none): `value` and every other
            number of the evaluations; `seconds`, `steps_per_second`, losses, norms of gradients,
            `generator_density`, `discriminator_density`, `balance_ratio` as they were logged.
            Empty before the run has begun. `seconds` lead from steps to seconds.
        """
        events = self._events(cell)
        named = [str(event["pair"]) for event in events if event.get("pair")]
        wanted = pair if pair is not None else next(iter(named), None)
        series: Series = {}
        for event in events:
            if event.get("pair") == wanted and event["kind"] in ("train", "evaluate"):
                drop = {"step"} if event["kind"] == "train" else _NO_SERIES
                for key, value in event.items():
                    if key not in drop and (value is None or _is_number(value)):
                        series.setdefault(key, []).append((event["step"], value))
        return {
            key: points for key, points in series.items() if any(v is not None for _, v in points)
        }


def load(path: str | Path, directory: str | Path | None = None) -> Table:
    """The table of a study, from what is on the disk now; nothing is trained or written.

    Args:
        path: The study's folder, its file, or its name among those of the package.
        directory: Where its runs are; None: as the file says.

    Raises:
        SparseganError: There is no such study, or its file is none.

    Example:
        >>> table = load("studies/fashion-mnist")  # doctest: +SKIP
        >>> [row["primary"] for row in table if row["arm"] == "adapt"]  # doctest: +SKIP
    """
    return Table(file.read(path, None if directory is None else Path(directory)))


def _row(study: file.Study, cell: Cell) -> tuple[dict[str, Any], dict[str, float]]:
    """A cell's row, and its measures besides `primary`."""
    paths = CellPaths(study.directory, cell.name)
    stands = standing.standing(paths, cell)
    row: dict[str, Any] = {
        "cell": cell.name,
        "arm": cell.arm,
        **{key: _plain(cell.axes.get(key)) for key in study.axes},
        "seed": cell.seed,
        "status": stands.status,
        "reason": stands.reason,
        "attempts": stands.attempts,
        "anew": "; ".join(stands.anew),
        "run": str(paths.run.path),
        "step": 0,
        "steps": cell.config.steps,
    }
    # A run of other settings is not this cell's: what it came to is not to be told as such.
    events = [] if stands.status == "changed" else readable_events(paths.run.metrics)
    quality, measures = _quality(events, cell.config.steps)
    row["step"] = max((event["step"] for event in events), default=0)
    counted = {} if stands.status == "changed" else _counted(paths)
    quality["best_fresh"] = stands.best_fresh if quality["best"] is not None else None
    return {**row, **quality, **_costs(events, counted, cell.config.steps)}, measures


def _quality(events: Iterable[Event], steps: int) -> tuple[dict[str, Any], dict[str, float]]:
    """The measures of a run: its numbers, and those besides `primary` that its evaluations have."""
    by_step: dict[int, list[Event]] = {}
    evaluations: list[Event] = []  # of the last training
    begun = 0
    for event in events:
        pruned = event["kind"] == "rewire" and event.get("reason") == "prune"
        if pruned or event["kind"] == "rewind":  # it is another network that the run is for
            by_step.clear()
        if event["kind"] == "rewind":
            begun = event["step"]
            evaluations.clear()
        if event["kind"] == "evaluate":
            by_step.setdefault(event["step"], []).append(event)
            evaluations.append(event)
    values = {
        step: mean
        for step, same_step in by_step.items()
        if (mean := _mean([event["value"] for event in same_step])) is not None
    }
    later = {step: value for step, value in values.items() if step}
    best = min(later, key=lambda step: (later[step], step)) if later else None
    newest = max(values, default=None)
    measures = _means_at_the_end(evaluations, steps, begun)
    last = {step_at(share, steps, begun) for share in PRIMARY}
    quality = {
        "metric": evaluations[-1].get("metric") if evaluations else None,
        "primary": measures.pop("value", None),
        "evaluations": len(last & {event["step"] for event in evaluations}),
        "best": later[best] if best is not None else None,
        "best_step": best,
        "last": values[newest] if newest is not None else None,
        "last_step": newest,
    }
    return quality, measures


def _means_at_the_end(evaluations: Iterable[Event], steps: int, begun: int) -> dict[str, float]:
    """The primary numbers, over all games."""
    evaluations = list(evaluations)
    of_games = primary(filter(None, map(read, evaluations)), steps, begun)
    if not of_games or len(of_games) < len({event.get("pair") for event in evaluations}):
        return {}
    first, *rest = of_games.values()
    return {
        key: statistics.fmean([value, *(other[key] for other in rest)])
        for key, value in first.items()
        if key not in _NO_MEASURE and all(key in other for other in rest)
    }


def _costs(events: Sequence[Event], counted: Mapping[str, Any], steps: int) -> dict[str, Any]:
    seconds = [e["seconds"] for e in events if e["kind"] in ("train", "end") and e.get("seconds")]
    flops, timed = counted.get("flops", {}), counted.get("seconds") or {}
    beside = counted.get("overhead")
    row: dict[str, Any] = {
        "seconds": seconds[-1] if seconds else None,
        "seconds_per_step": timed.get("per_step"),
        "dense_seconds_per_step": timed.get("dense_per_step"),
        "operations": flops.get("consistent", {}).get("run"),
        "operations_overhead": sum(beside.values()) if beside else None,
        "operations_published": flops.get("published", {}).get("run"),
        "dense_operations": flops.get("consistent", {}).get("dense"),
    }
    weights = _weights(events, counted, steps)
    for name in NETWORKS:
        own = weights.get(name, {})
        row |= {
            f"{name}_weights": own.get("end"),
            f"{name}_weights_mean": own.get("mean"),
            f"{name}_weights_dense": own.get("dense"),
            f"{name}_maskable": own.get("maskable"),
            f"{name}_density": own.get("density"),
        }
    means = [row[f"{name}_weights_mean"] for name in NETWORKS]
    row["weights_mean"] = sum(means) if None not in means else None
    ratios = [
        event["balance_ratio"]
        for event in events
        if event["kind"] == "train"
        and event["step"] > 0.9 * steps
        and _is_number(event.get("balance_ratio"))
    ]
    row["balance_ratio"] = statistics.fmean(ratios) if ratios else None
    return row


def _weights(
    events: Sequence[Event], counted: Mapping[str, Any], steps: int
) -> dict[str, dict[str, float]]:
    """Of each network, over all games: weights at the end, on average, dense, and maskable.

    Those so far where the run has not ended.
    """
    totals: dict[str, dict[str, float]] = {}
    done = max((event["step"] for event in events), default=0)
    for start in (event for event in events if event["kind"] == "start"):
        pair = start.get("pair")
        game_events = (read(event) for event in events if event.get("pair") == pair)
        history = run_cost.histories(filter(None, game_events))
        for name in NETWORKS:
            rows = start["networks"][name]
            sizes = {row["name"]: row["weights"] for row in rows}
            maskable = {row["name"] for row in rows if row["masked"]}
            end = history[name][-1][1]
            mean = cost.mean_densities(history[name], min(steps, max(1, done)))
            label = f"{name} {pair}" if pair else name
            whole = counted.get("weights", {}).get(label, {}).get("total")
            # Weights of no layer, such as those of attention, are dense and counted with the rest.
            bare = whole - sum(sizes.values()) if whole is not None else 0
            own = {
                "end": round(sum(end.get(key, 1.0) * size for key, size in sizes.items())) + bare,
                "mean": sum(mean.get(key, 1.0) * size for key, size in sizes.items()) + bare,
                "dense": sum(sizes.values()) + bare,
                "maskable": sum(sizes[key] for key in maskable),
                "active": sum(end.get(key, 1.0) * sizes[key] for key in maskable),
            }
            before = totals.setdefault(name, dict.fromkeys(own, 0))
            totals[name] = {key: before[key] + own[key] for key in own}
    for own in totals.values():
        active = own.pop("active")
        own["density"] = active / own["maskable"] if own["maskable"] else 1.0
    return totals


def _counted(paths: CellPaths) -> Mapping[str, Any]:
    """The content of cost.json; empty before the run's end."""
    try:
        content = json.loads(paths.run.cost.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _mean(values: Sequence[float | None]) -> float | None:
    numbers = [value for value in values if value is not None]
    return statistics.fmean(numbers) if len(numbers) == len(values) > 0 else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
