"""What the tests of the command line share: settings of a run of seconds, and refusals."""

import os
import sys
from pathlib import Path

from sparsegan import cli

TINY = {
    "method": {"name": "adapt", "generator_density": 0.3, "interval": 4, "control_interval": 4,
               "balance_every": 1, "balance_window": 3},
    "network": {"name": "dcgan", "generator_width": 2, "discriminator_width": 3, "latent_dim": 8},
    "steps": 6,
    "batch_size": 8,
    "generator_batch_size": 8,
    "discriminator_steps": 1,
    "threads": 1,
    "evaluate": {"images": 8, "every": 0},
    "sample": {"grid": 2},
}  # fmt: skip


def environment():
    """Variables of a process that runs the command as the tests do."""
    paths = os.pathsep.join(sys.path)
    return {**os.environ, "PYTHONPATH": paths, "COLUMNS": "100", "OMP_NUM_THREADS": "1"}


def refused(capsys, *arguments):
    """The one sentence with which a command is refused, before anything is written."""
    before = sorted(Path().rglob("*"))
    assert cli.main([str(argument) for argument in arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = printed.err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("sparsegan: error: ")
    assert [p for p in sorted(Path().rglob("*")) if "cache" not in p.parts] == [
        p for p in before if "cache" not in p.parts
    ]
    return lines[0]
