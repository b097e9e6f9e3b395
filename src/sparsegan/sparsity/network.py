"""A module, its optimiser and its masks, kept together by hooks so that any loop will do."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn, optim

from sparsegan import engine, ranks
from sparsegan.engine import Wanted
from sparsegan.errors import SparseganError
from sparsegan.sparsity import rewire, scores
from sparsegan.sparsity.maskable import unwrap
from sparsegan.sparsity.masks import Masks
from sparsegan.sparsity.moments import (
    Moments,
    check_optimizer,
    clear_inactive_,
    follow_,
)

Growth = Literal["gradient", "random"]
Scope = Literal["network", "layer"]
Rounding = Literal["floor", "ceil"]

# A layer that keeps less than this share of its first budget is worth a word in the records.
NEARLY_EMPTY = 0.01


@dataclass(frozen=True)
class MaskChange:
    """What one change of a mask did.

    Attributes:
        reason: ``rewire``, ``raise`` or ``lower``.
        dropped: Weights that were active and are not.
        grown: Weights that are active and were not; one dropped and regrown counts in neither.
        active: Active weights after the change.
        total: Maskable weights.
        ever_active: Share of weights active at least once so far (ITOP rate).
        layers: (name, active before, active after, size) of every layer.
        nearly_empty: Layers down to one weight, or to under 1 % of their first budget.
        network: ``generator`` or ``discriminator``; empty outside a GAN.
    """

    reason: str
    dropped: int
    grown: int
    active: int
    total: int
    ever_active: float
    layers: tuple[tuple[str, int, int, int], ...]
    nearly_empty: tuple[str, ...]
    network: str = ""

    @property
    def churn(self) -> float:
        """Share of the active weights that are new."""
        return self.grown / self.active

    def of(self, network: str) -> "MaskChange":
        """The same change, said of a network by name."""
        return replace(self, network=network)


class SparseNetwork:
    """Keeps a network sparse while its optimiser trains it, and moves its mask on request.

    Hooks on the optimiser do the rest: before a step the growth gradient is kept where one is
    wanted and gradients of inactive weights are cleared; after it inactive weights are zeroed.

    Args:
        module: The network, wrapped (DataParallel, Fabric, compile) or not.
        optimizer: Its optimiser, which must hold every masked weight.
        masks: The network's masks.
        moments: What the moments of grown weights are (see `moments.py`).
        kernels: What its forward and backward run on: ``native`` CPU kernels that compute with
            active weights only, dense ``masked`` ones, or ``auto``: the faster, as measured in
            the first training forward. Networks on other devices run masked.

    Attributes:
        steps: Optimiser steps seen so far.
        engine: Its choice of kernels.
        growth_gradient_due: Called before each optimiser step: is its gradient needed to grow?

    Raises:
        SparseganError: If the optimiser is of an unsupported kind or lacks a masked weight.
    """

    def __init__(
        self,
        module: nn.Module,
        optimizer: optim.Optimizer,
        masks: Masks,
        *,
        moments: Moments = "seeded",
        kernels: Wanted = "auto",
    ) -> None:
        self.module = module
        self.optimizer = check_optimizer(optimizer, masks.layers, moments)
        self.masks = masks
        self.moments = moments
        self.steps = 0
        self.growth_gradient_due: Callable[[], bool] = lambda: False
        self._growth_gradient: Tensor | None = None
        # Moments that integrate dense gradients need them at every step.
        self.engine = engine.attach(
            unwrap(module),
            masks,
            lambda: self.wants_dense_gradient,
            "masked" if moments == "kept" else kernels,
        )
        self._clear_moments()
        self._hooks = [
            self.optimizer.register_step_pre_hook(self._before_step),
            self.optimizer.register_step_post_hook(self._after_step),
        ]

    # ---- hooks

    @property
    def wants_dense_gradient(self) -> bool:
        """Whether the next optimiser step needs gradients at inactive places."""
        return self.moments == "kept" or self.growth_gradient_due()

    def _before_step(self, _: optim.Optimizer, args: Any, kwargs: Any) -> Any:
        closure = kwargs.get("closure", args[1] if len(args) > 1 else None)
        if closure is None:
            return self._take_gradients()

        # A closure makes the gradients within the step, so they are taken as soon as it has run.
        def closure_then_masks() -> Any:
            loss = closure()
            self._take_gradients()
            return loss

        return args[:1], {**kwargs, "closure": closure_then_masks}

    def _take_gradients(self) -> None:
        gradients = [layer.parameter.grad for layer in self.masks.layers]
        if self.growth_gradient_due():
            dense = [
                torch.zeros_like(layer.parameter) if grad is None else grad
                for layer, grad in zip(self.masks.layers, gradients, strict=True)
            ]
            self._growth_gradient = ranks.mean_(self.masks.flatten(dense))
        if self.moments != "kept":
            self.masks.clear_(gradients)

    def _after_step(self, *_: Any) -> None:
        self.masks.apply_()
        self.steps += 1

    def detach(self) -> None:
        """Take the hooks off: the network stays as it is and is no longer kept sparse."""
        for hook in self._hooks:
            hook.remove()
        self.engine.detach()

    # ---- moving the mask

    @property
    def has_growth_gradient(self) -> bool:
        """Whether an optimiser step has left a gradient to grow by."""
        return self._growth_gradient is not None

    def forget_growth_gradient(self) -> None:
        """Drop a gradient that no growth used: a later one must not find it."""
        self._growth_gradient = None

    def rewire(
        self,
        fraction: float,
        *,
        growth: Growth,
        scope: Scope,
        rounding: Rounding,
        generator: torch.Generator | None = None,
    ) -> MaskChange:
        """Drop a fraction of the active weights by magnitude and grow as many.

        Args:
            fraction: Share of active weights to drop, in [0, 1].
            growth: Grow by the ``gradient`` of the last optimiser step (RigL) or at ``random``
                (SET). What was just dropped may grow again.
            scope: ``network`` keeps the network's count (ADAPT), ``layer`` every layer's
                (STU-GAN).
            rounding: ``floor`` (ADAPT) or ``ceil`` (STU-GAN) of fraction × active.
            generator: A CPU generator for random growth and for ties.
        """
        magnitudes = scores.magnitude(self.masks.weights())
        wanted = self._growth_scores(growth, generator)
        whole = math.floor if rounding == "floor" else math.ceil

        def moved(mask: Tensor, drop_by: Tensor, grow_by: Tensor, keep: Tensor | None) -> Tensor:
            active = int(mask.sum())
            spare = active if keep is None else active - int(keep.sum())
            k = min(whole(fraction * active), spare)
            left = rewire.drop(mask, drop_by, k, keep=keep, generator=generator)
            return rewire.grow(left, grow_by, k, generator=generator)

        flat = self.masks.flat
        if scope == "network":
            after = moved(flat, magnitudes, wanted, self._strongest(magnitudes))
        else:
            parts = zip(*map(self.masks.split, (flat, magnitudes, wanted)), strict=True)
            after = torch.cat([moved(mask, drop, grow, None) for mask, drop, grow in parts])
        return self._change_to(after, "rewire")

    def resize(
        self, to_count: int, *, growth: Growth, generator: torch.Generator | None = None
    ) -> MaskChange:
        """Grow or drop weights over the whole network until ``to_count`` are active.

        Growth is by ``growth``; dropping takes the smallest magnitudes and leaves every layer one
        weight, so that no fewer weights than layers remain.
        """
        active = self.masks.active
        to_count = max(to_count, len(self.masks.layers))
        if to_count > active:
            wanted = self._growth_scores(growth, generator)
            after = rewire.resize(self.masks.flat, wanted, to_count, generator=generator)
        else:
            magnitudes = scores.magnitude(self.masks.weights())
            keep = self._strongest(magnitudes)
            after = rewire.resize(
                self.masks.flat, magnitudes, to_count, keep=keep, generator=generator
            )
        return self._change_to(after, "raise" if to_count > active else "lower")

    def _growth_scores(self, growth: Growth, generator: torch.Generator | None) -> Tensor:
        if growth == "random":
            return scores.random(self.masks.flat, generator)
        if self._growth_gradient is None:
            raise SparseganError(
                "there is no gradient to grow by: the network's optimiser has made no step since "
                "the growth was due"
            )
        return scores.gradient(self._growth_gradient)

    def _strongest(self, magnitudes: Tensor) -> Tensor:
        """The strongest active weight of every layer, which a network-wide drop must leave."""
        keep = torch.zeros_like(self.masks.flat)
        parts = zip(*map(self.masks.split, (keep, magnitudes, self.masks.flat)), strict=True)
        for kept, values, active in parts:
            kept[values.masked_fill(~active, -1.0).argmax()] = True
        return keep

    def _change_to(self, after: Tensor, reason: str) -> MaskChange:
        before = self.masks.flat
        counts = self.masks.counts()
        self.masks.replace(after)
        parts = zip(self.masks.layers, *map(self.masks.split, (before, after)), strict=True)
        for layer, was, now in parts:
            shape = layer.parameter.shape
            follow_(self.optimizer, layer.parameter, was.view(shape), now.view(shape), self.moments)
        sizes, now_counts = self.masks.sizes(), self.masks.counts()
        first = dict(zip(self.masks.names, self.masks.initial_counts, strict=True))
        return MaskChange(
            reason=reason,
            dropped=int((before & ~after).sum()),
            grown=int((after & ~before).sum()),
            active=self.masks.active,
            total=self.masks.total,
            ever_active=self.masks.ever_active,
            layers=tuple((name, counts[name], now_counts[name], sizes[name]) for name in counts),
            nearly_empty=tuple(
                name
                for name, count in now_counts.items()
                if count < counts[name] and (count == 1 or count < NEARLY_EMPTY * first[name])
            ),
        )

    # ---- saving

    def state_dict(self) -> dict[str, Any]:
        """The masks, the step count and a growth gradient that waits to be used."""
        return {
            "masks": self.masks.state_dict(),
            "steps": self.steps,
            "growth_gradient": self._growth_gradient,
            "engine": self.engine.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a saved state; the module and optimiser are restored by their owner, first.

        Raises:
            SparseganError: If the state has no masks, or another network's.
        """
        missing = self.state_dict().keys() - state.keys()
        if missing:
            raise SparseganError(
                f"the saved state lacks {', '.join(sorted(missing))}: it is not of a sparse network"
            )
        self.masks.load_state_dict(state["masks"])
        self.steps = int(state["steps"])
        saved = state["growth_gradient"]
        self._growth_gradient = None if saved is None else saved.to(self.masks.flat.device)
        self.engine.load_state_dict(state["engine"])
        self._clear_moments()

    def _clear_moments(self) -> None:
        if self.moments == "kept":
            return
        for layer in self.masks.layers:
            clear_inactive_(self.optimizer, layer.parameter, self.masks[layer.name])
