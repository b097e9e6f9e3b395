import pytest

from sparsegan.methods.requests import Requests
from sparsegan.settings import parse
from sparsegan.train.learning_rate import factor, learning_rate


def course(steps, *decay):
    return [factor(step, steps, *decay) for step in range(1, steps + 1)]


def test_without_decay_it_is_constant():
    assert course(10, "none", 0.5) == [1.0] * 10


@pytest.mark.parametrize("decay_from", [0.0, 0.25, 0.5, 0.9])
def test_it_falls_by_equal_amounts_to_the_last_step(decay_from):
    factors = [*course(200, "linear", decay_from), 0.0]
    begin = round(200 * decay_from)
    assert factors[: begin + 1] == [1.0] * (begin + 1)
    falls = [a - b for a, b in zip(factors[begin:], factors[begin + 1 :], strict=False)]
    assert falls == pytest.approx([1 / (200 - begin)] * (200 - begin))


def test_every_step_learns():
    for steps in (1, 2, 3, 7):
        for decay_from in (0.0, 0.3, 0.99):
            assert all(0 < value <= 1 for value in course(steps, "linear", decay_from))


LINEAR = [
    *("--steps", "8", "--optimiser.lr_decay", "linear", "--optimiser.decay_from", "0.5"),
    *("--optimiser.generator.lr", "1", "--optimiser.discriminator.lr", "10"),
]


def rates(network, *steps, **wishes):
    config, requests = parse.parse([], LINEAR), Requests(**wishes)
    return [learning_rate(config, network, step, requests) for step in steps]


def test_a_factor_is_of_the_discriminators_rate_alone():
    assert rates("discriminator", 1, 6, discriminator_rate=0.5) == [5.0, 3.75]
    assert rates("generator", 1, 6, discriminator_rate=0.5) == [1.0, 0.75]


def test_a_schedule_that_is_asked_for_stands_in_for_the_whole_runs():
    whole = rates("generator", *range(1, 9))
    assert rates("generator", *range(11, 19), schedule=(11, 8)) == whole
    assert rates("generator", 11, 12, 13, 14, schedule=(11, 4)) == [1.0, 1.0, 1.0, 0.5]
    assert rates("generator", 15, 99, schedule=(11, 4)) == [0.5, 0.5]
    assert rates("generator", 3, schedule=(11, 4)) == [1.0]
