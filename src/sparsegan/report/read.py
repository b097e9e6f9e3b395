"""Reads a run directory, finished or not, into a RunRecord."""

import json
import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from sparsegan import yaml_text
from sparsegan.errors import SparseganError
from sparsegan.files import leads_out
from sparsegan.record import evaluations, events
from sparsegan.record.events import (
    NETWORKS,
    Balance,
    Decision,
    End,
    Evaluation,
    Event,
    Kernels,
    Layer,
    Notice,
    Progress,
    Repair,
    Rewinding,
    Rewiring,
    Start,
)
from sparsegan.record.fields import finite
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
    """What the report shows of one game of a run.

    Curves are lists of (step, value) in the order of the file; `unreadable` counts the lines of
    metrics.jsonl that are no events (a last line still being written is not counted). A run of
    several games names them in its events: `game` is the one that this record is of, None where
    there is one alone; `games` are all names.
    """

    path: Path
    label: str
    game: str | None = None
    games: list[str] = field(default_factory=list)
    config_text: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    cost: Mapping[str, Any] = field(default_factory=dict)
    grids: tuple[Grid, ...] = ()
    nearest: Grid | None = None
    start: Start | None = None
    finished: bool = False
    last_step: int = 0
    seconds: float | None = None
    curves: dict[str, list[Point]] = field(default_factory=lambda: {name: [] for name in CURVES})
    balance: list[Point] = field(default_factory=list)
    positive: list[Point] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    afterwards: list[Evaluation] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    rewires: list[Rewiring] = field(default_factory=list)
    rewindings: list[Rewinding] = field(default_factory=list)
    kernels: list[Kernels] = field(default_factory=list)
    warnings: list[tuple[int, str]] = field(default_factory=list)
    unreadable: int = 0

    @property
    def name(self) -> str:
        """The run's label without the game's name."""
        return self.label.removesuffix(f" {self.game}") if self.game else self.label

    @property
    def method(self) -> str:
        """The method's name, or an empty text."""
        written = "" if self.start is None else self.start.method
        return written or str(self.config.get("method.name") or "")

    @property
    def planned_steps(self) -> int | None:
        """Generator steps the run was to take."""
        steps = finite(self.config.get("steps"))
        if steps is not None:
            return int(steps)
        return None if self.start is None else self.start.steps

    @property
    def band(self) -> tuple[float, float] | None:
        """The controller's band of its signal, where the method has one."""
        return None if self.start is None else self.start.band

    def layers(self, network: str) -> tuple[Layer, ...]:
        """The masked layers of a network as the run began."""
        return () if self.start is None else self.start.masked(network)

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
                shares |= row.densities
        return shares

    def cost_of(self, *keys: str) -> float | None:
        """A number of cost.json by its keys, None where it is unknown."""
        value: Any = self.cost
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return finite(value)


def read_run(path: Path, label: str | None = None) -> list[RunRecord]:
    """Reads a run directory; what is missing stays empty, and so do links to files elsewhere.

    A page is made to be passed on: it must not show a file of the reader's that the run directory
    of someone else links to.

    Args:
        path: a directory with config.yaml or metrics.jsonl.
        label: what to call the run; the directory's name by default.

    Returns:
        A record, or one for each game where the run has several.

    Raises:
        SparseganError: the directory is no run.
    """
    whole = _read(Path(path), label or Path(path).resolve().name, None)
    if not whole.games:
        return [whole]
    return [_read(whole.path, f"{whole.label} {game}", game) for game in whole.games]


def distinct(records: Iterable[RunRecord]) -> list[RunRecord]:
    """The first record of each run."""
    first_of: dict[str, RunRecord] = {}
    for record in records:
        first_of.setdefault(record.name, record)
    return list(first_of.values())


def _read(path: Path, label: str, game: str | None) -> RunRecord:
    if not any((path / name).is_file() for name in ("config.yaml", "metrics.jsonl")):
        raise SparseganError(
            f"{path} is not a run: it holds neither config.yaml nor metrics.jsonl; "
            "name a directory that training has written."
        )
    record = RunRecord(path, label, game)
    record.config_text = _text(path / "config.yaml")
    record.config = _flat(_yaml(record.config_text))
    record.cost = _cost(_json(_text(path / "cost.json")), game)
    samples = path / "samples" / (game or "")
    record.grids = () if leads_out(samples, path) else tuple(_grids(samples))
    nearest = path / "nearest" / (game or "")
    if not leads_out(nearest, path):
        record.nearest = next(reversed(list(_grids(nearest))), None)
    _read_events(record, _text(path / "metrics.jsonl"))
    if not leads_out(path / evaluations.FILE, path):
        record.afterwards = [one for one in evaluations.read(path) if one.game == game]
    return record


def _text(path: Path) -> str:
    if not path.is_file() or leads_out(path, path.parent):
        return ""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:  # taken away since
        return ""


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


def _cost(cost: Mapping[str, Any], game: str | None) -> Mapping[str, Any]:
    """What a game costs; seconds are those of the whole run."""
    games = cost.get("pairs")
    own = games.get(game) if isinstance(games, dict) else None
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
        try:
            with path.open("rb") as file:
                head = file.read(24)
        except OSError:  # a run that is trained has just put another one in its place
            continue
        if len(head) == 24 and head.startswith(b"\x89PNG\r\n\x1a\n"):
            width, height = struct.unpack(">II", head[16:24])
            digits = re.search(r"(\d+)$", path.stem)
            grids.append(Grid(path, int(digits[1]) if digits else None, width, height))
    yield from sorted(grids, key=lambda grid: (grid.step is not None, grid.step, grid.path.name))


def _read_events(record: RunRecord, content: str) -> None:
    lines = content.split("\n")  # not splitlines: a message may hold U+2028
    for index, line in enumerate(lines):
        event = events.read(_json(line))
        if event is None:
            being_written = index == len(lines) - 1
            record.unreadable += bool(line.strip()) and not being_written
            continue
        game = event.game or ""
        # The game's name is that of a folder, too.
        if isinstance(event, Start) and re.fullmatch(r"\w+", game) and game not in record.games:
            record.games.append(game)
        if game in ("", record.game):
            _add(record, event)


def _add(record: RunRecord, event: Event) -> None:
    step = event.step
    record.last_step = max(record.last_step, step)
    match event:
        case Start():
            record.start = record.start or event
        case Progress():
            for name in CURVES:
                record.curves[name].append((step, getattr(event, name)))
            record.seconds = event.seconds or record.seconds
        case Balance():
            record.balance.append((step, event.ratio if event.valid else None))
            record.positive.append((step, event.real_positive))
        case Rewiring() if event.network in NETWORKS:
            record.rewires.append(event)
        case Rewinding():
            record.rewindings.append(event)
        case Decision():
            record.decisions.append(event)
        case Evaluation():
            record.evaluations.append(replace(event, metric=event.metric or "metric"))
        case Kernels():
            record.kernels.append(event)
        case Notice() | Repair():
            record.warnings.append((step, event.message))
        case End():
            record.finished = True
            record.seconds = event.seconds or record.seconds
