"""What came of a run, in words."""

from dataclasses import replace

import pytest

from health_events import evaluation
from sparsegan.health import verdicts


def verdict(values, best_step=None, **fields):
    events = [evaluation(200 * n, value) for n, value in enumerate(values)]
    events[-1] = replace(events[-1], **fields)
    return verdicts(events, best_step=best_step)[None]


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (9.5, "hardly better than at the run's worst"),
        (6.0, "40% of the way from shapeless to real ones, and are far from them"),
        (4.0, "60% of the way from shapeless to real ones, and begin to look like them"),
        (1.0, "90% of the way from shapeless to real ones, and look like them on the whole"),
        (0.1, "99% of the way from shapeless to real ones, and are close to them"),
        (-1.0, "100% of the way from shapeless to real ones, and are close to them"),
    ],
)
def test_nearness_is_the_share_of_the_way_from_the_worst_to_real_images(last, words):
    assert words in verdict([10.0, 8.0, last]).sentences[0]


def test_an_untrained_generators_flat_images_are_not_the_measure():
    assert "80% of the way" in verdict([20.0, 50.0, 10.0]).sentences[0]
    assert "hardly better" in verdict([20.0, 30.0, 40.0]).sentences[0]


def test_few_held_out_images_are_said_to_be_few():
    assert "by 6 held out alone" in verdict([10.0, 1.0], n=54, held_out=6).sentences[-1]
    assert not any("held out" in s for s in verdict([10.0, 1.0], n=90, held_out=60).sentences)


def test_a_run_that_began_with_anothers_weights_has_come_no_way():
    assert "of the way" not in verdict([0.0, 1.0]).sentences[0]
    assert "at a distance of 2" in verdict([2.0]).sentences[0]


def test_a_run_that_lost_what_it_began_with_says_so():
    events = [evaluation(0, 4.0), evaluation(200, 9.0)]
    assert "better before the first step (4)" in " ".join(
        verdicts(events, from_noise=False)[None].sentences
    )
    assert "before the first" not in " ".join(
        verdicts(events[::-1], from_noise=False)[None].sentences
    )


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"diversity": 0.1}, "all alike"),
        ({"copies": 0.7}, "70% of them repeat training images"),
        ({"n": 13}, "With 13 images"),
        ({"coverage": 0.24, "coverage_floor": 0.98}, "cover 24% of the real images, of which"),
    ],
)
def test_what_is_wrong_with_the_last_images_is_said(fields, words):
    assert any(words in sentence for sentence in verdict([10.0, 1.0], **fields).sentences)
    assert len(verdict([10.0, 1.0]).sentences) == 1
    assert len(verdict([10.0, 1.0], coverage=0.6, coverage_floor=0.98).sentences) == 1


def test_more_steps_are_not_advised_to_what_has_failed():
    values = [10.0, 8.0, 4.0]
    assert "more steps" in verdict(values).sentences[-1]
    assert not any("more steps" in said for said in verdict(values, diversity=0.1).sentences)
    events = [evaluation(200 * n, value) for n, value in enumerate(values)]
    failing = verdicts(events, failing={None})[None]
    assert not any("more steps" in said for said in failing.sentences)


def test_samples_all_alike_are_not_called_copies():
    said = verdict([10.0, 1.0], diversity=0.1, copies=1.0).sentences
    assert not any("repeat" in sentence for sentence in said)


def test_the_best_is_named_only_where_it_is_clearly_better():
    assert verdict([10.0, 1.0, 3.0], best_step=200).best == 200
    assert verdict([10.0, 2.9, 3.0], best_step=200).best is None
    assert verdict([10.0, 1.0, 3.0], best_step=200, low=0.5).best is None  # within the interval
    assert verdict([10.0, 3.0, 1.0], best_step=400).best is None
    assert verdict([10.0, 1.0, 3.0]).best is None  # nothing is known of its checkpoint


def improving(said):
    return any("still becoming better" in sentence for sentence in said.sentences)


def test_below_the_floor_nothing_is_better_than_another():
    for last in (0.2, 0.24):
        said = verdict([10.0, 0.23, last], best_step=200, floor=0.36)
        assert not improving(said)
        assert said.best is None


def test_a_run_that_becomes_better_to_the_end_should_have_more_steps():
    assert improving(verdict([10.0, 3.0, 1.0]))
    assert not improving(verdict([10.0, 3.0, 2.95]))
    assert not improving(verdict([10.0, 3.0]))


def test_a_run_of_anothers_weights_has_not_come_from_noise():
    events = [evaluation(0, 2.0), evaluation(200, 1.2)]
    assert "noise" not in verdicts(events, from_noise=False)[None].sentences[0]
    assert verdicts([]) == {}


@pytest.mark.parametrize(
    ("floor", "said"), [(0.36, "0.36)."), (-0.02, "-0.02 (0 within its noise)).")]
)
def test_a_distance_below_nought_is_explained(floor, said):
    assert verdict([10.0, 1.0], floor=floor).sentences[0].endswith(f"real against real {said}")
