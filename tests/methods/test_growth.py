"""Hybrid growth and resurrected weights in the methods that grow weights."""

import pytest
import torch

from needs import in_full
from sparsegan import Adapt, Dda, Sdst, SparseganError, StuGan
from toy_gan import ToyGan, require_equal, require_sparse

SHORT = {"balance_every": 1, "balance_window": 2}
GROWING = {
    "adapt": (Adapt, {"interval": 3, "control_interval": 2, **SHORT}, ("growth", "control_growth")),
    "dda": (Dda, {"control_interval": 2, **SHORT}, ("control_growth",)),
    "sdst": (Sdst, {"interval": 2}, ("growth",)),
    "stu-gan": (StuGan, {"interval": 2}, ("generator_growth", "discriminator_growth")),
}


def _method(name, gan, **settings):
    cls, own, growths = GROWING[name]
    own = own | dict.fromkeys(growths, "hybrid") | {"generator_density": 0.3}
    return cls(*gan.parts, steps=60, **own, **settings)


@pytest.mark.parametrize("resurrect", ["both", *in_full("none", "generator", "discriminator")])
@pytest.mark.parametrize("name", GROWING)
def test_networks_stay_sparse_and_count_what_comes_back(name, resurrect):
    gan = ToyGan()
    method = _method(name, gan, resurrect=resurrect, maskable="weights")
    events = [e for ratio in (0.9, 0.1, 0.9) for e in gan.run(method, 8, ratio=ratio)]
    changes = [change for event in events for change in event.changes]
    assert changes
    for change in changes:
        assert (change.resurrected is not None) == (resurrect in (change.network, "both"))
    moved = {change.network for change in changes}
    for network in moved & ({resurrect} if resurrect != "both" else moved):
        assert sum(change.resurrected for change in changes if change.network == network) > 0
    require_sparse(method.generator)
    require_sparse(method.discriminator)


@pytest.mark.parametrize("name", GROWING)
def test_a_resumed_run_is_equal_to_the_bit(name):
    gan, other = ToyGan(), ToyGan()
    method, resumed = (_method(name, one, resurrect="both") for one in (gan, other))
    gan.run(method, 7, ratio=0.9)
    other.load(gan.state())
    other.step = gan.step
    resumed.load_state_dict(method.state_dict())
    rest = [one.run(m, 9, ratio=0.1) for m, one in ((method, gan), (resumed, other))]
    assert str(rest[0]) == str(rest[1])  # as NaN is not equal to itself
    require_equal(gan.state(), other.state())
    require_equal(method.state_dict(), resumed.state_dict())


def test_a_gradient_is_asked_for_wherever_a_share_grows_by_it():
    gan = ToyGan()
    method = _method("adapt", gan)
    wanted = []
    for step in range(1, 7):
        wanted += [(n, step) for n, net in method.networks.items() if net.wants_dense_gradient]
        gan.run(method, 1)
    assert wanted == [
        ("discriminator", 2), ("generator", 3), ("discriminator", 4), ("generator", 6),
        ("discriminator", 6),
    ]  # fmt: skip


def test_defaults_are_the_published_ones_and_change_nothing():
    weights = []
    for settings in ({}, {"gradient_share": 0.1, "resurrect": "none"}):
        gan = ToyGan()
        method = Sdst(*gan.parts, steps=20, generator_density=0.3, interval=2, **settings)
        gan.run(method, 7)
        weights.append(method.generator.masks.weights())
    assert torch.equal(*weights)
    assert (method.settings.gradient_share, Sdst.Settings().gradient_share) == (0.1, 0.5)


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
@pytest.mark.parametrize("name", GROWING)
def test_a_share_that_is_none_is_refused(name, share):
    with pytest.raises(SparseganError, match=r"gradient_share is .*\[0, 1\]"):
        _method(name, ToyGan(), gradient_share=share)


def test_an_unknown_network_is_refused():
    with pytest.raises(SparseganError, match="resurrect is 'D': choose one of none, generator"):
        _method("adapt", ToyGan(), resurrect="D")
