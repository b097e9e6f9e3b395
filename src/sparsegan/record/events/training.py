"""What happens while a run trains: losses, measurements, decisions, evaluations, its end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isnan
from typing import TYPE_CHECKING, Any, ClassVar, Self

from sparsegan.record.events.base import Event, is_count, is_number, share

if TYPE_CHECKING:
    from sparsegan.balance import BalanceRecord
    from sparsegan.balance import Decision as Decided
    from sparsegan.methods import Requests
    from sparsegan.methods.rewinding import Rewinding as Beginning


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress(Event):
    """Where training stands, every `log_every` steps and at the last.

    Attributes:
        seconds: Seconds of training so far, evaluation excluded.
        steps_per_second: Since the last such event.
        generator_loss: Of this step, mean over processes, as is the next.
        discriminator_loss: Of its last step.
        generator_gradient_norm: Of this step, as is the next.
        discriminator_gradient_norm: Of its last step.
        generator_density: Active over maskable weights, as is the next.
        discriminator_density: Likewise.
        balance_ratio: What the window says; null while it is empty.
        generator_lr: Learning rate of this step, as is the next; only where
            they are not as set.
        discriminator_lr: Likewise.
    """

    kind: ClassVar[str] = "train"

    seconds: float | None
    steps_per_second: float | None
    generator_loss: float | None
    discriminator_loss: float | None
    generator_gradient_norm: float | None
    discriminator_gradient_norm: float | None
    generator_density: float | None
    discriminator_density: float | None
    balance_ratio: float | None
    generator_lr: float | None = None
    discriminator_lr: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Balance(Event):
    """A measurement of the balance ratio.

    Attributes:
        real: Mean score of the real batch that D saw last.
        fake_before: Mean score of the fakes of G before its step.
        fake_after: Of the fakes of G after its step, from the same latents.
        ratio: The ratio; null where not valid.
        valid: Whether the gap is clearly positive, so that the ratio means something.
        real_positive: Share of the real scores above 0; null where it was not looked at, as are
            the next three.
        fake_spread: Standard deviation of the fakes' scores before G's step.
        generator_gradient: Norm of G's gradient over that of its weights.
        discriminator_gradient: The same of D.
    """

    kind: ClassVar[str] = "balance"

    real: float | None
    fake_before: float | None
    fake_after: float | None
    ratio: float | None
    valid: bool
    real_positive: float | None
    fake_spread: float | None
    generator_gradient: float | None
    discriminator_gradient: float | None

    @classmethod
    def of(cls, step: int, game: str | None, record: "BalanceRecord") -> Self:
        """The event of a measurement."""
        return cls(
            step=step,
            game=game,
            real=record.real,
            fake_before=record.fake_before,
            fake_after=record.fake_after,
            ratio=record.ratio,
            valid=record.valid,
            real_positive=record.real_positive,
            fake_spread=record.fake_spread,
            generator_gradient=record.generator_gradient,
            discriminator_gradient=record.discriminator_gradient,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision(Event):
    """What the controller decided on the discriminator.

    Attributes:
        action: raise, lower, hold or rewire.
        reason: One phrase.
        balance_ratio: What it was decided on; null where the window said nothing.
        real_positive: Share of positive real scores in the window, the signal `sign`; only where
            it is known.
        records: Measurements in the window.
        valid: Of those that counted.
        invalid: Of those without a clearly positive gap.
        nonfinite: Of those that were no numbers.
        from_active: Budget of active weights before; blocks meet it to within two weights.
        to_active: Budget after.
        total: Maskable weights.
        other_lever: `lever` in the file: what it is to move where it is not the density,
            learning_rate (a factor) or steps (of D for each of G).
        lever_before: Where such a lever stood.
        lever_after: Where it is to stand.
    """

    kind: ClassVar[str] = "decision"

    action: str
    reason: str
    balance_ratio: float | None
    records: int | None
    valid: int | None
    invalid: int | None
    nonfinite: int | None
    from_active: int | None
    to_active: int | None
    total: int | None
    real_positive: float | None = None
    other_lever: str | None = field(default=None, metadata={"key": "lever"})
    lever_before: float | None = None
    lever_after: float | None = None

    @classmethod
    def of(cls, step: int, game: str | None, decision: "Decided") -> Self:
        """The event of a decision."""
        reading = decision.reading
        before, after = decision.values or (None, None)
        return cls(
            step=step,
            game=game,
            action=decision.action,
            reason=decision.reason,
            balance_ratio=reading.value,
            records=reading.records,
            valid=reading.valid,
            invalid=reading.invalid,
            nonfinite=reading.nonfinite,
            from_active=decision.from_active,
            to_active=decision.to_active,
            total=decision.total,
            real_positive=None if isnan(reading.real_positive) else reading.real_positive,
            other_lever=None if decision.lever == "density" else decision.lever,
            lever_before=before,
            lever_after=after,
        )

    @property
    def lever(self) -> str:
        """What it is to move."""
        return self.other_lever or "density"

    @property
    def before(self) -> float | None:
        """Where the lever stood; a density is a share."""
        if self.lever != "density":
            return self.lever_before
        return share(self.from_active, self.total)

    @property
    def after(self) -> float | None:
        """Where the lever is to stand."""
        if self.lever != "density":
            return self.lever_after
        return share(self.to_active, self.total)


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation(Event):
    """How far generated images are from real ones.

    Attributes:
        metric: Name of the distance, such as `kid-efficientnet-lite0`.
        value: The distance.
        low: Lower end of its 95 % interval.
        high: Upper end.
        frechet: Fréchet distance on the same features; like all up to fid, only where
            `evaluate.metrics` has it.
        precision: Share of generated images among real ones.
        recall: Share of real images among generated ones.
        density: How many real images a generated one is among.
        coverage: Share of real images that have a generated one near.
        classes_seen: Share of the classes that are seen.
        class_entropy: Evenness of the classes.
        fid: Fréchet distance on Inception features; only with `evaluate.inception`.
        floor: The distance of held-out real images from real ones.
        frechet_floor: The number of that name for held-out images, as are those that follow.
        precision_floor: Likewise.
        recall_floor: Likewise.
        density_floor: Likewise.
        coverage_floor: Likewise.
        classes_seen_floor: Likewise.
        class_entropy_floor: Likewise.
        fid_floor: Likewise.
        class_accuracy: Share of held-out images that the classifier puts into the right class.
        diversity: How much generated images differ, as a share of how much real ones do.
        copies: Share of generated images that lie nearer to a training image than all but 5 % of
            held-out ones (where fewer than 20 are held out, of the training images among
            themselves); only of 20 to 5,000 training images.
        n: Images on either side, but for `generated`.
        generated: Generated images of the distance, of diversity and copies, where they are more
            than `n`.
        held_out: Held-out images of the floor, where they are fewer than `n`.
        seconds: The time that the evaluation took.
        fresh: Whether its images are others than those that a run is judged by while it is
            trained; only where it was made afterwards.
        bn: standing, stored or batch statistics.
        weights: ema or live.
        grid: Path of the sample grid in the run directory, or null.
    """

    kind: ClassVar[str] = "evaluate"

    metric: str
    value: float | None
    low: float | None
    high: float | None
    frechet: float | None = None
    precision: float | None = None
    recall: float | None = None
    density: float | None = None
    coverage: float | None = None
    classes_seen: float | None = None
    class_entropy: float | None = None
    fid: float | None = None
    floor: float | None
    frechet_floor: float | None = None
    precision_floor: float | None = None
    recall_floor: float | None = None
    density_floor: float | None = None
    coverage_floor: float | None = None
    classes_seen_floor: float | None = None
    class_entropy_floor: float | None = None
    fid_floor: float | None = None
    class_accuracy: float | None = None
    diversity: float | None = None
    copies: float | None = None
    n: int | None
    generated: int | None = None
    held_out: int | None = None
    seconds: float | None
    fresh: bool | None = None
    bn: str
    weights: str
    grid: str | None

    @classmethod
    def is_sound(cls, line: Mapping[str, Any]) -> bool:
        """Whether its distances are numbers, or null."""
        values = ("value", "low", "high", "floor", "frechet", "frechet_floor")
        return "value" in line and all(is_number(line.get(name)) for name in values)


@dataclass(frozen=True, kw_only=True, slots=True)
class Request(Event):
    """What the method asks of the loop from the next step on; written when it is new.

    Attributes:
        discriminator_steps: For each step of G; null: as the settings have it.
        discriminator_rate: A factor of D's learning rate.
        schedule: [first step, steps] of the learning rates' schedule; null: the whole run.
    """

    kind: ClassVar[str] = "request"

    discriminator_steps: int | None
    discriminator_rate: float | None
    schedule: tuple[int, int] | None

    @classmethod
    def of(cls, step: int, game: str | None, requests: "Requests") -> Self:
        """The event of a method's requests."""
        return cls(
            step=step,
            game=game,
            discriminator_steps=requests.discriminator_steps,
            discriminator_rate=requests.discriminator_rate,
            schedule=requests.schedule,
        )

    @classmethod
    def is_sound(cls, line: Mapping[str, Any]) -> bool:
        """Whether a loop could follow it."""
        if not {"discriminator_steps", "discriminator_rate", "schedule"} <= line.keys():
            return False
        steps, schedule = line["discriminator_steps"], line["schedule"]
        rate = line["discriminator_rate"]
        return (
            (steps is None or (is_count(steps) and steps > 0))
            and (is_number(rate) and rate is not None and rate > 0)
            and (schedule is None or _is_span(schedule))
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Rewinding(Event):
    """A training begins anew under the masks of now, after the `rewire` events of its step.

    Attributes:
        to: The step whose weights, buffers and optimiser state are there again; 0: the start;
            null: those of now.
        weights: rewound, inherited or drawn.
    """

    kind: ClassVar[str] = "rewind"

    to: int | None
    weights: str

    @classmethod
    def of(cls, step: int, game: str | None, rewinding: "Beginning") -> Self:
        """The event of what a method says."""
        return cls(step=step, game=game, to=rewinding.to, weights=rewinding.weights)


def _is_span(value: Any) -> bool:
    counts = isinstance(value, list) and len(value) == 2 and all(map(is_count, value))
    return counts and min(value) > 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice(Event):
    """A sentence worth showing.

    Attributes:
        message: The sentence.
    """

    kind: ClassVar[str] = "warning"

    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Repair(Event):
    """Lines before this one are missing.

    If masks have moved in them, `rewire` events with the reason repair, before this one, lead to
    the masks there are.

    Attributes:
        message: What is missing.
    """

    kind: ClassVar[str] = "repair"

    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class End(Event):
    """The run has come to its end.

    Attributes:
        seconds: Seconds of training, evaluation excluded.
        steps_per_second: Over the whole run.
    """

    kind: ClassVar[str] = "end"

    seconds: float | None
    steps_per_second: float | None
