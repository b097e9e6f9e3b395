"""SNGAN pairs that do the same training step in different ways."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from sparsegan import nets
from sparsegan.methods import Static
from sparsegan.train.losses import adversarial_loss

Kind = Literal["dense", "compile", "masked", "native"]

DISCRIMINATOR_STEPS = 5


@dataclass
class Contestant:
    """Networks, optimisers and the steps of one game.

    With `together`, D scores real and fake images in one batch: what torch.compile makes of
    spectral norm cannot go backward through two calls.
    """

    G: nn.Module
    D: nn.Module
    optimiser_g: torch.optim.Optimizer
    optimiser_d: torch.optim.Optimizer
    batch: int
    together: bool = False

    def discriminator_step(self) -> None:
        """One step of D: fakes, both scores, hinge loss, Adam."""
        with torch.no_grad():
            fake = self.G(self._noise())
        real = self._images()
        if self.together:
            scores = self.D(torch.cat([real, fake])).chunk(2)
        else:
            scores = self.D(real), self.D(fake)
        loss = adversarial_loss("hinge").discriminator(*scores)
        self.optimiser_d.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser_d.step()

    def generator_step(self) -> None:
        """One step of G."""
        loss = adversarial_loss("hinge").generator(self.D(self.G(self._noise())))
        self.optimiser_g.zero_grad(set_to_none=True)
        for parameter in self.D.parameters():
            parameter.requires_grad_(False)
        loss.backward()
        for parameter in self.D.parameters():
            parameter.requires_grad_(True)
        self.optimiser_g.step()

    def iteration(self) -> None:
        """Five steps of D and one of G."""
        for _ in range(DISCRIMINATOR_STEPS):
            self.discriminator_step()
        self.generator_step()

    def _noise(self) -> Tensor:
        return torch.randn(self.batch, 128)

    def _images(self) -> Tensor:
        return torch.rand(self.batch, 3, 32, 32) * 2 - 1


def wide(name: str, module: nn.Module) -> bool:
    """The uniform masks' layers: convolutions that do not read or write images."""
    return isinstance(module, nn.Conv2d) and 3 not in (module.in_channels, module.out_channels)


def pair(width: int) -> tuple[nn.Module, nn.Module]:
    """SNGAN for 32x32 images; the published width is 256, D's is half of it."""
    torch.manual_seed(0)
    return nets.build(
        "sngan",
        image_size=32,
        channels=3,
        generator_width=width,
        discriminator_width=width // 2,
        latent_dim=128,
    )


def contestant(
    kind: Kind, width: int, batch: int, density: float = 1.0, allocation: str = "uniform"
) -> Contestant:
    """A pair that trains densely (eager or compiled) or sparsely (masked or native).

    Args:
        kind: How it computes. Dense ones run channels last.
        width: G's width.
        batch: Images of a step.
        density: Of both networks.
        allocation: ``uniform`` over the `wide` layers, or ``erk`` over ADAPT's.
    """
    G, D = pair(width)
    # D's gradients of G's step are not wanted, so its parameters rest then: see generator_step.
    opt_G, opt_D = (
        torch.optim.Adam(network.parameters(), 2e-4, betas=(0.0, 0.9)) for network in (G, D)
    )
    if kind in ("dense", "compile"):
        G, D = (network.to(memory_format=torch.channels_last) for network in (G, D))
        if kind == "compile":
            G, D = torch.compile(G), torch.compile(D)
    else:
        settings: dict[str, Any] = {"include": wide} if allocation == "uniform" else {}
        method = Static(
            G,
            D,
            opt_G,
            opt_D,
            steps=100_000,
            engine=kind,
            allocation=allocation,
            generator_density=density,
            ema_decay=None,
            **settings,
        )
        if kind == "masked":
            # As `auto` runs masked networks: dense convolutions in their faster memory format.
            for network in method.networks.values():
                network.engine._native.channels_last = True
    return Contestant(G, D, opt_G, opt_D, batch, together=kind == "compile")


def sparse_names(sparsities: Sequence[float], kinds: Sequence[Kind]) -> list[tuple[Kind, float]]:
    """Every sparse contestant at every sparsity."""
    return [(kind, sparsity) for sparsity in sparsities for kind in kinds]
