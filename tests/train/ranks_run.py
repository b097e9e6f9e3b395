"""Trains on two processes; each writes what it saw and ended with to DIRECTORY-<rank>.json.

Usage: ranks_run.py train|resume|killed|fails DIRECTORY [FLAG ...], alone (it starts its second
process) or by torchrun. `killed` trains until the second process kills itself, `fails` until it
raises an error.
"""

import json
import os
import signal
import sys
from pathlib import Path

import torch.distributed

from sparsegan.draw import sampling
from sparsegan.errors import SparseganError
from sparsegan.methods import Method
from sparsegan.record.run import RunDirectory
from sparsegan.train import loop
from tiny_run import config

sampling.STANDING_BATCHES = 4  # of 64, which take most of a tiny run's time
command, run = sys.argv[1], RunDirectory(Path(sys.argv[2]))
seen = {"steps": [], "end": {}}
original = Method.after_generator_step


def remembered(self, *args, **kwargs):
    events = original(self, *args, **kwargs)
    if events.step == 7 and torch.distributed.get_rank() == 1:
        if command == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if command == "fails":
            raise SparseganError("an error of the second process alone")
    record, decision = events.balance, events.decision
    seen["steps"].append(
        [
            events.step,
            [record.real, record.fake_before, record.fake_after],
            decision and [decision.action, decision.to_active],
            [[change.network, change.layers] for change in events.changes],
        ]
    )
    seen["end"] = {
        "window": self.balance.state_dict()["records"].tolist(),
        "masks": [network.masks.checksum() for network in (self.generator, self.discriminator)],
        "weights": [
            parameter.detach().double().sum().item()
            for network in (self.generator, self.discriminator)
            for parameter in network.module.parameters()
        ],
    }
    return events


Method.after_generator_step = remembered
if command != "resume":
    flags = ["--fabric.devices", "2", "--checkpoint.keep", "9", "--accumulate", "2"]
    flags += ["--generator_batch_size", "8", "--augment", "[color, translation, cutout]"]
    loop.train(config(run.path, *flags, *sys.argv[3:]))
else:
    loop.resume(run.path, checkpoint=run.checkpoint(4))
rank = torch.distributed.get_rank()
Path(f"{run.path}-{rank}.json").write_text(json.dumps(seen))
