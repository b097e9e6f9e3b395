"""A generator's images as files: one picture of many, or a folder of PNGs; all classes or one."""

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import nn

from sparsegan.draw import pictures, sampling
from sparsegan.errors import SparseganError
from sparsegan.nearest import did_you_mean


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
    classes, labels = _classes(generator), None
    if only is not None:
        labels = torch.full((count,), class_label(generator, only))
    elif classes is not None:
        labels = torch.arange(count) // columns % classes
    pixels = sampling.draw_images(generator, count, seed=seed, labels=labels)
    return pictures.grid(pixels, columns)


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


def class_label(generator: nn.Module, wanted: str) -> int:
    """The label of a class, by its name or else by its number from 0.

    Raises:
        SparseganError: The generator has no such class, or takes no labels.
    """
    classes, names = _classes(generator), _names(generator)
    if classes is None:
        raise SparseganError(
            f"the generator has learnt no classes, so there is no {wanted}: leave out --class"
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
