"""Native or masked kernels for a network: measured once, then a pure function of the table.

Before its first training step a network is timed as a whole, forward and backward, on dense masked
kernels and on native ones at two densities; seconds on native kernels are then
``fixed + slope * density``. Every later decision, also when a density moves, follows from the
table alone, so a resumed run that has the table repeats every decision.
"""

import functools
import hashlib
import logging
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from .. import cache, ranks
from ..errors import SparseganError
from ..undisturbed import undisturbed
from .attach import ActiveWeights, NativeForward
from .native import available, isa

Wanted = Literal["auto", "native", "masked"]
Kernels = Literal["native", "masked"]

log = logging.getLogger("sparsegan")

# One timed pass lasts this long, in passes of at least this number.
SECONDS, PASSES = 0.3, 3


@dataclass(frozen=True)
class Timing:
    """What one forward and backward of a network takes.

    Attributes:
        masked: Seconds on dense kernels under masks, whatever the density.
        fixed: Seconds on native kernels at density 0, extrapolated.
        slope: Seconds that density 1 adds to it.
        batch: Samples of the batch that was timed.
        threads: CPU threads.
        isa: Instruction set of the native kernels.
    """

    masked: float
    fixed: float
    slope: float
    batch: int
    threads: int
    isa: str

    def native(self, density: float) -> float:
        """Seconds on native kernels at a density."""
        return self.fixed + self.slope * density

    def faster(self, density: float) -> Kernels:
        """The faster kernels at a density; a dense network is the baseline and runs as one."""
        return "native" if density < 1 and self.native(density) < self.masked else "masked"


def attach(
    network: nn.Module, masks: ActiveWeights, dense_gradient: Callable[[], bool], wanted: Wanted
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
    return Engine(network, masks, dense_gradient, wanted)


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

    Attributes:
        timing: The table that ``auto`` decides by; None before the first training forward.
    """

    def __init__(
        self,
        network: nn.Module,
        masks: ActiveWeights,
        dense_gradient: Callable[[], bool],
        wanted: Wanted = "auto",
    ) -> None:
        if wanted not in get_args(Wanted):
            raise SparseganError(
                f"engine is {wanted!r}: choose one of {', '.join(get_args(Wanted))}"
            )
        self.network = network
        self.masks = masks
        self.wanted = wanted
        self.timing: Timing | None = None
        self._measuring = False
        self._native = NativeForward(network, masks, dense_gradient)
        # Told to run masked, a network computes to the bit what it would without an engine.
        self._native.channels_last = wanted == "auto"
        self._handle = network.register_forward_pre_hook(
            self._before, prepend=True, with_kwargs=True
        )

    @property
    def kernels(self) -> Kernels:
        """The kernels that the next forward runs on."""
        if self.wanted != "auto":
            return self.wanted
        return "masked" if self.timing is None else self.timing.faster(self.masks.density)

    @property
    def reason(self) -> str:
        """Why these kernels, in one phrase."""
        if self.wanted != "auto":
            return "as told"
        if self.timing is None:
            return "not measured yet" if available() else "the native kernels are not compiled"
        if self.masks.density == 1:
            return "the network is dense"
        native = self.timing.native(self.masks.density)
        return (
            f"{1e3 * native:.1f} ms native against {1e3 * self.timing.masked:.1f} ms masked, "
            f"forward and backward of {self.timing.batch} samples at density "
            f"{self.masks.density:.3g}"
        )

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
        self._native.channels_last = self.wanted == "auto"
        self.timing = None if state["timing"] is None else Timing(**state["timing"])

    # ---- measuring

    def _before(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if self._measuring:
            return
        if any(p.device.type != "cpu" for p in module.parameters()):
            self._native.on = False
            return
        measure = self.wanted == "auto" and self.timing is None and available()
        if measure and module.training:
            self._measuring = True
            try:
                self.timing = self._measure(args, kwargs)
            finally:
                self._measuring = False
                self._native.refresh()
        self._native.on = self.kernels == "native"

    def _measure(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Timing:
        key = self._key(args)
        kept = cache.read_tensor(key)
        if kept is None:
            kept = torch.tensor(self._time(args, kwargs), dtype=torch.float64)
            cache.write_tensor(key, kept)
        # Every rank must decide alike: the first one's clock counts.
        masked, fixed, slope = ranks.of_first(kept).tolist()
        return Timing(masked, fixed, slope, _batch(args), torch.get_num_threads(), isa())

    def _key(self, args: tuple[Any, ...]) -> Path:
        """Where the table of such a network on such a machine is kept between runs.

        Two runs of one configuration on one machine then decide alike, and so end alike.
        """
        shapes = [tuple(a.shape) for a in args if isinstance(a, Tensor)]
        weights = [(name, tuple(p.shape)) for name, p in self.network.named_parameters()]
        machine = (platform.processor(), os.cpu_count(), torch.__version__, isa())
        text = repr((str(self.network), weights, shapes, torch.get_num_threads(), machine))
        name = hashlib.sha256(text.encode()).hexdigest()[:24]
        return cache.cache_folder() / "engine" / f"{name}.safetensors"

    def _time(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[float]:
        """Seconds: masked; native at density 0, extrapolated; native per unit of density."""
        density = self.masks.density
        other = 0.5 if density < 0.4 else 0.1
        with undisturbed(self.network), torch.enable_grad():
            masked = self._seconds(False, args, kwargs)
            here = self._seconds(True, args, kwargs)
            self._native.use_masks(self._random_masks(other))
            there = self._seconds(True, args, kwargs)
        slope = max(0.0, (there - here) / (other - density))
        return [masked, here - slope * density, slope]

    def _random_masks(self, density: float) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(0)
        return {
            name: torch.rand(self.masks[name].shape, generator=generator) < density
            for name, _ in self.network.named_modules()
            if name in self.masks
        }

    def _seconds(self, native: bool, args: tuple[Any, ...], kwargs: dict[str, Any]) -> float:
        """Median seconds of a forward and backward; gradients go nowhere."""
        self._native.on = native
        passes: list[float] = []
        self._pass(args, kwargs)
        while len(passes) < PASSES or (sum(passes) < SECONDS and len(passes) < 20):
            start = time.perf_counter()
            self._pass(args, kwargs)
            passes.append(time.perf_counter() - start)
            if sum(passes) > 4 * SECONDS:
                break
        return statistics.median(passes)

    def _pass(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        fresh = [_leaf(a) for a in args]
        output = self.network(*fresh, **kwargs)
        if not isinstance(output, Tensor) or not output.requires_grad:
            return
        wanted = [t for t in (*self.network.parameters(), *fresh) if _differentiable(t)]
        with suppress(
            RuntimeError
        ):  # an output that cannot be differentiated is timed forward only
            torch.autograd.grad(output.sum(), wanted, allow_unused=True)


def _batch(args: tuple[Any, ...]) -> int:
    return next((len(a) for a in args if isinstance(a, Tensor) and a.dim()), 0)


def _leaf(value: Any) -> Any:
    if isinstance(value, Tensor) and value.is_floating_point():
        return value.detach().requires_grad_()
    return value


def _differentiable(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad
