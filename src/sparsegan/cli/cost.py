"""The commands that say what there is to train and what it costs: `cost`."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sparsegan.cli import settings
from sparsegan.cli.parser import Parser, add_trust

if TYPE_CHECKING:
    from sparsegan.plan.match import Match
    from sparsegan.plan.measure import Measured
    from sparsegan.plan.plan import Plan
    from sparsegan.settings.adjust import Adjustment
    from sparsegan.settings.config import Config


def cost(arguments: list[str]) -> int:
    """`sparsegan cost`: of a run, or of settings."""
    if not arguments or arguments[0].startswith("-"):
        about = "Weights and operations of a run, or of one to come: RUN, or options as for train."
        wanted = settings.read(arguments, "cost", about)
        from sparsegan.plan import measure
        from sparsegan.plan.plan import outline

        as_json = wanted.options.json
        if not as_json:
            print_adjusted(wanted)
        run = outline(wanted.config)
        measured = measure.of_plan(run.config) if wanted.options.measure else None
        print_cost(run, as_json=as_json, to_come=True, measured=measured)
        return 0
    parser = Parser("cost", "What a run has cost.", settings.EXAMPLES["cost"])
    parser.add_argument("run", type=Path, metavar="RUN", help="the run directory")
    settings.add_cost_options(parser)
    add_trust(parser)
    options = parser.parse_args(arguments)
    from sparsegan.plan import measure
    from sparsegan.plan.plan import cost_of_run

    run = cost_of_run(options.run, trust_code=options.trust_code)
    measured = None
    if options.measure:
        measured = measure.of_run(options.run, trust_code=options.trust_code)
    print_cost(run, as_json=options.json, to_come=False, measured=measured)
    return 0


def print_scaled(adjustments: "Sequence[Adjustment]", config: "Config") -> None:
    """Say what a smaller scale has changed, and if it cannot help, once for all processes."""
    from sparsegan.settings.scale import caution
    from sparsegan.train.launch import process_rank

    if adjustments and process_rank() == 0:
        print(f"scale: small; {len(adjustments)} settings were changed")
        sentence = caution(config)
        lines = [f"  {adjustment}\n" for adjustment in adjustments] + (
            [f"{sentence}\n"] if sentence else []
        )
        print("".join(lines), end="", flush=True)


def print_adjusted(wanted: "settings.Request") -> None:
    """Say what the settings leave open, and which were changed and why, once for all processes."""
    from sparsegan.train.launch import process_rank

    if wanted.caution and process_rank() == 0:
        print(f"note: {wanted.caution}", flush=True)
    print_suited(wanted.suited)
    print_scaled(wanted.scaled, wanted.config)
    print_matches(wanted.matches)


def print_suited(suited: "Mapping[str, Sequence[Adjustment]]") -> None:
    """Say what follows from the quality wanted and the pictures, once for all processes.

    Args:
        suited: As `settings.Request` has it.
    """
    from sparsegan.train.launch import process_rank

    if process_rank() > 0:
        return
    for what, adjustments in suited.items():
        print(f"settings for {what}, where nothing else is asked for:")
        print("".join(f"  {adjustment}\n" for adjustment in adjustments), end="", flush=True)


def print_matches(matches: "Sequence[Match]") -> None:
    """Say which widths match another run and by how much they miss, once for all processes."""
    from sparsegan.train.launch import process_rank

    if matches and process_rank() == 0:
        print("small dense: narrower networks, dense, for the same price")
        print("".join(f"  {match}\n" for match in matches), end="", flush=True)


def print_dry_run(run: "Plan", takes: "Callable[[], str]") -> None:
    """Print what a run would train, and what it would take.

    Args:
        run: The run.
        takes: Says how long it takes, in a line; asked after all else is printed.
    """
    from sparsegan.cli import cost_tables
    from sparsegan.cli.run_tables import plan_text

    remarks = (cost_tables.summary(run), cost_tables.unseen_text(run), cost_tables.filled_text(run))
    print("\n".join([plan_text(run), *filter(None, remarks)]), flush=True)
    print(takes())
    print(
        "Nothing was trained and nothing was written. Layer by layer: `sparsegan cost` with the "
        "same options."
    )


def print_cost(
    run: "Plan",
    *,
    as_json: bool = False,
    to_come: bool,
    measured: "list[Measured] | None" = None,
) -> None:
    """Print what a run costs, and of one to come what it would train.

    Args:
        run: The run.
        as_json: Print all figures, and nothing else.
        to_come: Whether it is still to be trained.
        measured: Kernels timed here and now, if they were asked for.
    """
    from rich.console import Console

    from sparsegan.cli import cost_tables, kernel_tables
    from sparsegan.cli.run_tables import plan_text

    if as_json:
        kernels = {} if measured is None else {"kernels": kernel_tables.as_json(measured)}
        print(json.dumps(cost_tables.as_json(run) | kernels, indent=1))
        return
    console = Console(markup=False)  # a layer's name may have brackets
    if to_come:
        console.print(plan_text(run), highlight=False, soft_wrap=True)
        console.print()
    console.print(cost_tables.layers_table(run))
    for remarks in (cost_tables.unseen_text(run), cost_tables.filled_text(run)):
        if remarks:
            console.print(remarks, highlight=False, soft_wrap=True)
            console.print()
    console.print(
        cost_tables.cost_table(run.cost, run.config.steps, run.config.method.settings.lever)
    )
    if to_come and (remark := cost_tables.scheduled_text(run)):
        console.print(remark, highlight=False, soft_wrap=True)
    if measured is not None:
        console.print()
        console.print(kernel_tables.choices_text(measured), highlight=False, soft_wrap=True)
    timed = any(one.timed for one in measured or ())
    if measured is not None and timed:
        console.print(kernel_tables.kernels_table(measured))
    if to_come and timed:
        sentence = (
            "Nothing was trained; runs of these settings on this machine decide by these times."
        )
        console.print(sentence, highlight=False, soft_wrap=True)
    elif to_come:
        console.print("Nothing was trained and nothing was written.", highlight=False)
