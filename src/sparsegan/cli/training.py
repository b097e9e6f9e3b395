"""What `train` and `resume` share: a run to its end, and what came of it."""

import shlex
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sparsegan.record.run import RunDirectory


def to_the_end(work: "Callable[[], RunDirectory]") -> int:
    """Train, then print what came of it, or how to go on."""
    from sparsegan.train.launch import process_rank
    from sparsegan.train.stop import Interrupted

    try:
        run = work()
    except Interrupted as stop:
        # A launched process must not end with an error, or its parent is killed for it.
        if process_rank() > 0:
            return 0
        run_directory = shlex.quote(str(stop.run))
        print(f"{stop}; go on with `sparsegan resume {run_directory}`", file=sys.stderr)
        return 128 + stop.signal
    if process_rank() == 0:
        from sparsegan.cli.run_tables import ending

        print("\n".join(ending(run)))
    return 0
