"""Running a network, anybody's, on the native kernels: its layers found, its forward intercepted.

Hooks note which layer is about to run and when the network's forward begins and ends; in between a
mode hands the layers' convolutions, and what surrounds them, to the kernels (`mode`). Nothing
is traced or rewritten, and ``detach`` leaves no trace.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import ParametrizationList

from sparsegan.engine.constants import Kept
from sparsegan.engine.fused import Statistics
from sparsegan.engine.index import SparseIndex
from sparsegan.engine.mode import Interception
from sparsegan.engine.replay import Replay
from sparsegan.engine.spectral import denativize, nativize
from sparsegan.engine.views import ViewWatch, give_usual_gradient, in_usual_order
from sparsegan.hooks import Hook, before_all
from sparsegan.modules import WEIGHTED, weight_shape
from sparsegan.torch_private import SpectralNorm, Undisturbed, is_transformed, tree_map


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


def has_own_forward(module: nn.Module) -> bool:
    """Whether a layer computes otherwise than PyTorch's class of its kind: by a forward of its own.

    What that makes of the weight is not known; the weight's zeros may be none of its result.
    """
    for kind in WEIGHTED:
        if isinstance(module, kind):
            methods = ("forward", "_conv_forward")
            return any(
                getattr(type(module), method, None) is not getattr(kind, method, None)
                or method in vars(module)
                for method in methods
            )
    return False


def supported(module: nn.Module) -> bool:
    """Whether the native kernels can compute a layer."""
    if has_own_forward(module):
        return False
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
        self._running = _Running()
        self._views: bool | None = None  # whether the network views maps in the order of dimensions
        self._calm: bool | None = None  # whether no forward so far changed a feature map in place
        self._constants: dict[int, Kept[Statistics]] | None = None
        self._network = network
        self._replay = Replay(
            network, self._known, self._finish, lambda: self._running.mode is not None
        )
        self._handles = [
            before_all(network, Hook(self._enter)),
            network.register_forward_hook(Hook(self._leave), always_call=True),
        ]
        for name, module in self._layers.items():
            announce = Hook(partial(self._announce, name))
            self._handles.append(module.register_forward_pre_hook(announce))
        aside, back = Hook(self._step_aside), Hook(self._come_back)
        for module in network.modules():
            if isinstance(module, ParametrizationList):
                self._handles.append(module.register_forward_pre_hook(aside))
                self._handles.append(module.register_forward_hook(back, always_call=True))
        self._spectral = [m for m in network.modules() if isinstance(m, SpectralNorm)]
        for module in self._spectral:
            nativize(module)
        convert = Hook(self._channels_last)
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                self._handles.append(module.register_forward_pre_hook(convert))

    def detach(self) -> None:
        """Take all hooks off."""
        self._replay.end()
        for handle in self._handles:
            handle.remove()
        for module in self._spectral:
            denativize(module)

    @property
    def constant(self) -> bool:
        """Whether weights, statistics and masks stay as they are, whatever the forwards do.

        Forwards without gradients then compute only once what follows from them alone, and are made
        again from a record of an earlier one (`replay`). Whoever sets it answers for that, and
        takes it back before they change.
        """
        return self._constants is not None

    @constant.setter
    def constant(self, value: bool) -> None:
        self._constants = {} if value else None
        for index in self._indices.values():
            index.constant = False  # what was gathered before is forgotten
            index.constant = value
        if value and not supported(self._network):
            self._replay.begin()
        else:
            self._replay.end()

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

    def _known(self) -> Iterator[Tensor]:
        """All that stays as it is while weights do."""
        yield from self._network.parameters()
        yield from self._network.buffers()
        for kept in list((self._constants or {}).values()):
            yield from kept.value
        for index in self._indices.values():
            yield from index.tensors()

    def _finish(self, result: Any) -> Any:
        mode = self._running.mode
        return result if mode is None else mode.finish(result)

    def _set(self, name: str, mask: Tensor | None, module: nn.Module) -> None:
        self._replay.forget()
        if mask is None:
            if name in self._indices and self._indices[name].density == 1:
                return
            shape = weight_shape(module)
            mask = torch.ones(shape, dtype=torch.bool)
        if name in self._indices:
            self._indices[name].rebuild(mask)
        else:
            transposed = isinstance(module, nn.ConvTranspose2d)
            self._indices[name] = SparseIndex(mask, transposed=transposed)
            self._indices[name].constant = self.constant

    # ---- hooks

    def _enter(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        running = self._running
        if is_transformed() or not (self.on or self.channels_last):
            return  # what is compiled depends on nothing that may change here
        for x in args:
            give_usual_gradient(x)
        if running.mode is not None and running.mode.stopped:
            running.end()
        watch = self.channels_last and self._views is None
        if watch and not self.on:
            running.begin(watch=ViewWatch())
        elif self.on and running.mode is None:
            self._update()
            running.begin(mode=Interception(self._indices, bool(self._calm), self._constants))

    def _leave(self, module: nn.Module, args: Any, result: Any) -> Any:
        if torch.compiler.is_compiling():
            return None  # nothing has begun
        mode, watch = self._running.end()
        if watch is not None:
            self._views = watch.views
        if mode is not None:
            alone = isinstance(result, Tensor)  # or else what is given away may be changed later
            self._calm = self._calm is not False and not mode.changed and alone
            result = mode.finish(result)
        ours = mode is not None or (self.channels_last and not self.on)
        return tree_map(in_usual_order, result) if ours else None

    def _channels_last(self, module: nn.Module, args: tuple[Any, ...]) -> Any:
        # Dense convolutions are 1.3 times faster on it, and what follows them keeps it.
        if (
            self.channels_last
            and not self.on
            and not self._views
            and not is_transformed()
            and args
            and isinstance(args[0], Tensor)
            and args[0].dim() == 4
        ):
            return (args[0].contiguous(memory_format=torch.channels_last), *args[1:])
        return None

    def _step_aside(self, *_: Any) -> None:
        """Weights are made of weights: no feature map is among them."""
        if self._running.mode is not None:
            self._running.asides.append(Undisturbed())
            self._running.asides[-1].__enter__()

    def _come_back(self, *_: Any) -> None:
        if self._running.asides:
            self._running.asides.pop().__exit__(None, None, None)

    def _announce(self, name: str, *_: Any) -> None:
        if self._running.mode is not None:
            self._running.mode.current = name


class _Running(threading.local):
    """What watches a network's forward, for each thread that runs it."""

    mode: Interception | None = None
    watch: "ViewWatch | None" = None

    def __init__(self) -> None:
        self.asides: list[Any] = []

    def begin(self, mode: Interception | None = None, watch: "ViewWatch | None" = None) -> None:
        self.mode, self.watch = mode, watch
        one = mode or watch
        assert one is not None
        one.__enter__()

    def end(self) -> "tuple[Interception | None, ViewWatch | None]":
        """Stop watching; what has watched."""
        ended = self.mode, self.watch
        for one in ended:
            if one is not None:
                one.__exit__(None, None, None)
        self.mode = self.watch = None
        return ended
