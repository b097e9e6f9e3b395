"""Decoded images on the disk: made once, mapped into memory from then on.

A file is a safetensors file with the tensors ``labels`` (where there are any) and ``pixels``, and
with the names of the classes, the remarks on the images and a SHA-256 of all of it in its metadata.
"""

import contextlib
import json
import mmap
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from sparsegan import machine
from sparsegan.cache import cache_folder, digest
from sparsegan.data.images import Images
from sparsegan.data.notes import NO_NOTES, Notes
from sparsegan.errors import SparseganError
from sparsegan.files import atomic_path

Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]
_COPY_BYTES = 2**24


@dataclass(frozen=True)
class Plan:
    """What a set of decoded images will be.

    Attributes:
        name: `Images.name`.
        shape: ``(N, C, H, W)`` of the pixels.
        class_names: `Images.class_names`.
        labelled: Whether there are labels.
        notes: `Images.notes`.
    """

    name: str
    shape: tuple[int, int, int, int]
    class_names: tuple[str, ...]
    labelled: bool
    notes: Notes = NO_NOTES


@dataclass(frozen=True)
class Filled:
    """What became of a plan once its images were decoded.

    Attributes:
        channels: How many channels of the images are needed: 1 where all are the same grey.
        left_out: int64 ``(n,)``: the places that hold no image.
        notes: What there is to say besides.
    """

    channels: int
    left_out: Labels
    notes: Notes

    def narrowed(self, plan: Plan) -> Plan:
        """The plan of what is left."""
        count, _, height, width = plan.shape
        shape = (count - len(self.left_out), self.channels, height, width)
        return replace(plan, shape=shape, notes=plan.notes + self.notes)


# Writes all images and labels into the arrays that it is given. A number says how many channels
# of the images are needed, and that there is an image at every place.
Fill = Callable[[Pixels, Labels], Filled | int]


def load(key: str, name: str, make: Callable[[], tuple[Plan, Fill]]) -> Images:
    """The images that were kept under ``key``, or else those that are made and kept now.

    Args:
        key: Hexadecimal digits that name the images' content and how they are decoded.
        name: `Images.name`.
        make: Called where the images are not there: what they will be, and what writes them.
    """
    stored = find(key, name)
    return build(key, *make()) if stored is None else stored


def find(key: str, name: str) -> Images | None:
    """The images that `build` kept under ``key``, mapped from their file.

    A batch that is taken out of the pixels is all that is read into memory of its own. What is
    written to the tensors stays in this process.

    Args:
        key: As in `load`.
        name: `Images.name`.

    Returns:
        None where there is no file, or one that is not bit for bit what was written.
    """
    try:
        with safe_open(_path(key), framework="pt") as file:
            facts = file.metadata() or {}
            labels = file.get_tensor("labels") if "labels" in file.keys() else None  # noqa: SIM118
            pixels = file.get_tensor("pixels")
    except (OSError, SafetensorError):
        return None
    kept = [pixels] if labels is None else [pixels, labels]
    texts = [facts.get(key, "") for key in ("class_names", "notes")]
    if facts.get("sha256") != digest(*kept, *map(_as_bytes, texts)):
        return None
    class_names, notes = tuple(json.loads(texts[0])), Notes.from_json(texts[1])
    return Images(pixels, labels, class_names, name, notes)


def build(key: str, plan: Plan, fill: Fill) -> Images:
    """Have ``fill`` write the images into a file in the cache folder, and map it.

    The file has its name only once it is complete. Where it cannot be written, or the disk is too
    small for it, the images are made in memory and nothing is kept.

    Args:
        key: As in `load`.
        plan: What the images will be.
        fill: Called with uint8 ``(N, C, H, W)`` and int64 ``(N,)`` (empty where there are no
            labels); twice, where a file could be begun but not completed.

    Raises:
        SparseganError: Neither the cache folder's disk nor the memory can hold them.
    """
    with contextlib.suppress(OSError):
        with atomic_path(_path(key)) as temporary:
            _write(temporary, plan, fill)
        if (images := find(key, plan.name)) is not None:
            return images
    size = int(np.prod(plan.shape, dtype=object))
    if size > machine.memory():
        count, _, height, width = plan.shape
        raise SparseganError(
            f"{count:,} images of {height} x {width} pixels take {size / 1e9:,.0f} GB, for which "
            f"neither {cache_folder()} nor this machine's memory has room: set SPARSEGAN_CACHE to "
            "a folder on a larger disk, or lower data.image_size"
        )
    pixels, labels = np.zeros(plan.shape, np.uint8), np.zeros(_labels(plan), np.int64)
    filled = _filled(fill(pixels, labels))
    left = _left(plan, filled)
    return Images(
        torch.from_numpy(np.ascontiguousarray(pixels[left, : filled.channels])),
        torch.from_numpy(labels[left]) if plan.labelled else None,
        plan.class_names,
        plan.name,
        filled.narrowed(plan).notes,
    )


def _filled(result: Filled | int) -> Filled:
    if isinstance(result, Filled):
        return result
    return Filled(result, np.zeros(0, np.int64), Notes())


def _left(plan: Plan, filled: Filled) -> NDArray[np.int64]:
    """The places that hold an image."""
    return np.delete(np.arange(plan.shape[0]), filled.left_out)


def _path(key: str) -> Path:
    return cache_folder() / "images" / f"{key}.safetensors"


def _labels(plan: Plan) -> int:
    return plan.shape[0] if plan.labelled else 0


def _write(path: Path, plan: Plan, fill: Fill) -> None:
    with _mapped(path, plan) as (pixels, labels):
        filled = _filled(fill(pixels, labels))
        narrow = filled.narrowed(plan)
        if narrow == plan:
            _seal(path, plan, pixels, labels)
            return
        wide = path.with_suffix(".wide.tmp")
        path.rename(wide)
        try:
            left = _left(plan, filled)
            with _mapped(path, narrow) as (kept, kept_labels):
                kept_labels[:] = labels[left] if plan.labelled else labels
                rows = max(1, _COPY_BYTES // pixels[0].nbytes)
                for start in range(0, len(left), rows):
                    rows_kept = left[start : start + rows]
                    kept[start : start + rows] = pixels[rows_kept, : filled.channels]
                _seal(path, narrow, kept, kept_labels)
        finally:
            wide.unlink()


@contextlib.contextmanager
def _mapped(path: Path, plan: Plan) -> Iterator[tuple[Pixels, Labels]]:
    """A new file for the plan, and its tensors as arrays that are written through to it."""
    header = len(_header(plan, "0" * 64))
    labels_size, pixels_size = 8 * _labels(plan), int(np.prod(plan.shape))
    total = header + labels_size + pixels_size
    with path.open("w+b") as file:
        # A hole in a file that the disk is too full to fill would end the process by a signal.
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, total)
        else:
            file.truncate(total)
        memory = mmap.mmap(file.fileno(), total)
    labels = np.frombuffer(memory, np.int64, _labels(plan), header)
    pixels = np.frombuffer(memory, np.uint8, pixels_size, header + labels_size)
    yield pixels.reshape(plan.shape), labels


def _seal(path: Path, plan: Plan, pixels: Pixels, labels: Labels) -> None:
    """Write the header, with the hash of what the file holds by now."""
    tensors = [torch.from_numpy(pixels)]
    if plan.labelled:
        tensors.append(torch.from_numpy(labels))
    tensors += [_as_bytes(json.dumps(plan.class_names)), _as_bytes(plan.notes.to_json())]
    with path.open("r+b") as file:
        file.write(_header(plan, digest(*tensors)))


def _header(plan: Plan, checksum: str) -> bytes:
    """The header of a safetensors file; its length does not depend on the checksum."""
    labels_size, pixels_size = 8 * _labels(plan), int(np.prod(plan.shape))
    facts = {
        "class_names": json.dumps(plan.class_names),
        "notes": plan.notes.to_json(),
        "sha256": checksum,
    }
    header: dict[str, object] = {"__metadata__": facts}
    if plan.labelled:
        header["labels"] = {
            "dtype": "I64",
            "shape": plan.shape[:1],
            "data_offsets": [0, labels_size],
        }
    offsets = [labels_size, labels_size + pixels_size]
    header["pixels"] = {"dtype": "U8", "shape": plan.shape, "data_offsets": offsets}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _as_bytes(text: str) -> torch.Tensor:
    return torch.frombuffer(bytearray(text.encode() or b"\0"), dtype=torch.uint8)
