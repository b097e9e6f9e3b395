"""Lottery tickets of GANs: iterative magnitude pruning with rewinding (Chen et al., ICLR 2021).

Frankle and Carbin's search as GAN-LTH does it: train, take a share of the weights that are left out
by magnitude, network-wide, put the others back to what they were at the start (or at an early step,
Frankle et al. 2020), and train again; so for some rounds, and then a last time on the mask that was
found. All of these trainings are parts of one run and of its cost. They are equally long, each with
the learning rates' schedule to itself; one that begins at an early step's weights is shorter by
these steps.

Both networks go back, whichever of them loses weights. The last training may also go on with the
weights of the training before it (``inherited``), or begin with new ones (``drawn``): a network's
own initialisation is not known to a method, so that they are the values of the start, every
parameter's in an order drawn from the run's seed, which leaves each layer its distribution and
nothing of the ticket's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, get_args

from sparsegan.balance import Decision
from sparsegan.errors import SparseganError
from sparsegan.methods.keywords.tickets import TicketsKeywords
from sparsegan.methods.requests import Requests
from sparsegan.methods.retraining import Retraining
from sparsegan.methods.rewinding import Rewinding
from sparsegan.methods.settings import Scheduled, Settings
from sparsegan.sparsity import MaskChange
from sparsegan.sparsity.snapshot import Snapshot

Networks = Literal["generator", "discriminator", "both"]
Weights = Literal["rewound", "inherited", "drawn"]


@dataclass(frozen=True, kw_only=True)
class TicketsSettings(Settings):
    """Settings of iterative magnitude pruning (methods.md, B6).

    Attributes:
        rounds: Prunings; the run has one training more.
        share: Share of the weights left that each of them takes out (published: 0.2), in (0, 1).
        networks: Which lose weights: ``generator``, ``discriminator`` or ``both``.
        rewind_to: The generator step whose weights, buffers and optimiser state come back: 0
            (published) or an early one of the first training.
        weights: What the last training begins with: ``rewound`` (published), ``inherited`` or
            ``drawn``.
    """

    rounds: int = 10
    share: float = 0.2
    networks: Networks = "both"
    rewind_to: int = 0
    weights: Weights = "rewound"

    def ends(self, steps: int) -> list[int]:
        """Generator steps after which each training ends; the last is the run's.

        The first has T steps and the others T - rewind_to, rounded as a whole.
        """
        length = (steps + self.rounds * self.rewind_to) / (self.rounds + 1)
        trainings = range(self.rounds + 1)
        return [round(length + number * (length - self.rewind_to)) for number in trainings]

    def scheduled(self, steps: int) -> Iterator[Scheduled]:
        """A share less after every training but the last."""
        both = ("generator", "discriminator")
        for number, step in enumerate(self.ends(steps)[:-1], 1):
            for network in both:
                if self.networks in (network, "both"):
                    yield Scheduled(step, network, (1 - self.share) ** number)

    def last_training(self, steps: int) -> int:
        """Where the mask is found."""
        return self.ends(steps)[-2]

    def requests(self, steps: int) -> Requests:
        """The first training has the learning rates' whole schedule."""
        return Requests(schedule=(1, self.ends(steps)[0]))

    def check(self, steps: int) -> None:
        """Refuse rounds that leave nothing to train, too."""
        super().check(steps)
        if not isinstance(self.rounds, int) or self.rounds < 1:
            raise SparseganError(f"rounds is {self.rounds}: it must be a whole number from 1 up")
        if not 0 < self.share < 1:
            raise SparseganError(f"share is {self.share}: it must lie between 0 and 1")
        if not isinstance(self.rewind_to, int) or self.rewind_to < 0:
            raise SparseganError(
                f"rewind_to is {self.rewind_to}: it must be a whole number from 0 up"
            )
        for name, kind in (("networks", Networks), ("weights", Weights)):
            if getattr(self, name) not in get_args(kind):
                raise SparseganError(
                    f"{name} is {getattr(self, name)!r}: choose one of {', '.join(get_args(kind))}"
                )
        ends = self.ends(steps)
        if self.rewind_to >= ends[0] or any(a >= b for a, b in pairwise(ends)):
            raise SparseganError(
                f"{steps} steps are too few for {self.rounds + 1} trainings that begin at step "
                f"{self.rewind_to}: choose more steps, fewer rounds or an earlier rewind_to"
            )


class Tickets(TicketsKeywords, Retraining):
    """Train, prune, rewind; and train on what is left."""

    Settings = TicketsSettings
    settings: TicketsSettings

    def kept_steps(self) -> set[int]:
        """The step that is gone back to, and the start where new weights are made of it."""
        own = self.settings
        back = {own.rewind_to} if own.rounds > 1 or own.weights == "rewound" else set()
        return back | ({0} if own.weights == "drawn" else set())

    def update(self, step: int) -> Iterator[MaskChange | Decision | Rewinding]:
        """Prune where a training ends, and begin the next."""
        if step in self.kept_steps():
            self.keep(step)
        ends = self.settings.ends(self.steps)
        if step not in ends[:-1]:
            return
        for move in self.scheduled(step):
            yield self.prune(move)
        number = ends.index(step) + 1
        weights = self.settings.weights if step == ends[-2] else "rewound"
        back = self.settings.rewind_to if weights == "rewound" else 0
        if weights == "rewound":
            self.rewind(self.snapshots[back])
        elif weights == "drawn":
            self.rewind(self._drawn())
        self.begin_anew()
        self._set_clock(Requests(schedule=(step + 1 - back, ends[number] - step + back)))
        if step == ends[-2]:
            self.snapshots.clear()
        yield Rewinding(None if weights == "inherited" else back, weights)

    def _drawn(self) -> dict[str, Snapshot]:
        return {name: start.shuffled(self.random) for name, start in self.snapshots[0].items()}

    def _set_clock(self, requests: Requests) -> None:
        """Have learning rates and average follow the training at hand."""
        self.requests = requests
        if self.ema is not None and requests.schedule is not None:
            self.ema.start = requests.schedule[0] - 1 + self.settings.ema_start

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a saved state."""
        super().load_state_dict(state)
        self._set_clock(self.requests)
