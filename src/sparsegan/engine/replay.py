"""A network's forward in a time in which nothing changes it: recorded, checked, then made again.

What a small batch costs is mostly Python: modules, hooks, functions looked up and handed on. Where
weights and statistics are constant, each forward with inputs of one form does the same, and a
record of it (`recording`) does without.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sparsegan.engine.native import isa
from sparsegan.engine.recording import Recorder, Recording, is_recording
from sparsegan.hooks import Hook
from sparsegan.modules import own_forward
from sparsegan.torch_private import Undisturbed, has_global_hooks, is_transformed

_MOST_FORMS = 16


@dataclass
class _Form:
    """What is known of forwards with inputs of one form.

    Attributes:
        calls: How many there were.
        recording: The record of the second; None where it was refused.
        trusted: Whether the third gave what the record gives, to the bit.
    """

    calls: int = 0
    recording: Recording | None = None
    trusted: bool = False


class Replay:
    """Stands in the place of a network's ``forward`` between `begin` and `end`.

    A forward has to be a function of its tensors. One that is seen not to be (`Recorder`), or whose
    third call gives other bits than the record of its second, always runs as it is written. So
    does one with gradients, within other transformations, or with hooks of others on its layers.

    Args:
        network: The network.
        constants: What stays as it is, in that time.
        finish: Makes a forward's result a plain tensor.
        usable: Whether forwards run natively at this moment.

    Attributes:
        because: Why the forward is not made from a record; None where it is, or not tried yet.
    """

    def __init__(
        self,
        network: nn.Module,
        constants: Callable[[], Iterable[Tensor]],
        finish: Callable[[Any], Any],
        usable: Callable[[], bool],
    ) -> None:
        self.because: str | None = None
        self._network = network
        self._constants, self._finish, self._usable = constants, finish, usable
        self._forms: dict[Any, _Form] = {}
        self._hooks: list[dict[int, Any]] = []
        self._parts: list[tuple[Mapping[str, Any], str]] = []
        self._modules: list[nn.Module] = []
        self._signature: Any = None
        self._before: Any = None

    def begin(self) -> None:
        """From now on nothing changes the network."""
        self.end()
        self._look()
        self._before = vars(self._network).get("forward")
        self._network.forward = _Forward(self._network, self)

    def end(self) -> None:
        """What changes the network may come."""
        self.forget()
        self._parts, self._modules, self._hooks = [], [], []
        if isinstance(vars(self._network).get("forward"), _Forward):
            del self._network.forward
            if self._before is not None:
                self._network.forward = self._before

    def forget(self) -> None:
        """Every record is of the past."""
        self._forms, self.because = {}, None

    def run(self, plain: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The network's forward."""
        other = is_transformed() or torch.is_grad_enabled() or has_global_hooks()
        if other or not self._usable() or is_recording():
            return plain(*args, **kwargs)
        with Undisturbed():
            if self._signature != self._sign():
                self.forget()
                self._look()
            form = None if kwargs else self._form(args)
            recording = form.recording if form is not None else None
            if recording is not None and not recording.holds():
                self.forget()
                form = None
            elif recording is not None and form is not None and form.trusted:
                return recording.run(_tensors(args))
        if form is None:
            return plain(*args, **kwargs)
        if form.calls == 2:
            return self._record(form, plain, args)
        return plain(*args) if form.recording is None else self._compare(form, plain, args)

    def _form(self, args: tuple[Any, ...]) -> _Form | None:
        """What is known of such a forward, this call counted; None where it is none to record."""
        key = self._key(args)
        if key is None:
            return None
        form = self._forms.get(key)
        if form is None:
            if len(self._forms) >= _MOST_FORMS:
                self._forms.clear()
            form = self._forms[key] = _Form()
        form.calls += 1
        return form

    def _record(self, form: _Form, plain: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        foreign = any(not isinstance(hook, Hook) for d in self._hooks for hook in d.values())
        if foreign:
            self.because = "others have hooks on its layers"
            return plain(*args)
        with Recorder(_tensors(args), self._constants()) as recorder:
            result = self._finish(plain(*args))
        form.recording = recorder.recording(result)
        self.because = recorder.because
        return result

    def _compare(self, form: _Form, plain: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        recording = form.recording
        result = self._finish(plain(*args))
        if recording is None:  # another thread has found it wanting
            return result
        with Undisturbed():
            again = recording.run(_tensors(args))
            form.trusted = isinstance(result, Tensor) and torch.equal(result, again)
        if not form.trusted:
            form.recording, self.because = None, "it is no function of its tensors"
        return result

    def _look(self) -> None:
        """Note what the network is made of."""
        self._modules = list(self._network.modules())
        below = [m for m in self._modules if m is not self._network]
        self._hooks = [d for m in below for d in (m._forward_hooks, m._forward_pre_hooks)]
        parts = [d for m in self._modules for d in (m._parameters, m._buffers, m._modules)]
        self._parts = [(d, name) for d in parts for name in d]
        self._signature = self._sign()

    def _sign(self) -> Any:
        """What tells whether the network is made of the same parts, in the same modes."""
        parts = [d.get(name) for d, name in self._parts]
        memory = [x.data_ptr() for x in parts if isinstance(x, Tensor)]
        return [id(x) for x in parts], memory, [m.training for m in self._modules]

    def _key(self, args: tuple[Any, ...]) -> Any:
        """What two forwards have in common that do the same; None where that is not known."""
        if torch.is_autocast_enabled("cpu"):
            return None
        key: list[Any] = [isa(), sum(map(len, self._hooks))]
        tensors = [id(x) for x in _tensors(args)]
        key.append(tuple(tensors.index(one) for one in tensors))  # which of them are the same
        for x in args:
            if type(x) is Tensor and x.device.type == "cpu" and x.layout == torch.strided:
                key.append((x.shape, x.stride(), x.dtype))
            elif x is None or type(x) in (bool, int, float, str):
                key.append((type(x), x))
            else:
                return None
        return tuple(key)


def _tensors(args: tuple[Any, ...]) -> list[Tensor]:
    return [x for x in args if isinstance(x, Tensor)]


class _Forward:
    """What is called in the place of a network's forward; a copy of the network has its own."""

    def __init__(self, network: nn.Module, replay: Replay) -> None:
        self._network, self._replay = network, replay
        before = replay._before
        self._plain = before if before is not None else own_forward(network)
        # What looks at a forward's arguments sees those that it has.
        self.__signature__ = inspect.signature(self._plain)
        self.__code__ = getattr(self._plain, "__code__", None)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._replay.run(self._plain, args, kwargs)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[nn.Module]]:
        return own_forward, (self._network,)
