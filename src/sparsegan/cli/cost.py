"""The commands that say what there is to train and what it costs: `recipes` and `cost`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sparsegan.cli import settings as cli_settings
from sparsegan.cli.parser import Parser, add_trust

if TYPE_CHECKING:
    from sparsegan.plan.measure import Measured
    from sparsegan.plan.plan import Plan
    from sparsegan.settings.config import Config
    from sparsegan.settings.scale import Change


def cost(given: list[str]) -> int:
    """`sparsegan cost`: of a run, or of settings."""
    if not given or given[0].startswith("-"):
        about = "Weights and operations of a run, or of one to come: RUN, or options as for train."
        wanted = cli_settings.read(given, "cost", about)
        from sparsegan.plan import measure
        from sparsegan.plan.plan import outline

        as_json = wanted.options.json
        if not as_json:
            print_scaled(wanted.scaled, wanted.config)
        found = outline(wanted.config)
        measured = measure.of_plan(found.config) if wanted.options.measure else None
        print_cost(found, as_json=as_json, to_come=True, measured=measured)
        return 0
    parser = Parser("cost", "What a run has cost.", cli_settings.EXAMPLES["cost"])
    parser.add_argument("run", type=Path, metavar="RUN", help="the run directory")
    cli_settings.add_cost_options(parser)
    add_trust(parser)
    chosen = parser.parse_args(given)
    from sparsegan.plan import measure
    from sparsegan.plan.plan import cost_of_run

    found = cost_of_run(chosen.run, trust_code=chosen.trust_code)
    measured = None
    if chosen.measure:
        measured = measure.of_run(chosen.run, trust_code=chosen.trust_code)
    print_cost(found, as_json=chosen.json, to_come=False, measured=measured)
    return 0


def print_scaled(changes: "Sequence[Change]", config: "Config") -> None:
    """Say what a smaller scale has changed, and if it cannot help, once for all processes."""
    from sparsegan.settings.scale import caution
    from sparsegan.train.launch import process_rank

    if changes and process_rank() == 0:
        print(f"scale: small; {len(changes)} settings were changed")
        told = caution(config)
        lines = [f"  {change}\n" for change in changes] + ([] if told is None else [f"{told}\n"])
        print("".join(lines), end="", flush=True)


def print_cost(
    found: "Plan",
    *,
    as_json: bool = False,
    to_come: bool,
    measured: "list[Measured] | None" = None,
) -> None:
    """Print what a run costs, and of one to come what it would train.

    Args:
        found: The run.
        as_json: Print all figures, and nothing else.
        to_come: Whether it is still to be trained.
        measured: Kernels timed here and now, if they were asked for.
    """
    from rich.console import Console

    from sparsegan.cli import cost_tables, kernel_tables
    from sparsegan.cli.run_tables import plan_text

    if as_json:
        kernels = {} if measured is None else {"kernels": kernel_tables.as_json(measured)}
        print(json.dumps(cost_tables.as_json(found) | kernels, indent=1))
        return
    console = Console(markup=False)  # a layer's name may have brackets
    if to_come:
        console.print(plan_text(found), highlight=False, soft_wrap=True)
        console.print()
    console.print(cost_tables.layers_table(found))
    for remarks in (cost_tables.unseen_text(found), cost_tables.filled_text(found)):
        if remarks:
            console.print(remarks, highlight=False, soft_wrap=True)
            console.print()
    console.print(cost_tables.cost_table(found.cost, found.config.steps))
    if measured is not None:
        console.print()
        console.print(kernel_tables.choices_text(measured), highlight=False, soft_wrap=True)
    timed = any(one.timed for one in measured or ())
    if measured is not None and timed:
        console.print(kernel_tables.kernels_table(measured))
    if to_come and timed:
        told = "Nothing was trained; runs of these settings on this machine decide by these times."
        console.print(told, highlight=False, soft_wrap=True)
    elif to_come:
        console.print("Nothing was trained and nothing was written.", highlight=False)


def list_recipes(given: list[str]) -> int:
    """`sparsegan recipes`: all of them, those in a folder, or one with its sources."""
    parser = Parser(
        "recipes",
        "List the settings that come with the package, or show one with where each value is from.",
        "examples:\n"
        "  sparsegan recipes                       all of them, in groups\n"
        "  sparsegan recipes sdst                  those in a folder\n"
        "  sparsegan recipes adapt/sngan-cifar10   one",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="a recipe, or a folder of them")
    chosen = parser.parse_args(given)
    from rich.console import Console

    from sparsegan.cli.recipe_tables import listing, settings_table
    from sparsegan.settings import recipes

    folder = "" if chosen.name is None else f"{chosen.name.rstrip('/')}/"
    within = [name for name in recipes.names() if name.startswith(folder)]
    if within:
        found = [recipes.find(name) for name in within]
        print(listing(found))
        print(
            "\nsparsegan recipes NAME          shows one, with where each value is from\n"
            "sparsegan cost --recipe NAME    what a run of it costs\n"
            "sparsegan train --recipe NAME   trains it (--scale small: on a CPU, minutes)"
        )
        return 0
    recipe = recipes.find(chosen.name)
    print(f"{recipe.name}: {recipe.about}\n{recipe.group}\n")
    Console().print(settings_table(recipe))
    return 0
