"""The text of a plan, and what is said of a run that has ended."""

import json
import shlex
from collections.abc import Collection, Mapping
from pathlib import Path

from sparsegan import health
from sparsegan.cli import cost_tables
from sparsegan.errors import printable
from sparsegan.plan.plan import Plan
from sparsegan.record.metrics_log import history
from sparsegan.record.run import RunDirectory
from sparsegan.settings import kinds, parse
from sparsegan.settings.config import Config
from sparsegan.settings.kinds import label
from sparsegan.train.opening import opening
from sparsegan.train.prolong import obstacle
from sparsegan.words import counted


def plan_text(plan: Plan) -> str:
    """What a run would do, a line for each part."""
    weights = {}
    for network, layers in plan.networks.items():
        masked = [layer for layer in layers if layer.masked]
        weights[network] = (
            sum(layer.active for layer in masked),
            sum(layer.weights for layer in masked),
        )
    lines = opening(plan.config, plan.images, [plan.held_out], weights, plan.class_names)
    return "\n".join(lines)


def ending(run: RunDirectory) -> list[str]:
    """What came of a run that has ended, what it cost, and what to do next, in lines."""
    events, config = list(history(run.metrics)), parse.read(run.config)
    lasting = health.Health(config.steps, events).lasting()
    failing = {game for game, findings in lasting.items() if any(one.failing for one in findings)}
    verdicts = health.verdicts(
        events,
        best_step=run.best_step(),
        from_noise=config.start.run is None,
        failing=failing,
    )
    lines = [
        f"{label('result', game)}: {' '.join(verdict.sentences)}"
        for game, verdict in verdicts.items()
    ] or ["result: not evaluated: look at the samples."]
    for game, findings in lasting.items():
        lines += [f"{label('warning', game)}: {finding.sentence}" for finding in findings]
    return [
        printable(line)
        for line in [*lines, *_cost(run, config), "", *_next(run, config, verdicts, failing)]
    ]


def _cost(run: RunDirectory, config: Config) -> list[str]:
    known = json.loads(run.cost.read_text())
    spent = known["flops"]["consistent"]
    line = f"cost: {spent['run'] / spent['dense']:.0%} of the operations of the same networks dense"
    if seconds := known.get("seconds"):
        took, dense = seconds["run"], seconds["dense"]
        line += f", {counted(took, 'second')} where they take {dense:.0f} ({took / dense:.0%})"
    figures = f"all figures are in the report and in `sparsegan cost {_shown(run.path)}`"
    return [line, f"{cost_tables.size(known, config)}; {figures}"]


def _next(
    run: RunDirectory,
    config: Config,
    verdicts: Mapping[str | None, health.Verdict],
    failing: Collection[str | None],
) -> list[str]:
    """The next three commands, and where the report is."""
    path, games = _shown(run.path), kinds.of(config.network.name).game_names
    first = verdicts.get(games[0])
    best = " --checkpoint best" if first is not None and first.best is not None else ""
    way = "" if len(games) < 2 else f" --direction {games[0]}"
    images = " --images FOLDER" if way else ""
    output = f" --folder {path}/images" if way else f" --grid {path}/grid.png"
    longer, done = 2 * config.steps, config.steps
    more = f"sparsegan train --from {path} --steps {config.steps}    # go on training"
    if best:
        more = (
            f"sparsegan train --from {path} --from_checkpoint best --steps {config.steps}"
            "    # go on from the best"
        )
    elif failing:
        more = f"sparsegan report {path}    # see where it went wrong"
    elif obstacle(config, longer, done) is None:
        more = f"sparsegan resume {path} --steps {longer}    # go on training"
    return [
        "next:",
        f"  sparsegan sample {path}{way}{images}{best}{output}",
        f"  sparsegan export {path}{way}{best} --to {'packed' if way else 'html'}",
        f"  {more}",
        f"report: {run.report}",
    ]


def _shown(path: Path) -> str:
    return shlex.quote(str(path))
