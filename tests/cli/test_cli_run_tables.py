"""What is printed of a run before it is trained, and of its quality afterwards."""

import json
import shlex

import cycle_run
from sparsegan.cli.run_tables import ending, plan_text
from sparsegan.plan.plan import Plan
from sparsegan.record.events import Layer
from sparsegan.record.run import create
from sparsegan.settings import parse
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
    assert "112 images, 28 x 28, 1 channel" in lines["data"]
    assert "dcgan, latent dimension 8" in lines["networks"]
    assert "generator 20.0% of 40 maskable weights" in lines["method"]
    assert "discriminator 20.0% of 30 maskable weights" in lines["method"]
    # 14 steps of two discriminator steps on batches of 8, twice the 112 images.
    assert "224 real images shown (2.0 times each)" in lines["training"]


def test_a_plan_without_data_counts_no_epochs_and_says_what_is_held_out(tmp_path):
    text = plan_text(plan(tmp_path, images=None, held_out="a tenth\x1b[2J"))
    assert "times each" not in text
    assert "held out  a tenth\\x1b[2J" in text


def evaluation(step, value, game=None, **fields):
    event = {"kind": "evaluate", "step": step, "metric": "kid-patches", "n": 160, "value": value}
    event |= {"low": value - 0.1, "high": value + 0.1, "floor": 0.0} | fields
    return event if game is None else event | {"pair": game}


def said(tmp_path, *events, flags=(), settings=None):
    run = create(tmp_path / "a run")
    parse.write(run.config, settings or config(run.path, *flags))
    run.metrics.write_text("".join(f"{json.dumps(event)}\n" for event in events))
    both = {"run": 3e9, "dense": 10e9}
    run.cost.write_text(
        json.dumps(
            {
                "flops": {"consistent": both},
                "seconds": {"run": 1.2 if settings else 61.0, "dense": 100.0},
                "bytes": {"generator_sparse": 1500, "generator_dense": 10000},
            }
        )
    )
    return ending(run)


def test_the_end_is_a_verdict_the_cost_in_two_lines_and_three_commands(tmp_path):
    lines = said(tmp_path, evaluation(0, 10.0), evaluation(6, 4.0), evaluation(14, 2.0))
    assert lines[0].startswith("result: The images have come 80% of the way")
    assert lines[1].startswith("cost: 30% of the operations of the same networks dense, 61 seconds")
    assert "about 1.5 kB packed, 15% of" in lines[2]
    assert [line.split()[:2] for line in lines if line.startswith("  ")] == [
        ["sparsegan", name] for name in ("sample", "export", "train")
    ]
    assert shlex.split(lines[5])[2] == str(tmp_path / "a run")


def test_the_best_checkpoint_is_named_where_it_is_better_than_the_last(tmp_path):
    lines = said(tmp_path, evaluation(0, 10.0), evaluation(6, 2.0), evaluation(14, 4.0))
    assert "better after step 6" in lines[0]
    assert sum("--checkpoint best" in line for line in lines) == 2
    assert "--from_checkpoint best --steps 14" in lines[-2]


def test_nobody_is_sent_on_with_a_run_that_has_failed(tmp_path):
    alike = [evaluation(step, 9.0 - step / 7, diversity=0.1) for step in (4, 8, 14)]
    lines = said(tmp_path, evaluation(0, 10.0), *alike)
    assert any(line.startswith("warning: the samples are all alike") for line in lines)
    assert not any("go on training" in line or "should pay" in line for line in lines)
    assert "sparsegan report" in lines[-2]


def test_a_run_that_may_become_longer_is_resumed(tmp_path):
    flags = ("--method.name", "static", "--method.discriminator_density", "0.3")
    assert (
        f"resume {shlex.quote(str(tmp_path / 'a run'))} --steps 28"
        in said(tmp_path, evaluation(14, 1.0), flags=flags)[-2]
    )


def test_what_is_wrong_still_is_said_and_what_has_passed_is_not(tmp_path):
    early = [evaluation(0, 10.0), evaluation(4, 5.0, diversity=0.1)]
    alike = [evaluation(step, 5.0, diversity=0.1) for step in (8, 12)]
    lines = said(tmp_path, *early, *alike, evaluation(14, 5.0, diversity=0.1))
    assert sum(line.startswith("warning: the samples are all alike") for line in lines) == 1


def test_what_has_passed_is_not_said(tmp_path):
    alike = [evaluation(step, 5.0, diversity=0.1) for step in (4, 8)]
    lines = said(tmp_path, evaluation(0, 10.0), *alike, evaluation(14, 2.0, diversity=0.9))
    assert not [line for line in lines if line.startswith("warning")]


def test_without_evaluations_one_is_to_look_at_the_samples(tmp_path):
    assert said(tmp_path)[0] == "result: not evaluated: look at the samples."


def test_of_two_games_the_first_is_named_evaluated_or_not(tmp_path):
    settings = cycle_run.config(tmp_path, tmp_path / "a run", "--evaluate.images", "0")
    lines = said(tmp_path, settings=settings)
    assert lines[1].startswith("cost: 30% of the operations of the same networks dense, 1 second w")
    assert lines[2].startswith("generators: about 1.5 kB packed, 15% of the dense ones'; ")
    assert sum(" --direction a_to_b" in line for line in lines) == 2
    best = [evaluation(step, value, "a_to_b") for step, value in ((0, 9.0), (3, 2.0), (6, 4.0))]
    (tmp_path / "b").mkdir()
    lines = said(tmp_path / "b", evaluation(6, 1.0, "b_to_a"), *best, settings=settings)
    assert sum(" --direction a_to_b" in line and "--checkpoint best" in line for line in lines) == 2
