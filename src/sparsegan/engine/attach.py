"""Running a network, anybody's, on the native kernels: its layers found, its forward intercepted.

Hooks note which layer is about to run and when the network's forward begins and ends; in between a
mode hands the layers' convolutions, and what surrounds them, to the kernels (`intercept`). Nothing
is traced or rewritten, and ``detach`` leaves no trace.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..hooks import Hook
from .constants import Kept
from .fused import Statistics
from .index import SparseIndex
from .intercept import Interception, view_or_copy


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
        self._mode: Interception | None = None
        self._watch: _ViewWatch | None = None
        self._views: bool | None = None  # whether the network views maps in the order of dimensions
        self._calm: bool | None = None  # whether no forward so far changed a feature map in place
        self._constants: dict[int, Kept[Statistics]] | None = None
        self._handles = [
            network.register_forward_pre_hook(Hook(self._enter), prepend=True),
            network.register_forward_hook(Hook(self._leave), always_call=True),
        ]
        for name, module in self._layers.items():
            announce = Hook(partial(self._announce, name))
            self._handles.append(module.register_forward_pre_hook(announce))
        convert = Hook(self._channels_last)
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                self._handles.append(module.register_forward_pre_hook(convert))

    def detach(self) -> None:
        """Take all hooks off."""
        for handle in self._handles:
            handle.remove()

    @property
    def constant(self) -> bool:
        """Whether weights, statistics and masks stay as they are, whatever the forwards do.

        What follows from them alone is then computed once, for forwards without gradients. Whoever
        sets it answers for that, and takes it back before they change.
        """
        return self._constants is not None

    @constant.setter
    def constant(self, value: bool) -> None:
        self._constants = {} if value else None
        for index in self._indices.values():
            index.constant = False  # what was gathered before is forgotten
            index.constant = value

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
            transposed = isinstance(module, nn.ConvTranspose2d)
            self._indices[name] = SparseIndex(mask, transposed=transposed)
            self._indices[name].constant = self.constant

    # ---- hooks

    def _enter(self, *_: Any) -> None:
        if torch.compiler.is_compiling():
            return  # what torch.compile compiles runs as compiled
        watch = self.channels_last and self._views is None
        if watch and not self.on:
            self._watch = _ViewWatch()
            self._watch.__enter__()  # type: ignore[no-untyped-call]
        elif self.on and self._mode is None:
            self._update()
            self._mode = Interception(self._indices, bool(self._calm), self._constants)
            self._mode.__enter__()  # type: ignore[no-untyped-call]

    def _leave(self, module: nn.Module, args: Any, result: Any) -> Any:
        if self._watch is not None:
            watch, self._watch = self._watch, None
            watch.__exit__(None, None, None)  # type: ignore[no-untyped-call]
            self._views = watch.views
        if self._mode is None:
            return None
        mode, self._mode = self._mode, None
        mode.__exit__(None, None, None)  # type: ignore[no-untyped-call]
        self._calm = self._calm is not False and not mode.changed
        return mode.finish(result)

    def _channels_last(self, module: nn.Module, args: tuple[Any, ...]) -> Any:
        # Dense convolutions are 1.3 times faster on it, and what follows them keeps it.
        if (
            self.channels_last
            and not self.on
            and not self._views
            and not torch.compiler.is_compiling()
            and args
            and isinstance(args[0], Tensor)
            and args[0].dim() == 4
        ):
            return (args[0].contiguous(memory_format=torch.channels_last), *args[1:])
        return None

    def _announce(self, name: str, *_: Any) -> None:
        if self._mode is not None:
            self._mode.current = name


class _ViewWatch(TorchFunctionMode):
    """Notices a network whose views need contiguous feature maps, and copies them for it."""

    views = False

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        copy = view_or_copy(*args) if func is Tensor.view and not kwargs else None
        self.views = self.views or copy is not None
        return func(*args, **(kwargs or {})) if copy is None else copy


def _weight_shape(module: nn.Module) -> tuple[int, ...]:
    if isinstance(module, nn.Linear):
        return module.out_features, module.in_features
    assert isinstance(module, nn.Conv2d | nn.ConvTranspose2d)
    pair = (module.out_channels, module.in_channels)
    return (*(pair[::-1] if module.transposed else pair), *module.kernel_size)
