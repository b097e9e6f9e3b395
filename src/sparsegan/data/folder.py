"""A folder of images, or an archive of one, flat or with a sub-folder for every class."""

import functools
import hashlib
import logging
import os
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np

from sparsegan.data import store
from sparsegan.data.container import Container, open_container
from sparsegan.data.content import container_digest
from sparsegan.data.decode import FORMATS, RGB, WHITE, Decoding
from sparsegan.data.decode_all import NO_SKIP, Decoded, decode_all, image_files, named
from sparsegan.data.images import Images
from sparsegan.data.listing import Listing, image_paths, list_all, list_images
from sparsegan.data.notes import Notes
from sparsegan.data.paths import Paths
from sparsegan.data.splits import ELSEWHERE, TENTH
from sparsegan.data.store import Labels, Pixels
from sparsegan.data.titles import bare_name
from sparsegan.data.tree import Folder
from sparsegan.errors import SparseganError
from sparsegan.files import expanded

log = logging.getLogger("sparsegan")

DEFAULT_SIZE = 32


def load_folder(
    path: Path,
    split: str,
    image_size: int | None,
    channels: int | None,
    background: RGB,
    *,
    held_out: str | None = None,
    skip: float = NO_SKIP,
) -> Images:
    """Read one split of the images in a folder or archive, in the order of their relative paths.

    An archive is a .zip or a .tar, plain or compressed by gzip, bzip2 or xz; it is read where it
    lies and never unpacked. PNG, JPEG, WebP, BMP, GIF and TIFF files count, at any depth; hidden
    files and folders do not. A folder that holds everything is passed through. Where every image
    lies in a sub-folder, the first folder on its relative path is its class, unless a file
    ``dataset.json`` has the labels (see `dataset_json`). Folders named like splits are splits (see
    `splits.find_splits`), before the classes or below them. Otherwise a tenth of the images, at
    least one, chosen by a hash of their relative paths, is the test split and the rest the train
    split: the two never overlap.

    Decoded pixels are kept in the cache folder under a hash of the files' names and contents and
    of the arguments, and mapped from there.

    Args:
        path: The folder or archive.
        split: ``train`` or ``test``.
        image_size: Side of the squares in pixels (see `decode.decode`); None is 32.
        channels: 1 or 3; None is 1 where every image of the split is grey, and else 3.
        background: RGB colour under transparent parts.
        held_out: The test split: a folder in ``path``, or another folder or archive; ``tenth``: a
            tenth, whatever folders are called; None: as their names say.
        skip: How many files of the split may be broken, which are passed over: a whole number, or
            a share of them below 1.

    Raises:
        SparseganError: The folder is missing or has too few images, more files cannot be read, or
            the archive is not safe to read.
    """
    container = open_container(path)
    how = Decoding(image_size or DEFAULT_SIZE, channels, background)
    inside, outside = _held_out(container, held_out)
    if outside is None or split == "train":
        return load_listed(
            container,
            lambda: list_images(container, split, inside),
            how,
            split=split if inside is None else (split, inside),
            skip=skip,
        )

    def pick() -> Listing:
        return list_all(outside, list_images(container, "train", inside).class_names)

    # Its classes depend on those of the images to train on, too.
    known = container_digest(container, lambda: image_paths(container))
    return load_listed(
        outside,
        pick,
        how,
        split=("held out", known),
        skip=skip,
        name=bare_name(container.path.resolve()),
    )


def absolute_held_out(path: Path, held_out: str) -> str:
    """The same for `load_folder`, whatever the current folder is."""
    _, outside = _held_out(open_container(path), held_out)
    return held_out if outside is None else str(outside.path.resolve())


def _held_out(container: Container, held_out: str | None) -> tuple[str | None, Container | None]:
    """A folder in the container that is held out, or else another container."""
    if held_out in (None, TENTH):
        return held_out, None
    assert held_out is not None
    path = expanded(held_out)
    root = container.path.resolve()
    if isinstance(container, Folder):
        near = Path(os.path.normpath(container.path.absolute()))
        for candidate in (near / path, path.absolute(), path.resolve()):
            inner = Path(os.path.normpath(candidate))
            for above in (near, root):
                # By its name, since it may be a link that leads out.
                if inner.is_dir() and inner != above and inner.is_relative_to(above):
                    return inner.relative_to(above).as_posix(), None
    if not path.exists() or path.resolve() == root:
        return held_out, None
    if root.is_relative_to(path.resolve()):
        raise SparseganError(
            f"data.held_out is {held_out}, which holds {container.path} itself: name a folder "
            "of other images"
        )
    return ELSEWHERE, open_container(path)


def load_all(
    path: Path, image_size: int, channels: int, background: RGB = WHITE
) -> tuple[Images, list[str]]:
    """Read all images in a folder or archive, of whatever split or class, with their paths in it.

    Args:
        path: As for `load_folder`.
        image_size: As for `load_folder`.
        channels: 1 or 3.
        background: As for `load_folder`.

    Returns:
        The images, without labels, in the order of their relative paths, and those.

    Raises:
        SparseganError: As `load_folder`, or there is no image.
    """
    container = open_container(path)
    paths = image_paths(container)
    if not len(paths):
        raise SparseganError(
            f"there are no images in {path}: name a folder or archive with files that end in "
            f"{', '.join(FORMATS)}"
        )
    how = Decoding(image_size, channels, background)
    images = load_listed(container, lambda: Listing(paths, None, ()), how, split="all", skip=None)
    return images, list(paths)


def load_listed(
    container: Container,
    pick: Callable[[], Listing],
    how: Decoding,
    *,
    split: object,
    name: str | None = None,
    skip: float | None,
) -> Images:
    """The images that ``pick`` lists, decoded, from the cache where they are there already.

    Args:
        container: What holds the files.
        pick: Lists them; not called for an archive whose images are kept, since listing a
            compressed archive means to read it to its end.
        how: How they are decoded.
        split: Which of the container's images ``pick`` lists, for the key.
        name: `Images.name`; None is the name of the folder or archive.
        skip: See `decode_all`.
    """
    pick = functools.cache(pick)
    name = name or bare_name(container.path.resolve())

    def make() -> tuple[store.Plan, store.Fill]:
        files, class_names, labels = pick().files, pick().class_names, pick().labels
        shape = (len(files), how.channels or 3, how.size, how.size)

        def fill(pixels: Pixels, into: Labels) -> store.Filled:
            if labels is not None:
                into[:] = labels
            read = decode_all(pixels, image_files(container, files), how.background, skip)
            grey = read.grey and how.channels is None
            alike = _alike(pixels, read.broken, how.background)
            return store.Filled(
                1 if grey else shape[1],
                np.array(list(read.broken), np.int64),
                _notes(container, files, read, alike),
            )

        plan = store.Plan(name, shape, class_names, labels is not None, pick().notes)
        return plan, fill

    content = container_digest(container, lambda: pick().files)
    facts: list[object] = [content, (), split]
    if isinstance(container, Folder):
        # The other split's folders are among the classes, too, and not in a folder's digest.
        facts[1] = pick().class_names
        # Nor are files of labels, nor what is said of other images.
        facts += [pick().digest, pick().notes]
    if skip:
        facts.append(f"skip {skip}")
    images = store.load(how.key(*facts), name, make)
    for warning in images.notes.warnings:
        _warn_once(name, warning)
    return images


def _alike(pixels: Pixels, broken: Collection[int], background: RGB) -> tuple[str, ...]:
    """A sentence where there is nothing to learn from most images."""
    usable = [image for index, image in enumerate(pixels) if index not in broken]
    flat = sum(bool((np.ptp(image, axis=(1, 2)) == 0).all()) for image in usable)
    different = len({hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in usable})
    if len(usable) > 1 and 2 * flat > len(usable):
        under = "white" if background == WHITE else f"the colour {background}"
        return (
            f"{flat:,} of {len(usable):,} images are of one colour throughout (transparent parts "
            f"become {under}): there is nothing to learn from them",
        )
    if len(usable) > 1 and 2 * different < len(usable):
        return (f"of {len(usable):,} images only {different:,} are different ones",)
    return ()


def _notes(container: Container, files: Paths, read: Decoded, alike: tuple[str, ...]) -> Notes:
    skipped = tuple(f"{files[index]}: {reason}" for index, reason in read.broken.items())
    if not skipped:
        return Notes(warnings=(*read.warnings, *alike))
    sentence = (
        f"{len(skipped):,} of {len(files):,} images are skipped, since they "
        f"cannot be used: {named(list(skipped))}"
    )
    return Notes(warnings=(sentence, *read.warnings, *alike), skipped=skipped)


@functools.cache
def _warn_once(name: str, warning: str) -> None:
    """A run loads its images several times."""
    log.warning("%s: %s", name, warning)
