"""The functions of a network's forward that the engine computes, and what it makes of them.

Convolutions run on the sparse kernels. Normalisation, activation and nearest upsampling by two wait
(`pending`) for the convolution that packs them (`fused`), whatever order the network's author wrote
them in; what needs their values computes them, in as few passes as possible. Whatever is not
supported runs as it always did.
"""

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from ..errors import SparseganError
from .constants import Kept
from .functional import sparse_conv2d, sparse_conv_transpose2d, sparse_linear
from .fused import Prologue, Statistics, can_fuse, convolve_prologue
from .index import SparseIndex
from .layout import is_batch_inner
from .normalise import normalisation
from .pending import METADATA, Pending, pend, pend_in_place, to_plain
from .resample import add_upsampled2, average_pool2


class Interception(TorchFunctionMode):
    """Hands functions to their native counterparts where these can take the call.

    Args:
        indices: The index of each layer, by name.
        constants: What running statistics have been made into, where nothing changes them; None
            where weights or statistics may change.
        calm: Whether the network is known to change no feature map in place. A ReLU without a
            normalisation then waits too: its input is kept for the backward pass in place of its
            result, and must stay as it is.

    Attributes:
        current: The layer that is about to run; the next convolution can be its own.
        changed: Whether a feature map was changed in place.
        copies: Whether a copy stands where the network's author has asked for a view.
        stopped: Whether the forward was interrupted, so that functions run as they are.
    """

    def __init__(
        self,
        indices: Mapping[str, SparseIndex],
        calm: bool,
        constants: dict[int, Kept[Statistics]] | None = None,
    ) -> None:
        super().__init__()
        self.constants = constants if not torch.is_grad_enabled() else None
        self.indices = indices
        self.calm = calm
        self.changed = False
        self.copies = False
        self.stopped = False
        self.current: str | None = None
        self._waiting: list[weakref.ref[Pending]] = []

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if self.stopped:
            return func(*args, **kwargs)
        try:
            return self._run(func, args, kwargs)
        except Exception:
            raise
        except BaseException:
            self.stopped = True  # PyTorch calls no hook that would end the interception
            raise

    def _run(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        watched = _is_watched()
        handler = _HANDLERS.get(func)
        if watched:
            self.current = None
        elif handler is not None:
            result = handler(self, *args, **kwargs)
            if result is not None:
                return result
        if func in METADATA:
            return func(*args, **kwargs)
        given = _tensors(args, kwargs)
        self._settle(given)
        if any(isinstance(x, Pending) for x in given):
            with saved_tensors_hooks(_as_it_is, _as_it_is) if watched else nullcontext():
                args, kwargs = to_plain(args), to_plain(kwargs)
            given = _tensors(args, kwargs)
        maps = [(x, x._version) for x in given if _is_feature_map(x)]
        with no_writes_to_copies(given) if self.copies else nullcontext():
            result = func(*args, **kwargs)
        self.changed = self.changed or any(x._version != version for x, version in maps)
        if func in _RESHAPES and _is_copy(given[0], result):
            self.copies = True
            note_copy(result)
        return result

    def take(self, x: Tensor, weight: Tensor, dimensions: tuple[int, ...]) -> SparseIndex | None:
        """The index of the layer that was announced, whose own call this is, if it can be had."""
        name, self.current = self.current, None
        index = self.indices.get(name) if name is not None else None
        fits = index is not None and index.mask.shape == weight.shape
        plain = x.dtype == weight.dtype == torch.float32 and x.device.type == "cpu"
        # An engine call on an empty batch has nothing to win.
        return index if fits and plain and x.dim() in dimensions and x.numel() else None

    def defer(self, prologue: Prologue) -> Pending:
        """The result of a prologue, for later."""
        pending = pend(prologue)
        self._waiting = [one for one in self._waiting if _waits(one())]
        self._waiting.append(weakref.ref(pending))
        return pending

    def finish(self, result: Any) -> Any:
        """Computes what still waits; the result of the network's forward as plain tensors."""
        for reference in self._waiting:
            pending = reference()
            if pending is not None:
                pending.plain()
        return to_plain(result)

    def _settle(self, given: list[Tensor]) -> None:
        """Computes what waits and starts from memory that an unknown function might change."""
        if not self._waiting:
            return
        self._waiting = [one for one in self._waiting if _waits(one())]
        touched = {_storage(t) for t in given if not isinstance(t, Pending)}
        for reference in self._waiting:
            pending = reference()
            if pending is not None and any(
                _storage(t) in touched for t in pending.prologue.tensors
            ):
                pending.plain()


def _waits(pending: Pending | None) -> bool:
    return pending is not None and pending.waits


def _is_copy(x: Tensor, reshaped: Tensor) -> bool:
    return not x.is_contiguous() and _storage(x) != _storage(reshaped)


def _is_watched() -> bool:
    """Whether hooks see what is kept for the backward pass.

    Checkpointing makes these tensors again where no interception is, and they must be the same.
    """
    grad = torch.is_grad_enabled()
    return grad and torch._C._autograd._top_saved_tensors_default_hooks(True) is not None


def _as_it_is(x: Tensor) -> Tensor:
    return x


def _tensors(args: Any, kwargs: dict[str, Any]) -> list[Tensor]:
    """The tensors of a call; most calls nest none, and a walk through a tree takes long."""
    nested = kwargs or any(isinstance(x, tuple | list | dict) for x in args)
    leaves = tree_leaves((args, kwargs)) if nested else args
    return [x for x in leaves if isinstance(x, Tensor)]


def _is_feature_map(x: Tensor) -> bool:
    return x.dim() == 4 and not x.is_leaf and not x.is_inference()


def _storage(x: Tensor) -> int:
    return 0 if x.layout != torch.strided else x.untyped_storage().data_ptr()


# ---- handlers: each takes the arguments of the function it stands for, or gives None


def _conv2d(
    native: Interception,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor | None:
    index = native.take(input, weight, (4,))
    if index is None:
        return None
    prologue = _prologue_of(input)
    if prologue is not None and can_fuse(prologue, weight):
        return convolve_prologue(prologue, weight, index, bias, stride, padding)
    return sparse_conv2d(_plain(input), weight, index, bias, stride, padding)


def _conv_transpose2d(
    native: Interception,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor | None:
    index = native.take(input, weight, (4,))
    if index is None:
        return None
    rest = (weight, index, bias, stride, padding, output_padding)
    return sparse_conv_transpose2d(_plain(input), *rest)


def _linear(
    native: Interception, input: Tensor, weight: Tensor, bias: Tensor | None = None
) -> Tensor | None:
    index = native.take(input, weight, (2,))
    if index is None:
        return None
    x = _plain(input)
    if index.density < 1:
        return sparse_linear(x, weight, index, bias)
    # Nothing to skip: the dense product, in the layout of the engine's own.
    return F.linear(x, weight, bias).t().contiguous().t()


def _batch_norm(
    native: Interception,
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor | None:
    x = _plain(input)
    if not _is_ours(x) or (training and x.numel() == x.shape[1]):
        return None  # PyTorch refuses a single value per channel, in its own words
    affine = (weight, bias, training, momentum, eps)
    if training or native.constants is None or running_var is None:
        statistics = normalisation(x, running_mean, running_var, *affine)
        return native.defer(Prologue(x, statistics, from_batch=training))
    made_from = (running_mean, running_var, weight, bias)
    found = native.constants.get(running_var.data_ptr())
    if found is None or not found.holds_for(*made_from):
        with torch.no_grad():
            statistics = normalisation(x, running_mean, running_var, *affine)
        found = native.constants[running_var.data_ptr()] = Kept(statistics, *made_from)
    return native.defer(Prologue(x, found.value))


def _relu(native: Interception, input: Tensor, inplace: bool = False) -> Tensor | None:
    return _activate(native, input, 0.0, inplace)


def _relu_in_place(native: Interception, input: Tensor) -> Tensor | None:
    return _activate(native, input, 0.0, True)


def _leaky_relu(
    native: Interception, input: Tensor, negative_slope: float = 0.01, inplace: bool = False
) -> Tensor | None:
    # A slope of one is a prologue's "no activation", and a negative one has another gradient.
    return _activate(native, input, negative_slope, inplace) if 0 <= negative_slope < 1 else None


def _activate(native: Interception, x: Tensor, slope: float, inplace: bool) -> Tensor | None:
    prologue = _prologue_of(x)
    if prologue is None:
        x = _plain(x)
        waits = native.calm and not inplace and _is_ours(x)
        return native.defer(Prologue(x, slope=slope)) if waits else None
    if prologue.slope != 1:
        return None
    activated = replace(prologue, slope=slope)
    if not inplace:
        return native.defer(activated)
    assert isinstance(x, Pending)
    return pend_in_place(x, activated)


def _interpolate(native: Interception, input: Tensor, *args: Any, **kwargs: Any) -> Tensor | None:
    given = dict(zip(("size", "scale_factor", "mode"), args, strict=False)) | kwargs
    plain = given.pop("mode", "nearest") == "nearest" and given.pop("size", None) is None
    factor = given.pop("scale_factor", None)
    twice = factor in (2, (2, 2), [2, 2])
    if not (plain and twice and not any(given.values())):
        return None
    prologue = _prologue_of(input)
    if prologue is None or prologue.upsample:
        x = _plain(input)
        return native.defer(Prologue(x, upsample=True)) if _is_ours(x) else None
    return native.defer(replace(prologue, upsample=True))


def _avg_pool2d(
    native: Interception,
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    *rest: Any,
    **kwargs: Any,
) -> Tensor | None:
    twos = (2, (2, 2), [2, 2])
    if kernel_size not in twos or stride not in (None, [], *twos) or rest or kwargs:
        return None
    x = _plain(input)
    even = _is_ours(x) and x.shape[2] % 2 == 0 and x.shape[3] % 2 == 0
    return average_pool2(x) if even else None


def view_or_copy(x: Tensor, *shape: Any) -> Tensor | None:
    """``x.view(*shape)`` where authors count on memory in the order of the dimensions.

    Returns:
        A reshaped copy if ``x`` is in another order and no view can be had; None if a view will do.
    """
    if x.dim() < 2 or x.is_contiguous() or (shape and isinstance(shape[0], torch.dtype)):
        return None
    try:
        x.view(*shape)
    except RuntimeError:
        return note_copy(x.contiguous().view(*shape))
    return None


def note_copy(x: Tensor) -> Tensor:
    """Marks a copy that the network's author takes for a view."""
    base = x if x._base is None else x._base
    base.sparsegan_copy = True  # type: ignore[attr-defined]
    return x


def _is_noted(x: Tensor) -> bool:
    return hasattr(x if x._base is None else x._base, "sparsegan_copy")


@contextmanager
def no_writes_to_copies(given: Sequence[Tensor]) -> Iterator[None]:
    """A function's run, after which no copy that should have been a view may have changed.

    Raises:
        SparseganError: One has: what was written would be lost.
    """
    copies = [(x, x._version) for x in given if not x.is_inference() and _is_noted(x)]
    yield
    if any(x._version != version for x, version in copies):
        raise SparseganError(
            "this network writes through a view (or reshape) of a feature map, which lies in "
            "another order in memory here: write to the map itself, or take engine 'masked'"
        )


def _view(native: Interception, x: Tensor, *shape: Any, **kwargs: Any) -> Tensor | None:
    copy = None if kwargs else view_or_copy(_plain(x), *shape)
    native.copies = native.copies or copy is not None
    return copy


def _add(native: Interception, input: Any, other: Any, **kwargs: Any) -> Tensor | None:
    """A residual block's sum with an upsampled shortcut."""
    for first, second in ((input, other), (other, input)):
        prologue = _prologue_of(second)
        if prologue is None or kwargs or not isinstance(first, Tensor):
            continue
        only_upsampled = prologue.upsample and prologue.statistics is None and prologue.slope == 1
        base = _plain(first)
        if only_upsampled and base.shape == prologue.shape and _is_ours(base):
            return add_upsampled2(base, prologue.x)
    return None


def _addcmul(
    native: Interception, input: Tensor, tensor1: Tensor, tensor2: Tensor, **kwargs: Any
) -> Tensor | None:
    """Gains and biases of each sample behind a normalisation (class-conditional)."""
    bias, gain = input, tensor2
    prologue = _prologue_of(tensor1)
    if prologue is None or prologue.statistics is None or prologue.slope != 1 or kwargs:
        return None
    shape = (*prologue.shape[:2], 1, 1)
    if prologue.per_sample or not bias.shape == gain.shape == shape:
        return None
    if gain.dtype != prologue.x.dtype:
        return None
    gamma, beta, mean, inverse = prologue.statistics
    gain, bias = gain[..., 0, 0], bias[..., 0, 0]
    statistics = (gamma * gain, beta * gain + bias, mean, inverse)
    return native.defer(replace(prologue, statistics=statistics))


def _prologue_of(x: Any) -> Prologue | None:
    """What may be taken up in place of values: where gradients are recorded as at its making."""
    fits = isinstance(x, Pending) and x.waits and x.recorded == torch.is_grad_enabled()
    return x.prologue if fits else None


def _plain(x: Tensor) -> Tensor:
    return x.plain() if isinstance(x, Pending) else x


def _is_ours(x: Tensor) -> bool:
    return x.dtype == torch.float32 and x.device.type == "cpu" and is_batch_inner(x)


_HANDLERS: dict[Any, Callable[..., Tensor | None]] = {
    F.conv2d: _conv2d,
    F.conv_transpose2d: _conv_transpose2d,
    F.linear: _linear,
    F.batch_norm: _batch_norm,
    F.relu: _relu,
    torch.relu: _relu,
    Tensor.relu: _relu,
    torch.relu_: _relu_in_place,
    Tensor.relu_: _relu_in_place,
    F.leaky_relu: _leaky_relu,
    F.interpolate: _interpolate,
    F.avg_pool2d: _avg_pool2d,
    torch.add: _add,
    Tensor.add: _add,
    torch.addcmul: _addcmul,
    Tensor.view: _view,
}

# May give a view, and do of a tensor that is contiguous.
_RESHAPES = {torch.reshape, Tensor.reshape, torch.flatten, Tensor.flatten}
