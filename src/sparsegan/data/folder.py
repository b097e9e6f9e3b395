"""A folder of images, or an archive of one, flat or with a sub-folder for every class."""

import functools
from collections.abc import Callable
from pathlib import Path

from sparsegan.data import store
from sparsegan.data.container import Container, open_container
from sparsegan.data.content import container_digest
from sparsegan.data.decode import FORMATS, RGB, WHITE, Decoding
from sparsegan.data.decode_all import decode_all, image_files
from sparsegan.data.images import Images
from sparsegan.data.listing import Listing, image_paths, list_images
from sparsegan.data.store import Labels, Pixels
from sparsegan.data.tree import Folder
from sparsegan.errors import SparseganError

DEFAULT_SIZE = 32


def load_folder(
    place: Path, split: str, image_size: int | None, channels: int | None, background: RGB
) -> Images:
    """Read one split of the images in a folder or archive, in the order of their relative paths.

    An archive is a .zip or a .tar, plain or compressed by gzip, bzip2 or xz; it is read where it
    lies and never unpacked. PNG, JPEG, WebP, BMP, GIF and TIFF files count, at any depth; hidden
    files and folders do not. A folder that holds everything is passed through. Where every image
    lies in a sub-folder, the first folder on its relative path is its class. Where there are the
    sub-folders ``train`` and ``test`` (or ``val``, ``valid``) and no image beside them, they are
    the splits. Otherwise a tenth of the images, at least one, chosen by a hash of their relative
    paths, is the test split and the rest the train split: the two never overlap.

    Decoded pixels are kept in the cache folder under a hash of the files' names and contents and
    of the arguments, and mapped from there.

    Args:
        place: The folder or archive.
        split: ``train`` or ``test``.
        image_size: Side of the squares in pixels (see `decode.decode`); None is 32.
        channels: 1 or 3; None is 1 where every image of the split is grey, and else 3.
        background: RGB colour under transparent parts.

    Raises:
        SparseganError: The folder is missing or has too few images, a file cannot be read, or the
            archive is not safe to read.
    """
    container = open_container(place)
    how = Decoding(image_size or DEFAULT_SIZE, channels, background)
    return load_listed(container, lambda: list_images(container, split), how, split=split)


def load_all(
    place: Path, image_size: int, channels: int, background: RGB = WHITE
) -> tuple[Images, list[str]]:
    """Read all images in a folder or archive, of whatever split or class, with their paths in it.

    Args:
        place: As for `load_folder`.
        image_size: As for `load_folder`.
        channels: 1 or 3.
        background: As for `load_folder`.

    Returns:
        The images, without labels, in the order of their relative paths, and those.

    Raises:
        SparseganError: As `load_folder`, or there is no image.
    """
    container = open_container(place)
    paths = image_paths(container)
    if not len(paths):
        raise SparseganError(
            f"there are no images in {place}: name a folder or archive with files that end in "
            f"{', '.join(FORMATS)}"
        )
    how = Decoding(image_size, channels, background)
    images = load_listed(container, lambda: Listing(paths, None, ()), how, split="all")
    return images, list(paths)


def load_listed(
    container: Container,
    pick: Callable[[], Listing],
    how: Decoding,
    *,
    split: str,
    name: str | None = None,
) -> Images:
    """The images that ``pick`` lists, decoded, from the cache where they are there already.

    Args:
        container: What holds the files.
        pick: Lists them; not called for an archive whose images are kept, since listing a
            compressed archive means to read it to its end.
        how: How they are decoded.
        split: Which of the container's images ``pick`` lists, for the key.
        name: `Images.name`; None is the name of the folder or archive.
    """
    pick = functools.cache(pick)
    name = name or _title(container)

    def make() -> tuple[store.Plan, store.Fill]:
        files, class_names, labels = pick().files, pick().class_names, pick().labels
        shape = (len(files), how.channels or 3, how.size, how.size)

        def fill(pixels: Pixels, into: Labels) -> int:
            if labels is not None:
                into[:] = labels
            grey = decode_all(pixels, image_files(container, files), how.background)
            return 1 if grey and how.channels is None else shape[1]

        return store.Plan(name, shape, class_names, labels is not None), fill

    content = container_digest(container, lambda: pick().files)
    # The other split's folders are among the classes, too, and not in a folder's digest.
    classes = pick().class_names if isinstance(container, Folder) else ()
    return store.load(how.key(content, classes, split), name, make)


def _title(container: Container) -> str:
    place = container.place.resolve()
    if isinstance(container, Folder):
        return place.name
    stem = place.name
    for ending in (".gz", ".bz2", ".xz", ".tar", ".tgz", ".zip"):
        stem = stem.removesuffix(ending)
    return stem or place.name
