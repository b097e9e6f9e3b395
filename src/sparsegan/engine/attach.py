"""Running a network, anybody's, on the native kernels: its layers found, its forward intercepted.

Hooks note which layer is about to run and when the network's forward begins and ends; in between a
``TorchFunctionMode`` hands the layers' convolutions to the sparse kernels, and normalisation,
upsampling and pooling to kernels that keep the batch innermost. Whatever is not supported runs as
it always did. Nothing is traced or rewritten, and ``detach`` leaves no trace.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from .functional import sparse_conv2d, sparse_conv_transpose2d, sparse_linear
from .index import SparseIndex
from .layout import is_batch_inner
from .normalise import batch_norm
from .resample import average_pool2, upsample2


class ActiveWeights(Protocol):
    """What the engine must know of a network's masks."""

    version: int

    @property
    def density(self) -> float:
        """Active over maskable weights of the network."""

    def __contains__(self, name: object) -> bool:
        """Whether the layer of this name is masked."""

    def __getitem__(self, name: str) -> Tensor:
        """The layer's mask, of its weight's shape."""


def supported(module: nn.Module) -> bool:
    """Whether the native kernels can compute a layer."""
    if isinstance(module, nn.Linear):
        return True
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        plain = module.groups == 1 and module.dilation == (1, 1)
        return plain and module.padding_mode == "zeros" and not isinstance(module.padding, str)
    return False


class NativeForward:
    """Makes a network's forward run on the native kernels while it is switched on.

    Args:
        network: The network itself, not a wrapper around it.
        masks: Its masks; layers without one count as fully active.
        dense_gradient: Called at every forward: are gradients at inactive places wanted?

    Attributes:
        on: Whether forwards run natively.
        channels_last: Whether other forwards give dense convolutions their faster memory format.
    """

    def __init__(
        self, network: nn.Module, masks: ActiveWeights, dense_gradient: Callable[[], bool]
    ) -> None:
        self.on = False
        self.channels_last = False
        self.masks = masks
        self._dense_gradient = dense_gradient
        self._layers = {
            name or "weight": module
            for name, module in network.named_modules()
            if supported(module)
        }
        self._indices: dict[str, SparseIndex] = {}
        self._version: int | None = None
        self._mode: _Native | None = None
        self._handles = [
            network.register_forward_pre_hook(self._enter, prepend=True),
            network.register_forward_hook(self._leave, always_call=True),
        ]
        for name, module in self._layers.items():
            self._handles.append(module.register_forward_pre_hook(self._announce(name)))
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                self._handles.append(module.register_forward_pre_hook(self._channels_last))

    def detach(self) -> None:
        """Take all hooks off."""
        for handle in self._handles:
            handle.remove()

    def use_masks(self, masks: Mapping[str, Tensor]) -> None:
        """Compute with these masks instead of the network's own, until `refresh`."""
        for name, module in self._layers.items():
            self._set(name, masks.get(name), module)
        self._version = self.masks.version

    def refresh(self) -> None:
        """Take over the network's masks at the next forward."""
        self._version = None

    def _update(self) -> None:
        if self._version != self.masks.version:
            for name, module in self._layers.items():
                masked = name in self.masks
                self._set(name, self.masks[name] if masked else None, module)
            self._version = self.masks.version
        dense = self._dense_gradient()
        for index in self._indices.values():
            index.dense_gradient = dense

    def _set(self, name: str, mask: Tensor | None, module: nn.Module) -> None:
        if mask is None:
            if name in self._indices and self._indices[name].density == 1:
                return
            shape = _weight_shape(module)
            mask = torch.ones(shape, dtype=torch.bool)
        if name in self._indices:
            self._indices[name].rebuild(mask)
        else:
            self._indices[name] = SparseIndex(mask)

    # ---- hooks

    def _enter(self, *_: Any) -> None:
        if self.on and self._mode is None:
            self._update()
            self._mode = _Native(self._indices)
            self._mode.__enter__()  # type: ignore[no-untyped-call]

    def _leave(self, *_: Any) -> None:
        if self._mode is not None:
            mode, self._mode = self._mode, None
            mode.__exit__(None, None, None)  # type: ignore[no-untyped-call]

    def _channels_last(self, module: nn.Module, args: tuple[Any, ...]) -> Any:
        # Dense convolutions are 1.3 times faster on it, and what follows them keeps it.
        if (
            self.channels_last
            and not self.on
            and args
            and isinstance(args[0], Tensor)
            and args[0].dim() == 4
        ):
            return (args[0].contiguous(memory_format=torch.channels_last), *args[1:])
        return None

    def _announce(self, name: str) -> Callable[..., None]:
        def announce(*_: Any) -> None:
            if self._mode is not None:
                self._mode.current = name

        return announce


class _Native(TorchFunctionMode):
    """Hands functions to their native counterparts where these can take the call."""

    def __init__(self, indices: Mapping[str, SparseIndex]) -> None:
        super().__init__()
        self.indices = indices
        self.current: str | None = None

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        handler = _HANDLERS.get(func)
        if handler is not None:
            result = handler(self, *args, **(kwargs or {}))
            if result is not None:
                return result
        return func(*args, **(kwargs or {}))

    def take(self, x: Tensor, weight: Tensor, dimensions: tuple[int, ...]) -> SparseIndex | None:
        """The index of the layer that was announced, if this call can be its own."""
        name, self.current = self.current, None
        index = self.indices.get(name) if name is not None else None
        fits = index is not None and index.mask.shape == weight.shape
        plain = x.dtype == weight.dtype == torch.float32 and x.device.type == "cpu"
        # An engine call on an empty batch has nothing to win.
        return index if fits and plain and x.dim() in dimensions and x.numel() else None


def _weight_shape(module: nn.Module) -> tuple[int, ...]:
    if isinstance(module, nn.Linear):
        return module.out_features, module.in_features
    assert isinstance(module, nn.Conv2d | nn.ConvTranspose2d)
    pair = (module.out_channels, module.in_channels)
    return (*(pair[::-1] if module.transposed else pair), *module.kernel_size)


# ---- handlers: each takes the arguments of the function it stands for, or gives None


def _conv2d(
    native: _Native,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor | None:
    index = native.take(x, weight, (4,))
    return None if index is None else sparse_conv2d(x, weight, index, bias, stride, padding)


def _conv_transpose2d(
    native: _Native,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor | None:
    index = native.take(x, weight, (4,))
    if index is None:
        return None
    return sparse_conv_transpose2d(x, weight, index, bias, stride, padding, output_padding)


def _linear(
    native: _Native, x: Tensor, weight: Tensor, bias: Tensor | None = None
) -> Tensor | None:
    index = native.take(x, weight, (2,))
    return None if index is None else sparse_linear(x, weight, index, bias)


def _batch_norm(
    native: _Native,
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor | None:
    if not _is_ours(x) or (training and x.numel() == x.shape[1]):
        return None  # PyTorch refuses a single value per channel, in its own words
    return batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps)


def _interpolate(native: _Native, x: Tensor, *args: Any, **kwargs: Any) -> Tensor | None:
    given = dict(zip(("size", "scale_factor", "mode"), args, strict=False)) | kwargs
    plain = given.pop("mode", "nearest") == "nearest" and given.pop("size", None) is None
    factor = given.pop("scale_factor", None)
    twice = factor in (2, (2, 2), [2, 2]) and all(value is None for value in given.values())
    return upsample2(x) if plain and twice and _is_ours(x) else None


def _avg_pool2d(
    native: _Native, x: Tensor, kernel_size: Any, stride: Any = None, *rest: Any, **kwargs: Any
) -> Tensor | None:
    twos = (2, (2, 2), [2, 2])
    plain = kernel_size in twos and stride in (None, [], *twos) and not rest and not kwargs
    even = _is_ours(x) and x.shape[2] % 2 == 0 and x.shape[3] % 2 == 0
    return average_pool2(x) if plain and even else None


def _is_ours(x: Tensor) -> bool:
    return x.dtype == torch.float32 and x.device.type == "cpu" and is_batch_inner(x)


_HANDLERS: dict[Any, Callable[..., Tensor | None]] = {
    F.conv2d: _conv2d,
    F.conv_transpose2d: _conv_transpose2d,
    F.linear: _linear,
    F.batch_norm: _batch_norm,
    F.interpolate: _interpolate,
    F.avg_pool2d: _avg_pool2d,
}
