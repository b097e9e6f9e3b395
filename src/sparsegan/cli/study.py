"""`sparsegan study`: runs compared over arms, axes and seeds."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sparsegan.cli.parser import Parser, add_trust, positive
from sparsegan.errors import SparseganError, printable

if TYPE_CHECKING:
    from sparsegan.study.executors.base import Executor
    from sparsegan.study.file import Study

EXAMPLES = """
examples:
  sparsegan study                          the studies that come with the package
  sparsegan study fashion-mnist            one of them: three arms, two seeds, minutes on two cores
  sparsegan study mine.yaml --dry_run      what would be run, and how long it would take
  sparsegan study mine.yaml --workers 8    run it, or what is left of it
  sparsegan study studies/mine             the same, by its folder
  sparsegan study studies/mine --report    its tables and its page anew
  sparsegan study mine.yaml --on slurm --slurm partition=gpu time=600

a study's file:
  base: {recipe: fashion-mnist, steps: 2000}          settings of all, with a recipe if you like
  arms:                                               what is compared: a name and its settings
    dense: {method.name: dense}
    adapt: {}
  axes: {method.generator_density: [0.1, 0.3]}        any settings, with a list of values each
  seeds: [0, 1, 2]
  directory: studies/mine                             default: studies/ and the file's name
"""


def study(arguments: list[str]) -> int:
    """Run a study, or say what it would run."""
    parser = Parser(
        "study",
        "Compare: run every arm at every point of the axes with every seed. What is finished is "
        "not run again; what was stopped goes on.",
        EXAMPLES,
    )
    parser.add_argument(
        "study", nargs="?", metavar="STUDY", help="a file, a folder, or a study of the package"
    )
    parser.add_argument(
        "--directory", type=Path, help="where its runs are (default: as the file says)"
    )
    parser.add_argument(
        "--workers",
        type=positive,
        help="processor cores to keep busy on this machine (default: all that there are)",
    )
    parser.add_argument(
        "--on",
        choices=("local", "slurm", "ray"),
        default="local",
        help="where cells run: on this machine, or on the Slurm or Ray cluster that it belongs to",
    )
    parser.add_argument(
        "--slurm",
        nargs="+",
        metavar="OPTION=VALUE",
        help="options of sbatch by their long names, `time` in minutes (default: 240)",
    )
    parser.add_argument(
        "--dry_run",
        action="store_true",
        help="say what would be run, and how long it would take, and stop",
    )
    parser.add_argument(
        "--report",
        action="store_true",
        help="write tables and page anew from what is there, and run nothing",
    )
    parser.add_argument(
        "--cell", metavar="NAME", help="work on this cell alone, in this process (or torchrun's)"
    )
    add_trust(parser)
    options = parser.parse_args(arguments)
    from sparsegan.study import file

    if options.study is None:
        print(_listing(file.shipped()))
        return 0
    _require_fitting(options)
    wanted = file.read(options.study, options.directory)
    if options.report:
        print(_report(wanted))
        return 0
    if options.cell is not None:
        return _cell(wanted, options)
    return _study(wanted, options)


def _listing(names: list[str]) -> str:
    from sparsegan.study import file

    width = max(map(len, names)) + 2
    lines = [f"  {name:<{width}}{file.read(name).about}" for name in names]
    return "studies of the package:\n" + "\n".join(lines) + "\n\nsparsegan study NAME  runs one"


def _report(study: "Study") -> Path:
    from sparsegan.study import report

    return report.write(study.origin, study.directory)


def _require_fitting(options: argparse.Namespace) -> None:
    """Options that have no effect where the study runs are refused."""
    if options.workers is not None and options.on != "local":
        raise SparseganError(
            f"--workers is for this machine: on {options.on} cells wait in a queue"
        )
    if options.slurm is not None and options.on != "slurm":
        raise SparseganError("--slurm is for a study on Slurm: add --on slurm")
    for each in options.slurm or []:
        if not all(each.partition("=")):
            raise SparseganError(f"--slurm takes OPTION=VALUE, and {each} is none")


def _executor(study: "Study", options: argparse.Namespace, workers: int) -> "Executor":
    if options.on == "slurm":
        from sparsegan.study.executors.slurm import SlurmExecutor

        stated = (each.partition("=") for each in options.slurm or [])
        return SlurmExecutor(study.directory / "slurm", {key: value for key, _, value in stated})
    if options.on == "ray":
        from sparsegan.study.executors.ray import RayExecutor

        return RayExecutor()
    from sparsegan.study.executors.local import LocalExecutor

    return LocalExecutor(workers, _accelerators())


def _cell(study: "Study", options: argparse.Namespace) -> int:
    from rich.console import Console

    from sparsegan.errors import tell
    from sparsegan.study.executors.local import follow_starter
    from sparsegan.study.worker import work
    from sparsegan.train.launch import process_rank
    from sparsegan.train.stop import Interrupted

    follow_starter()
    cell = study.cell(options.cell)
    try:
        stands = work(study, cell, Console(), trust_code=options.trust_code)
    except Interrupted as stop:
        # A launched process must not end with an error, or its parent is killed for it.
        if process_rank() > 0:
            return 0
        print(f"{stop}; the study goes on with it", file=sys.stderr)
        return 128 + stop.signal
    if process_rank() > 0 or stands.status == "finished":
        return 0
    tell(f"{cell.name} has {stands.status}: {stands.reason}")
    return 2


def _study(study: "Study", options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.text import Text

    from sparsegan import machine
    from sparsegan.cli import study_tables
    from sparsegan.settings import trust
    from sparsegan.study import load
    from sparsegan.study.advice import advice
    from sparsegan.study.forecast import forecast
    from sparsegan.study.runner import Runner

    console = Console(markup=False, highlight=False, soft_wrap=True)
    for cell in study.cells:
        trust.require(cell.config, study.origin, trust_code=options.trust_code)
    workers = options.workers or machine.usable_processors()
    executor = _executor(study, options, workers)
    at_once = workers if options.on == "local" else None
    runner = Runner(study, executor, trust_code=options.trust_code)
    progress = runner.progress()
    console.print(study_tables.heading(study, progress))
    left = [each for each in progress if each.standing.status not in ("finished", "diverged")]
    if left:
        for line in advice(study):
            console.print(printable(line))
        with console.status("timing") as status:
            costs = forecast(study, left, lambda name: status.update(Text(f"timing {name}")))
        console.print(study_tables.forecast_table(costs, left))
        console.print(study_tables.forecast_text(costs, left, at_once))
    if options.dry_run:
        return 0
    study.write_copy()
    number = 0
    if left:
        with study_tables.Display(console, progress) as display:
            number = runner.run(display.show, display.say)
    table = load(study.origin, study.directory)
    console.print(study_tables.outcome(table))
    console.print(f"report: {_report(study)}")
    if number:
        print(
            f"stopped by signal {number}; go on with `sparsegan study {study.directory}`",
            file=sys.stderr,
        )
        return 128 + number
    return 0


def _accelerators() -> int:
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0
