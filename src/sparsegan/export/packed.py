"""A generator in one small safetensors file, and back; nothing is pickled.

The file has the active values of a masked weight, ``<weight>.values`` (float32, in the order of the
dense weight), and their places, ``<weight>.bits`` or ``<weight>.gaps`` (see `export.places`), where
that is shorter than the weight itself. Where the mask is one of whole blocks of output channels
(`sparsity.units`) they are the places of the blocks, ``<weight>.block_bits`` or
``<weight>.block_gaps``. All other tensors are there as they are. Values may be float16. What builds
the network again and where it comes from is JSON in the file's metadata.

The tensor ``graph`` is what the generator computes, operation by operation (`export.graph`), for
the runtime, which draws from the file without PyTorch; ``graph.<name>`` are tensors that it has
beside those of the network. The SHA-256 in the metadata is over the whole file, with zeros in its
own place. A generator that does what the runtime cannot compute has a file without a graph, of the
format before, with a SHA-256 over the JSON and over every tensor.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from torch import Tensor, nn

from sparsegan import engine
from sparsegan.engine import Wanted
from sparsegan.errors import SparseganError
from sparsegan.export import places, runtime
from sparsegan.export.blueprint import Blueprint, fold
from sparsegan.export.frozen import Frozen
from sparsegan.export.graph import UnsupportedError
from sparsegan.export.traced import trace
from sparsegan.files import atomic_write_bytes
from sparsegan.nets.own import Maker
from sparsegan.sparsity.maskable import maskable_layers
from sparsegan.sparsity.units import Units

_FORMAT, _WITHOUT_GRAPH = "sparsegan-packed-2", "sparsegan-packed-1"
_GRAPH = "graph"
_UNSEALED = "0" * 64
_OF_BLOCKS = "block_"
_NATIVE_BELOW = 0.5
"""Density under which native kernels are taken unmeasured: above it, dense ones may be faster."""

Arrays = dict[str, NDArray[Any]]


def write_packed(frozen: Frozen, path: Path, *, half: bool = False) -> str | None:
    """Write a generator; the file is there whole, fsynced, or not at all.

    Args:
        frozen: The generator.
        path: The file.
        half: Whether weights of layers are stored in 16 bits.

    Returns:
        None, or why the file has no graph, which the runtime draws from: half a sentence.

    Raises:
        SparseganError: The file cannot be written.
    """
    data, without = packed(frozen, half=half)
    atomic_write_bytes(path, data)
    return without


def packed(frozen: Frozen, *, half: bool = False) -> tuple[bytes, str | None]:
    """The bytes of a packed file, and why it has no graph as of `write_packed`."""
    arrays: Arrays = {}
    units = _block_units(frozen.generator)
    for name, tensor in frozen.generator.state_dict().items():
        layer = name.removesuffix(".weight")
        dense = tensor.numpy()
        if half and dense.dtype == np.float32 and dense.ndim > 1:
            dense = dense.astype(np.float16)
        _pack(name, dense, frozen.masks.get(layer), units.get(layer), arrays)
    without = None
    try:
        if any(name.partition(".")[0] == _GRAPH for name in arrays):
            raise UnsupportedError(f"a part of it is called {_GRAPH}, as the list of operations is")
        graph, constants = trace(frozen.generator, frozen.blueprint.inputs())
        arrays[_GRAPH] = np.frombuffer(graph.as_bytes(), np.uint8)
        arrays |= {name: tensor.numpy() for name, tensor in constants.items()}
    except UnsupportedError as error:
        without = str(error)
    about = json.dumps(
        {
            "generator": frozen.blueprint.as_json(),
            "class_names": frozen.generator.class_names,
            "origin": frozen.origin,
        }
    )
    if without is None:
        data = _sealed(save(arrays, {"format": _FORMAT, "about": about, "sha256": _UNSEALED}))
    else:
        digest = _digest(about, arrays)
        data = save(arrays, {"format": _WITHOUT_GRAPH, "about": about, "sha256": digest})
    return data, without


def load(
    path: str | Path, kernels: Wanted = "auto", *, generator: Maker | None = None
) -> nn.Module:
    """Build the generator of a packed file, ready to generate.

    Args:
        path: A file that `sparsegan export RUN --to packed` has written.
        kernels: What it computes on: ``native`` CPU kernels that read active weights only, dense
            ``masked`` ones, or ``auto``: native ones where they are compiled and fewer than half
            of the weights are active.
        generator: For a file of a generator of one's own, its class or a function that makes it,
            or the name of either (see `nets.own`). A file does not say what code to run; where it
            has a graph, the runtime can draw from it without.

    Returns:
        The averaged generator with the statistics that it was exported with, in evaluation mode, on
        the CPU; it needs no gradients, and its weights must stay as they are. Noise
        `(N, latent_dim)` gives images `(N, C, H, W)` in [-1, 1]; one that has learnt classes takes
        labels besides, int64 `(N,)`, places in its `class_names`.

    Raises:
        SparseganError: The file is missing, damaged, cut off, of another kind or another
            generator's, or native kernels are wanted and are not compiled.

    Example:
        >>> generator = load("generator.safetensors")  # doctest: +SKIP
        >>> images = generator(torch.randn(8, generator.latent_dim))  # doctest: +SKIP
    """
    path = Path(path)
    about, arrays, has_graph = _read(path)
    blueprint, class_names = _understood(path, about)
    if blueprint.is_own and generator is None and has_graph and kernels == "auto":
        return runtime.generator(path, blueprint, class_names)
    _require_maker(path, blueprint, generator)
    try:
        built = blueprint.build(generator)
        fold(built)
        state, masks = _unpack(built, arrays)
    except ValueError as error:
        raise _unbuildable(path, error, generator) from None
    built.class_names = class_names  # type: ignore[assignment]
    built.load_state_dict(state, assign=True)
    built.requires_grad_(False)
    _attach(built, _FixedMasks(built, masks), kernels)
    if has_graph and kernels == "auto" and built.latent_dim and runtime.available():
        # A runtime of another version may refuse a graph; the engine draws as well.
        with suppress(SparseganError):
            runtime.draw_small_batches(built, runtime.generator(path, blueprint, class_names))
    return built


# ---- the file


def _read(path: Path) -> tuple[str, Arrays, bool]:
    """The JSON and the arrays of a file, which are as they were written; whether it has a graph."""
    if not path.is_file():
        raise SparseganError(
            f"there is no file {path}: name one that `sparsegan export RUN --to packed` has written"
        )
    damaged = SparseganError(f"{path} is damaged or cut off: export it again")
    try:
        with safe_open(path, "np") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") not in (_FORMAT, _WITHOUT_GRAPH):
                raise SparseganError(
                    f"{path} is a safetensors file but no packed generator: name one that "
                    "`sparsegan export RUN --to packed` has written"
                )
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    # A number type that NumPy does not have is an AttributeError.
    except (OSError, TypeError, AttributeError, SafetensorError):
        with path.open("rb") as file:
            if file.read(9)[8:] not in (b"{", b""):
                raise SparseganError(
                    f"{path} is a file of another kind: name one that `sparsegan export RUN --to "
                    "packed` has written"
                ) from None
        raise damaged from None
    about = metadata.get("about", "")
    if metadata["format"] == _FORMAT:
        whole = _is_sealed(path.read_bytes())
        arrays = {k: a for k, a in arrays.items() if k.partition(".")[0] != _GRAPH}
    else:
        whole = metadata.get("sha256") == _digest(about, arrays)
    if not whole:
        raise damaged
    has_graph = metadata["format"] == _FORMAT
    return about, {name: _in_full(array) for name, array in arrays.items()}, has_graph


def _in_full(array: NDArray[Any]) -> NDArray[Any]:
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _sealed(data: bytes) -> bytes:
    """The file with its checksum, which is over all of it with zeros for the checksum's digits."""
    begin = _digest_begin(data)
    digest = hashlib.sha256(data).hexdigest().encode()
    return data[:begin] + digest + data[begin + len(digest) :]


def _is_sealed(data: bytes) -> bool:
    begin = _digest_begin(data)
    unsealed = data[:begin] + _UNSEALED.encode() + data[begin + len(_UNSEALED) :]
    return _sealed(unsealed) == data


def _digest_begin(data: bytes) -> int:
    """Where the digits are; within JSON strings quotes are escaped, so that there is one key."""
    key = b'"sha256":"'
    return data.find(key, 0, 8 + int.from_bytes(data[:8], "little")) + len(key)


def _digest(about: str, arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256(about.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(json.dumps([name, str(array.dtype), list(array.shape)]).encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _understood(path: Path, about: str) -> tuple[Blueprint, tuple[str, ...]]:
    """What builds the generator, and the names of its classes."""
    try:
        about_it = json.loads(about)
        blueprint, names = Blueprint(**about_it["generator"]), about_it.get("class_names", [])
        fits = isinstance(names, list) and len(names) in (0, blueprint.classes)
        if not fits or not all(isinstance(name, str) for name in names):
            raise ValueError(f"class_names is no list of the names of {blueprint.classes} classes")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _unbuildable(path, error) from None
    return blueprint, tuple(names)


def _unbuildable(path: Path, error: Exception, maker: Maker | None = None) -> SparseganError:
    if maker is not None:
        return SparseganError(
            f"{path} does not go with {maker} ({error}): name the one that it was exported from"
        )
    return SparseganError(
        f"{path} holds no generator that this version can build ({error}): export it again"
    )


def _require_maker(path: Path, blueprint: Blueprint, maker: Maker | None) -> None:
    if blueprint.is_own and maker is None:
        raise SparseganError(
            f"{path} is of {blueprint.network}, a generator of one's own, and a file does not say "
            f"what code to run: add --generator {blueprint.network}, or wherever that is now (in "
            "Python, generator=)"
        )
    if maker is not None and not blueprint.is_own:
        raise SparseganError(
            f"{path} is of the architecture {blueprint.network}, which is known here: leave the "
            "generator out"
        )


# ---- one tensor


def _block_units(network: nn.Module) -> dict[str, Units]:
    """The blocks of every layer's weight."""
    return {layer.name: Units([layer], "block") for layer in maskable_layers(network)}


def _pack(
    name: str, dense: NDArray[Any], mask: Tensor | None, blocks: Units | None, arrays: Arrays
) -> None:
    if mask is not None:
        bits, kind = mask.reshape(-1), ""
        values = dense.reshape(-1)[bits.numpy()]
        if blocks is not None:
            firsts = blocks.first(bits)
            if len(firsts) < len(bits) and torch.equal(blocks.spread(firsts), bits):
                bits, kind = firsts, _OF_BLOCKS
        form, stored = places.encode(bits.numpy())
        if values.nbytes + stored.nbytes < dense.nbytes:
            arrays |= {f"{name}.values": values, f"{name}.{kind}{form}": stored}
            return
    arrays[name] = dense


def _unpack(network: nn.Module, arrays: Arrays) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The state of a network on the meta device, and its masks by layer.

    Every array is held against the network's own shape before memory is taken for its tensor.

    Raises:
        ValueError: The arrays are not those of the network.
    """
    left, units = dict(arrays), _block_units(network)
    state, masks = {}, {}
    for name, wanted in network.state_dict().items():
        if name in left:
            state[name] = torch.from_numpy(left.pop(name))
        else:
            layer = name.removesuffix(".weight")
            state[name], masks[layer] = _scatter(name, wanted.shape, units.get(layer), left)
        tensor = state[name]
        if tensor.shape != wanted.shape or tensor.dtype != wanted.dtype:
            raise ValueError(f"{name} is {tensor.dtype} {list(tensor.shape)}")
    if left:
        raise ValueError(f"{min(left)} belongs to no layer")
    return state, masks


def _scatter(
    name: str, shape: torch.Size, blocks: Units | None, left: Arrays
) -> tuple[Tensor, Tensor]:
    """A dense weight and its mask; what they are made of is taken out of `left`."""
    kinds = [(kind, form) for kind in ("", _OF_BLOCKS) for form in places.FORMS]
    storage = next(((k, f) for k, f in kinds if f"{name}.{k}{f}" in left), None)
    if storage is None or f"{name}.values" not in left:
        raise ValueError(f"{name} is missing")
    kind, form = storage
    values = torch.from_numpy(left.pop(f"{name}.values"))
    stored = left.pop(f"{name}.{kind}{form}")
    if values.dim() != 1:
        raise ValueError(f"{name}.values has {values.dim()} dimensions")
    if not kind:
        where = torch.from_numpy(places.decode(form, stored, len(values), math.prod(shape)))
    elif blocks is None:
        raise ValueError(f"{name} has no blocks")
    else:
        where = _places_in_blocks(form, stored, blocks)
    if len(where) != len(values):
        raise ValueError(f"{len(where)} places for {len(values)} values of {name}")
    dense = torch.zeros(shape, dtype=values.dtype)
    mask = torch.zeros(shape, dtype=torch.bool)
    dense.view(-1)[where] = values
    mask.view(-1)[where] = True
    return dense, mask


def _places_in_blocks(form: places.Form, stored: NDArray[Any], blocks: Units) -> Tensor:
    count = sum(group.count for group in blocks.groups)
    where = torch.from_numpy(places.decode(form, stored, None, count))
    units = torch.zeros(count, dtype=torch.bool)
    units[where] = True
    return blocks.spread(units).nonzero().squeeze(1)


# ---- the engine


class _FixedMasks:
    """The masks of a generator that will not change, as an engine wants them."""

    version = 0

    def __init__(self, generator: nn.Module, masks: Mapping[str, Tensor]) -> None:
        sizes = {layer.name: layer.parameter.numel() for layer in maskable_layers(generator)}
        active = sum(int(masks[name].sum()) if name in masks else sizes[name] for name in sizes)
        self.density = active / sum(sizes.values())
        self._masks = masks

    def __contains__(self, name: object) -> bool:
        return name in self._masks

    def __getitem__(self, name: str) -> Tensor:
        return self._masks[name]


def _attach(generator: nn.Module, masks: _FixedMasks, wanted: Wanted) -> None:
    if wanted == "auto" and engine.available():
        wanted = "native" if masks.density < _NATIVE_BELOW else "masked"
    engine.attach(generator, masks, lambda: False, wanted).keep_constant()
