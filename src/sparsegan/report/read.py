"""A run directory read into a RunRecord: whatever is there of it, finished or not."""

import json
import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sparsegan import yaml_text
from sparsegan.errors import SparseganError
from sparsegan.files import leads_out
from sparsegan.report.events import (
    NETWORKS,
    Decision,
    Evaluation,
    Event,
    Kernels,
    Layer,
    Rewire,
    finite,
    layers_of,
    number,
    text,
)
from sparsegan.report.series import Point

CURVES = (
    "generator_loss",
    "discriminator_loss",
    "generator_gradient_norm",
    "discriminator_gradient_norm",
    "generator_density",
    "discriminator_density",
    "balance_ratio",
    "steps_per_second",
)


@dataclass(frozen=True, slots=True)
class Grid:
    """A PNG of samples: the step it was drawn at (None where its name does not say), its pixels."""

    path: Path
    step: int | None
    width: int
    height: int


@dataclass(slots=True)
class RunRecord:
    """What a run directory holds of a pair of networks, for the report.

    Curves are lists of (step, value) in the order of the file; `unreadable` counts the lines of
    metrics.jsonl that are no events (a last line still being written is not counted). A run of
    several pairs names them in its events: `pair` is the one that this is of, and empty where there
    is one alone; `pairs` are all.
    """

    path: Path
    label: str
    pair: str = ""
    pairs: list[str] = field(default_factory=list)
    config_text: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    cost: Mapping[str, Any] = field(default_factory=dict)
    grids: tuple[Grid, ...] = ()
    start: Event = field(default_factory=dict)
    finished: bool = False
    last_step: int = 0
    seconds: float | None = None
    curves: dict[str, list[Point]] = field(default_factory=lambda: {name: [] for name in CURVES})
    balance: list[Point] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    rewires: list[Rewire] = field(default_factory=list)
    kernels: list[Kernels] = field(default_factory=list)
    warnings: list[tuple[int, str]] = field(default_factory=list)
    unreadable: int = 0

    @property
    def name(self) -> str:
        """What to call the run, whichever its pair."""
        return self.label.removesuffix(f" {self.pair}")

    @property
    def method(self) -> str:
        """The method's name, or an empty text."""
        return text(self.start, "method") or str(self.config.get("method.name") or "")

    @property
    def planned_steps(self) -> int | None:
        """Generator steps the run was to take."""
        for value in (self.config.get("steps"), self.start.get("steps")):
            steps = finite(value)
            if steps is not None:
                return int(steps)
        return None

    @property
    def band(self) -> tuple[float, float] | None:
        """The controller's band of the balance ratio, where the method has one."""
        band = self.start.get("band")
        if not isinstance(band, list) or len(band) != 2:
            return None
        low, high = finite(band[0]), finite(band[1])
        return None if low is None or high is None else (low, high)

    def layers(self, network: str) -> tuple[Layer, ...]:
        """The maskable layers of a network as the run began."""
        return layers_of(self.start, network)

    def density(self, network: str) -> list[Point]:
        """The density of a network over the steps: at the start, logged, and after each change."""
        layers = self.layers(network)
        points: list[Point] = []
        if layers:
            weights = sum(layer.weights for layer in layers)
            points.append((0, sum(layer.active for layer in layers) / weights))
        points += self.curves[f"{network}_density"]
        points += [(row.step, row.density) for row in self.rewires if row.network == network]
        return sorted(points, key=lambda point: point[0])

    def layer_densities(self, network: str) -> dict[str, float]:
        """The density of every maskable layer after the last change of the mask."""
        shares = {layer.name: layer.active / layer.weights for layer in self.layers(network)}
        for row in self.rewires:
            if row.network == network:
                shares |= {name: active / weights for name, (active, weights) in row.layers.items()}
        return shares

    def cost_of(self, *keys: str) -> float | None:
        """A number of cost.json by its keys, None where it is unknown."""
        value: Any = self.cost
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return finite(value)


def read_run(path: Path, label: str | None = None) -> list[RunRecord]:
    """Reads a run directory; missing parts stay empty, and so do links to files elsewhere.

    A page is made to be passed on, and what a stranger's run directory links to is its reader's.

    Args:
        path: a directory with config.yaml or metrics.jsonl.
        label: what to call the run; the directory's name by default.

    Returns:
        A record, or one for each pair where the run trains several pairs of networks.

    Raises:
        SparseganError: the directory is no run.
    """
    whole = _read(Path(path), label or Path(path).resolve().name, "")
    if not whole.pairs:
        return [whole]
    return [_read(whole.path, f"{whole.label} {pair}", pair) for pair in whole.pairs]


def distinct(records: Iterable[RunRecord]) -> list[RunRecord]:
    """The first record of each run."""
    first_of: dict[str, RunRecord] = {}
    for record in records:
        first_of.setdefault(record.name, record)
    return list(first_of.values())


def _read(path: Path, label: str, pair: str) -> RunRecord:
    if not any((path / name).is_file() for name in ("config.yaml", "metrics.jsonl")):
        raise SparseganError(
            f"{path} is not a run: it holds neither config.yaml nor metrics.jsonl; "
            "name a directory that training has written."
        )
    record = RunRecord(path, label, pair)
    record.config_text = _text(path / "config.yaml")
    record.config = _flat(_yaml(record.config_text))
    record.cost = _cost(_json(_text(path / "cost.json")), pair)
    samples = path / "samples" / pair
    record.grids = () if leads_out(samples, path) else tuple(_grids(samples))
    _read_events(record, _text(path / "metrics.jsonl"))
    return record


def _text(path: Path) -> str:
    if not path.is_file() or leads_out(path, path.parent):
        return ""
    return path.read_text(encoding="utf-8", errors="replace")


def _yaml(content: str) -> Any:
    try:
        return yaml_text.load(content[: yaml_text.BYTES])
    except (yaml.YAMLError, SparseganError):
        return None


def _json(content: str) -> Mapping[str, Any]:
    try:
        value = json.loads(content, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _cost(cost: Mapping[str, Any], pair: str) -> Mapping[str, Any]:
    """What a pair costs; seconds are those of the whole run."""
    pairs = cost.get("pairs")
    own = pairs.get(pair) if isinstance(pairs, dict) else None
    return {**cost, **own} if isinstance(own, dict) else cost


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dotted keys."""
    if not isinstance(value, dict):
        return {prefix: value} if prefix else {}
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        flat |= _flat(inner, f"{prefix}.{key}" if prefix else str(key))
    return flat


def _grids(folder: Path) -> Iterator[Grid]:
    """The PNG files of a folder, in the order of their steps."""
    grids = []
    for path in folder.glob("*.png"):
        if not path.is_file() or leads_out(path, folder):
            continue
        with path.open("rb") as file:
            head = file.read(24)
        if len(head) == 24 and head.startswith(b"\x89PNG\r\n\x1a\n"):
            width, height = struct.unpack(">II", head[16:24])
            digits = re.search(r"(\d+)$", path.stem)
            grids.append(Grid(path, int(digits[1]) if digits else None, width, height))
    yield from sorted(grids, key=lambda grid: (grid.step is not None, grid.step, grid.path.name))


def _read_events(record: RunRecord, content: str) -> None:
    lines = content.split("\n")  # not splitlines: a message may hold U+2028
    for index, line in enumerate(lines):
        event = _json(line)
        step = number(event, "step")
        if not isinstance(event.get("kind"), str) or step is None:
            being_written = index == len(lines) - 1
            record.unreadable += bool(line.strip()) and not being_written
            continue
        pair = text(event, "pair")
        # It is the name of a folder, too.
        if event["kind"] == "start" and re.fullmatch(r"\w+", pair) and pair not in record.pairs:
            record.pairs.append(pair)
        if pair in ("", record.pair):
            _add(record, event, int(step))


def _add(record: RunRecord, event: Event, step: int) -> None:
    kind = event["kind"]
    record.last_step = max(record.last_step, step)
    if kind == "start" and not record.start:
        record.start = event
    elif kind == "train":
        for name in CURVES:
            record.curves[name].append((step, number(event, name)))
        record.seconds = number(event, "seconds") or record.seconds
    elif kind == "balance":
        valid = event.get("valid") is not False
        record.balance.append((step, number(event, "ratio") if valid else None))
    elif kind == "rewire" and event.get("network") in NETWORKS:
        record.rewires.append(Rewire.of(step, event))
    elif kind == "decision":
        record.decisions.append(Decision.of(step, event))
    elif kind == "evaluate":
        record.evaluations.append(Evaluation.of(step, event))
    elif kind == "engine":
        record.kernels.append(Kernels.of(step, event))
    elif kind in ("warning", "repair"):
        record.warnings.append((step, text(event, "message")))
    elif kind == "end":
        record.finished = True
        record.seconds = number(event, "seconds") or record.seconds
