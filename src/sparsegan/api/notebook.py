"""What a run shows in a notebook while it is trained: a bar, a line of figures, its samples."""

import base64
import html
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sparsegan.record.events import Progress
from sparsegan.record.run import RunDirectory
from sparsegan.train.progress import ProgressDisplay, duration, in_words

_SECONDS = 0.5  # between two updates of the bar
_SENTENCES = 12


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook; IPython is not imported for it."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return hasattr(get_ipython(), "kernel")


def picture(path: Path) -> str:
    """A PNG as markup that carries it."""
    encoded = base64.b64encode(path.read_bytes()).decode()
    return f'<img alt="samples" src="data:image/png;base64,{encoded}">'


def newest_grids(run: RunDirectory) -> list[Path]:
    """The newest sample grid of each game of a run."""
    last = {path.parent: path for path in sorted(run.samples.rglob("step-*.png"))}
    return list(last.values())


class NotebookDisplay(ProgressDisplay):
    """Shows two blocks of a cell's output, written over while the run goes on.

    The samples have a block of their own, which is sent only where there are new ones: they are far
    larger than the bar and its figures, which change twice a second.

    Args:
        run: Whose samples are shown.
        steps: Of the whole run.
        done: Steps that are behind us already.
    """

    def __init__(self, run: RunDirectory, steps: int, done: int) -> None:
        super().__init__(None, steps, done)
        self._run, self._state, self._sentences = run, "", list[str]()
        self._handle: Any = None
        self._grid_handle: Any = None
        self._grids: list[Path] = []
        self._shown_at = 0.0

    def advance(self, step: int) -> None:
        """`step` steps are done."""
        self.done = step
        if time.monotonic() - self._shown_at > _SECONDS:
            self._update()

    def show(self, events: Sequence[Progress]) -> None:
        """Show the `train` event of each game after one step."""
        rate = events[0].steps_per_second or 0.0
        left = duration((self.steps - events[0].step) / rate) if rate else "–"
        self._state = f"{rate:.1f} steps/s  {left} left  {in_words(events)}"
        self._update()

    def say(self, text: str) -> None:
        """Show a sentence below the bar."""
        self._sentences.append(text)
        self._update()

    def __enter__(self) -> Self:
        from IPython.display import HTML, display

        self._handle = display(HTML(self._markup()), display_id=True)  # type: ignore[no-untyped-call]
        self._grids = newest_grids(self._run)
        self._grid_handle = display(HTML(self._pictures()), display_id=True)  # type: ignore[no-untyped-call]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._update()

    def _update(self) -> None:
        self._shown_at = time.monotonic()
        if self._handle is not None:
            from IPython.display import HTML

            self._handle.update(HTML(self._markup()))  # type: ignore[no-untyped-call]
            grids = newest_grids(self._run)
            if grids != self._grids:
                self._grids = grids
                self._grid_handle.update(HTML(self._pictures()))  # type: ignore[no-untyped-call]

    def _markup(self) -> str:
        sentences = "<br>".join(map(html.escape, self._sentences[-_SENTENCES:]))
        return (
            f'<div><progress value="{self.done}" max="{self.steps}" style="width:50%"></progress> '
            f"step {self.done:,} of {self.steps:,}<br>"
            f'<span style="white-space:pre-wrap">{html.escape(self._state)}</span><br>'
            f"<small>{sentences}</small></div>"
        )

    def _pictures(self) -> str:
        return f"<div>{' '.join(map(picture, self._grids))}</div>"
