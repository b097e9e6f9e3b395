"""A generator as one HTML file: what the page says of it, and the file."""

from pathlib import Path

from sparsegan.errors import SparseganError
from sparsegan.export.frozen import Frozen
from sparsegan.export.packed import packed
from sparsegan.export.page.bundle import Caption, document
from sparsegan.export.precision import keeps_images_in_16_bits
from sparsegan.export.titles import origin, title
from sparsegan.files import atomic_write_text


def write_html(frozen: Frozen, path: Path) -> None:
    """Write one page that draws images by itself; it is there whole or not at all.

    Raises:
        SparseganError: As of `html`, or the file cannot be written.
    """
    atomic_write_text(path, html(frozen))


def html(frozen: Frozen) -> str:
    """The page of a generator of noise.

    It needs no network and no server: a browser of 2023 or later opens the file. Weights are in 16
    bits where the images stay the same to one grey level in 255.

    Raises:
        SparseganError: The generator makes images out of images, or other than grey or colour
            ones, or has operations that the runtime does not know.
    """
    require_pictures(frozen)
    file, without = packed(frozen, half=keeps_images_in_16_bits(frozen))
    if without is not None:
        name = frozen.blueprint.network
        raise SparseganError(f"a page cannot draw images of {name}, {without}: try --to packed")
    return document(caption(frozen), file)


def require_pictures(frozen: Frozen) -> None:
    """Refuse what a page cannot show.

    Raises:
        SparseganError: Saying what it is.
    """
    about = frozen.blueprint
    if not about.latent_dim:
        raise SparseganError(
            f"a generator of {about.network} makes images out of images, and a page walks through "
            "noise: try --to packed or --to onnx"
        )
    if about.channels not in (1, 3):
        raise SparseganError(
            f"a page shows images of 1 or 3 channels, not of {about.channels}: try --to packed"
        )


def caption(frozen: Frozen) -> Caption:
    """What a page says of a generator."""
    masks = frozen.masks.values()
    parameters = sum(parameter.numel() for parameter in frozen.generator.parameters())
    maskable = sum(mask.numel() for mask in masks) or parameters
    return Caption(
        title(frozen),
        sum(int(mask.sum()) for mask in masks) or parameters,
        maskable,
        frozen.dense_bytes,
        tuple(frozen.generator.class_names),  # type: ignore[arg-type]
        origin(frozen),
    )
