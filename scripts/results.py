"""Writes the pages, tables and plots of docs/results/ out of the tables of its studies.

A study there is a folder with its `study.yaml`, the `table.csv` that `sparsegan study` wrote,
`run.json` (which state of the program ran it, and on what) and, where comparisons were planned,
`contrasts.yaml`. Figures in prose are named in the templates (`*.md.in`) and put in by this script,
so that none stands without a file behind it.

`layers.csv` has the density of each layer of a sparse network at the start and at the end,
`decisions.csv` what a controller decided. A study that evaluates on the way has `curves.csv`
besides, and its page says after how many seconds of training each arm was as good as dense training
came to be.

Usage: python scripts/results.py [--check]
"""

import argparse
import csv
import json
import re
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from sparsegan.study.report.student import interval

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "results"
SAME = 0.1
"""An interval within this share of the second arm's mean says that two are the same."""
ENOUGH = 6
"""Seeds below which nothing is said of a contrast."""
AXES = {
    "method.generator_density": "d_G",
    "method.discriminator_density": "d_D",
    "optimiser.discriminator.lr": "lr_D",
}
"""What pages call the settings that a study's axes move."""


@dataclass(frozen=True)
class Arm:
    """A group of cells: an arm at a point of the axes.

    Attributes:
        name: The arm, and the axes' values: `adapt, d_G 0.1, d_D 0.05`.
        rows: Its cells that finished, by seed.
        lost: How many of its cells diverged or failed.
    """

    name: str
    rows: dict[int, dict[str, str]]
    lost: int

    @property
    def ended(self) -> int:
        """How many of its cells have, well or not."""
        return len(self.rows) + self.lost

    def numbers(self, key: str) -> dict[int, float]:
        """A column of the table, by seed."""
        return {seed: float(row[key]) for seed, row in self.rows.items() if row[key]}

    def mean(self, key: str) -> float:
        """Over the seeds."""
        return statistics.fmean(self.numbers(key).values())

    def text(self, key: str, digits: int = 2) -> str:
        """Mean and standard deviation."""
        values = list(self.numbers(key).values())
        if len(values) < 2:
            return f"{values[0]:.{digits}f}" if values else "–"
        return f"{statistics.fmean(values):.{digits}f} ± {statistics.stdev(values):.{digits}f}"


@dataclass(frozen=True)
class Contrast:
    """One planned comparison of two arms, over the seeds that both have.

    Attributes:
        first: The arm that a sentence begins with.
        second: What it is compared with.
        differences: The first's number less the second's, seed by seed.
        word: `differs`, `same`, `cannot tell`; None where nothing may be said.
        why: Why not.
    """

    first: str
    second: str
    differences: tuple[float, ...]
    word: str | None
    why: str = ""

    @property
    def said(self) -> str:
        """The word as it stands on a page."""
        return f"*{self.why}*" if self.word is None else f"**{self.word}**"

    @property
    def lower(self) -> str:
        """In how many seeds the first arm's number is the lower one."""
        return f"{sum(d < 0 for d in self.differences)} of {len(self.differences)}"

    @property
    def text(self) -> str:
        """The mean difference and its interval."""
        if not self.differences:
            return "–"
        one = interval(self.differences)
        if one.low is None or one.high is None:
            return f"{one.mean:+.2f}"
        return f"{one.mean:+.2f} [{one.low:+.2f}, {one.high:+.2f}]"


def contrast(first: Arm, second: Arm) -> Contrast:
    """Compare two arms by the protocol's words."""
    own, other = first.numbers("primary"), second.numbers("primary")
    seeds = [seed for seed in own if seed in other]
    differences = tuple(own[seed] - other[seed] for seed in seeds)
    if not seeds:
        return Contrast(first.name, second.name, differences, None, "all lost")
    if len(seeds) < ENOUGH:
        why = f"no word of {len(seeds)} seed{'s' * (len(seeds) > 1)}"
        return Contrast(first.name, second.name, differences, None, why)
    word = _word(differences, second.mean("primary"))
    return Contrast(first.name, second.name, differences, word)


def times(first: Arm, second: Arm) -> str:
    """From how many to how many times the second arm's number the first's is, seed by seed."""
    own, other = first.numbers("primary"), second.numbers("primary")
    ratios = [own[seed] / other[seed] for seed in own if seed in other]
    return f"{min(ratios):.1f} to {max(ratios):.1f}" if ratios else "–"


def _word(differences: Sequence[float], scale: float) -> str:
    one = interval(differences)
    assert one.low is not None
    assert one.high is not None
    alike = all(d > 0 for d in differences) or all(d < 0 for d in differences)
    if alike and one.excludes_zero:
        return "differs"
    if -SAME * scale <= one.low and one.high <= SAME * scale:
        return "same"
    return "cannot tell"


Point = tuple[float, float]
"""Seconds of training, and the KID of an evaluation then."""


@dataclass(frozen=True)
class Study:
    """A study's committed outcome.

    Attributes:
        name: Its folder's.
        settings: Its file.
        run: Which commit ran it, and on what.
        arms: In the order of the table.
        planned: Names of the arms of each contrast; `study/arm` of another study.
        waiting: Cells that had not ended when the table was taken.
        curves: The evaluations of each finished cell that evaluates on the way, by arm and seed.
    """

    name: str
    settings: dict[str, object]
    run: dict[str, object]
    arms: dict[str, Arm]
    planned: tuple[tuple[str, str], ...]
    waiting: int
    curves: dict[str, dict[int, list[Point]]]


def read(folder: Path) -> Study:
    """A study of docs/results/."""
    settings = yaml.safe_load((folder / "study.yaml").read_text())
    with (folder / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    cells: dict[str, dict[int, dict[str, str]]] = {}
    for row in rows:
        name, seed = arm_and_seed(row["cell"])
        cells.setdefault(name, {})[seed] = row
    arms = {}
    for name, own in cells.items():
        finished = {seed: row for seed, row in own.items() if row["status"] == "finished"}
        lost = sum(row["status"] in ("diverged", "failed") for row in own.values())
        arms[name] = Arm(name, finished, lost)
    planned = folder / "contrasts.yaml"
    pairs = yaml.safe_load(planned.read_text()) if planned.is_file() else []
    return Study(
        folder.name,
        settings,
        json.loads((folder / "run.json").read_text()),
        {name: arm for name, arm in arms.items() if arm.rows or arm.lost},
        tuple((a, b) for a, b in pairs),
        len(rows) - sum(arm.ended for arm in arms.values()),
        read_curves(folder / "curves.csv"),
    )


def arm_and_seed(cell: str) -> tuple[str, int]:
    """Of a cell (`arm,axis=value/seed=0`): what pages call its arm and point, and its seed."""
    point, _, seed = cell.rpartition("/seed=")
    arm, *axes = point.split(",")
    named = (axis.split("=") for axis in axes)
    return ", ".join([arm, *(f"{AXES.get(key, key)} {value}" for key, value in named)]), int(seed)


def read_curves(path: Path) -> dict[str, dict[int, list[Point]]]:
    """Points by arm and seed; none where there is no such file."""
    curves: dict[str, dict[int, list[Point]]] = {}
    if path.is_file():
        with path.open() as file:
            for row in csv.DictReader(file):
                name, seed = arm_and_seed(row["cell"])
                points = curves.setdefault(name, {}).setdefault(seed, [])
                points.append((float(row["seconds"]), float(row["kid"])))
    return curves


def seconds_table(study: Study, target: str = "dense") -> str:
    """After how many seconds each arm is as good as dense training comes to be."""
    if target not in study.arms or not study.arms[target].rows:
        return f"*No run of `{target}` has ended yet.*\n"
    goal = study.arms[target].mean("primary")
    whole = study.arms[target].mean("seconds")
    lines = [
        f"As good as `{target}` in the end: KID {goal:.2f}, after {whole:.0f} s of its training.\n",
        f"| arm | reached by | after, s | of {target}'s seconds | KID after half of them |",
        "| --- " * 5 + "|",
    ]
    for name, curves in study.curves.items():
        firsts = [first_at(points, goal) for points in curves.values()]
        reached = [seconds for seconds in firsts if seconds is not None]
        count = study.arms[name].ended
        halves = [value_at(points, whole / 2) for points in curves.values()]
        mean = statistics.fmean(reached) if len(reached) == count else None
        cells = (
            name,
            f"{len(reached)} of {count}",
            "–" if mean is None else f"{mean:.0f}",
            "–" if mean is None else f"{mean / whole:.0%}",
            f"{statistics.fmean(halves):.2f}",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def first_at(points: Sequence[Point], goal: float) -> float | None:
    """Seconds of the first of two evaluations in a row that are at the goal or better.

    One alone would be the luckiest of many.
    """
    pairs = pairwise(points)
    return next((at for (at, kid), (_, later) in pairs if max(kid, later) <= goal), None)


def value_at(points: Sequence[Point], seconds: float) -> float:
    """The newest evaluation by then; the first where there is none."""
    return [kid for at, kid in points if at <= seconds or at == points[0][0]][-1]


def spent(arm: Arm) -> float:
    """All operations of its training."""
    return arm.mean("operations") + arm.mean("operations_overhead")


def share(first: Arm, second: Arm) -> str:
    """The first arm's operations over the second's."""
    return f"{spent(first) / spent(second):.0%}" if first.rows and second.rows else "–"


def share_of_dense(arm: Arm) -> float:
    """Those over what the same networks take dense in as many steps."""
    return spent(arm) / arm.mean("dense_operations")


COLUMNS = (
    "arm | n | KID | balance ratio | D's density at the end | G, D active weights, over the run"
    " | operations | seconds"
)


def table(study: Study) -> str:
    """The arms, each with its prices beside a dense pair's."""
    lines = [f"| {COLUMNS} |", "| --- " * (COLUMNS.count("|") + 1) + "|"]
    for arm in study.arms.values():
        if not arm.rows:
            lines.append(f"| {arm.name} | 0 ({arm.lost} lost) |{' – |' * 6}")
            continue
        weights = [arm.mean(f"{n}_weights_mean") for n in ("generator", "discriminator")]
        count = str(len(arm.rows)) + (f" ({arm.lost} lost)" if arm.lost else "")
        cells = (
            arm.name,
            count,
            f"**{arm.text('primary')}**",
            arm.text("balance_ratio"),
            arm.text("discriminator_density"),
            ", ".join(f"{w:,.0f}" for w in weights),
            f"{share_of_dense(arm):.0%}",
            f"{arm.mean('seconds'):.0f}",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def arm_of(name: str, study: Study | None, studies: Mapping[str, Study]) -> Arm | None:
    """An arm of this study, or `study/arm` of another; None where it has not run.

    With `@seed` behind it, that run of it alone; `@seed+seed` are several.
    """
    name, _, seeds = name.partition("@")
    if "/" in name:
        where, _, name = name.partition("/")
        study = studies.get(where)
    arm = None if study is None else study.arms.get(name)
    if arm is None or not seeds:
        return arm
    wanted = [int(seed) for seed in seeds.split("+")]
    if not arm.rows.keys() >= set(wanted):
        return None
    return Arm(arm.name, {seed: arm.rows[seed] for seed in wanted}, 0)


def contrasts_table(study: Study, studies: Mapping[str, Study]) -> str:
    """The planned comparisons."""
    if not study.planned:
        return "None was planned: the table shows trends."
    header = "| | against | operations, of the second's | difference of KID | |"
    lines = [header, "| --- " * 5 + "|"]
    for names in study.planned:
        first, second = (arm_of(name, study, studies) for name in names)
        said = "| | *not run yet*"
        if first is not None and second is not None:
            one = contrast(first, second)
            said = f"{share(first, second)} | {one.text} | {one.said}"
        lines.append(f"| {names[0]} | {names[1]} | {said} |")
    paired = "Differences are paired by seed, with the 95 % interval of Student's t."
    return "\n".join([*lines, "", paired])


def page(study: Study, studies: Mapping[str, Study]) -> str:
    """A study's page."""
    seeds = ", ".join(map(str, sorted({seed for arm in study.arms.values() for seed in arm.rows})))
    runs = sum(len(arm.rows) for arm in study.arms.values())
    left = f" {study.waiting} cells have not run." if study.waiting else ""
    machines: Any = study.run["machines"]
    where = " and ".join(
        dict.fromkeys(
            f"{one['processor']} with {one['kernels']}, torch {one['torch']}" for one in machines
        )
    )
    note = f"\n{study.run['note']}\n" if "note" in study.run else ""
    against = study.run.get("against", "training images")
    floors = [floor for arm in study.arms.values() for floor in arm.numbers("floor").values()]
    of_real = dict.fromkeys(f"{floor:.3f}" for floor in (min(floors), max(floors)))
    alone = all(one.get("workers") == 1 for one in machines)
    quick = ""
    if study.curves:
        quick = f"""## Seconds to quality

{seconds_table(study)}
![KID over seconds of training](seconds.svg)

*Every evaluation of every run but the untrained one's; the scale of KID is logarithmic.*

"""
    taken = (
        "one run at a time, alone on the machine"
        if alone
        else "two runs at a time,\nbeside other work, so that those of two arms do not compare"
    )
    flag = " --workers 1" if alone else ""
    packages = study.run.get("packages", "../then ../then/runtime")
    return f"""# {study.settings["about"]}

[study.yaml](study.yaml): {runs} runs, seeds {seeds}, at commit
`{study.run["commit"]}`, {where}.{left}
{note}
What the words mean is in the [protocol](../protocol.md). KID is the mean of the evaluations at 90,
95 and 100 % of the steps, ± the standard deviation over seeds, against {against}; that
of other real images lies at {" to ".join(of_real)}. The balance ratio is the mean
of the run's last tenth. Operations are shares of what the same networks
take dense in as many steps, everything included. Seconds were taken {taken}.

{table(study)}
![KID of every run](kid.svg)

*Every run is a point, arms from left to right; the lines are means.*

{quick}## Planned comparisons

{contrasts_table(study, studies)}

```sh
# again, in studies/{study.name}, by the state that ran it, in an environment of its own
git worktree add ../then {study.run["commit"]} && pip install {packages}
sparsegan study docs/results/{study.name}/study.yaml{flag}
python scripts/take_study.py studies/{study.name} {study.name} --commit {study.run["commit"]}{flag}
```
"""


def filled(template: str, studies: Mapping[str, Study]) -> str:
    """A template with its figures in the places of their names.

    ``{{study/arm}}`` is an arm's KID, ``{{study/arm:column}}`` another column of its table or
    ``n``, its runs, ``{{study/arm - study/arm}}`` a contrast, ``{{study/arm - study/arm:lower}}``
    in how many seeds the first is lower, ``...:operations`` the first's share of the second's
    operations, and ``{{study/arm / study/arm}}`` how many times the second's KID it is. An arm
    is all its runs, ``study/arm@seed`` one of them, ``study/arm@seed+seed`` several. Beside a mean
    of fewer runs than a word needs stands how many they are. ``{{study:cells}}`` is how many cells
    of a study have ended, of how many.
    """

    def figure(match: re.Match[str]) -> str:
        wanted, _, column = match[1].partition(":")
        if column == "cells":
            ended = sum(arm.ended for arm in studies[wanted].arms.values())
            return f"{ended} of {ended + studies[wanted].waiting}"
        names = re.split(" [-/] ", wanted)
        if " - " in wanted and column not in ("", "lower", "operations"):
            raise SystemExit(f"{match[0]}: of two arms there is `lower` and `operations`")
        arms = [arm_of(name, None, studies) for name in names]
        if any(arm is None for arm in arms):
            return "*not run yet*"
        first, *others = (arm for arm in arms if arm is not None)
        if others and " / " in wanted:
            return times(first, others[0])
        if others:
            one = contrast(first, others[0])
            if column == "lower":
                return one.lower
            if column == "operations":
                return share(first, others[0])
            return f"{one.text}, n = {len(one.differences)}: {one.said}"
        if column == "n":
            return str(len(first.rows))
        few = 1 < len(first.rows) < ENOUGH
        count = f" (n = {len(first.rows)})" if few or not (column or "@" in wanted) else ""
        if column == "operations":
            return f"{share_of_dense(first):.0%}{count}"
        return first.text(column or "primary", 0 if column == "seconds" else 2) + count

    return re.sub(r"\{\{([^}]+)\}\}", figure, template)


def outputs() -> Iterator[tuple[Path, str]]:
    """Each page and what it should say."""
    studies = {path.parent.name: read(path.parent) for path in sorted(FOLDER.glob("*/table.csv"))}
    for study in studies.values():
        yield FOLDER / study.name / "README.md", page(study, studies)
    for template in sorted(FOLDER.glob("*.md.in")):
        yield template.with_suffix(""), filled(template.read_text(), studies)


def main() -> None:
    """As the module says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail if a page would change"
    )
    options = parser.parse_args()
    stale = [path for path, text in outputs() if not path.is_file() or path.read_text() != text]
    if options.check:
        sys.exit(f"not as the tables say: {', '.join(map(str, stale))}" if stale else 0)
    for path, text in outputs():
        path.write_text(text)
    import results_plots  # matplotlib, which a check does without

    for path in sorted(FOLDER.glob("*/table.csv")):
        study = read(path.parent)
        results_plots.plot_runs(study, path.with_name("kid.svg"))
        if study.curves:
            results_plots.plot_curves(study, path.with_name("seconds.svg"))


if __name__ == "__main__":
    main()
