"""Images through the generators of a cycle, and how good the translations are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from torch import Tensor, nn

from sparsegan import data
from sparsegan.data import Images
from sparsegan.data.folder import load_all
from sparsegan.draw import pictures
from sparsegan.draw.sampling import device_of, to_uint8
from sparsegan.files import expanded
from sparsegan.settings.config import Config
from sparsegan.settings.kinds import DIRECTIONS
from sparsegan.train.cycle import unpaired
from sparsegan.train.cycle.unpaired import Unpaired
from sparsegan.train.evaluate import Evaluator

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


@dataclass(frozen=True)
class Sources:
    """Images to translate.

    Attributes:
        images: The images.
        names: Their relative paths, where they have any.
    """

    images: Images
    names: Sequence[str] = ()

    def at_most(self, count: int | None) -> "Sources":
        """So many of them at equal distances, or all."""
        if count is None or count >= len(self.images):
            return self
        indices = _spread(len(self.images), count)
        names = [self.names[index] for index in indices] if self.names else ()
        return Sources(replace(self.images, pixels=self.images.pixels[indices]), names)


def sources_in(path: Path, generator: nn.Module) -> Sources:
    """The images in a folder or archive, as the generator takes them.

    Raises:
        SparseganError: There are none, or they cannot be read.
    """
    size: Any = generator.image_size
    channels: Any = generator.channels
    return Sources(*load_all(expanded(path), size, channels))


def own_sources(config: Config, direction: str) -> Sources:
    """The images that a run's own evaluations translate (see `unpaired.held_out`).

    Raises:
        SparseganError: They cannot be read.
    """
    _, held_out = unpaired.held_out(config, unpaired.load_images(config))
    return Sources(held_out.sides[DIRECTIONS.index(direction)])


def save_grid(generator: nn.Module, sources: Sources, path: Path) -> int:
    """Write a picture, about square, of images with their translations to the right of them.

    Args:
        generator: As for `translated`.
        sources: What to translate.
        path: The PNG.

    Returns:
        How many they are.

    Raises:
        SparseganError: The file cannot be written.
    """
    pixels = sources.images.pixels
    both = torch.stack([pixels, translated(generator, pixels)], 1).flatten(0, 1)
    pictures.save_png(path, pictures.grid(both, 2 * max(1, round((len(pixels) / 2) ** 0.5))))
    return len(pixels)


def save_folder(generator: nn.Module, sources: Sources, folder: Path) -> int:
    """Write the translations to a new folder, under the names of the images or else numbers.

    Args:
        generator: As for `translated`.
        sources: What to translate.
        folder: New or empty.

    Returns:
        How many they are.

    Raises:
        SparseganError: The folder exists and is not empty, or cannot be written.
    """
    pictures.require_new(folder)
    made = translated(generator, sources.images.pixels)
    if not sources.names:
        pictures.save_folder(folder, made)
        return len(made)
    names = [str(PurePosixPath(name).with_suffix(".png")) for name in sources.names]
    if len(set(names)) < len(names):  # a.jpg beside a.webp
        names = [f"{name}.png" for name in sources.names]
    for name, image in zip(names, made, strict=True):
        pictures.save_png(folder / name, pictures.to_image(image.permute(1, 2, 0)))
    return len(made)


def _through(pixels: Tensor, *generators: nn.Module) -> list[Tensor]:
    """The output of each generator for the output of the one before it."""
    device = device_of(generators[0])
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
    return Sources(images).at_most(count).images.pixels


def _spread(total: int, count: int) -> list[int]:
    return [number * total // count for number in range(count)]


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

    def draw(self, generator: nn.Module, seed: int) -> Tensor:
        """The translations, in which nothing is random."""
        return translated(generator, self.sources)


def evaluators(
    config: Config, known: Unpaired, held_out: Unpaired
) -> dict[str | None, TranslationEvaluator]:
    """What judges the translations of either direction.

    Args:
        config: Resolved settings.
        known: Real images to compare translations with.
        held_out: Images to translate, and real ones for the floor.

    Raises:
        SparseganError: As `Evaluator`.
    """
    return {
        direction: TranslationEvaluator(
            config,
            real=known.sides[1 - source],
            held_out=held_out.sides[1 - source],
            sources=held_out.sides[source],
        )
        for source, direction in enumerate(DIRECTIONS)
    }
