"""What all methods share: two sparse networks, the balance meter, the average, and one call."""

import functools
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn, optim

from sparsegan import ranks
from sparsegan.balance import BalanceRatio, BalanceReading, BalanceRecord, Decision
from sparsegan.balance.measurement import measurement
from sparsegan.balance.ratio import REVERSED
from sparsegan.engine import Wanted
from sparsegan.errors import SparseganError
from sparsegan.logits import come_from_sigmoid
from sparsegan.methods.inspection import Inspection
from sparsegan.methods.masters import NETWORKS, require_one_master, require_trainable
from sparsegan.methods.promise import Watchman
from sparsegan.methods.requests import NOTHING, Requests
from sparsegan.methods.rewinding import Rewinding
from sparsegan.methods.settings import Settings, build_settings
from sparsegan.methods.trained_weights import TrainedWeights
from sparsegan.seeding import stream
from sparsegan.sparsity import MaskChange, Masks, SparseEMA, SparseNetwork, maskable_layers
from sparsegan.sparsity.allocation import group_counts
from sparsegan.sparsity.maskable import Include
from sparsegan.sparsity.moments import Moments, check_optimizer, require_kernels
from sparsegan.sparsity.schedule import due
from sparsegan.sparsity.units import Units
from sparsegan.sparsity.watch import require_free
from sparsegan.undisturbed import undisturbed

log = logging.getLogger("sparsegan")

Scores = Callable[[], Tensor]


@dataclass(frozen=True)
class StepEvents:
    """What one call of ``after_generator_step`` did.

    Attributes:
        step: Generator steps completed.
        balance: The measurement of this step, if one was due.
        reading: What the window says after it, before a change of density clears it; None while
            it is empty.
        changes: Mask changes, each with its network's name.
        decision: The controller's decision, if one was due.
        warnings: Sentences worth showing.
        requests: What the loop is asked for from the next step on.
        rewinding: What the next training begins with, if one begins.
    """

    step: int
    balance: BalanceRecord | None
    reading: BalanceReading | None
    changes: tuple[MaskChange, ...]
    decision: Decision | None
    warnings: tuple[str, ...]
    requests: Requests = NOTHING
    rewinding: Rewinding | None = None


class Method:
    """Keeps a generator and a discriminator sparse while a loop, anybody's, trains them.

    Args:
        G: The generator, wrapped (DataParallel, Fabric) or not; masked at once.
        D: The discriminator.
        opt_G: The generator's optimiser.
        opt_D: The discriminator's optimiser.
        steps: Generator steps of the whole run, which the schedules span.
        seed: Of masks, random growth and ties; equal on every rank, whatever the global seed.
        include: A rule of your own instead of the setting ``maskable``: which layers are masked.
        engine: What the networks run on: ``native`` sparse CPU kernels, dense ``masked`` ones, or
            ``auto`` to time both once, in the first training forward, and take the faster.
        settings: Fields of the method's `Settings`.

    Attributes:
        generator: G with its masks.
        discriminator: D with its masks.
        balance: The balance meter.
        ema: The generator's average, or None.
        inspection: How much of each network is masked, and what to warn of.
        step: Generator steps completed.
        requests: What the loop is asked for from the next step on.

    Raises:
        SparseganError: For settings that do not exist or do not fit, an optimiser that is not
            the network's or not supported, or a network with nothing to mask.

    Example:
        The three lines that make a loop sparse::

            method = sparsegan.Adapt(G, D, opt_G, opt_D, generator_density=0.1, steps=100_000)
            ...                                  # the loop, unchanged
            opt_G.step()
            method.after_generator_step(scores, z=z, real=real)
    """

    Settings: ClassVar[type[Settings]] = Settings

    def __init__(
        self,
        G: nn.Module,
        D: nn.Module,
        opt_G: optim.Optimizer,
        opt_D: optim.Optimizer,
        *,
        steps: int,
        seed: int = 0,
        include: Include | None = None,
        engine: Wanted = "auto",
        **settings: Any,
    ) -> None:
        self.settings: Settings = build_settings(self.Settings, settings)
        own = self.settings
        own.check(steps)
        if opt_G is opt_D or G is D:
            raise SparseganError(
                "generator and discriminator need a network and an optimiser of their own each"
            )
        rule = include or own.maskable
        moments: Moments = "kept" if own.restores("kept_moments") else own.moments
        require_kernels(moments, engine)
        # Everything that can be refused is refused before either network is touched.
        layers_of, optimisers, pinned, words = {}, {}, {}, []
        starts = dict(zip(NETWORKS, own.densities(), strict=True))
        for name, module, optimizer in zip(NETWORKS, (G, D), (opt_G, opt_D), strict=True):
            density = own.sparsest(steps)[name]
            require_free(module)
            layers = layers_of[name] = maskable_layers(module, rule)
            optimisers[name] = check_optimizer(optimizer, layers, moments)
            units = Units(layers, own.granularity)
            group_counts(units.shapes, units.groups, density, own.allocation)
            pins = pinned[name] = own.pinned_densities(name, [layer.name for layer in layers])
            if pins:
                group_counts(units.shapes, units.groups, starts[name], own.allocation, pins)
            words += require_trainable(name, layers, density)
        require_one_master(layers_of, optimisers)
        before = [
            TrainedWeights.of(name, module, optimisers[name], layers_of[name])
            for name, module in zip(NETWORKS, (G, D), strict=True)
        ]
        self.steps, self.step, self.seed = steps, 0, seed
        self.requests = own.requests(steps)
        self._G, self._D = G, D
        self.random = stream(seed, "method")
        masks_G, masks_D = (
            Masks(
                module,
                starts[name],
                own.allocation,
                pinned[name],
                include=rule,
                granularity=own.granularity,
                generator=self.random,
            )
            for name, module in zip(NETWORKS, (G, D), strict=True)
        )
        self.generator = SparseNetwork(G, opt_G, masks_G, moments=moments, kernels=engine)
        self.discriminator = SparseNetwork(D, opt_D, masks_D, moments=moments, kernels=engine)
        self.balance = BalanceRatio(
            own.balance_window,
            mean_of_ratios=own.restores("mean_of_ratios"),
            guarded=not own.restores("unguarded_ratio"),
            trimmed_late=own.restores("kept_window"),
            watched=not own.restores("blind_decisions"),
        )
        self.ema = self._average(masks_G)
        self._generator_steps_seen = 0
        self._watchman = Watchman(self.networks)
        self._lost = [weights for weights in before if weights is not None and weights.lost()]
        words += map(str, self._lost)
        words += own.never_due(steps)
        self.inspection = Inspection(self.networks, rule, self._is_sparse, words)
        self._require_equal_masks()
        for name, network in self.networks.items():
            network.growth_gradient_due = functools.partial(self._grows_by_gradient, name)
            network.gradient_size_due = self._watches_gradients
            if own.resurrects(name):
                network.resurrect()
        self.prepare()

    def __repr__(self) -> str:
        densities = ", ".join(
            f"{name} {network.masks.density:.3g}" for name, network in self.networks.items()
        )
        return f"{type(self).__name__}(step {self.step} of {self.steps}, density: {densities})"

    # ---- what a method is

    def prepare(self) -> None:
        """What a method does besides, once both networks are sparse."""

    def update(self, step: int) -> Iterator[MaskChange | Decision | Rewinding]:
        """Move masks after ``step`` completed steps, yielding what was done, in order."""
        yield from ()

    # ---- the one call of a loop

    def after_generator_step(
        self,
        fake_scores: Tensor,
        *,
        z: Tensor | None = None,
        real: Tensor | None = None,
        rescore: Scores | None = None,
        real_scores: Scores | None = None,
    ) -> StepEvents:
        """Measure, rewire and decide: call it once after every step of the generator's optimiser.

        Args:
            fake_scores: D's scores (logits) of G's fakes in the forward of the step just taken.
            z: The latents of those fakes, for networks called as ``D(G(z))``.
            real: The real batch that D saw last, for networks called as ``D(real)``.
            rescore: Instead of z: gives D's scores of the same fakes from the updated G, under
                whatever labels and augmentation they had.
            real_scores: Instead of real: gives D's scores of the last real batch.

        Returns:
            What happened.

        Raises:
            SparseganError: If the generator's optimiser has not made exactly one step since the
                last call, or the balance ratio is due and cannot be measured.
        """
        self._check_order()
        self.step += 1
        warnings = self._watchman.look(self.step)
        record = None
        if self.step % self.settings.balance_every == 0:
            record = self._measure(fake_scores, z, real, rescore, real_scores)
        reading = self.balance.reading()  # a change of density clears the window
        changes, decision, rewinding = [], None, None
        for event in self.update(self.step):
            if isinstance(event, Decision):
                decision = event
            elif isinstance(event, Rewinding):
                rewinding = event
            else:
                changes.append(event)
                said = [
                    f"{event.network} layer {name} is nearly empty" for name in event.nearly_empty
                ]
                # What is pruned stays so: to say it once is enough.
                warnings += self.inspection.once(said) if event.reason == "prune" else said
        warnings += self._warn(decision)
        warnings += self.inspection.once([REVERSED] * reading.reversed)
        if changes:
            self._require_equal_masks()
        # What was kept for this step's growth must never serve a later one.
        self.generator.forget_growth_gradient()
        self.discriminator.forget_growth_gradient()
        self.balance.trim()
        if self.ema is not None and rewinding is None:
            self.ema.update(self.step)
        for warning in warnings:
            log.warning("step %d: %s", self.step, warning)
        return StepEvents(
            step=self.step,
            balance=record,
            reading=reading if reading.records else None,
            changes=tuple(changes),
            decision=decision,
            warnings=tuple(warnings),
            requests=self.requests,
            rewinding=rewinding,
        )

    def detach(self) -> None:
        """Take all hooks off: both networks stay as they are and are no longer kept sparse."""
        self.generator.detach()
        self.discriminator.detach()

    @property
    def networks(self) -> dict[str, SparseNetwork]:
        """Both sparse networks by name."""
        return {"generator": self.generator, "discriminator": self.discriminator}

    @property
    def discriminator_steps(self) -> int:
        """Discriminator steps completed, as its optimiser's hook counted them."""
        return self.discriminator.steps

    def measure_balance(
        self, before: Tensor, rescore: Scores, real_scores: Scores
    ) -> BalanceRecord:
        """One measurement, averaged over ranks; it leaves no trace in networks or random state.

        Args:
            before: D's scores of the fakes before G's step.
            rescore: Gives those of the same fakes after it.
            real_scores: Gives those of the real batch that D saw last.
        """
        with undisturbed(self._G, self._D), torch.no_grad(), self.inspection.watched():
            after, real = rescore(), real_scores()
        sizes = {
            f"{name}_gradient": one.take_gradient_size() for name, one in self.networks.items()
        }
        return measurement(_scores(real), before, _scores(after), sizes)

    # ---- saving

    def state_dict(self) -> dict[str, Any]:
        """Everything that a resumed run needs beside the networks and their optimisers.

        Nested dicts of tensors and JSON values: masks, counters, the balance window, the average
        and the random state.
        """
        return {
            "method": type(self).__name__,
            "step": self.step,
            "generator_steps_seen": self._generator_steps_seen,
            "generator": self.generator.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "balance": self.balance.state_dict(),
            "ema": None if self.ema is None else self.ema.state_dict(),
            "random": self.random.get_state(),
            "said": sorted(self.inspection.said),
            "breaches": dict(self._watchman.breaches),
            "requests": self.requests.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a saved state, after networks and optimisers have taken over theirs.

        The networks must not run in between.

        Raises:
            SparseganError: If the state lacks masks, or is of another method or network.
        """
        # States that were saved before these were kept have nothing to say of them.
        missing = self.state_dict().keys() - state.keys() - {"said", "breaches", "requests"}
        if missing:
            raise SparseganError(
                f"the saved state lacks {', '.join(sorted(missing))}: it is not of a sparse run"
            )
        if state["method"] != type(self).__name__:
            raise SparseganError(
                f"the saved state is of {state['method']}, not of {type(self).__name__}"
            )
        if (state["ema"] is None) != (self.ema is None):
            raise SparseganError("the saved state and the settings disagree on ema_decay")
        for weights in self._lost:
            weights.require_loaded_since(self.networks[weights.network])
        self.generator.load_state_dict(state["generator"])
        self.discriminator.load_state_dict(state["discriminator"])
        self.balance.load_state_dict(state["balance"])
        if self.ema is not None:
            self.ema.load_state_dict(state["ema"])
        self.random.set_state(state["random"].cpu())
        self.inspection.said = set(state.get("said", ()))
        self._watchman.breaches |= state.get("breaches", {})
        self.requests = Requests.of(state["requests"]) if "requests" in state else NOTHING
        self.step = int(state["step"])
        self._generator_steps_seen = int(state["generator_steps_seen"])
        self._require_equal_masks()

    # ---- parts

    def due(self, interval: int, step: int) -> bool:
        """Whether something done every ``interval`` steps is due at ``step``."""
        return due(step, interval, self.steps)

    def _grows_by_gradient(self, network: str) -> bool:
        """Whether a network's weights may grow after this step, by the gradient that it leaves."""
        return any(
            growing.network == network
            and growing.growth != "random"
            and self.due(growing.interval, self.step + 1)
            for growing in self.settings.growths()
        )

    def _watches_gradients(self) -> bool:
        """Whether the next measurement looks at the size of the gradients before it."""
        due = (self.step + 1) % self.settings.balance_every == 0
        return due and self.settings.band is not None and self.balance.watched

    def _measure(
        self,
        fake_scores: Tensor,
        z: Tensor | None,
        real: Tensor | None,
        rescore: Scores | None,
        real_scores: Scores | None,
    ) -> BalanceRecord:
        if rescore is None and z is not None:
            rescore = lambda: self._D(self._G(z))  # noqa: E731
        if real_scores is None and real is not None:
            real_scores = lambda: self._D(real)  # noqa: E731
        if rescore is None or real_scores is None:
            raise SparseganError(
                "the balance ratio is due and cannot be measured: pass z= and real=, or rescore= "
                "and real_scores=, to after_generator_step"
            )
        before = _scores(fake_scores)
        if come_from_sigmoid(fake_scores):
            raise SparseganError(
                "the scores have been through a sigmoid, and the balance ratio is one of logits: "
                "leave the sigmoid out of the discriminator and take BCEWithLogitsLoss"
            )
        record = self.measure_balance(before.detach(), rescore, real_scores)
        self.balance.record(record)
        return record

    def _warn(self, decision: Decision | None) -> list[str]:
        """Warnings on a decision; methods that control a density override it."""
        return []

    def _is_sparse(self, network: SparseNetwork) -> bool:
        """Whether a network is sparse or may become so."""
        return network.masks.density < 1

    def _average(self, masks: Masks) -> SparseEMA | None:
        own = self.settings
        if own.ema_decay is None:
            return None
        return SparseEMA(
            self._G,
            masks,
            own.ema_decay,
            form=own.ema_form,
            start=own.ema_start,
            buffers=own.ema_buffers,
        )

    def _check_order(self) -> None:
        made = self.generator.steps - self._generator_steps_seen
        if made != 1:
            raise SparseganError(
                f"the generator's optimiser made {made} steps since the last call: call "
                "after_generator_step once after each of its steps (not where a step was skipped)"
            )
        self._generator_steps_seen = self.generator.steps

    def _require_equal_masks(self) -> None:
        sums = [self.generator.masks.checksum(), self.discriminator.masks.checksum()]
        ranks.require_equal(sums, "masks", self.generator.masks.flat.device)


def _scores(scores: Any) -> Tensor:
    if not isinstance(scores, Tensor):
        raise SparseganError(
            f"scores must be a tensor, not {type(scores).__name__}: pass D's logits alone"
        )
    return scores
