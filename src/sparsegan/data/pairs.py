"""Two sets of images without a pairing, in the four folders of CycleGAN's data sets."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from sparsegan.data.container import Container, open_container
from sparsegan.data.decode import RGB, Decoding
from sparsegan.data.folder import DEFAULT_SIZE, load_listed
from sparsegan.data.images import Images
from sparsegan.data.listing import Listing, image_paths, shared_folder
from sparsegan.errors import SparseganError


def read_sides(
    path: Path,
    split: str,
    image_size: int | None,
    channels: int | None,
    background: RGB,
    skip: float,
) -> tuple[Images, Images]:
    """The images of both sides, in the order of their relative paths; see `sources.load_pair`."""
    container = open_container(path)
    how = Decoding(image_size or DEFAULT_SIZE, channels, background)
    sides = [_side(container, f"{split}{side}", how, skip) for side in "AB"]
    if sides[0].pixels.shape[1] != sides[1].pixels.shape[1]:
        # One side is grey and the other is not.
        how = replace(how, channels=3)
        sides = [_side(container, f"{split}{side}", how, skip) for side in "AB"]
    return sides[0], sides[1]


def has_test_images(path: Path) -> bool:
    """Whether there are images in testA or testB.

    Raises:
        SparseganError: There is nothing at `path`, or something that cannot be read.
    """
    every = image_paths(open_container(path))
    start = len(shared_folder(every)) if len(every) else 0
    return any(name.startswith(("testA/", "testB/"), start) for name in every)


def _side(container: Container, folder: str, how: Decoding, skip: float) -> Images:
    name = f"{container.path.resolve().name} {folder}"
    return load_listed(
        container, lambda: _list(container, folder), how, split=folder, name=name, skip=skip
    )


def _list(container: Container, folder: str) -> Listing:
    every = image_paths(container)
    start = len(shared_folder(every)) if len(every) else 0
    inside = np.flatnonzero([name.startswith(f"{folder}/", start) for name in every])
    if not len(inside):
        raise SparseganError(
            f"there are no images in the folder {folder} of {container.path}: an unpaired set "
            f"has the folders trainA, trainB, testA and testB"
        )
    return Listing(every.take(inside), None, ())
