"""What a run shows while it goes on: a progress bar on a terminal, plain lines elsewhere."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from rich import progress
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from sparsegan.record.events import Progress
from sparsegan.record.run import RunDirectory


class ProgressDisplay:
    """Shows steps, speed, losses, balance ratio, densities and the time left.

    Args:
        console: Where to show; None shows nothing (every rank but the first).
        steps: Of the whole run.
        done: Steps that are behind us already.
    """

    def __init__(self, console: Console | None, steps: int, done: int) -> None:
        self.console, self.steps, self.done = console, steps, done
        self._bar: progress.Progress | None = None
        self._task = TaskID(0)

    def advance(self, step: int) -> None:
        """`step` steps are done."""
        if self._bar is not None:
            self._bar.update(self._task, completed=step)

    def show(self, events: Sequence[Progress]) -> None:
        """Show the `train` event of each game after one step."""
        step, rate = events[0].step, events[0].steps_per_second or 0.0
        state = f"{rate:.1f} steps/s  {in_words(events)}"
        if self._bar is not None:
            self._bar.update(self._task, state=state)
        elif self.console is not None:
            left = (self.steps - step) / rate if rate else 0.0
            self.console.print(
                f"step {step}/{self.steps}  {state}  {duration(left)} left",
                soft_wrap=True,
                highlight=False,
            )

    def say(self, text: str) -> None:
        """Print a line of its own."""
        if self.console is not None:
            self.console.print(text, soft_wrap=True, highlight=False, markup=False)

    def __enter__(self) -> Self:
        if self.console is not None and self.console.is_terminal:
            self._bar = progress.Progress(
                MofNCompleteColumn(),
                BarColumn(bar_width=None),
                TextColumn("{task.fields[state]}"),
                TimeRemainingColumn(),
                console=self.console,
                expand=True,
            )
            self._bar.start()
            self._task = self._bar.add_task(
                "train", total=self.steps, completed=self.done, state=""
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


Shown = Console | Callable[[RunDirectory, int, int], ProgressDisplay] | None
"""Where a run shows what it does: on a console, nowhere, or on a display that is made for the run,
its steps and those that are behind it."""


def display_on(shown: Shown, run: RunDirectory, steps: int, done: int) -> ProgressDisplay:
    """The display of a run.

    Args:
        shown: Where.
        run: Its directory.
        steps: Of the whole run.
        done: Steps that are behind it already.
    """
    if shown is None or isinstance(shown, Console):
        return ProgressDisplay(shown, steps, done)
    return shown(run, steps, done)


def in_words(events: Sequence[Progress]) -> str:
    """Losses, balance ratio and densities of the `train` event of each game."""
    return "  ".join(f"{one.game}  {_line(one)}" if one.game else _line(one) for one in events)


def _line(event: Progress) -> str:
    ratio = event.balance_ratio
    balance = "–" if ratio is None else f"{ratio:.3f}"
    return (
        f"loss G {event.generator_loss:.2f} D {event.discriminator_loss:.2f}  "
        f"BR {balance}  "
        f"density G {event.generator_density:.0%} D {event.discriminator_density:.0%}"
    )


def duration(seconds: float) -> str:
    """A time as hours, minutes and seconds.

    Example:
        >>> duration(75), duration(3675)
        ('1:15', '1:01:15')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
