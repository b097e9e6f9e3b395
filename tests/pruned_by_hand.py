"""A GAN that is trained dense and pruned by hand: plain PyTorch, plain lists, nothing of sparsegan.

What the pruning methods are held against, to the bit: masks are lists, found by sorting, and
weights that are out are set to zero after every step.
"""

import copy
import math

import torch

from toy_gan import ToyGan


class PrunedByHand(ToyGan):
    """The toy GAN under masks of its own; arguments as its."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.masks = {
            which: [[True] * weight.numel() for weight in self.weights(which)] for which in "GD"
        }
        self.start = self.state()

    def weights(self, which):
        """The maskable weights of a network: those of convolutions and linear layers."""
        network = {"G": self.G, "D": self.D}[which]
        return [p for p in network.parameters() if p.dim() > 1]

    def train(self, steps):
        """As `run` has it, but with nobody to call."""
        for _ in range(steps):
            self.step += 1
            for one in (self.discriminator_step, self.generator_step)[:: 1 if self.d_first else -1]:
                one()
                self.clear()

    @torch.no_grad()
    def clear(self):
        """Weights that are out are zero."""
        for which, masks in self.masks.items():
            for weight, mask in zip(self.weights(which), masks, strict=True):
                weight.mul_(torch.tensor(mask).view_as(weight))
                weight.add_(0.0)  # no negative zeros

    def prune(self, which, count, scores=None):
        """All but the `count` highest-scored weights of a network go; the best of a layer stays."""
        if scores is None:
            scores = [weight.abs().flatten().tolist() for weight in self.weights(which)]
        masks = self.masks[which]
        best = {
            (layer, max((i for i, bit in enumerate(masks[layer]) if bit), key=own.__getitem__))
            for layer, own in enumerate(scores)
        }
        order = sorted(
            (score, layer, i)
            for layer, own in enumerate(scores)
            for i, score in enumerate(own)
            if masks[layer][i] and (layer, i) not in best
        )
        for _, layer, i in order[: self.active(which) - count]:
            masks[layer][i] = False
        self.clear()

    def active(self, which):
        return sum(map(sum, self.masks[which]))

    def total(self, which):
        return sum(map(len, self.masks[which]))

    def count(self, which, density):
        """The nearest whole number of weights."""
        return math.floor(density * self.total(which) + 0.5)

    def rewind(self, state):
        """Networks and optimisers as they were, under the masks of now."""
        step = self.step
        for optimiser in (self.opt_G, self.opt_D):
            optimiser.state.clear()
        self.load(copy.deepcopy(state))
        self.step = step
        self.clear()


def require_same(gan, method, by_hand):
    """Both GANs have the same masks and the same bits."""
    for which, network in (("G", method.generator), ("D", method.discriminator)):
        flat = [bit for mask in by_hand.masks[which] for bit in mask]
        assert network.masks.flat.tolist() == flat, which
    for which in "GD":
        ours, theirs = (getattr(one, which).state_dict() for one in (gan, by_hand))
        for name, value in ours.items():
            assert torch.equal(value + 0, theirs[name] + 0), (which, name)
