"""A bar on the terminal while data are fetched or decoded; nothing where there is no terminal."""

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console


@contextlib.contextmanager
def progress(
    words: str, total: int | None, done: int = 0, *, bytewise: bool = False
) -> Iterator[Callable[[int], None]]:
    """Show how far something is.

    Args:
        words: What is going on.
        total: Images or bytes in all; None where it is not known.
        done: How many of them are behind us already.
        bytewise: Whether bytes are counted.

    Yields:
        A function to call with the number of further images or bytes.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    # Importing rich's bars takes longer than reading most data sets.
    from rich import progress as bars

    count = bars.DownloadColumn() if bytewise else bars.MofNCompleteColumn()
    columns = (bars.TextColumn("{task.description}", markup=False), bars.BarColumn(), count)
    with bars.Progress(
        *columns, bars.TimeRemainingColumn(), console=console, transient=True
    ) as shown:
        task = shown.add_task(words, total=total, completed=done)
        yield lambda further: shown.advance(task, further)
