"""A tiny GAN in plain PyTorch, as a user would write it, for tests that need one that trains."""

import copy

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

LATENT = 6
SPREAD = torch.tensor([-1.0, 1.0, -1.0, 1.0])
"""Scores of fakes that are not alike, of mean 0."""
SPECTRAL_NORMS = {
    "none": lambda module: module,
    "legacy": torch.nn.utils.spectral_norm,
    "parametrized": parametrizations.spectral_norm,
}


def generator():
    return nn.Sequential(
        nn.Linear(LATENT, 32),
        nn.Unflatten(1, (8, 2, 2)),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.ConvTranspose2d(8, 8, 4, 2, 1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.ConvTranspose2d(8, 1, 4, 2, 1),
        nn.Tanh(),
    )


def discriminator(spectral_norm="none"):
    norm = SPECTRAL_NORMS[spectral_norm]
    return nn.Sequential(
        norm(nn.Conv2d(1, 8, 4, 2, 1)),
        nn.LeakyReLU(0.2),
        norm(nn.Conv2d(8, 12, 4, 2, 1)),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        norm(nn.Linear(48, 1)),
    )


class ToyGan:
    """Networks, optimisers and a loop; call ``run`` with a method or without.

    Args:
        seed: Of the weights and of all noise and data, step by step.
        spectral_norm: Of the discriminator: none, legacy or parametrized.
        d_first: Whether D's step comes before G's in an iteration.
    """

    def __init__(self, seed=0, spectral_norm="none", d_first=True, adam=torch.optim.Adam):
        torch.manual_seed(seed)
        self.seed, self.d_first, self.step = seed, d_first, 0
        self.G, self.D = generator(), discriminator(spectral_norm)
        self.opt_G = adam(self.G.parameters(), lr=0.01, betas=(0.0, 0.9))
        self.opt_D = adam(self.D.parameters(), lr=0.01, betas=(0.0, 0.9))

    @property
    def parts(self):
        return self.G, self.D, self.opt_G, self.opt_D

    def noise(self, *purpose):
        key = hash((self.seed, self.step, *purpose)) % 2**31
        return torch.randn(4, LATENT, generator=torch.Generator().manual_seed(key))

    def real(self):
        key = hash((self.seed, self.step, 7)) % 2**31
        return torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(key)) * 2 - 1

    def discriminator_step(self):
        self.opt_D.zero_grad()
        fake = self.G(self.noise(1)).detach()
        loss = F.relu(1 - self.D(self.real())).mean() + F.relu(1 + self.D(fake)).mean()
        loss.backward()
        self.opt_D.step()

    def generator_step(self):
        """G's step; returns (z, D's scores of its fakes before it)."""
        z = self.noise(2)
        scores = self.D(self.G(z))
        self.opt_G.zero_grad()
        (-scores.mean()).backward()
        self.opt_G.step()
        return z, scores.detach()

    def run(self, method, steps, ratio=None):
        """Train for some iterations; returns the method's events.

        Args:
            method: What to call after every step of G.
            steps: How many.
            ratio: A balance ratio that the method is made to measure, or None for the true one.
        """
        events = []
        for _ in range(steps):
            self.step += 1
            if self.d_first:
                self.discriminator_step()
            z, scores = self.generator_step()
            measurement = {"z": z, "real": self.real()} if ratio is None else hand_made(ratio)
            if ratio is not None:
                scores = SPREAD
            events.append(method.after_generator_step(scores, **measurement))
            if not self.d_first:
                self.discriminator_step()
        return events

    def state(self):
        """Copies of everything that training changes, by name."""
        parts = zip(("G", "D", "opt_G", "opt_D"), self.parts, strict=True)
        return {name: copy.deepcopy(part.state_dict()) for name, part in parts}

    def load(self, state):
        parts = zip(("G", "D", "opt_G", "opt_D"), self.parts, strict=True)
        for name, part in parts:
            part.load_state_dict(copy.deepcopy(state[name]))

    def hooks(self):
        """How many hooks the optimisers carry."""
        return sum(
            len(optimizer._optimizer_step_pre_hooks) + len(optimizer._optimizer_step_post_hooks)
            for optimizer in (self.opt_G, self.opt_D)
        )


def hand_made(ratio):
    """Callables whose scores, with fake scores of 0 before, give this balance ratio."""
    return {
        "rescore": lambda: torch.full((4,), float(ratio)),
        "real_scores": lambda: torch.ones(4),
    }


def moved_budget(changes, budget):
    """The generator's count after changes: rewiring keeps it, other changes say what it is."""
    own = (c for c in changes if c.network == "generator" and c.reason != "rewire")
    return next((c.active for c in own), budget)


def require_equal(one, other, where="state"):
    """Nested dicts and lists hold the same bits."""
    if isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype, where
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True, msg=where)
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            require_equal(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for i, pair in enumerate(zip(one, other, strict=True)):
            require_equal(*pair, f"{where}[{i}]")
    else:
        assert one == other, where


def require_sparse(network):
    """Weights and moments are zero where the mask is; counts are the mask's own."""
    masks = network.masks
    assert sum(masks.counts().values()) == masks.active == int(masks.flat.sum())
    assert min(masks.counts().values()) >= 1
    for layer in masks.layers:
        inactive = ~masks[layer.name]
        assert not layer.parameter[inactive].any()
        for moment in network.optimizer.state.get(layer.parameter, {}).values():
            if isinstance(moment, torch.Tensor) and moment.shape == layer.parameter.shape:
                assert not moment[inactive].any()
