import math

import pytest
import torch

from sparsegan.errors import SparseganError
from sparsegan.train.losses import adversarial_loss, gradient_penalty, r1_estimate

REAL, FAKE = [2.0, 0.5, -1.0], [-3.0, 0.25]


def mean(values):
    return math.fsum(values) / len(values)


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


@pytest.mark.parametrize(
    ("name", "discriminator", "generator"),
    [
        (
            "hinge",
            mean([max(0, 1 - x) for x in REAL]) + mean([max(0, 1 + x) for x in FAKE]),
            -mean(FAKE),
        ),
        (
            "non-saturating",
            -mean([math.log(sigmoid(x)) for x in REAL])
            - mean([math.log(1 - sigmoid(x)) for x in FAKE]),
            -mean([math.log(sigmoid(x)) for x in FAKE]),
        ),
        ("wasserstein", mean(FAKE) - mean(REAL), -mean(FAKE)),
        (
            "least-squares",
            (mean([(x - 1) ** 2 for x in REAL]) + mean([x**2 for x in FAKE])) / 2,
            mean([(x - 1) ** 2 for x in FAKE]),
        ),
    ],
)
def test_losses_are_their_formulas(name, discriminator, generator):
    loss = adversarial_loss(name)
    real, fake = (torch.tensor(x, dtype=torch.float64) for x in (REAL, FAKE))
    assert loss.discriminator(real, fake).item() == pytest.approx(discriminator, abs=1e-12)
    assert loss.generator(fake).item() == pytest.approx(generator, abs=1e-12)


@pytest.mark.parametrize("name", ["hinge", "non-saturating", "wasserstein", "least-squares"])
def test_the_generator_climbs_and_the_discriminator_separates(name):
    loss = adversarial_loss(name)
    real, fake = (torch.full((3,), 0.5, requires_grad=True) for _ in range(2))
    loss.discriminator(real, fake).backward()
    assert (real.grad < 0).all()
    assert (fake.grad > 0).all()
    fake.grad = None
    loss.generator(fake).backward()
    assert (fake.grad < 0).all()


def test_non_saturating_stays_finite_at_scores_that_overflow_exp():
    loss = adversarial_loss("non-saturating")
    far = torch.tensor([1e4, -1e4])
    assert loss.discriminator(far, far).isfinite()
    assert loss.generator(far).item() == 5e3


def test_an_unknown_loss_is_refused():
    with pytest.raises(SparseganError, match="choose one of hinge"):
        adversarial_loss("l2")


def test_penalty_of_a_linear_critic_is_that_of_its_weight():
    weight = torch.randn(2, 3, 3, dtype=torch.float64, requires_grad=True)
    real, fake = (torch.randn(5, 2, 3, 3, dtype=torch.float64) for _ in range(2))
    penalty = gradient_penalty(lambda x: (x * weight).sum((1, 2, 3)), real, fake, torch.rand(5))
    assert penalty.item() == pytest.approx((weight.norm().item() - 1) ** 2)
    penalty.backward()
    expected = 2 * (weight.norm() - 1) * weight / weight.norm()
    assert torch.allclose(weight.grad, expected.detach())


def test_penalty_looks_between_real_and_fake():
    # D(x) = |x|^2 / 2 has the slope x, so the penalty tells where it looked.
    real, fake = torch.full((4, 1, 1, 1), 3.0), torch.full((4, 1, 1, 1), 1.0)
    mix = torch.tensor([0.0, 0.25, 0.5, 1.0])
    penalty = gradient_penalty(lambda x: x.square().sum((1, 2, 3)) / 2, real, fake, mix)
    places = 3 * mix + (1 - mix)
    assert penalty.item() == pytest.approx((places - 1).square().mean().item())


def test_the_r1_estimate_is_the_mean_square_of_the_slope():
    # A linear D has the slope w everywhere; 20,000 directions find |w|^2 to 3 %.
    generator = torch.Generator().manual_seed(0)
    weight = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, requires_grad=True)
    images, directions = (
        torch.randn(20_000, 3, dtype=torch.float64, generator=generator) for _ in range(2)
    )
    estimate = r1_estimate(images @ weight, (images + 0.01 * directions) @ weight, 0.01)
    assert estimate.item() == pytest.approx(5.25, rel=0.03)
    estimate.backward()
    assert torch.allclose(weight.grad, 2 * weight.detach(), rtol=0.1, atol=0.1)


def test_the_r1_estimate_looks_at_real_images():
    # D(x) = |x|^2 / 2 has the slope x.
    images = torch.full((50_000, 1), 3.0, dtype=torch.float64)
    noise = 1e-3 * torch.randn(images.shape, dtype=torch.float64, generator=torch.manual_seed(0))
    scores, nearby = (x.square().sum(1) / 2 for x in (images, images + noise))
    assert r1_estimate(scores, nearby, 1e-3).item() == pytest.approx(9, rel=0.03)
