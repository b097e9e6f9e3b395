from dataclasses import replace

import pytest

from sparsegan.train.prolong import obstacle
from tiny_run import config

CONSTANT = ["--method.drop_shape", "constant"]
TICKETS = ["--method.name", "tickets", "--method.rounds", "2"]
DECAY = ["--optimiser.lr_decay", "linear", "--optimiser.decay_from", "0"]
CALIBRATED = ["--method.name", "calibrated", *CONSTANT, "--method.calibration", "0.2"]
STATIC = ["--method.name", "static"]
RAMP = ["--method.name", "ramp", "--method.ramp_interval", "5", *CONSTANT]


@pytest.mark.parametrize(
    ("flags", "steps", "done", "why"),
    [
        (STATIC, 20, 14, None),
        (["--method.name", "dense"], 20, 14, None),
        (RAMP, 28, 14, "sets densities at shares"),
        (RAMP, 28, 4, None),  # before its first change, at step 5
        ([], 20, 3, None),  # before the first rewiring, at step 4, nothing has differed
        ([], 20, 4, "drop_shape cosine"),
        (["--method.drop_shape", "linear"], 20, 14, "drop_shape linear"),
        (CONSTANT, 20, 14, None),
        ([*CONSTANT, "--steps", "12"], 20, 12, "due after step 12"),
        ([*CONSTANT, "--steps", "12"], 20, 11, None),
        ([*STATIC, "--optimiser.lr_decay", "linear"], 20, 14, "lr_decay linear"),
        ([*STATIC, "--optimiser.lr_decay", "linear"], 20, 7, None),  # it decays from the half on
        ([*CONSTANT, "--steps", "20"], 16, 16, "due after step 16"),
        ([*CONSTANT, "--steps", "20"], 17, 16, None),
        (["--method.name", "prune"], 20, 8, None),  # it would be pruned at 13, and is at 9
        (["--method.name", "prune"], 20, 9, "sets densities at shares"),
        (["--method.name", "snip"], 20, 14, None),
        ([*CALIBRATED], 20, 3, "level of the band"),  # it is taken from step 2.8 on, and from 4
        ([*CALIBRATED], 20, 2, None),
        ([*TICKETS], 20, 4, None),
        ([*TICKETS], 20, 5, "sets densities at shares"),
        ([*TICKETS, *DECAY], 20, 1, None),
        ([*TICKETS, *DECAY], 20, 2, "lr_decay linear"),  # a training's own schedule
    ],
)
def test_a_run_may_change_its_length_while_its_past_is_the_same(tmp_path, flags, steps, done, why):
    refusal = obstacle(config(tmp_path, *flags), steps, done)
    assert refusal is None if why is None else why in refusal


def test_the_length_that_it_has_is_never_an_obstacle(tmp_path):
    had = config(tmp_path, "--optimiser.lr_decay", "linear")
    assert obstacle(had, had.steps, had.steps) is None
    assert obstacle(replace(had, steps=8), 8, 8) is None
