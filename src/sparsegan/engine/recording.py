"""What a forward does, without the Python around it: recorded once, and done again from the record.

A recorder sees every operator below autograd and every call of the kernels. What follows from
constants alone is kept as a value; the rest is a list of steps from tensors to tensors. A forward
that cannot be known so is refused: one that draws random numbers, looks at a value, changes a
constant, or takes a tensor from where the recorder does not see.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from sparsegan.engine.views import storage
from sparsegan.torch_private import TorchDispatchMode, tree_leaves

_REFUSED = (
    torch.Tag.nondeterministic_seeded,
    torch.Tag.data_dependent_output,
    torch.Tag.dynamic_output_shape,
)


_LOOKS = (
    *(Tensor.numpy, Tensor.tolist, Tensor.__array__, Tensor.__dlpack__, Tensor.item),
    *(Tensor.data_ptr, Tensor.untyped_storage, Tensor.storage),
)


class _Active(threading.local):
    """The recorder that watches a thread."""

    recorder: "Recorder | None" = None


_active = _Active()


def step(function: Callable[..., Tensor], tensors: Sequence[Tensor | None], form: Any) -> Tensor:
    """``function(*tensors, *form)``, which runs kernels, noted where somebody records.

    Args:
        function: Depends on nothing else, and writes to nothing but what it makes.
        tensors: Contiguous, or None.
        form: What is the same whenever a forward is made again.
    """
    recorder = _active.recorder
    if recorder is None or recorder.inside:
        return function(*tensors, *form)
    return recorder.native(function, tensors, form)


def is_recording() -> bool:
    """Whether a recorder watches this thread."""
    return _active.recorder is not None


def note_function(function: Any) -> None:
    """Tells a recorder of a function, some of which look at values where it sees nothing."""
    recorder = _active.recorder
    if recorder is not None and function in _LOOKS:
        recorder.refuse(f"it looks at values ({getattr(function, '__name__', function)})")


def note_kernel(name: str) -> None:
    """Tells a recorder that a kernel runs, which is nothing to it within a step."""
    recorder = _active.recorder
    if recorder is not None and not recorder.inside:
        recorder.refuse(f"it calls the kernel {name}")


@dataclass(frozen=True)
class _Step:
    """A call and where its tensors are.

    Attributes:
        function: What is called.
        args: Its arguments, with any values in the places of tensors.
        kwargs: Its keyword arguments, none of which is a tensor.
        tensors: Position and slot of each argument that is a tensor.
        lists: Position and slots of each that is a list of them.
        results: The slots of its results.
        single: Whether it gives one tensor, not a sequence of them.
        spent: The slots that no later step needs.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    tensors: tuple[tuple[int, int], ...]
    lists: tuple[tuple[int, tuple[int, ...]], ...]
    results: tuple[int, ...]
    single: bool
    spent: tuple[int, ...] = ()

    @property
    def needs(self) -> set[int]:
        """The slots it reads."""
        return {s for _, s in self.tensors} | {s for _, slots in self.lists for s in slots}

    def run(self, values: list[Any]) -> None:
        """Makes the call again."""
        args = list(self.args)
        for position, slot in self.tensors:
            args[position] = values[slot]
        for position, slots in self.lists:
            args[position] = [values[slot] for slot in slots]
        result = self.function(*args, **self.kwargs)
        if self.single:
            values[self.results[0]] = result
        else:
            for slot, one in zip(self.results, result, strict=True):
                values[slot] = one
        for slot in self.spent:
            values[slot] = None


class Recording:
    """A forward that can be made again.

    Args:
        steps: Its calls, in their order.
        values: By slot: constants, and None for what a forward makes.
        inputs: The slots of its inputs.
        result: The slot of its result.
        constants: Tensors that must not have changed.
    """

    def __init__(
        self,
        steps: Sequence[_Step],
        values: Sequence[Any],
        inputs: Sequence[int],
        result: int,
        constants: Sequence[Tensor],
    ) -> None:
        self._steps = tuple(steps)
        self._values = tuple(values)
        self._inputs = tuple(inputs)
        self._result = result
        self._constants = tuple(t for t in constants if not t.is_inference())
        self._versions = self._count()

    def holds(self) -> bool:
        """Whether nobody has changed a constant in place."""
        return self._versions == self._count()

    def run(self, inputs: Sequence[Tensor]) -> Tensor:
        """The forward's result for inputs of the recorded shapes and types."""
        values = list(self._values)
        for slot, tensor in zip(self._inputs, inputs, strict=True):
            values[slot] = tensor
        for one in self._steps:
            one.run(values)
        result: Tensor = values[self._result]
        return result

    def _count(self) -> list[int]:
        return [t._version for t in self._constants]


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records what runs within it, outside of gradients.

    Args:
        inputs: The forward's tensors.
        constants: What stays as it is.

    Attributes:
        inside: Whether what runs belongs to a step that is noted already.
        because: Why this cannot be recorded; None as long as it can.
    """

    def __init__(self, inputs: Sequence[Tensor], constants: Iterable[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.inside = False
        self.because: str | None = None
        self._steps: list[_Step] = []
        self._values: list[Any] = []
        self._kept: list[Tensor] = []  # alive, so that each has an identity of its own
        self._slots: dict[int, int] = {}
        self._constant: list[bool] = []
        self._sources = list({id(t): t for t in constants}.values())
        for t in self._sources:
            self._note(t, constant=True)
        if any(id(t) in self._slots for t in inputs):
            self.refuse("an input is one of its constants")
        self._inputs = [self._note(t, constant=False) for t in inputs]
        self._unwritten = {storage(t) for t in (*self._sources, *inputs)} - {0}

    def __enter__(self) -> "Recorder":
        _active.recorder = self
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *exception: Any) -> None:
        _active.recorder = None
        super().__exit__(*exception)  # type: ignore[no-untyped-call]

    def refuse(self, because: str) -> None:
        """Gives up, for a reason; what runs goes on."""
        self.because = self.because or because

    def recording(self, result: Any) -> Recording | None:
        """The record of a forward that gave this result; None where it was refused."""
        known = isinstance(result, Tensor) and id(result) in self._slots
        if self.because is not None or not known:
            self.refuse("its result is no tensor that was seen")
            return None
        slot = self._slots[id(result)]
        if self._constant[slot] or slot in self._inputs:
            self.refuse("its result is no new tensor")
            return None
        steps = self._released(slot)
        needed = {slot for one in steps for slot in one.needs}
        values = [value if n in needed else None for n, value in enumerate(self._values)]
        return Recording(steps, values, self._inputs, slot, self._sources)

    def native(
        self, function: Callable[..., Tensor], tensors: Sequence[Tensor | None], form: Any
    ) -> Tensor:
        """Runs and notes a call of the kernels."""
        self.inside = True
        try:
            result = function(*tensors, *form)
        finally:
            self.inside = False
        self._append(function, (*tensors, *form), {}, result)
        return result

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if self.inside:
            return func(*args, **kwargs)
        if any(tag in func.tags for tag in _REFUSED):
            self.refuse(f"it calls {func}")
        if func._schema.is_mutable:
            self._check_writes(func, args)
        self.inside = True
        try:
            result = func(*args, **kwargs)
        finally:
            self.inside = False
        self._append(func, args, kwargs, result, mutable=func._schema.is_mutable)
        return result

    # ---- what is noted

    def _note(self, t: Tensor, constant: bool) -> int:
        """The slot of a tensor, a new one for a new tensor."""
        slot = self._slots.get(id(t))
        if slot is None:
            slot = self._slots[id(t)] = len(self._values)
            self._values.append(t if constant else None)
            self._kept.append(t)
            self._constant.append(constant)
        return slot

    def _append(
        self,
        function: Callable[..., Any],
        args: Sequence[Any],
        kwargs: dict[str, Any],
        result: Any,
        mutable: bool = False,
    ) -> None:
        if self.because is not None:
            return
        if any(isinstance(x, Tensor) for x in tree_leaves(kwargs)):
            self.refuse(f"{function} takes a tensor by its name")
            return
        tensors, lists = [], []
        for position, value in enumerate(args):
            if isinstance(value, Tensor):
                tensors.append((position, self._find(value)))
            elif isinstance(value, list | tuple) and any(isinstance(x, Tensor) for x in value):
                lists.append((position, tuple(self._find(x) for x in value)))
        results = (result,) if isinstance(result, Tensor) else result
        if not isinstance(results, list | tuple) or not all(isinstance(r, Tensor) for r in results):
            self.refuse(f"{function} gives other than tensors")
            return
        needs = {s for _, s in tensors} | {s for _, slots in lists for s in slots}
        if self.because is not None:
            return
        if function is torch.ops.aten.detach.default:
            # Outside of gradients another name of the same.
            self._slots[id(result)] = tensors[0][1]
            self._kept.append(result)
            return
        constant = bool(needs) and all(self._constant[s] for s in needs) and not mutable
        slots = tuple(self._note(r, constant) for r in results)
        if not constant:
            plain = tuple(
                None if isinstance(x, Tensor) or position in dict(lists) else x
                for position, x in enumerate(args)
            )
            single = isinstance(result, Tensor)
            where = (tuple(tensors), tuple(lists), slots)
            self._steps.append(_Step(function, plain, dict(kwargs), *where, single))

    def _find(self, t: Any) -> int:
        slot = self._slots.get(id(t))
        if slot is None:
            self.refuse("it takes a tensor from elsewhere")
            return -1
        return slot

    def _check_writes(self, func: Any, args: Sequence[Any]) -> None:
        for argument, value in zip(func._schema.arguments, args, strict=False):
            written = argument.alias_info is not None and argument.alias_info.is_write
            for t in tree_leaves(value) if written else ():
                slot = self._slots.get(id(t))
                if slot is not None and self._constant[slot]:
                    self.refuse(f"{func} changes a constant")
                elif isinstance(t, Tensor) and storage(t) in self._unwritten:
                    self.refuse(f"{func} changes an input or a constant")

    def _released(self, result: int) -> list[_Step]:
        """The steps, each of which lets go of what is needed no more."""
        steps: list[_Step] = []
        needed = {result, *(s for s, constant in enumerate(self._constant) if constant)}
        for one in reversed(self._steps):
            spent = (one.needs | set(one.results)) - needed
            needed |= spent
            steps.append(replace(one, spent=tuple(spent)))
        return steps[::-1]
