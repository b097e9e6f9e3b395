"""A generator's images as files: one picture of many, or a folder of PNGs; all classes or one."""

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn

from sparsegan.draw import pictures, sampling, walk
from sparsegan.errors import SparseganError
from sparsegan.nearest import did_you_mean

FRAMES, STOPS = 12, 4
"""Frames from one stop of a walk to the next, and how many stops there are."""
MOST_CLASSES = 10
"""Classes that a morph goes through which names none."""
_WHOLE = 384
_WIDEST = 16_383
"""Pixels along a side that a WebP can have."""
_MOST = 500_000_000
"""Pixels of all frames, which are in memory at once: about 1.5 GB."""


def save_grid(
    generator: nn.Module,
    path: Path,
    count: int,
    *,
    seed: int,
    columns: int | None = None,
    only: str | None = None,
) -> None:
    """Write the picture that `grid` draws.

    Args:
        generator: As for `grid`, and so are all others.
        path: The PNG.
        count: Images.
        seed: Of the noise.
        columns: Images in a row.
        only: The one class to draw.

    Raises:
        SparseganError: There is no such class, or the file cannot be written.
    """
    pictures.save_png(path, grid(generator, count, seed=seed, columns=columns, only=only))


def grid(
    generator: nn.Module,
    count: int,
    *,
    seed: int,
    columns: int | None = None,
    only: str | None = None,
) -> Image.Image:
    """A picture of images side by side; a conditional generator's rows have a class each.

    Args:
        generator: As `sampling.sampled` gives it.
        count: Images.
        seed: Of the noise.
        columns: Images in a row; None makes the picture about square.
        only: Name or number of the one class to draw; None has the classes take turns by rows.

    Raises:
        SparseganError: There is no such class.
    """
    columns = columns or max(1, round(count**0.5))
    pixels = draw(generator, count, seed=seed, only=only, in_turn=columns)
    return pictures.grid(pixels, columns)


def draw(
    generator: nn.Module, count: int, *, seed: int, only: str | None = None, in_turn: int = 1
) -> Tensor:
    """Images as uint8 `(count, C, H, W)`; of a conditional generator so many of a class in turn.

    Args:
        generator: As `sampling.sampled` gives it.
        count: Images.
        seed: Of the noise.
        only: Name or number of the one class to draw; None has the classes take turns.
        in_turn: Images of a class that follow each other.

    Raises:
        SparseganError: There is no such class.
    """
    classes, labels = _classes(generator), None
    if only is not None:
        labels = torch.full((count,), class_label(generator, only))
    elif classes is not None:
        labels = torch.arange(count) // in_turn % classes
    return sampling.draw_images(generator, count, seed=seed, labels=labels)


def save_folder(
    generator: nn.Module, folder: Path, count: int, *, seed: int, only: str | None = None
) -> None:
    """Write PNGs to a new folder, a conditional generator's to sub-folders named by the classes.

    Args:
        generator: As `sampling.sampled` gives it.
        folder: New or empty.
        count: Images; of every class about as many.
        seed: Of the noise and the labels.
        only: Name or number of the one class to draw, which then has no sub-folder.

    Raises:
        SparseganError: There is no such class, or the folder cannot be written.
    """
    if only is not None:
        labels = torch.full((count,), class_label(generator, only))
        pictures.save_folder(
            folder, sampling.draw_images(generator, count, seed=seed, labels=labels)
        )
        return
    drawn = sampling.uniform_labels(generator, count, seed)
    names = _names(generator)
    of_each = [] if drawn is None else [names[label] for label in drawn.tolist()]
    pictures.save_folder(folder, sampling.draw_images(generator, count, seed=seed), of_each)


def save_walk(
    generator: nn.Module,
    path: Path,
    count: int,
    *,
    seed: int,
    frames: int | None = None,
    stops: int | None = None,
    size: int | None = None,
    rate: float = 16,
    only: Sequence[str] = (),
) -> int:
    """Write an animation without an end: noise that moves, or classes that turn into each other.

    A generator without classes, and one of which a single class is named, walks through its noise;
    several classes morph with the noise unmoved.

    Args:
        generator: As `sampling.sampled` gives it.
        path: A GIF or a WebP.
        count: Walks side by side, in about a square.
        seed: Of the noise.
        frames: Of the whole; None: 12 for each stop or class.
        stops: Samples of noise on the way; None: 4.
        size: Pixels along a side of an image, about; None: so many that the whole has about 384.
        rate: Frames a second.
        only: Names or numbers of classes; none: all of a conditional generator, 10 at most.

    Returns:
        How many frames there are.

    Raises:
        SparseganError: There is no such class, the whole is too large, or the file cannot be
            written.
    """
    pictures.require_animation(path)
    classes = _classes(generator)
    labels = [class_label(generator, name) for name in only]
    labels = labels or list(range(min(classes or 0, MOST_CLASSES)))
    morphs = len(labels) > 1
    if morphs and stops is not None:
        raise SparseganError(
            "the noise of a morph between classes does not move: leave out --stops, or name "
            "one class to walk within"
        )
    stops = len(labels) if morphs else stops or STOPS
    frames = frames or FRAMES * stops
    columns = max(1, round(count**0.5))
    # One image says how large all will be, before many are drawn, which may take minutes.
    side = sampling.draw_images(generator, 1, seed=seed, batch=1).shape[-1]
    times = max(1, round((size or _WHOLE / columns) / side))
    width, height = columns * side * times, -(-count // columns) * side * times
    if max(width, height) > _WIDEST or width * height * frames > _MOST:
        raise SparseganError(
            f"{frames:,} frames of {width:,} x {height:,} pixels are too large an animation: "
            "choose a smaller --size, or fewer --count or --frames"
        )
    if morphs:
        pixels = walk.class_morph(generator, count, frames=frames, labels=labels, seed=seed)
    else:
        label = labels[0] if labels else None
        pixels = walk.latent_walk(
            generator, count, frames=frames, stops=stops, seed=seed, label=label
        )
    sheets = [pictures.enlarged(pictures.grid(frame, columns), times) for frame in pixels]
    pictures.save_animation(path, sheets, rate)
    return frames


def class_label(generator: nn.Module, wanted: str) -> int:
    """The label of a class, by its name or else by its number from 0.

    Raises:
        SparseganError: The generator has no such class, or takes no labels.
    """
    classes, names = _classes(generator), _names(generator)
    if classes is None:
        raise SparseganError(
            f"the generator has learnt no classes, so there is no {wanted}: name none"
        )
    if wanted in names:
        return names.index(wanted)
    if wanted.isdecimal() and int(wanted) < classes:
        return int(wanted)
    few = names if classes <= 20 else (*names[:20], "…")
    hint = did_you_mean(wanted, names, f"there are {', '.join(few)}")
    raise SparseganError(f"there is no class {wanted} (numbers go to {classes - 1}): {hint}")


def _classes(generator: nn.Module) -> int | None:
    classes: int | None = getattr(generator, "classes", None)
    return classes


def _names(generator: nn.Module) -> Sequence[str]:
    """The names of the classes, or their numbers where they have none."""
    known: Sequence[str] = getattr(generator, "class_names", ())
    return known or [str(number) for number in range(_classes(generator) or 0)]
