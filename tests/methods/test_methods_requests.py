"""Requests: what they may be, and that a method's are handed on, saved and taken over."""

import json

import pytest

import sparsegan
from sparsegan.errors import SparseganError
from sparsegan.methods.requests import Requests
from toy_gan import ToyGan


@pytest.mark.parametrize(
    ("wish", "named"),
    [
        ({"discriminator_steps": 0}, "discriminator_steps"),
        ({"discriminator_rate": 0.0}, "discriminator_rate"),
        ({"discriminator_rate": float("nan")}, "discriminator_rate"),
        ({"schedule": (0, 5)}, "schedule"),
        ({"schedule": (5, 0)}, "schedule"),
    ],
)
def test_what_no_loop_could_follow_is_refused(wish, named):
    with pytest.raises(SparseganError, match=named):
        Requests(**wish)


@pytest.mark.parametrize("wish", [Requests(), Requests(2, 0.5, (7, 9))])
def test_they_survive_being_written_down(wish):
    assert Requests.of(json.loads(json.dumps(wish.state_dict()))) == wish


def method_of(gan):
    return sparsegan.Static(*gan.parts, steps=9, balance_every=9)


def test_a_methods_requests_are_in_every_steps_events_and_in_its_state():
    gan = ToyGan()
    method = method_of(gan)
    assert gan.run(method, 1)[0].requests == Requests()
    method.requests = Requests(discriminator_steps=3)
    assert gan.run(method, 1)[0].requests == Requests(discriminator_steps=3)
    other = method_of(ToyGan())
    other.load_state_dict(method.state_dict())
    assert other.requests == Requests(discriminator_steps=3)


def test_a_state_that_knows_of_none_has_none():
    method = method_of(ToyGan())
    state = method.state_dict()
    del state["requests"]
    method.requests = Requests(discriminator_steps=3)
    method.load_state_dict(state)
    assert method.requests == Requests()
