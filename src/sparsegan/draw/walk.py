"""Walks through a generator's noise, and from class to class, which end where they begin."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from sparsegan.draw.sampling import device_of, to_uint8
from sparsegan.errors import SparseganError
from sparsegan.seeding import stream

_BATCH = 100
_PARALLEL = 1e-6


def spherical(a: Tensor, b: Tensor, t: float) -> Tensor:
    """Between two directions along the sphere, between their lengths along the line.

    A straight line between samples of Gaussian noise leads through lengths that a generator never
    sees (White, 2016, Sampling Generative Networks, section 2.1).

    Args:
        a: Where t is 0, `(…, d)`.
        b: Where t is 1.
        t: In [0, 1].
    """
    long_a, long_b = (x.norm(dim=-1, keepdim=True) for x in (a, b))
    one, other = a / long_a, b / long_b
    angle = (one * other).sum(-1, keepdim=True).clamp(-1, 1).acos()
    sine = angle.sin()
    along = ((1 - t) * angle).sin() * one + (t * angle).sin() * other
    direction = torch.where(sine > _PARALLEL, along / sine.clamp_min(_PARALLEL), one)
    return direction * torch.lerp(long_a, long_b, t)


def latent_walk(
    generator: nn.Module,
    count: int,
    *,
    frames: int,
    stops: int,
    seed: int,
    label: int | None = None,
) -> Tensor:
    """Images whose noise goes from stop to stop and back to the first.

    Args:
        generator: As `sampling.sampled` gives it.
        count: Walks side by side.
        frames: Images of each; the one after the last would be the first again.
        stops: Samples of noise on the way, 2 at least.
        seed: Of the noise.
        label: The class of all images; for a conditional generator.

    Returns:
        uint8 `(frames, count, C, H, W)`.
    """
    places = torch.stack([_noise(generator, count, seed, stop) for stop in range(stops)])
    z = torch.stack(
        [spherical(places[leg], places[after], t) for leg, after, t in _way(frames, stops)]
    )
    labels = None if label is None else torch.full((count,), label)
    return _draw(generator, z, labels)


def class_morph(
    generator: nn.Module, count: int, *, frames: int, labels: Sequence[int], seed: int
) -> Tensor:
    """Images of unmoved noise that go from class to class and back to the first.

    Between two classes all that is looked up by the class (`nn.Embedding`) is taken in between.

    Args:
        generator: A conditional one, as `sampling.sampled` gives it.
        count: Morphs side by side.
        frames: Images of each.
        labels: The classes in order, two at least.
        seed: Of the noise.

    Returns:
        uint8 `(frames, count, C, H, W)`.

    Raises:
        SparseganError: The generator looks nothing up by the class.
    """
    z = _noise(generator, count, seed, 0).expand(frames, -1, -1)
    way = list(_way(frames, len(labels)))
    parts = []
    for frame, (leg, after, t) in enumerate(way):
        own = torch.full((count,), labels[leg])
        with _between(generator, labels[after], t) as looked_up:
            parts.append(_draw(generator, z[frame : frame + 1], own))
        if not looked_up:
            raise SparseganError(
                "this generator takes classes otherwise than by nn.Embedding, so there is nothing "
                "between two of them: name one"
            )
    return torch.cat(parts)


def _way(frames: int, stops: int) -> Iterator[tuple[int, int, float]]:
    """Of each frame the stops that it is between, and where between them."""
    for frame in range(frames):
        leg, rest = divmod(frame * stops, frames)
        yield leg, (leg + 1) % stops, rest / frames


@contextmanager
def _between(generator: nn.Module, label: int, t: float) -> Iterator[list[nn.Module]]:
    """Have a share `t` of what is looked up by class be another's; the list of where it was."""
    looked_up: list[nn.Module] = []

    def blend(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
        looked_up.append(module)
        other: Tensor = module.forward(torch.full_like(inputs[0], label))
        return torch.lerp(output, other, t)

    hooks = [
        module.register_forward_hook(blend)
        for module in generator.modules()
        if isinstance(module, nn.Embedding)
    ]
    try:
        yield looked_up
    finally:
        for hook in hooks:
            hook.remove()


def _draw(generator: nn.Module, z: Tensor, labels: Tensor | None) -> Tensor:
    """Images of noise `(frames, count, d)`, with the same labels `(count,)` in every frame."""
    frames, count, _ = z.shape
    device = device_of(generator)
    parts = []
    with torch.no_grad():
        for some in torch.split(z, max(1, _BATCH // count)):
            noise = some.flatten(0, 1).to(device)
            inputs = (noise,) if labels is None else (noise, labels.repeat(len(some)).to(device))
            parts.append(to_uint8(generator(*inputs)).cpu())
    images = torch.cat(parts)
    return images.view(frames, count, *images.shape[1:])


def _noise(generator: nn.Module, count: int, seed: int, stop: int) -> Tensor:
    length: int = generator.latent_dim  # type: ignore[assignment]
    return torch.randn((count, length), generator=stream(seed, "walk", stop))
