"""Images through the generators of a cycle, and how good the translations are."""


import torch
from torch import Tensor, nn

from sparsegan import data
from sparsegan.data import Images
from sparsegan.train.build import CYCLE
from sparsegan.train.config import Config
from sparsegan.train.evaluate import Evaluator
from sparsegan.train.sampling import to_uint8
from sparsegan.train.unpaired import Unpaired

_BATCH = 16


def translated(generator: nn.Module, pixels: Tensor) -> Tensor:
    """Images as images of the other kind.

    Args:
        generator: As `sampling.sampled` gives it.
        pixels: uint8 `(N, C, H, W)`.

    Returns:
        uint8 `(N, C, H, W)` on the CPU.
    """
    return _through(pixels, generator)[-1]


def triples(there: nn.Module, back: nn.Module, pixels: Tensor) -> Tensor:
    """Every image, its translation, and that translated back, one behind the other.

    Args:
        there: The generator of the translation, as `sampling.sampled` gives it.
        back: The other generator.
        pixels: uint8 `(N, C, H, W)`.

    Returns:
        uint8 `(3 N, C, H, W)` on the CPU.
    """
    return torch.stack([pixels, *_through(pixels, there, back)], 1).flatten(0, 1)


def _through(pixels: Tensor, *generators: nn.Module) -> list[Tensor]:
    """What each generator makes of what the one before it has made."""
    device = next(generators[0].parameters()).device
    made: list[list[Tensor]] = [[] for _ in generators]
    with torch.no_grad():
        for batch in torch.split(pixels, _BATCH):
            images = data.to_float(batch).to(device)
            for parts, generator in zip(made, generators, strict=True):
                images = generator(images)
                parts.append(to_uint8(images).cpu())
    return [torch.cat(parts) for parts in made]


def spread(images: Images, count: int) -> Tensor:
    """At most `count` images at equal distances, uint8 `(n, C, H, W)`; the first among them."""
    count = min(count, len(images))
    return images.pixels[torch.arange(count) * len(images) // count]


class TranslationEvaluator(Evaluator):
    """Kernel and Fréchet distance of translated images from real ones of their kind.

    Args:
        config: Resolved settings.
        real: Real images of the kind that translations are to be of.
        held_out: Others of that kind, for the floor.
        sources: The images to translate.

    Raises:
        SparseganError: As `Evaluator`.
    """

    def __init__(self, config: Config, real: Images, held_out: Images, sources: Images) -> None:
        super().__init__(config, real, held_out, at_most=len(sources))
        self.sources = spread(sources, self.count)

    def draw(self, generator: nn.Module) -> Tensor:
        """The translations."""
        return translated(generator, self.sources)


def evaluators(
    config: Config, known: Unpaired, held_out: Unpaired
) -> dict[str, TranslationEvaluator]:
    """What judges the translations of either direction.

    Args:
        config: Resolved settings.
        known: Real images to compare translations with.
        held_out: Images to translate, and real ones for the floor.

    Raises:
        SparseganError: As `Evaluator`.
    """
    return {
        pair: TranslationEvaluator(
            config,
            real=known.sides[1 - source],
            held_out=held_out.sides[1 - source],
            sources=held_out.sides[source],
        )
        for source, pair in enumerate(CYCLE)
    }
