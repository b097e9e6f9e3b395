"""Nested state in one safetensors file, whole or refused; nothing is pickled.

A state is dicts (keys: strings or integers), lists and tuples of tensors and JSON values. The
tensors are the file's tensors, named by where they are in the state; everything else is a JSON
skeleton in the file's metadata, in which {"$tensor": name} stands for a tensor. A SHA-256 over the
skeleton and over every tensor's name, type, shape and bytes lies beside it.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from sparsegan.errors import SparseganError
from sparsegan.files import atomic_write_bytes

State = dict[str, Any]
_FORMAT = "sparsegan-state-1"


def save_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write a state; the file is there whole, fsynced, or not at all.

    Raises:
        SparseganError: The file cannot be written.
        TypeError: The state holds something that is neither a tensor nor a JSON value.
    """
    tensors: dict[str, Tensor] = {}
    skeleton = json.dumps(_take_apart(state, "", tensors))
    metadata = {"format": _FORMAT, "state": skeleton, "sha256": _digest(skeleton, tensors)}
    atomic_write_bytes(path, save(tensors, metadata))


def load_state(path: Path) -> State:
    """Read a state that `save_state` wrote, tensors on the CPU.

    Raises:
        SparseganError: The file is missing, damaged, cut off, or not a state of this library.
    """
    if not path.is_file():
        raise SparseganError(
            f"there is no checkpoint {path}: name a file in the folder checkpoints of the run"
        )
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError):
        raise _damaged(path) from None
    if metadata.get("format") != _FORMAT:
        raise SparseganError(
            f"{path} is a safetensors file but no sparsegan checkpoint: "
            "name a file of a run's checkpoints folder"
        )
    skeleton = metadata.get("state", "")
    if metadata.get("sha256") != _digest(skeleton, tensors):
        raise _damaged(path)
    try:
        state = _put_together(json.loads(skeleton), tensors)
    except (ValueError, RecursionError, KeyError, TypeError):
        raise _damaged(path) from None
    if not isinstance(state, dict):
        raise _damaged(path)
    return state


def content_digest(path: Path) -> str:
    """SHA-256 of what a checkpoint holds, as it says itself; `load_state` has checked it."""
    with safe_open(path, "pt") as file:
        return str((file.metadata() or {}).get("sha256"))


def _damaged(path: Path) -> SparseganError:
    return SparseganError(
        f"the checkpoint {path} is damaged or cut off: "
        "name an earlier one of the run with --checkpoint PATH"
    )


def _take_apart(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """The JSON skeleton of a value; its tensors go to `tensors`."""
    if isinstance(value, Tensor):
        tensors[name] = _own_bytes(value)
        return {"$tensor": name}
    if isinstance(value, Mapping):
        items = [(key, _take_apart(item, f"{name}/{key}", tensors)) for key, item in value.items()]
        if all(isinstance(key, str) and not key.startswith("$") for key, _ in items):
            return dict(items)
        if not all(isinstance(key, (str, int)) for key, _ in items):
            raise TypeError(f"{name or 'the state'} has a key that is neither text nor integer")
        return {"$items": items}
    if isinstance(value, (list, tuple)):
        parts = [_take_apart(item, f"{name}/{i}", tensors) for i, item in enumerate(value)]
        return {"$tuple": parts} if isinstance(value, tuple) else parts
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{name}: a {type(value).__name__} is neither a tensor nor a JSON value")


def _put_together(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_put_together(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    if "$tensor" in value:
        return tensors[value["$tensor"]]
    if "$items" in value:
        return {key: _put_together(item, tensors) for key, item in value["$items"]}
    if "$tuple" in value:
        return tuple(_put_together(item, tensors) for item in value["$tuple"])
    return {key: _put_together(item, tensors) for key, item in value.items()}


def _own_bytes(tensor: Tensor) -> Tensor:
    """A contiguous CPU copy: safetensors refuses views and tensors that share memory."""
    return tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)


def _digest(skeleton: str, tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(skeleton.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
