"""What is printed of a run before it is trained, and of its quality afterwards."""

import json

import pytest
from rich.console import Console

from sparsegan.cli.run_tables import plan_text, quality_table
from sparsegan.plan.plan import Plan
from sparsegan.record.events import Layer
from sparsegan.record.run import RunDirectory
from tiny_run import config

LAYERS = (
    Layer("first", "Linear", (10, 3), 30, 6, True, 30),
    Layer("last", "Linear", (10, 1), 10, 2, True, 10),
    Layer("norm", "Linear", (99, 1), 99, 99, False, 99),
)


def plan(tmp_path, *flags, images=112, held_out=None):
    networks = {"generator": LAYERS, "discriminator": LAYERS[2:] + LAYERS[:1]}
    settings = config(tmp_path, "--data.image_size=28", "--data.channels=1", *flags)
    return Plan(settings, images, networks, {}, {}, held_out)


def test_a_plan_counts_masked_weights_and_the_images_shown(tmp_path):
    lines = {line.split()[0]: line for line in plan_text(plan(tmp_path)).splitlines()}
    assert lines.keys() == {"data", "networks", "method", "training"}
    assert "112 images, 28 x 28, 1 channel(s)" in lines["data"]
    assert "dcgan, latent dimension 8" in lines["networks"]
    assert "generator 20.0% of 40 maskable weights" in lines["method"]
    assert "discriminator 20.0% of 30 maskable weights" in lines["method"]
    # 14 steps of two discriminator steps on batches of 8, twice the 112 images.
    assert "224 real images shown (2.0 times each)" in lines["training"]


def test_a_plan_without_data_counts_no_epochs_and_says_what_is_held_out(tmp_path):
    text = plan_text(plan(tmp_path, images=None, held_out="a tenth\x1b[2J"))
    assert "times each" not in text
    assert "held out  a tenth\\x1b[2J" in text


def evaluation(step, value, pair=None, **fields):
    event = {"kind": "evaluate", "step": step, "metric": "kid-patches", "n": 16, "value": value}
    event |= {"low": value - 1, "high": value + 1, "floor": 0.125}
    event |= {"frechet": 2 * value, "frechet_floor": 0.25} | fields
    return event if pair is None else event | {"pair": pair}


def printed(tmp_path, *events):
    run = RunDirectory(tmp_path)
    run.metrics.write_text("".join(f"{json.dumps(event)}\n" for event in events))
    table = quality_table(run)
    if table is None:
        return None
    console = Console(width=100)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def test_the_first_and_the_last_evaluation_stand_above_the_floor(tmp_path):
    text = printed(tmp_path, *(evaluation(step, 9 - step) for step in (0, 3, 6)))
    assert "kid-patches, n = 16" in text
    rows = [" ".join(line.replace("│", " ").split()) for line in text.splitlines()]
    assert "step 0 9 [8, 10] 18" in rows
    assert "step 6 3 [2, 4] 6" in rows
    assert "real against real 0.125 0.25" in rows
    assert "step 3" not in text


def test_games_are_shown_each_and_what_is_unknown_is_a_dash(tmp_path):
    events = [evaluation(0, 1, pair, low=None) for pair in ("a_to_b", "b_to_a")]
    text = printed(tmp_path, *events)
    assert text.count("step 0 a_to_b") == text.count("step 0 b_to_a") == 2
    assert "[–, 2]" in text


@pytest.mark.parametrize("events", [[], [{"kind": "end", "step": 1}]])
def test_without_evaluations_there_is_no_table(tmp_path, events):
    assert printed(tmp_path, *events) is None
