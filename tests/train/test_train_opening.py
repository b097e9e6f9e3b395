"""What a run says before its first step."""

from types import SimpleNamespace

from sparsegan.train.opening import FIRST_STEPS, Estimate, in_words, opening, takes
from tiny_run import config


def lines(tmp_path, held_out=(), images=112, **weights):
    settings = config(tmp_path, "--data.image_size=28", "--data.channels=1")
    return opening(settings, images, held_out, weights or {"generator": (8, 40)})


def test_the_data_networks_method_and_training_have_a_line_each(tmp_path):
    heads = [line.split()[0] for line in lines(tmp_path)]
    assert heads == ["data", "networks", "method", "training"]
    assert "generator 20.0% of 40 maskable weights" in lines(tmp_path)[2]


def test_what_is_held_out_is_said_once_and_without_what_a_terminal_obeys(tmp_path):
    said = lines(tmp_path, ["a tenth\x1b[2J", "", "a tenth\x1b[2J"])
    assert said[1] == "held out  a tenth\\x1b[2J"


def test_the_time_left_is_told_once_after_the_first_steps(tmp_path):
    clock = SimpleNamespace(seconds=100.0)
    estimate, said = Estimate(config(tmp_path), 0, clock), {}
    for step in range(1, 14):
        clock.seconds += 60.0 if step == 1 else 0.5  # the first warms up
        if line := estimate.after(step, evaluation=3.0):
            said[step] = line
    assert list(said) == [1 + FIRST_STEPS]
    left = 14 - 1 - FIRST_STEPS
    assert f"{left} steps of 500 ms and 2 evaluations of 3 s or less" in said[1 + FIRST_STEPS]


def test_a_run_that_goes_on_counts_what_is_left(tmp_path):
    clock = SimpleNamespace(seconds=0.0)
    estimate = Estimate(config(tmp_path), 6, clock)
    assert not any(estimate.after(step, 0.0) for step in range(7, 7 + FIRST_STEPS))
    assert "3 steps" in estimate.after(7 + FIRST_STEPS, 0.0)


def test_evaluations_that_are_not_made_are_not_said():
    assert takes(0.25, 400, 0) == "time      about 2 minutes on this machine: 400 steps of 250 ms"
    assert in_words(3 * 3600) == "3.0 hours"


def test_classes_are_named_and_whether_they_are_learnt(tmp_path):
    settings = config(tmp_path, "--data.image_size=28", "--data.channels=1")
    weights = {"generator": (8, 40)}
    two = opening(settings, 112, (), weights, ("cat", "dog"))[0]
    assert two.endswith(", 2 classes (cat, dog), which these networks do not learn")
    ten = opening(settings, 112, (), weights, [str(n) for n in range(10)])[0]
    assert ", 10 classes (0, 1, 2, 3, ...)," in ten
    assert "classes" not in opening(settings, 112, (), weights, ("all",))[0]
