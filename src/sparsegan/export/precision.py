"""Whether a generator's weights may be kept in 16 bits: decided by its images."""

import copy

import torch

from sparsegan.draw.sampling import uniform_labels
from sparsegan.export.frozen import Frozen
from sparsegan.seeding import stream

_IMAGES, _BATCH = 128, 16
_LEVEL = 2 / 255


def keeps_images_in_16_bits(frozen: Frozen) -> bool:
    """Whether images stay what they are to one grey level in 255 with the layers' weights rounded.

    Of `_IMAGES` images no pixel may move by more than a level before it is rounded to one; a
    generator from images to images is left as it is, since there are no images to look at.
    """
    return frozen.blueprint.latent_dim > 0 and difference(frozen) <= _LEVEL


def difference(frozen: Frozen) -> float:
    """By how much 16 bits move a pixel, of a range of 2, at most; infinite beyond their range."""
    own, rounded = frozen.generator, copy.deepcopy(frozen.generator)
    for tensor in rounded.state_dict().values():
        if tensor.is_floating_point() and tensor.ndim > 1:  # as `packed` has them
            tensor.copy_(tensor.half().float())
    worst = 0.0
    labels = uniform_labels(own, _IMAGES, seed=0)
    for first in range(0, _IMAGES, _BATCH):
        draw = stream(0, "precision", first)
        inputs = [torch.randn(_BATCH, frozen.blueprint.latent_dim, generator=draw)]
        if labels is not None:
            inputs.append(labels[first : first + _BATCH])
        with torch.no_grad():
            moved = (own(*inputs) - rounded(*inputs)).abs().max().item()
        worst = max(worst, moved if moved == moved else float("inf"))
    return worst
