"""Adversarial losses as pure functions of scores (logits), one for each image or patch.

`discriminator_loss(real, fake)` and `generator_loss(fake)` take score tensors of any shapes, `(N,)`
and `(M,)` or those of patches `(N, h, w)`, and give a scalar to minimise.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from sparsegan.errors import SparseganError


@dataclass(frozen=True)
class AdversarialLoss:
    """The two halves of one game."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    """(scores of real, scores of fake) -> scalar."""
    generator: Callable[[Tensor], Tensor]
    """scores of fake -> scalar."""


def hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Mean max(0, 1 - real) + mean max(0, 1 + fake) (docs/methods.md, notation)."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def non_saturating_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Mean -log sigmoid(real) - log(1 - sigmoid(fake)) (Goodfellow et al., 2014)."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def non_saturating_generator(fake: Tensor) -> Tensor:
    """Mean -log sigmoid(fake) (Goodfellow et al., 2014, section 3)."""
    return F.softplus(-fake).mean()


def wasserstein_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Mean fake - mean real (Arjovsky et al., 2017)."""
    return fake.mean() - real.mean()


def negative_mean(fake: Tensor) -> Tensor:
    """-mean fake: the generator's half of the hinge and of the Wasserstein game."""
    return -fake.mean()


def least_squares_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Half of mean (real - 1)^2 + mean fake^2 (Mao et al., 2017; Zhu et al., 2017, section 4)."""
    return ((real - 1).square().mean() + fake.square().mean()) / 2


def least_squares_generator(fake: Tensor) -> Tensor:
    """Mean (fake - 1)^2, not halved: CycleGAN slows the discriminator alone (its section 7.1)."""
    return (fake - 1).square().mean()


LOSSES = {
    "hinge": AdversarialLoss(hinge_discriminator, negative_mean),
    "non-saturating": AdversarialLoss(non_saturating_discriminator, non_saturating_generator),
    "wasserstein": AdversarialLoss(wasserstein_discriminator, negative_mean),
    "least-squares": AdversarialLoss(least_squares_discriminator, least_squares_generator),
}


def adversarial_loss(name: str) -> AdversarialLoss:
    """The loss of that name.

    Raises:
        SparseganError: There is none of that name.
    """
    if name not in LOSSES:
        raise SparseganError(f"there is no loss {name!r}; choose one of {', '.join(LOSSES)}")
    return LOSSES[name]


def gradient_penalty(
    score: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor
) -> Tensor:
    """Mean (|dD/dx| - 1)^2 at x = mix · real + (1 - mix) · fake (Gulrajani et al., 2017, eq. 3).

    Args:
        score: The discriminator, images `(N, C, H, W)` -> scores `(N,)`; each image's score must
            depend on that image alone (no batch normalisation).
        real: Real images `(N, C, H, W)`.
        fake: As many generated images, detached.
        mix: Where between the two, in [0, 1], `(N,)`.
    """
    weight = mix.to(real).view(-1, *(1,) * (real.dim() - 1))
    between = (weight * real + (1 - weight) * fake).requires_grad_()
    (slope,) = torch.autograd.grad(score(between).sum(), between, create_graph=True)
    lengths: Tensor = slope.flatten(1).norm(dim=1)
    return (lengths - 1).square().mean()


def r1_estimate(scores: Tensor, scores_nearby: Tensor, noise: float) -> Tensor:
    """Mean |dD/dx|^2 at real images (Mescheder et al., 2018, eq. 9), without second derivatives.

    Normal noise e of variance 1 has E (e · dD/dx)^2 = |dD/dx|^2, and (D(x + s e) - D(x)) / s is
    e · dD/dx for small s.

    Args:
        scores: D's scores of real images, `(N,)` or those of patches `(N, h, w)`.
        scores_nearby: Of the same images with noise.
        noise: Standard deviation s of that noise.
    """
    return ((scores_nearby - scores) / noise).square().mean()
