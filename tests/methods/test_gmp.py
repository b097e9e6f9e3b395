"""Gradual magnitude pruning, against a GAN that is pruned by hand."""

import pytest

from pruned_by_hand import PrunedByHand, require_same
from sparsegan import Gmp, SparseganError
from toy_gan import ToyGan, require_sparse

KEPT = {"balance_every": 99, "engine": "masked"}


def sparsity(step, first, last, final):
    """Zhu and Gupta, equation 1, from a dense network."""
    return final + (0.0 - final) * (1 - (step - first) / (last - first)) ** 3


@pytest.mark.parametrize("discriminator_density", [None, 0.3])
def test_it_is_dense_training_with_prunings_by_the_cubic(discriminator_density):
    gan, by_hand = ToyGan(), PrunedByHand()
    wanted = {"G": 0.2, "D": discriminator_density}
    method = Gmp(
        *gan.parts,
        steps=20,
        interval=3,
        generator_density=0.2,
        discriminator_density=discriminator_density,
        **KEPT,
    )
    events = gan.run(method, 20)
    # From 10 % of 20 steps to 80 %: every 3 steps after step 2, and at step 16.
    times = [5, 8, 11, 14, 16]
    done = 0
    for step in times:
        by_hand.train(step - done)
        done = step
        for which, density in wanted.items():
            if density is not None:
                left = 1 - sparsity(step, 2, 16, 1 - density)
                by_hand.prune(which, by_hand.count(which, left))
    by_hand.train(20 - done)
    require_same(gan, method, by_hand)
    require_sparse(method.generator)
    assert [event.step for event in events if event.changes] == times
    assert method.generator.masks.active == by_hand.count("G", 0.2)
    assert method.generator.masks.ever_active == 1.0


def test_what_is_out_stays_out_and_what_is_nearly_empty_is_said_once():
    gan, out, said = ToyGan(), None, []
    method = Gmp(*gan.parts, steps=30, interval=1, generator_density=0.02, **KEPT)
    for _ in range(30):
        [events] = gan.run(method, 1)
        inactive = ~method.generator.masks.flat
        assert out is None or bool(inactive[out].all())
        out = inactive
        said += events.warnings
    assert said
    assert len(said) == len(set(said))


def test_the_schedule_is_known_ahead_and_ends_at_the_target():
    settings = Gmp.Settings(generator_density=0.25, discriminator_density=0.5, interval=250)
    moves = list(settings.scheduled(1000))
    assert [move.step for move in moves if move.network == "generator"] == [350, 600, 800]
    assert moves[-2:] == [(800, "generator", 0.25), (800, "discriminator", 0.5)]
    for move in moves:
        final = 0.75 if move.network == "generator" else 0.5
        assert move.density == pytest.approx(1 - sparsity(move.step, 100, 800, final))
    longer = Gmp.Settings(interval=5000).scheduled(1000)
    assert list(longer) == [(800, "generator", 0.1)]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"interval": 0}, "interval is 0"),
        ({"prune_from": 0.8}, "prune_from is 0.8 and prune_until 0.8"),
        ({"prune_until": 1.0}, "prune_until 1.0"),
        ({"prune_from": -0.1}, "prune_from is -0.1"),
        ({"steps": 2, "prune_until": 0.2}, "of 2 steps none is left"),
        ({"discriminator_density": 0.0}, "discriminator_density is 0.0"),
    ],
)
def test_what_cannot_work_is_refused(wrong, sentence):
    with pytest.raises(SparseganError, match=sentence):
        Gmp(*ToyGan().parts, **{"steps": 20, **wrong})
