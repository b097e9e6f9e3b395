import pytest

from sparsegan.train.learning_rate import factor


def course(steps, *decay):
    return [factor(step, steps, *decay) for step in range(1, steps + 1)]


def test_without_decay_it_is_constant():
    assert course(10, "none", 0.5) == [1.0] * 10


@pytest.mark.parametrize("decay_from", [0.0, 0.25, 0.5, 0.9])
def test_it_falls_by_equal_amounts_to_the_last_step(decay_from):
    found = [*course(200, "linear", decay_from), 0.0]
    begin = round(200 * decay_from)
    assert found[: begin + 1] == [1.0] * (begin + 1)
    falls = [a - b for a, b in zip(found[begin:], found[begin + 1 :], strict=False)]
    assert falls == pytest.approx([1 / (200 - begin)] * (200 - begin))


def test_every_step_learns():
    for steps in (1, 2, 3, 7):
        for decay_from in (0.0, 0.3, 0.99):
            assert all(0 < value <= 1 for value in course(steps, "linear", decay_from))
