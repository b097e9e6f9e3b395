"""A generator that the native core computes, over ctypes."""

import ctypes
import json
import operator
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_NAMES = {"win32": "_core.dll", "darwin": "_core.dylib"}
_SIZES = ("latent_dim", "takes_image", "classes", "channels", "height", "width")


class RefusedError(ValueError):
    """A file cannot be drawn from; the message says why in one sentence."""


def _library() -> ctypes.CDLL:
    core = ctypes.CDLL(str(Path(__file__).with_name(_NAMES.get(sys.platform, "_core.so"))))
    pointer, size = ctypes.c_void_p, ctypes.c_size_t
    core.sg_needs.argtypes = [ctypes.c_char_p, size, ctypes.POINTER(size)]
    core.sg_open.argtypes = [ctypes.c_char_p, size, pointer, size, ctypes.POINTER(pointer)]
    core.sg_sentence.argtypes = [ctypes.c_int32]
    core.sg_sentence.restype = ctypes.c_char_p
    core.sg_draw.argtypes = [pointer, pointer, ctypes.c_int32, pointer]
    for name in _SIZES:
        getattr(core, f"sg_{name}").argtypes = [pointer]
    for name in ("active_weights", "weights", "multiply_adds"):
        getattr(core, f"sg_{name}").argtypes = [pointer]
        getattr(core, f"sg_{name}").restype = ctypes.c_double
    core.sg_instruction_set.restype = ctypes.c_char_p
    core.sg_choose.argtypes = [ctypes.c_char_p]
    return core


_core = _library()


class Generator:
    """A generator that is read from a packed file's bytes.

    It draws one image after the other on one thread. Several generators may draw at the same time;
    calls of one of them from several threads take turns.

    Args:
        data: The file's bytes.
        name: What a refusal calls the file.

    Attributes:
        latent_dim: Length of a latent vector; 0 where images are made out of images.
        classes: Number of classes of a class-conditional generator, else None.
        class_names: Their names, where the file has them.
        channels: Channels of an image.
        height: Of an image, in pixels.
        width: Of an image, in pixels.
        density: Share of the weights of convolutions and linear layers that is active.
        multiply_adds: Of active weights, for one image.
        about: What the file says of itself: `generator`, `class_names`, `origin`.

    It keeps the file's bytes, as which it is pickled; a copy is itself.

    Raises:
        RefusedError: The file is damaged, of another kind, or too large.
    """

    def __init__(self, data: bytes, name: str = "the file") -> None:
        needed, handle = ctypes.c_size_t(), ctypes.c_void_p()
        self._file = data, name  # what it is pickled as
        _check(_core.sg_needs(data, len(data), ctypes.byref(needed)), name)
        self._turn = threading.Lock()  # there is one arena, and ctypes lets other threads run
        self._arena = np.empty(needed.value, np.uint8)
        _check(
            _core.sg_open(
                data, len(data), self._arena.ctypes.data, needed.value, ctypes.byref(handle)
            ),
            name,
        )
        self._handle = handle
        sizes = {name: int(getattr(_core, f"sg_{name}")(handle)) for name in _SIZES}
        self._takes_image = bool(sizes["takes_image"])
        self._input_size = sizes["latent_dim"]
        self.latent_dim = 0 if self._takes_image else self._input_size
        self.classes = sizes["classes"] or None
        self.channels, self.height, self.width = (
            sizes[name] for name in ("channels", "height", "width")
        )
        self.density = _core.sg_active_weights(handle) / max(1.0, _core.sg_weights(handle))
        self.multiply_adds = int(_core.sg_multiply_adds(handle))
        self.about: dict[str, Any] = _about(data, name)
        self.class_names: tuple[str, ...] = _class_names(self.about, name)

    def __call__(self, latent: ArrayLike, labels: ArrayLike | None = None) -> NDArray[np.float32]:
        """Images of latent vectors.

        Args:
            latent: `(N, latent_dim)`; of a generator from images to images, `(N, C, H, W)`.
            labels: `(N,)`, whole numbers from 0, or one for all; for a generator that has classes.

        Returns:
            float32 `(N, channels, height, width)`, as the network makes them: in [-1, 1].

        Raises:
            ValueError: The sizes are not these, or there is no such class.
        """
        values = np.ascontiguousarray(latent, np.float32)
        count = len(values) if values.ndim else 0
        if values.ndim < 2 or values.size != count * self._input_size:
            wanted = "C, H, W" if self._takes_image else str(self._input_size)
            numbers = f" of {self._input_size} numbers" if self._takes_image else ""
            raise ValueError(
                f"the latent has the shape {values.shape}: it must be (N, {wanted}){numbers}"
            )
        chosen = self._labels(labels, count)
        images = np.empty((count, self.channels, self.height, self.width), np.float32)
        for i in range(count):
            with self._turn:
                _core.sg_draw(self._handle, values[i].ctypes.data, chosen[i], images[i].ctypes.data)
        return images

    def __reduce__(self) -> tuple[type["Generator"], tuple[bytes, str]]:
        return Generator, self._file

    def __copy__(self) -> "Generator":
        return self  # what it draws never changes

    def __deepcopy__(self, memo: dict[int, Any]) -> "Generator":
        return self

    def sample(
        self, count: int, seed: int | None = None, labels: ArrayLike | None = None
    ) -> NDArray[np.float32]:
        """Images of normal noise.

        Args:
            count: How many.
            seed: Of NumPy's generator; None: other images each time.
            labels: As of a call; None: classes in turns.

        Returns:
            float32 `(count, channels, height, width)`.

        Raises:
            ValueError: The generator makes images out of images, or there is no such class.
        """
        if self._takes_image:
            raise ValueError("this generator makes images out of images: call it with some")
        latent = np.random.default_rng(seed).standard_normal((count, self.latent_dim), np.float32)
        if labels is None and self.classes:
            labels = np.arange(count) % self.classes
        return self(latent, labels)

    def _labels(self, labels: ArrayLike | None, count: int) -> list[int]:
        if self.classes is None:
            if labels is not None:
                raise ValueError("this generator has no classes: leave the labels out")
            return [0] * count
        if labels is None:
            raise ValueError(f"this generator draws one of {self.classes} classes: give labels")
        try:
            numbers = [operator.index(each) for each in np.broadcast_to(labels, (count,)).tolist()]
        except TypeError:
            raise ValueError("labels must be whole numbers") from None
        for number in numbers:
            if not 0 <= number < self.classes:
                raise ValueError(
                    f"there is no class {number}: labels go from 0 to {self.classes - 1}"
                )
        return numbers


def load(path: str | Path) -> Generator:
    """The generator of a packed file.

    Raises:
        RefusedError: The file is missing, damaged, of another kind, or too large.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RefusedError(f"{path} cannot be read: {error.strerror or error}") from None
    return Generator(data, str(path))


def instruction_set(wanted: str | None = None) -> str:
    """The instruction set that generators are opened with; `wanted` takes another one first.

    Raises:
        ValueError: This processor or this build does not have it.
    """
    if wanted is not None and _core.sg_choose(wanted.encode()):
        raise ValueError(f"there are no kernels for {wanted!r} here")
    return str(_core.sg_instruction_set().decode())


def _check(refusal: int, name: str) -> None:
    if refusal:
        raise RefusedError(f"{name} {_core.sg_sentence(refusal).decode()}")


def _about(data: bytes, name: str) -> dict[str, Any]:
    """The JSON that the container's metadata hold beside the graph; nothing is drawn by it."""
    try:
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        about = json.loads(header["__metadata__"].get("about", "{}"))
    except (KeyError, ValueError, RecursionError, AttributeError, TypeError):
        raise RefusedError(f"{name} has damaged JSON in its metadata: export it again") from None
    if not isinstance(about, dict):
        raise RefusedError(f"{name} has no JSON object in its metadata: export it again")
    return about


def _class_names(about: dict[str, Any], name: str) -> tuple[str, ...]:
    names = about.get("class_names") or []
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise RefusedError(f"{name} has class_names that are no list of names: export it again")
    return tuple(names)
