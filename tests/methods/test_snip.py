"""SNIP, against scores and a training made by hand."""

import pytest
import torch

from pruned_by_hand import PrunedByHand, require_same
from sparsegan import Snip, SparseganError
from sparsegan.methods.rewinding import Rewinding
from toy_gan import ToyGan, require_equal, require_sparse

KEPT = {"balance_every": 99, "engine": "masked"}


def scored_by_hand(settings, generator_density, discriminator_density):
    """The GAN of the first step's scores, as it was before it, and steps taken to score."""
    by_hand = PrunedByHand(**settings)
    scores, first = {}, {}

    def note(which):
        def hook(*_):
            if which not in scores:
                first[which] = getattr(by_hand, which)
                scores[which] = [
                    (weight.detach() * weight.grad).abs().double().flatten().tolist()
                    for weight in by_hand.weights(which)
                ]

        return hook

    hooks = [
        by_hand.opt_G.register_step_pre_hook(note("G")),
        by_hand.opt_D.register_step_pre_hook(note("D")),
    ]
    while len(scores) < 2:
        by_hand.step += 1
        if by_hand.d_first:
            by_hand.discriminator_step()
        by_hand.generator_step()
        if not by_hand.d_first and by_hand.step == 1:
            by_hand.discriminator_step()
    for hook in hooks:
        hook.remove()
    return by_hand, scores


@pytest.mark.parametrize("spectral_norm", ["none", "parametrized"])
@pytest.mark.parametrize("discriminator_density", [0.3, None])
def test_the_first_step_scores_and_the_training_begins_with_the_start(
    spectral_norm, discriminator_density
):
    settings = {"spectral_norm": spectral_norm}
    gan = ToyGan(**settings)
    start = gan.state()
    method = Snip(
        *gan.parts,
        steps=12,
        generator_density=0.2,
        discriminator_density=discriminator_density,
        **KEPT,
    )
    [event] = gan.run(method, 1)
    by_hand, scores = scored_by_hand(settings, 0.2, discriminator_density)
    by_hand.rewind(by_hand.start)
    by_hand.prune("G", by_hand.count("G", 0.2), scores["G"])
    if discriminator_density:
        by_hand.prune("D", by_hand.count("D", 0.3), scores["D"])
    require_same(gan, method, by_hand)
    assert event.rewinding == Rewinding(0, "rewound")
    assert [change.reason for change in event.changes] == ["prune"] * (
        2 if discriminator_density else 1
    )
    # Optimisers know of no step, and the average is the weights.
    assert not gan.opt_G.state
    assert not gan.opt_D.state
    for name, weight in gan.G.named_parameters():
        assert torch.equal(method.ema.averages[name], weight)
    require_equal(
        {k: v for k, v in gan.G.state_dict().items() if v.dim() < 2},
        {k: v for k, v in start["G"].items() if v.dim() < 2},
    )
    gan.run(method, 5)
    by_hand.train(5)
    require_same(gan, method, by_hand)
    require_sparse(method.generator)
    require_sparse(method.discriminator)
    assert method.snapshots == {}


def test_a_loop_whose_discriminator_comes_last_scores_a_step_later():
    gan = ToyGan(d_first=False)
    method = Snip(*gan.parts, steps=12, generator_density=0.2, **KEPT)
    events = gan.run(method, 2)
    assert [event.rewinding for event in events] == [None, Rewinding(0, "rewound")]
    by_hand, scores = scored_by_hand({"d_first": False}, 0.2, 0.3)
    by_hand.rewind(by_hand.start)
    by_hand.prune("G", by_hand.count("G", 0.2), scores["G"])
    by_hand.prune("D", by_hand.count("D", 0.3), scores["D"])
    # The discriminator's step after the call is the first under the mask.
    by_hand.step = 2
    by_hand.discriminator_step()
    by_hand.clear()
    by_hand.train(3)
    gan.run(method, 3)
    require_same(gan, method, by_hand)


def test_weights_that_come_after_the_method_is_built_are_the_start():
    loaded, other = ToyGan(seed=3), ToyGan()
    method = Snip(*other.parts, steps=12, **KEPT)
    other.load(loaded.state())
    with torch.no_grad():
        other.D[0].weight.mul_(2)
    start = other.state()
    other.run(method, 1)
    for which in "GD":
        mask = {"G": method.generator, "D": method.discriminator}[which].masks
        for name, value in getattr(other, which).state_dict().items():
            layer = name.removesuffix(".weight")
            expected = start[which][name]
            if layer in mask and name.endswith("weight"):
                expected = expected * mask[layer]
            assert torch.equal(value, expected), name


def test_a_dense_pair_is_scored_for_nothing_and_a_single_step_is_refused():
    gan = ToyGan()
    dense = {"generator_density": 1.0, "discriminator_density": None}
    events = gan.run(Snip(*gan.parts, steps=3, **dense, **KEPT), 3)
    assert not any(event.changes for event in events)
    with pytest.raises(SparseganError, match="steps is 1"):
        Snip(*ToyGan().parts, steps=1)


def test_densities_are_known_ahead():
    assert list(Snip.Settings(generator_density=0.2).scheduled(50)) == [
        (1, "generator", 0.2),
        (1, "discriminator", 0.3),
    ]
