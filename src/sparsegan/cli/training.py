"""What `train` and `resume` share: a run to its end, and what came of it."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sparsegan.record.run import RunDirectory


def to_the_end(work: "Callable[[], RunDirectory]") -> int:
    """Train, then print what came of it, or how to go on."""
    from rich.console import Console

    from sparsegan.cli.cost_tables import cost_table
    from sparsegan.cli.run_tables import quality_table
    from sparsegan.plan.plan import cost_of_run
    from sparsegan.train.launch import process_rank
    from sparsegan.train.stop import Interrupted

    try:
        run = work()
    except Interrupted as stop:
        # A launched process must not end with an error, or its parent is killed for it.
        if process_rank() > 0:
            return 0
        print(f"{stop}; go on with `sparsegan resume {stop.run}`", file=sys.stderr)
        return 128 + stop.signal
    if process_rank() == 0:
        console = Console(markup=False)
        quality = quality_table(run)
        if quality is not None:
            console.print(quality)
        counted = cost_of_run(run.path, trust_code=True)  # it has just been run
        console.print(
            cost_table(counted.cost, counted.config.steps, counted.config.method.settings.lever)
        )
        console.print(f"report: {run.report}", soft_wrap=True, highlight=False)
    return 0
