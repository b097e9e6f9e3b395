"""Trains a run in processes that kill themselves with SIGKILL, resuming until it is done.

Usage: killed_run.py DIRECTORY [N ...]. The first process trains and dies at its N-th call of a
counted function; each further one resumes and dies at its own; a last one resumes to the end.
Counted are fsync and rename (in every checkpoint, picture and configuration) and the steps of the
loop. Prints a JSON list: per process its exit status, and the temporary files that it left.
"""

import itertools
import json
import os
import signal
import sys
from pathlib import Path

from sparsegan.draw import sampling
from sparsegan.train import loop
from sparsegan.train.game import Game
from tiny_run import config


def die_at(kill_at):
    calls = itertools.count(1)

    def counted(function):
        def call(*args, **kwargs):
            if next(calls) == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return call

    os.fsync = counted(os.fsync)
    Path.replace = counted(Path.replace)
    Game.generator_step = counted(Game.generator_step)
    return calls


def attempt(directory, first, kill_at):
    """The exit status of a process of its own; 100 + calls (up to 127) for a run to the end."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    calls = die_at(kill_at)
    status = 1
    try:
        loop.train(config(directory)) if first else loop.resume(directory)
        status = min(255, 100 + next(calls))
    finally:
        os._exit(status)


sampling.STANDING_BATCHES = 4  # of 64: the kills are to fall elsewhere, and soon
directory, kills = Path(sys.argv[1]), [int(text) for text in sys.argv[2:]]
deaths = []
for number, kill_at in enumerate([*kills, 0]):
    status = attempt(directory, number == 0, kill_at)
    deaths.append({"status": status, "left": len(list(directory.rglob(".*.tmp")))})
print(json.dumps(deaths))
