"""DiffAugment: what the discriminator sees is changed at random, and gradients pass through.

Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training" (NeurIPS 2020), section
3.3 and the code published with it (docs/methods.md, training features). Real and generated images
are changed alike, so that D cannot learn the augmentations and few images last longer.

An augmentation is a function of its random numbers alone: the same numbers change another batch in
the same way, which is how the balance ratio compares one generator with the next.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from sparsegan.errors import SparseganError
from sparsegan.settings.config import Augmentation

_NUMBERS = 7
_SHIFT, _CUT = 0.125, 0.5  # shares of the image's side


def augmentation_numbers(count: int, generator: torch.Generator) -> Tensor:
    """All random numbers that the augmentations of one batch need, whatever the policy.

    Args:
        count: Images in the batch.
        generator: On the CPU.

    Returns:
        Float32 on the CPU, uniform in [0, 1), one row per image: brightness, saturation,
        contrast, translation (down, right), cutout (down, right).
    """
    return torch.rand(count, _NUMBERS, generator=generator)


def augment(images: Tensor, policy: Sequence[Augmentation], numbers: Tensor) -> Tensor:
    """The images after the policy's augmentations, in its order; as they are for an empty policy.

    Args:
        images: `(N, C, H, W)`, in [-1, 1]; afterwards values may lie outside, as published.
        policy: Names of augmentations.
        numbers: `(N, 7)`, from `augmentation_numbers`, on any device.

    Raises:
        SparseganError: There is no such augmentation.
    """
    for name in policy:
        if name not in _AUGMENTATIONS:
            raise SparseganError(
                f"there is no change {name!r}: choose of {', '.join(_AUGMENTATIONS)}"
            )
        images = _AUGMENTATIONS[name](images, numbers.to(images.device))
    return images


def _color(images: Tensor, numbers: Tensor) -> Tensor:
    """Brightness by ±0.5, saturation by a factor in [0, 2), contrast by one in [0.5, 1.5)."""
    brightness, saturation, contrast = (
        numbers[:, :3].to(images.dtype).view(-1, 3, 1, 1, 1).unbind(1)
    )
    images = images + (brightness - 0.5)
    grey = images.mean(1, keepdim=True)
    images = (images - grey) * (2 * saturation) + grey
    level = images.mean((1, 2, 3), keepdim=True)
    return (images - level) * (contrast + 0.5) + level


def _translation(images: Tensor, numbers: Tensor) -> Tensor:
    """Moved by up to an eighth of a side, whole pixels; 0, a middle grey, comes in."""
    for dimension, number in ((2, numbers[:, 3]), (3, numbers[:, 4])):
        size = images.shape[dimension]
        farthest = _share(size, _SHIFT)
        source = torch.arange(size, device=images.device) - _below(number, 2 * farthest + 1)
        source += farthest
        along = [len(images), 1, 1, 1]
        along[dimension] = size
        # Wrapped around and not clamped: then every pixel has one place to take its gradient
        # from, and adding gradients up in parallel has the same bits every time.
        moved = images.gather(dimension, (source % size).view(along).expand_as(images))
        inside = ((source >= 0) & (source < size)).view(along)
        images = moved.where(inside, 0)
    return images


def _cutout(images: Tensor, numbers: Tensor) -> Tensor:
    """A box of half a side, its middle anywhere in the image, becomes 0."""
    inside = []
    for size, number in zip(images.shape[2:], (numbers[:, 5], numbers[:, 6]), strict=True):
        box = _share(size, _CUT)
        first = _below(number, size + 1 - box % 2) - box // 2
        position = torch.arange(size, device=images.device)
        inside.append((position >= first) & (position < first + box))
    return images.masked_fill((inside[0][:, :, None] & inside[1][:, None, :])[:, None], 0)


def _share(size: int, share: float) -> int:
    return int(size * share + 0.5)


def _below(number: Tensor, count: int) -> Tensor:
    """Whole numbers from 0 to count - 1 as a column, out of uniform ones in [0, 1)."""
    return (number * count).long()[:, None]


_AUGMENTATIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "color": _color,
    "translation": _translation,
    "cutout": _cutout,
}
