"""Pairs of networks that do the same training step in different ways."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn

from sparsegan import nets
from sparsegan.methods import Static
from sparsegan.sparsity import SparseNetwork
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
    image: tuple[int, int, int] = (3, 32, 32)
    classes: int = 0
    discriminator_steps: int = DISCRIMINATOR_STEPS
    networks: Mapping[str, SparseNetwork] = field(default_factory=dict)

    def discriminator_step(self) -> None:
        """One step of D: fakes, both scores, hinge loss, Adam."""
        labels = self._labels()
        with torch.no_grad():
            fake = self.G(self._noise(), *labels)
        real = self._images()
        if self.together:
            twice = [torch.cat([part, part]) for part in labels]
            scores = self.D(torch.cat([real, fake]), *twice).chunk(2)
        else:
            scores = self.D(real, *labels), self.D(fake, *labels)
        loss = adversarial_loss("hinge").discriminator(*scores)
        self.optimiser_d.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser_d.step()

    def generator_step(self) -> None:
        """One step of G."""
        labels = self._labels()
        fake = self.G(self._noise(), *labels)
        loss = adversarial_loss("hinge").generator(self.D(fake, *labels))
        self.optimiser_g.zero_grad(set_to_none=True)
        for parameter in self.D.parameters():
            parameter.requires_grad_(False)
        loss.backward()
        for parameter in self.D.parameters():
            parameter.requires_grad_(True)
        self.optimiser_g.step()

    def iteration(self) -> None:
        """The steps of D and one of G."""
        for _ in range(self.discriminator_steps):
            self.discriminator_step()
        self.generator_step()

    def _noise(self) -> Tensor:
        return torch.randn(self.batch, 128)

    def _images(self) -> Tensor:
        return torch.rand(self.batch, *self.image) * 2 - 1

    def _labels(self) -> tuple[Tensor, ...]:
        return (torch.randint(self.classes, (self.batch,)),) if self.classes else ()


@dataclass(frozen=True)
class Size:
    """A pair of networks and how it is trained.

    Attributes:
        network: Its architecture.
        width: G's width.
        discriminator_width: D's.
        batch: Images of a step.
        image: Channels, height and width.
        classes: Of the images; 0 without.
        discriminator_steps: For one of G.
    """

    network: str
    width: int
    discriminator_width: int
    batch: int = 64
    image: tuple[int, int, int] = (3, 32, 32)
    classes: int = 0
    discriminator_steps: int = DISCRIMINATOR_STEPS


def sngan(width: int, batch: int = 64) -> Size:
    """SNGAN for 32x32 images; the published width is 256, D's is half of it."""
    return Size("sngan", width, width // 2, batch)


DEMO = Size("dcgan", 24, 48, 32, (1, 28, 28), discriminator_steps=1)
"""What `make demo` trains."""


def wide(name: str, module: nn.Module) -> bool:
    """The uniform masks' layers: convolutions that do not read or write images."""
    return isinstance(module, nn.Conv2d) and 3 not in (module.in_channels, module.out_channels)


def pair(width: int) -> tuple[nn.Module, nn.Module]:
    """The networks of `sngan`."""
    return build(sngan(width))


def build(size: Size) -> tuple[nn.Module, nn.Module]:
    """The networks of a size."""
    torch.manual_seed(0)
    channels, image_size, _ = size.image
    classes = {"classes": size.classes} if size.classes else {}
    return nets.build(
        size.network,
        image_size=image_size,
        channels=channels,
        generator_width=size.width,
        discriminator_width=size.discriminator_width,
        latent_dim=128,
        **classes,
    )


def contestant(
    kind: Kind,
    size: int | Size,
    batch: int,
    density: float = 1.0,
    allocation: str = "uniform",
    discriminator_density: float | None = None,
) -> Contestant:
    """A pair that trains densely (eager or compiled) or sparsely (masked or native).

    Args:
        kind: How it computes. Dense ones run channels last.
        size: What is trained, or G's width of `sngan`.
        batch: Images of a step.
        density: Of both networks.
        allocation: ``uniform`` over the `wide` layers, or ``erk`` over ADAPT's.
        discriminator_density: D's, where it has another one.
    """
    size = sngan(size) if isinstance(size, int) else size
    G, D = build(size)
    # D's gradients of G's step are not wanted, so its parameters rest then: see generator_step.
    # All contestants' optimisers are the ones that runs have.
    opt_G, opt_D = (
        torch.optim.Adam(network.parameters(), 2e-4, betas=(0.0, 0.9), fused=True)
        for network in (G, D)
    )
    networks: Mapping[str, SparseNetwork] = {}
    if kind in ("dense", "compile"):
        G, D = (network.to(memory_format=torch.channels_last) for network in (G, D))
        if kind == "compile":
            G, D = torch.compile(G), torch.compile(D)
    else:
        settings: dict[str, Any] = {"include": wide} if allocation == "uniform" else {}
        if discriminator_density is not None:
            settings["discriminator_density"] = discriminator_density
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
        networks = method.networks
        if kind == "masked":
            # As `auto` runs masked networks: dense convolutions in their faster memory format.
            for network in method.networks.values():
                network.engine._native.channels_last = True
    return Contestant(
        *(G, D, opt_G, opt_D, batch),
        together=kind == "compile",
        image=size.image,
        classes=size.classes,
        discriminator_steps=size.discriminator_steps,
        networks=networks,
    )


def sparse_names(sparsities: Sequence[float], kinds: Sequence[Kind]) -> list[tuple[Kind, float]]:
    """Every sparse contestant at every sparsity."""
    return [(kind, sparsity) for sparsity in sparsities for kind in kinds]
