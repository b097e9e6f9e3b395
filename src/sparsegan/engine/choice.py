"""Native or masked kernels for a network: measured once, then a pure function of the table.

Before its first training step a network is timed as a whole, forward and backward, on dense masked
kernels and on native ones at two densities; seconds on native kernels are then
``fixed + slope * density``. Every later decision, also when a density moves, follows from the
table alone, so a resumed run that has the table repeats every decision.
"""

import statistics
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from .. import ranks
from ..errors import SparseganError
from ..undisturbed import undisturbed
from .attach import ActiveWeights, NativeForward
from .native import isa

Wanted = Literal["auto", "native", "masked"]
Kernels = Literal["native", "masked"]

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
        """The faster kernels at a density."""
        return "native" if self.native(density) < self.masked else "masked"


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
        self, network: nn.Module, masks: ActiveWeights, dense_gradient: Any, wanted: Wanted = "auto"
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
            return "not measured yet"
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
        self.timing = None if state["timing"] is None else Timing(**state["timing"])

    # ---- measuring

    def _before(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if self._measuring:
            return
        if self.wanted == "auto" and self.timing is None and module.training:
            self._measuring = True
            try:
                self.timing = self._measure(args, kwargs)
            finally:
                self._measuring = False
                self._native.refresh()
        self._native.on = self.kernels == "native"

    def _measure(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Timing:
        density = self.masks.density
        other = 0.5 if density < 0.4 else 0.1
        with undisturbed(self.network), torch.enable_grad():
            seconds = [self._seconds(False, args, kwargs), self._seconds(True, args, kwargs)]
            self._native.use_masks(self._random_masks(other))
            seconds.append(self._seconds(True, args, kwargs))
        # Every rank must decide alike: the first one's clock counts.
        masked, here, there = ranks.of_first(torch.tensor(seconds, dtype=torch.float64)).tolist()
        slope = max(0.0, (there - here) / (other - density))
        batch = next((len(a) for a in args if isinstance(a, Tensor) and a.dim()), 0)
        return Timing(
            masked=masked,
            fixed=here - slope * density,
            slope=slope,
            batch=batch,
            threads=torch.get_num_threads(),
            isa=isa(),
        )

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


def _leaf(value: Any) -> Any:
    if isinstance(value, Tensor) and value.is_floating_point():
        return value.detach().requires_grad_()
    return value


def _differentiable(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad
