"""Native or masked kernels for a network: measured once, then a pure function of the table.

Before its first training step a network is timed as a whole, forward and backward, on dense masked
kernels and on native ones at two densities; seconds on native kernels are then
``fixed + slope * density``. Every later decision, also when a density moves, follows from the
table alone, so a resumed run that has the table repeats every decision.
"""

import functools
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from sparsegan import ranks
from sparsegan.engine.attach import ActiveWeights, NativeForward
from sparsegan.engine.layer_timing import LayerTiming, time_layers
from sparsegan.engine.native import available, isa
from sparsegan.engine.network_timing import described, time_network
from sparsegan.engine.random_masks import network_in_blocks
from sparsegan.engine.timing import Fit, kept
from sparsegan.errors import SparseganError
from sparsegan.hooks import Hook, before_all

Wanted = Literal["auto", "native", "masked"]
Kernels = Literal["native", "masked"]

log = logging.getLogger("sparsegan")


@dataclass(frozen=True)
class Timing(Fit):
    """What one forward and backward of a network takes: the table that decides.

    Attributes:
        batch: Samples of the batch that was timed.
        threads: CPU threads.
        isa: Instruction set of the native kernels.
        channels_last: Whether ``masked`` is of convolutions in that memory format, where it is
            faster than the network's own.
    """

    batch: int
    threads: int
    isa: str
    channels_last: bool = True

    def faster(self, density: float) -> Kernels:
        """The faster kernels at a density; a dense network is the baseline and runs as one."""
        return "native" if density < 1 and self.native(density) < self.masked else "masked"


def attach(
    network: nn.Module,
    masks: ActiveWeights,
    dense_gradient: Callable[[], bool],
    wanted: Wanted,
    *,
    because: str = "as told",
) -> "Engine":
    """An engine for a network; without compiled kernels ``auto`` runs masked, said once.

    Raises:
        SparseganError: If ``native`` is wanted and the kernels are not compiled.
    """
    if wanted == "native" and not available():
        raise SparseganError(
            "engine is 'native' and the kernels are not compiled: install sparsegan where there "
            "is a C++ compiler, or take engine 'auto'"
        )
    if wanted == "auto" and not available():
        _say_masked()
    return Engine(network, masks, dense_gradient, wanted, because=because)


@functools.cache
def _say_masked() -> None:
    log.warning("the native engine is not compiled: sparse networks run on dense masked kernels")


class Engine:
    """Chooses a network's kernels and puts the choice into effect at every forward.

    Args:
        network: The network itself, not a wrapper around it.
        masks: Its masks.
        dense_gradient: A function that says whether gradients at inactive places are wanted.
        wanted: ``native``, ``masked``, or ``auto`` to measure and take the faster.
        because: Why ``native`` or ``masked`` is wanted, in one phrase.

    Attributes:
        timing: The table that ``auto`` decides by; None before the first training forward.
        layers: What `time_layers` has found last, to be shown; None before.
    """

    def __init__(
        self,
        network: nn.Module,
        masks: ActiveWeights,
        dense_gradient: Callable[[], bool],
        wanted: Wanted = "auto",
        *,
        because: str = "as told",
    ) -> None:
        if wanted not in get_args(Wanted):
            raise SparseganError(
                f"engine is {wanted!r}: choose one of {', '.join(get_args(Wanted))}"
            )
        self.network = network
        self._modules = [module for module in network.modules() if module._parameters]
        self.masks = masks
        self.wanted = wanted
        self.because = because
        self.timing: Timing | None = None
        self.layers: list[LayerTiming] | None = None
        self._measuring = False
        self._native = NativeForward(network, masks, dense_gradient)
        self._choose_format()
        self._handle = before_all(network, Hook(self._before), with_kwargs=True)

    @property
    def kernels(self) -> Kernels:
        """The kernels that the next forward runs on."""
        if not self._on_cpu:
            return "masked"
        if self.wanted != "auto":
            return self.wanted
        if self.timing is None or not available():
            return "masked"
        return self.timing.faster(self.masks.density)

    @property
    def measurable(self) -> bool:
        """Whether there is a choice: the kernels are compiled, and the network is on the CPU."""
        return available() and self._on_cpu

    @property
    def _on_cpu(self) -> bool:
        # Asked before every forward: going through the whole network would cost as much as a layer.
        held = (one for module in self._modules for one in module._parameters.values())
        return all(one is None or one.device.type == "cpu" for one in held)

    @property
    def reason(self) -> str:
        """Why these kernels, in one phrase."""
        if not self._on_cpu:
            return "native kernels are for the CPU"
        if self.wanted != "auto":
            return self.because
        if not available():
            return "the native kernels are not compiled"
        if self.timing is None:
            return "not measured yet"
        if self.masks.density == 1:
            return "the network is dense"
        native = self.timing.native(self.masks.density)
        return (
            f"{1e3 * native:.1f} ms native against {1e3 * self.timing.masked:.1f} ms masked, "
            f"forward and backward of {self.timing.batch} samples at density "
            f"{self.masks.density:.3g}"
        )

    @contextmanager
    def constant(self) -> Iterator[None]:
        """A time in which nothing changes weights, masks or running statistics.

        Forwards without gradients then need not look at them anew. The caller answers for that.
        """
        self._native.constant = True
        try:
            yield
        finally:
            self._native.constant = False

    def keep_constant(self) -> None:
        """As `constant`, for good: the network will never change."""
        self._native.constant = True

    def detach(self) -> None:
        """Take all hooks off the network."""
        self._native.detach()
        self._handle.remove()

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs to decide alike."""
        return {
            "wanted": self.wanted,
            "timing": None if self.timing is None else asdict(self.timing),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a saved table."""
        self.wanted = state["wanted"]
        self.timing = None if state["timing"] is None else Timing(**state["timing"])
        self._choose_format()

    # ---- measuring

    def measure(self, *args: Any, anew: bool = True, **kwargs: Any) -> Timing:
        """Time the network; what is found decides from now on, here and in later runs.

        Args:
            args: What the network is called with, on the CPU.
            anew: Do not take a table that an earlier run on this machine has left.
            kwargs: As ``args``.

        Returns:
            The new ``timing``.

        Raises:
            SparseganError: If the kernels are not compiled.
        """
        with self._measurement():
            self.timing = self._table(args, kwargs, anew)
        return self.timing

    def time_layers(
        self, *args: Any, seconds: float = 0.1, anew: bool = True, **kwargs: Any
    ) -> list[LayerTiming]:
        """Time the network's layers one by one (`layer_timing.time_layers`); nothing is decided."""
        with self._measurement():
            self.layers = time_layers(
                self.network,
                args,
                kwargs,
                blocks=network_in_blocks(self.network, self.masks),
                channels_last=self.timing is None or self.timing.channels_last,
                seconds=seconds,
                anew=anew,
            )
        return self.layers

    @contextmanager
    def _measurement(self) -> Iterator[None]:
        """Forwards inside run as they are set up and choose nothing."""
        self._measuring, self._native.on = True, False
        try:
            yield
        finally:
            self._measuring = False
            self._choose_format()
            self._native.refresh()

    def _before(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        # What torch.compile compiles runs as compiled, on dense kernels.
        if self._measuring or torch.compiler.is_compiling():
            return
        unknown = self.wanted == "auto" and self.timing is None
        if unknown and module.training and self.measurable:
            self.measure(*args, anew=False, **kwargs)
        self._native.on = self.kernels == "native"

    def _choose_format(self) -> None:
        # Told to run masked, a network computes to the bit what it would without an engine.
        faster = self.timing is None or self.timing.channels_last
        self._native.channels_last = self.wanted == "auto" and faster

    def _table(self, args: tuple[Any, ...], kwargs: dict[str, Any], anew: bool) -> Timing:
        what = described(self.network, self.masks, args)
        table = kept(
            what, lambda: time_network(self.network, self._native, args, kwargs), anew=anew
        )
        # Every rank must decide alike: the first one's clock counts.
        own, last, fixed, slope = ranks.of_first(table).tolist()
        return Timing(
            masked=min(own, last),
            fixed=fixed,
            slope=slope,
            batch=next((len(a) for a in args if isinstance(a, Tensor) and a.dim()), 0),
            threads=torch.get_num_threads(),
            isa=isa(),
            channels_last=last < own,
        )
