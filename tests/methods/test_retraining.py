"""What methods share that train more than once: what they keep, save and take off."""

import copy

import torch

from sparsegan import Snip, Tickets
from toy_gan import ToyGan, require_equal


def test_only_what_is_gone_back_to_is_kept():
    gan = ToyGan()
    start = gan.state()
    first = Tickets(*gan.parts, steps=12, rounds=2)
    assert list(first.snapshots) == [0]
    early = Tickets(*ToyGan().parts, steps=12, rounds=2, rewind_to=3)
    assert early.snapshots == {}
    inherited = Tickets(*ToyGan().parts, steps=12, rounds=1, weights="inherited")
    assert inherited.kept_steps() == set()
    kept = first.snapshots[0]["generator"]
    assert torch.equal(kept.weights["0.weight"], start["G"]["0.weight"])
    assert kept.optimiser == {}


def test_the_start_is_saved_with_the_method_and_taken_over():
    gan = ToyGan()
    method = Tickets(*gan.parts, steps=12, rounds=2, balance_every=99)
    gan.run(method, 2)
    saved = copy.deepcopy([gan.state(), method.state_dict()])
    other = ToyGan(seed=5)
    resumed = Tickets(*other.parts, steps=12, rounds=2, balance_every=99)
    other.load(saved[0])
    resumed.load_state_dict(saved[1])
    require_equal(resumed.state_dict()["snapshots"]["0"], method.state_dict()["snapshots"]["0"])


def test_a_start_that_was_loaded_is_the_start_and_later_loads_are_not():
    loaded = ToyGan(seed=5)
    gan = ToyGan()
    method = Snip(*gan.parts, steps=12, balance_every=99)
    gan.G.load_state_dict(loaded.G.state_dict())
    assert torch.equal(method.snapshots[0]["generator"].weights["0.weight"], loaded.G[0].weight)
    gan.discriminator_step()
    gan.D.load_state_dict(loaded.D.state_dict())
    assert not torch.equal(
        method.snapshots[0]["discriminator"].weights["0.weight"], loaded.D[0].weight
    )


def test_a_detached_method_leaves_no_hook():
    gan = ToyGan()
    method = Snip(*gan.parts, steps=12)
    method.detach()
    assert gan.hooks() == 0
    assert not any(len(m._load_state_dict_post_hooks) for m in gan.G.modules())
    Snip(*gan.parts, steps=12)
