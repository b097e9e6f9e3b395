"""Tensors that can be computed again, kept on the disk and trusted only after a checksum."""

import contextlib
import hashlib
import os
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from sparsegan.errors import SparseganError
from sparsegan.files import atomic_path


def cache_folder() -> Path:
    """``$SPARSEGAN_CACHE``, else ``~/.cache/sparsegan``; it may be deleted at any time."""
    try:
        return Path(os.environ.get("SPARSEGAN_CACHE") or "~/.cache/sparsegan").expanduser()
    except RuntimeError:
        raise SparseganError(
            "there is no home folder to keep a cache in: set SPARSEGAN_CACHE to a folder"
        ) from None


def read_tensor(path: Path) -> Tensor | None:
    """The tensor that `write_tensor` put at ``path``, mapped from the file.

    Returns:
        None where there is no file, or one that is not bit for bit what was written.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensor: Tensor = file.get_tensor("tensor")
            expected = (file.metadata() or {}).get("sha256")
    except (OSError, SafetensorError):
        return None
    return tensor if digest(tensor) == expected else None


def write_tensor(path: Path, tensor: Tensor) -> None:
    """Keep a CPU tensor at ``path``; where nothing can be written, nothing is kept."""
    tensor = tensor.contiguous()
    with contextlib.suppress(OSError, SafetensorError), atomic_path(path) as temporary:
        save_file({"tensor": tensor}, temporary, metadata={"sha256": digest(tensor)})


def digest(*tensors: Tensor) -> str:
    """SHA-256, in hexadecimal, of the types, shapes and elements of CPU tensors."""
    total = hashlib.sha256()
    for tensor in tensors:
        total.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
        total.update(tensor.contiguous().view(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()
