"""A module, its optimiser and its masks, kept together by hooks so that any loop will do."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn, optim

from sparsegan import engine, ranks
from sparsegan.engine import Wanted
from sparsegan.errors import SparseganError
from sparsegan.modules import unwrap
from sparsegan.precision import with_float64
from sparsegan.sparsity import rewire, scores
from sparsegan.sparsity.masks import Masks
from sparsegan.sparsity.moments import (
    Moments,
    check_optimizer,
    clear_inactive_,
    follow_,
)
from sparsegan.sparsity.promise import Promise
from sparsegan.sparsity.resurrection import FormerWeights
from sparsegan.sparsity.rewire import GrowthScores, Hybrid
from sparsegan.sparsity.snapshot import Snapshot
from sparsegan.sparsity.watch import Watch, require_free

Growth = Literal["gradient", "random", "hybrid"]
Scope = Literal["network", "layer"]
Rounding = Literal["floor", "ceil"]

# A layer that keeps less than this share of its first budget is worth a word in the records.
NEARLY_EMPTY = 0.01


@dataclass(frozen=True)
class MaskChange:
    """What one change of a mask did.

    Attributes:
        reason: ``rewire``, ``raise``, ``lower`` or ``prune``.
        dropped: Weights that were active and are not.
        grown: Weights that are active and were not; one dropped and regrown counts in neither.
        active: Active weights after the change.
        total: Maskable weights.
        ever_active: Share of weights active at least once so far (ITOP rate).
        layers: (name, active before, active after, size) of every layer.
        nearly_empty: Layers down to one unit, or to under 1 % of their first budget.
        network: ``generator`` or ``discriminator``; empty outside a GAN.
        resurrected: Grown weights that have taken up a former value; None where none ever do.
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
    resurrected: int | None = None

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
        promise: Looks whether its inactive weights are zero.
        growth_gradient_due: Called before each optimiser step: is its gradient needed, to grow or
            to score weights by?
        gradient_size_due: Called before each optimiser step: is the size of its gradient wanted?
        before_step: Called before each optimiser step, before the gradients of a closure are made
            and not where the step is left out.

    Raises:
        SparseganError: If the optimiser is of an unsupported kind or lacks a masked weight, or if
            the network is kept sparse already.
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
        require_free(module)
        self.module = module
        self.optimizer = check_optimizer(optimizer, masks.layers, moments)
        self.masks = masks
        self.moments = moments
        self.steps = 0
        self._former: FormerWeights | None = None
        self.growth_gradient_due: Callable[[], bool] = lambda: False
        self.before_step: Callable[[], None] = lambda: None
        self._growth_gradient: Tensor | None = None
        self.gradient_size_due: Callable[[], bool] = lambda: False
        self._gradient_size: Tensor | None = None
        # Moments that integrate dense gradients need them at every step.
        self.engine = engine.attach(
            unwrap(module),
            masks,
            lambda: self.wants_dense_gradient,
            "masked" if moments == "kept" else kernels,
            because="kept moments need dense gradients" if moments == "kept" else "as told",
        )
        self.promise = Promise(module, masks)
        self._skips = False
        self._watch = Watch(module, self.optimizer, masks)
        self._clear_moments()
        self._hooks = [
            self.optimizer.register_step_pre_hook(self._before_step),
            self.optimizer.register_step_post_hook(self._after_step),
        ]

    @property
    def loaded(self) -> bool:
        """Whether weights were loaded into the network since it is kept sparse."""
        return self._watch.ever_loaded

    # ---- hooks

    @property
    def wants_dense_gradient(self) -> bool:
        """Whether the next optimiser step needs gradients at inactive places."""
        return self.moments == "kept" or self.growth_gradient_due()

    def _before_step(self, _: optim.Optimizer, args: Any, kwargs: Any) -> Any:
        self._watch.require_same_layers()
        # A loss scale has an optimiser that is fused skip the step by itself where gradients
        # overflowed; for any other optimiser it waits for the same answer and leaves the step out.
        overflowed = getattr(self.optimizer, "found_inf", None)
        self._skips = overflowed is not None and bool(overflowed)
        if self._skips:
            return None
        self.before_step()
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
        if self.gradient_size_due():
            self._gradient_size = self._relative_size(gradients)

    def _relative_size(self, gradients: Sequence[Tensor | None]) -> Tensor | None:
        """The norm of active gradients over that of weights; it does not wait for a device."""
        active = [
            grad.detach() * self.masks[layer.name] if self.moments == "kept" else grad.detach()
            for layer, grad in zip(self.masks.layers, gradients, strict=True)
            if grad is not None
        ]
        if not active:
            return None
        weights = [layer.parameter.detach() for layer in self.masks.layers]
        size = nn.utils.get_total_norm(active) / nn.utils.get_total_norm(weights)
        scale = getattr(self.optimizer, "grad_scale", None)  # a fused optimiser divides by it
        return size if scale is None else size / scale

    def _after_step(self, *_: Any) -> None:
        if self._skips:
            return
        self.masks.apply_()
        self._watch.after_step()
        self.steps += 1

    def detach(self) -> None:
        """Take the hooks off: the network stays as it is and is no longer kept sparse."""
        for hook in self._hooks:
            hook.remove()
        self._watch.detach()
        self.engine.detach()

    # ---- moving the mask

    def resurrect(self) -> None:
        """From now on grown weights take up the values that they were dropped with."""
        self._former = FormerWeights(self.masks)

    @property
    def has_growth_gradient(self) -> bool:
        """Whether an optimiser step has left a gradient to grow by."""
        return self._growth_gradient is not None

    def sensitivity(self, at: Snapshot) -> Tensor:
        """``|w * dL/dw|`` of every weight, flat, by the gradient that was kept (SNIP).

        Args:
            at: The network before the step that the gradient is of.

        Raises:
            SparseganError: No optimiser step has left a gradient.
        """
        names = {id(weight): name for name, weight in unwrap(self.module).named_parameters()}
        weights = [at.weights[names[id(layer.parameter)]] for layer in self.masks.layers]
        flat = self.masks.flatten(weights).to(self._gradient().device)
        return scores.snip(with_float64(flat), with_float64(self._gradient()))

    def forget_growth_gradient(self) -> None:
        """Drop a gradient that no growth used: a later one must not find it."""
        self._growth_gradient = None

    def take_gradient_size(self) -> float:
        """The norm of the gradient of the last optimiser step over that of the weights.

        Both are of active weights. NaN where no step was made since it was last taken, or none
        whose gradient's size was due. It waits for the device.
        """
        size, self._gradient_size = self._gradient_size, None
        return math.nan if size is None else float(size)

    def rewire(
        self,
        fraction: float,
        *,
        growth: Growth,
        scope: Scope,
        rounding: Rounding,
        gradient_share: float = 0.5,
        generator: torch.Generator | None = None,
    ) -> MaskChange:
        """Drop a fraction of the active units by magnitude and grow as many.

        Units are single weights or blocks; a block's score is the mean of its weights'. As many
        blocks of each size are grown as were dropped, so that the weights' number stays, too.

        Args:
            fraction: Share of active units to drop, in [0, 1].
            growth: Grow by the ``gradient`` of the last optimiser step (RigL), at ``random`` (SET)
                or, ``hybrid``, a share by gradient and the rest at random. What was just dropped
                may grow again.
            scope: ``network`` keeps the network's count (ADAPT), ``layer`` every layer's
                (STU-GAN).
            rounding: ``floor`` (ADAPT) or ``ceil`` (STU-GAN) of fraction × active.
            gradient_share: Of a ``hybrid`` growth, that is by gradient.
            generator: A CPU generator for random growth and for ties.
        """
        mask = self._unit_mask()
        sizes = self._unit_sizes(mask.device)
        drop_by = self._magnitudes()
        grow_by = self._growth_scores(growth, gradient_share, generator)
        whole = math.floor if rounding == "floor" else math.ceil
        # A layer whose every unit is newly grown is all zeros, and NaN under spectral norm. In a
        # slice that is one layer, the largest magnitude stays by itself.
        over_all = scope == "network"
        keep = self._strongest(drop_by) if over_all else None
        parts = []
        for part in [slice(None)] if over_all else self.masks.units.slices:
            active, kept = int(mask[part].sum()), 1 if keep is None else int(keep.sum())
            parts.append(
                rewire.exchange(
                    mask[part],
                    drop_by[part],
                    grow_by[part],
                    min(whole(fraction * active), active - kept),
                    sizes=None if sizes is None else sizes[part],
                    keep=keep,
                    generator=generator,
                )
            )
        after = torch.cat(parts)
        return self._change_to(after, "rewire", self.masks.budget)

    def resize(
        self,
        to_count: int,
        *,
        growth: Growth,
        gradient_share: float = 0.5,
        generator: torch.Generator | None = None,
    ) -> MaskChange:
        """Grow or drop weights over the whole network until ``to_count`` are active.

        Growth is by ``growth``; dropping takes the smallest magnitudes and leaves every layer one
        unit, so that no fewer units than layers remain. Blocks come within two weights of the
        count, which is the masks' budget from then on.
        """
        if to_count <= self.masks.budget:
            return self._lower(to_count, self._magnitudes(), "lower", generator)
        mask = self._unit_mask()
        wanted = self._growth_scores(growth, gradient_share, generator)
        aim = max(self.masks.active, to_count)  # rounding to blocks may have led there already
        after = rewire.resize(
            mask, wanted, aim, sizes=self._unit_sizes(mask.device), generator=generator
        )
        return self._change_to(after, "raise", to_count)

    def prune(
        self,
        to_count: int,
        *,
        scores: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> MaskChange:
        """Take out the lowest-scored active weights of the whole network, but for ``to_count``.

        As `resize` does downwards: every layer keeps one unit, and blocks come within two weights.

        Args:
            to_count: How many weights are to be active, at most as many as are.
            scores: A number for each weight, flat in the masks' order; None: its magnitude.
            generator: A CPU generator that chooses among equal scores.
        """
        by = self._magnitudes() if scores is None else self.masks.units.mean(with_float64(scores))
        return self._lower(to_count, by, "prune", generator)

    def _lower(
        self, to_count: int, by: Tensor, reason: str, generator: torch.Generator | None
    ) -> MaskChange:
        mask = self._unit_mask()
        sizes, keep = self._unit_sizes(mask.device), self._strongest(by)
        to_count = max(to_count, int(keep.sum() if sizes is None else sizes[keep].sum()))
        aim = min(self.masks.active, to_count)
        after = rewire.resize(mask, by, aim, sizes=sizes, keep=keep, generator=generator)
        return self._change_to(after, reason, to_count)

    def snapshot(self) -> Snapshot:
        """Its weights, buffers and optimiser's state as they are now, to `rewind` to."""
        return Snapshot.of(self.module, self.optimizer)

    def rewind(self, to: Snapshot) -> None:
        """Go back to what a snapshot holds, under the mask of now; on all ranks at once."""
        to.restore(self.module, self.optimizer)
        self.masks.apply_()
        self._clear_moments()

    def _magnitudes(self) -> Tensor:
        # Means, not sums, so that the smaller blocks at a layer's end are judged by the weight.
        return self.masks.units.mean(scores.magnitude(with_float64(self.masks.weights())))

    def _unit_mask(self) -> Tensor:
        return self.masks.units.first(with_float64(self.masks.flat))

    def _growth_scores(
        self, growth: Growth, gradient_share: float, generator: torch.Generator | None
    ) -> GrowthScores:
        if growth != "gradient":
            at_random = scores.random(self._unit_mask(), generator)
            if growth == "random":
                return at_random
            return Hybrid(self._gradients(), at_random, gradient_share)
        return self._gradients()

    def _gradients(self) -> Tensor:
        # A block whose gradient is not a number anywhere has no mean, and scores below all others.
        gradient = with_float64(self._gradient()).abs()
        return scores.gradient(self.masks.units.mean(gradient))

    def _gradient(self) -> Tensor:
        if self._growth_gradient is None:
            raise SparseganError(
                "there is no gradient to grow by: the network's optimiser has made no step since "
                "the growth was due"
            )
        return self._growth_gradient

    def _unit_sizes(self, device: torch.device) -> Tensor | None:
        sizes = self.masks.units.sizes
        return None if sizes is None else sizes.to(device)

    def _strongest(self, magnitudes: Tensor) -> Tensor:
        """The strongest active unit of every layer, which a network-wide drop must leave."""
        units = self.masks.units
        mask = self._unit_mask()
        keep = torch.zeros_like(mask)
        for kept, values, active in zip(*map(units.split, (keep, magnitudes, mask)), strict=True):
            kept[values.masked_fill(~active, -1.0).argmax()] = True
        return keep

    def _change_to(self, units_after: Tensor, reason: str, budget: int) -> MaskChange:
        before = self.masks.flat
        after = self.masks.units.spread(units_after).to(before.device)
        counts = self.masks.counts()
        if self._former is not None:
            self._former.remember(before & ~after)
        self.masks.replace(after, budget)
        parts = zip(self.masks.layers, *map(self.masks.split, (before, after)), strict=True)
        for layer, was, now in parts:
            shape = layer.parameter.shape
            follow_(self.optimizer, layer.parameter, was.view(shape), now.view(shape), self.moments)
        resurrected = None if self._former is None else self._former.restore(after & ~before)
        return MaskChange(
            reason=reason,
            dropped=int((before & ~after).sum()),
            grown=int((after & ~before).sum()),
            active=self.masks.active,
            total=self.masks.total,
            ever_active=self.masks.ever_active,
            layers=tuple(
                (name, counts[name], now, self.masks.sizes()[name])
                for name, now in self.masks.counts().items()
            ),
            nearly_empty=self._nearly_empty(counts, units_after),
            resurrected=resurrected,
        )

    def _nearly_empty(self, before: Mapping[str, int], units_after: Tensor) -> tuple[str, ...]:
        rows = zip(
            self.masks.counts().items(),
            self.masks.initial_counts,
            self.masks.units.split(units_after),
            strict=True,
        )
        return tuple(
            name
            for (name, now), first, units in rows
            if now < before[name] and (int(units.sum()) == 1 or now < NEARLY_EMPTY * first)
        )

    # ---- saving

    def state_dict(self) -> dict[str, Any]:
        """The masks, the step count, gradients that wait, and former weights."""
        former = {} if self._former is None else {"former_weights": self._former.values}
        size = {} if self._gradient_size is None else {"gradient_size": self._gradient_size}
        return {
            "masks": self.masks.state_dict(),
            "steps": self.steps,
            "growth_gradient": self._growth_gradient,
            "engine": self.engine.state_dict(),
            **former,
            **size,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a saved state; the module and optimiser are restored by their owner, first.

        Raises:
            SparseganError: If the state has no masks, or another network's, or if the module has
                run since it was restored and has lost weights under the masks that it had.
        """
        missing = self.state_dict().keys() - state.keys() - {"gradient_size"}
        if missing:
            raise SparseganError(
                f"the saved state lacks {', '.join(sorted(missing))}: it is not of a sparse network"
            )
        self._watch.require_whole(state["masks"])
        self.masks.load_state_dict(state["masks"])
        self.steps = int(state["steps"])
        saved = state["growth_gradient"]
        self._growth_gradient = None if saved is None else saved.to(self.masks.flat.device)
        self._gradient_size = state.get("gradient_size")
        self.engine.load_state_dict(state["engine"])
        if self._former is not None:
            self._former.load(state["former_weights"])
        self._clear_moments()

    def _clear_moments(self) -> None:
        if self.moments == "kept":
            return
        for layer in self.masks.layers:
            clear_inactive_(self.optimizer, layer.parameter, self.masks[layer.name])
