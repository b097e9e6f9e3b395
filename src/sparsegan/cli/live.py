"""What commands share that serve a page on a run: the options, and how it ends."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sparsegan.errors import SparseganError

if TYPE_CHECKING:
    from sparsegan.live import Beside
    from sparsegan.record.run import RunDirectory

_UNATTENDED = 600.0
"""Seconds without a reader after which a page ends whose command nobody can interrupt."""


def add_live(parser: "argparse._ActionsContainer") -> None:
    """The flags of a command that can serve a page."""
    parser.add_argument(
        "--live",
        action="store_true",
        help="serve a page of growing curves, densities and samples to browsers on this machine",
    )
    parser.add_argument(
        "--port", type=int, metavar="N", help="of the page of --live (default: a free one)"
    )


def asked(options: argparse.Namespace) -> bool:
    """Whether a page is asked for.

    Raises:
        SparseganError: A port is named for no page.
    """
    if options.port is not None and not options.live:
        raise SparseganError("--port is that of the page of --live: add --live, or leave it out")
    return bool(options.live)


@contextmanager
def page(options: argparse.Namespace) -> "Iterator[Beside | None]":
    """What serves the page of a run to come, at a port that is taken now; None: nothing does.

    Raises:
        SparseganError: The port is not to be had.
    """
    from sparsegan.train.launch import process_rank

    if not asked(options) or process_rank() > 0:
        yield None
        return
    from sparsegan.live import Beside

    with Beside(options.port) as beside:
        yield beside


def begun(page: "Beside | None") -> "Callable[[RunDirectory], str] | None":
    """What has the page serve a run as soon as there is one."""
    return None if page is None else lambda run: page.begin(run.path)


def stay(page: "Beside | None", code: int) -> int:
    """After a run's end: serve on until Ctrl-C, where there is somebody to press it.

    Args:
        page: What serves; None: nothing does.
        code: How the run has ended.

    Returns:
        The same.
    """
    if page is None or code != 0 or not page.serves:
        return code
    if not is_attended():
        print("the live page ends with this command, and stays as it is where it is open")
        return code
    print(f"live page: {page.address} goes on; Ctrl-C ends it", flush=True)
    try:
        page.wait()
    except KeyboardInterrupt:
        print()
        page.close(at_once=True)
    return code


def serve(options: argparse.Namespace) -> int:
    """Serve a page on runs that others train, or have trained."""
    from sparsegan.live import server

    attended = is_attended()
    listening = server.listen(options.port)
    end = "Ctrl-C ends it" if attended else "it ends when nobody reads it and nothing is trained"

    def announce() -> None:
        print(f"live page: {server.address(listening)} ({end})", flush=True)

    try:
        server.serve(
            options.runs,
            listening,
            ready=announce,
            unattended=None if attended else _UNATTENDED,
        )
    except KeyboardInterrupt:
        print()
    return 0


def is_attended() -> bool:
    """Whether somebody at a terminal can press Ctrl-C for this process."""
    try:
        return sys.stdin.isatty() and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (AttributeError, OSError, ValueError):
        return False
