import pytest

from sparsegan.record.events import read
from sparsegan.record.primary import PRIMARY, primary, step_at


def evaluation(step, value, game=None, **others):
    fields = {"metric": "kid-patches", "value": value, "seconds": 3.0, "n": 10, "bn": "batch"}
    line = {"kind": "evaluate", "step": step, **fields, **others}
    return read(line | ({"pair": game} if game else {}))


def test_the_mean_of_three_evaluations_whatever_else_there_was():
    events = [
        read({"kind": "train", "step": 90, "value": 99.0}),
        evaluation(80, 50.0),
        evaluation(90, 1.0, frechet=4.0, recall=None),
        evaluation(95, 2.0, frechet=5.0, recall=0.5),
        evaluation(100, 6.0, frechet=9.0, recall=0.5),
    ]
    assert primary(events, 100) == {None: {"value": 3.0, "n": 10, "frechet": 6.0}}


def test_a_repeated_evaluation_counts_once():
    events = [evaluation(step, 1.0) for step in (90, 95, 100)] + [evaluation(95, 4.0)]
    assert primary(events, 100)[None]["value"] == 2.0


def test_of_a_run_that_trains_anew_it_is_the_last_training_that_counts():
    events = [evaluation(step, value) for step, value in ((90, 9.0), (95, 8.0))]
    events += [read({"kind": "rewind", "step": step, "to": 0}) for step in (40, 80)]
    events += [evaluation(step, value) for step, value in ((98, 1.0), (99, 2.0), (100, 3.0))]
    assert primary(events, 100)[None]["value"] == 2.0


def test_games_have_their_own():
    events = [
        evaluation(step, step * scale, game)
        for step in (90, 95, 100)
        for game, scale in (("a_to_b", 1), ("b_to_a", 2))
    ]
    numbers = primary(events, 100)
    assert [numbers[game]["value"] for game in ("a_to_b", "b_to_a")] == [95, 190]


@pytest.mark.parametrize(
    "events",
    [
        [],
        [evaluation(90, 1.0), evaluation(100, 1.0)],
        [evaluation(step, 1.0, metric=f"kid-{step}") for step in (90, 95, 100)],
    ],
)
def test_without_three_that_compare_there_is_none(events):
    assert primary(events, 100) == {}


def test_steps_are_whole_and_the_last_is_the_end():
    assert [step_at(share, 14) for share in PRIMARY] == [13, 13, 14]
    numbers = primary([evaluation(13, 1.0), evaluation(14, 3.0)], 14)
    assert numbers[None]["value"] == pytest.approx(2.0)
