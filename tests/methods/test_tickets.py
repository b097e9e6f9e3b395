"""Iterative magnitude pruning with rewinding, against a GAN that is pruned and rewound by hand."""

import pytest
import torch

from pruned_by_hand import PrunedByHand, require_same
from sparsegan import Requests, SparseganError, Tickets
from sparsegan.methods.rewinding import Rewinding
from toy_gan import ToyGan, require_sparse

KEPT = {"balance_every": 99, "engine": "masked"}


def searched_by_hand(by_hand, ends, share, networks, rewind_to=0, weights="rewound"):
    """Train to each end, prune and go back; to the last end."""
    back, begun = by_hand.start, 0
    for number, end in enumerate(ends[:-1], 1):
        if number == 1 and rewind_to:
            by_hand.train(rewind_to)
            back, begun = by_hand.state(), rewind_to
        by_hand.train(end - begun)
        begun = end
        for which in networks:
            by_hand.prune(which, by_hand.count(which, (1 - share) ** number))
        if number < len(ends) - 1 or weights == "rewound":
            by_hand.rewind(back)
    by_hand.train(ends[-1] - begun)


@pytest.mark.parametrize("networks", ["G", "D", "GD"])
@pytest.mark.parametrize("spectral_norm", ["none", "parametrized"])
def test_it_is_training_pruning_and_rewinding_in_turns(networks, spectral_norm):
    gan, by_hand = (one(spectral_norm=spectral_norm) for one in (ToyGan, PrunedByHand))
    name = {"G": "generator", "D": "discriminator", "GD": "both"}[networks]
    method = Tickets(*gan.parts, steps=16, rounds=3, share=0.5, networks=name, **KEPT)
    events = gan.run(method, 16)
    searched_by_hand(by_hand, [4, 8, 12, 16], 0.5, networks)
    require_same(gan, method, by_hand)
    require_sparse(method.generator)
    require_sparse(method.discriminator)
    back = [(event.step, event.rewinding) for event in events if event.rewinding]
    assert back == [(step, Rewinding(0, "rewound")) for step in (4, 8, 12)]
    assert [event.requests.schedule for event in events] == [
        *[(1, 4)] * 3,
        *[(5, 4)] * 4,
        *[(9, 4)] * 4,
        *[(13, 4)] * 5,
    ]
    assert method.snapshots == {}


@pytest.mark.parametrize("d_first", [True, False])
def test_it_goes_back_to_an_early_step_with_the_optimisers_of_then(d_first):
    gan, by_hand = (one(d_first=d_first) for one in (ToyGan, PrunedByHand))
    method = Tickets(*gan.parts, steps=13, rounds=2, share=0.4, rewind_to=2, **KEPT)
    # Three trainings whose clocks run to 5 2/3; the later ones begin at 2.
    ends = [6, 9, 13]
    events = gan.run(method, 13)
    assert [event.step for event in events if event.rewinding] == ends[:2]
    assert events[5].requests == Requests(schedule=(5, 5))
    assert events[8].requests == Requests(schedule=(8, 6))
    if d_first:
        searched_by_hand(by_hand, ends, 0.4, "GD", rewind_to=2)
        require_same(gan, method, by_hand)


def test_going_on_with_inherited_weights_is_pruning_in_rounds_without_the_last_rewinding():
    gan, by_hand = ToyGan(), PrunedByHand()
    method = Tickets(*gan.parts, steps=12, rounds=2, share=0.5, weights="inherited", **KEPT)
    events = gan.run(method, 12)
    searched_by_hand(by_hand, [4, 8, 12], 0.5, "GD", weights="inherited")
    require_same(gan, method, by_hand)
    assert events[7].rewinding == Rewinding(None, "inherited")
    assert events[7].requests == Requests(schedule=(9, 4))


def test_newly_drawn_weights_are_the_starts_values_in_another_order():
    def drawn(seed):
        gan = ToyGan()
        start = gan.state()
        method = Tickets(
            *gan.parts, steps=6, rounds=1, share=0.5, weights="drawn", seed=seed, **KEPT
        )
        events = gan.run(method, 3)
        assert events[2].rewinding == Rewinding(0, "drawn")
        return gan, start, method

    gan, start, method = drawn(1)
    assert not gan.opt_G.state
    assert not gan.opt_D.state
    for which, network in (("G", method.generator), ("D", method.discriminator)):
        for name, value in getattr(gan, which).state_dict().items():
            before, layer = start[which][name], name.removesuffix(".weight")
            if name.endswith("weight") and layer in network.masks:
                mask = network.masks[layer]
                left, right = value[mask].tolist(), before.flatten().tolist()
                assert set(left) <= set(right)
                assert not torch.equal(value, before * mask)
            elif "running" in name or "tracked" in name:
                assert torch.equal(value, before)
            else:
                assert torch.equal(value.sort().values, before.sort().values)
    again, other = drawn(1)[0], drawn(2)[0]
    assert torch.equal(gan.G[0].weight, again.G[0].weight)
    assert not torch.equal(gan.G[0].weight, other.G[0].weight)


def test_every_training_has_an_average_of_its_own():
    gan = ToyGan()
    method = Tickets(*gan.parts, steps=9, rounds=2, share=0.5, ema_decay=0.5, ema_start=2, **KEPT)
    for step in range(1, 10):
        gan.run(method, 1)
        same = all(
            torch.equal(method.ema.averages[name], weight)
            for name, weight in gan.G.named_parameters()
        )
        # As long as it is the weights themselves: one step after each beginning, and as it begins.
        assert same == (step in (1, 3, 4, 6, 7)), step


def test_the_balance_is_measured_anew():
    gan = ToyGan()
    method = Tickets(
        *gan.parts, steps=9, rounds=2, balance_every=1, balance_window=9, engine="masked"
    )
    assert [event.reading.records for event in gan.run(method, 9)] == [1, 2, 3] * 3


@pytest.mark.parametrize(
    ("steps", "rounds", "rewind_to", "ends"),
    [
        (100, 4, 0, [20, 40, 60, 80, 100]),
        (10, 2, 0, [3, 7, 10]),
        (100, 1, 10, [55, 100]),
        (90, 2, 15, [40, 65, 90]),
    ],
)
def test_trainings_share_the_run(steps, rounds, rewind_to, ends):
    settings = Tickets.Settings(rounds=rounds, rewind_to=rewind_to, networks="generator")
    assert settings.ends(steps) == ends
    assert list(settings.scheduled(steps)) == [
        (end, "generator", 0.8**number) for number, end in enumerate(ends[:-1], 1)
    ]
    assert settings.requests(steps).schedule == (1, ends[0])
    assert settings.last_training(steps) == ends[-2]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"rounds": 0}, "rounds is 0"),
        ({"share": 1.0}, "share is 1.0"),
        ({"share": 0.0}, "share is 0.0"),
        ({"rewind_to": -1}, "rewind_to is -1"),
        ({"rewind_to": 12}, "12 steps are too few for 11 trainings that begin at step 12"),
        ({"rounds": 12}, "12 steps are too few for 13 trainings"),
        ({"networks": "all"}, "networks is 'all'"),
        ({"weights": "fresh"}, "weights is 'fresh'"),
    ],
)
def test_what_cannot_work_is_refused(wrong, sentence):
    with pytest.raises(SparseganError, match=sentence):
        Tickets(*ToyGan().parts, steps=12, **wrong)
