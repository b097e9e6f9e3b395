"""Signs of life between the processes of a run, so that none waits for one that is gone.

A collective operation of PyTorch waits half an hour for a process that hangs, and one that was
killed is noticed by whoever talks to it next. Here every process says twice a second that it
lives, in a thread of its own and over a connection of its own: the first process to all others and
these to the first. So a step or an evaluation may take as long as it likes, and a process that was
killed is noticed at once, one that hangs or cannot be reached within `fabric.timeout` seconds.
"""

import functools
import hmac
import os
import secrets
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import torch.distributed as dist

from sparsegan.errors import SparseganError, tell

if TYPE_CHECKING:
    from lightning_fabric import Fabric

EXIT_CODE = 3
"""The exit code of a process whose run has lost another process."""

_TICK = 0.5
_GRACE = 5.0
"""Seconds in which a main thread may notice by itself that a process is gone, and leave."""

_ALIVE, _DONE, _PEACE, _ERROR, _LOST = b".", b"d", b"q", b"e", b"l"
"""What is said: I live; the first process has done what it does alone; I leave because the run has
ended, because of an error of mine that I have told, or because a process was lost."""

P = ParamSpec("P")
T = TypeVar("T")


class LostProcessError(SparseganError):
    """A process of the run is gone, hangs or cannot be reached; the run can be resumed.

    Attributes:
        reported: Whether another process has said so.
    """

    exit_code = EXIT_CODE

    def __init__(self, message: str, reported: bool = False) -> None:
        super().__init__(message)
        self.reported = reported


class Heartbeat:
    """This process's signs of life, and its eye on the others.

    Args:
        rank: This process, of `world_size`.
        world_size: Processes of the run.
        timeout: Seconds of silence after which a process counts as lost.
        children: The processes that this one has started, from rank 1 on.
        parent: Process number of what started this one, if that is to be watched.
    """

    def __init__(
        self,
        rank: int,
        world_size: int,
        timeout: float,
        children: Sequence["subprocess.Popen[bytes]"] = (),
        parent: int | None = None,
    ) -> None:
        self.rank, self.world_size, self.timeout = rank, world_size, timeout
        self.run_path: Path | None = None
        self._children, self._parent = dict(enumerate(children, start=1)), parent
        self._peers: dict[int, socket.socket] = {}
        self._silent: dict[int, float] = {}
        self._selector = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._turns = threading.Semaphore(0)
        self._loss: LostProcessError | None = None
        self._lost, self._left = threading.Event(), threading.Event()

    # ---- for the main thread

    def connect(self, fabric: "Fabric") -> None:
        """Connect with the first process, or as that with all others; a collective call.

        Raises:
            OSError: There is no way from one to the other.
        """
        host = os.environ.get("MASTER_ADDR", "127.0.0.1")
        if self.rank == 0:
            with _listen(host) as server:
                key = secrets.token_hex(16)
                fabric.broadcast((server.getsockname()[1], key))
                peers = _accept(server, key, self.world_size)
        else:
            port, key = fabric.broadcast((0, ""))
            peer = socket.create_connection((host, port), timeout=60)
            peer.sendall(key.encode() + self.rank.to_bytes(4))
            peers = {0: peer}
        with self._lock:
            for rank, peer in peers.items():
                peer.setblocking(False)
                self._peers[rank], self._silent[rank] = peer, 0.0
                self._selector.register(peer, selectors.EVENT_READ, rank)

    def first_is_done(self) -> None:
        """The first process goes on; the others wait until it says so, as long as it lives.

        Raises:
            LostProcessError: It does not.
        """
        if self.rank == 0:
            self._say(_DONE)
        # In pieces, so that signals are handled in between.
        while self.rank and not self._turns.acquire(timeout=_TICK):
            if self._loss is not None:
                raise self._loss

    def leave(self, error: BaseException | None) -> BaseException | None:
        """Say goodbye, and why; what to raise for an error.

        Args:
            error: What this process leaves with, if it does not leave in peace.
        """
        from sparsegan.train.stop import Interrupted

        error_to_raise = error
        if isinstance(error, RuntimeError):  # as PyTorch's and Gloo's are
            self._lost.wait(4 * _TICK)
            error_to_raise = self._loss or self._of_connection(error) or error
        elif self.rank and isinstance(error, SparseganError):
            self._lost.wait(2 * _TICK)  # one that all processes have is told by the first
            error.reported = self._loss is not None and self._loss.reported
        self._left.set()
        if error is None or isinstance(error, Interrupted):
            self._say(_PEACE)
            return error
        self._say(_LOST if isinstance(error_to_raise, LostProcessError) else _ERROR)
        self._end_children()
        return error_to_raise

    # ---- the thread

    def beat(self) -> None:
        """Say and listen until this process leaves, or another is lost."""
        before = time.monotonic()
        while not self._left.is_set() and self._loss is None:
            self._say(_ALIVE)
            self._listen()
            now = time.monotonic()
            # A process that was stopped itself, by Ctrl-Z say, has no right to call others silent.
            elapsed, before = min(now - before, 2 * _TICK), now
            self._look(elapsed)
        if self._loss is None or self._left.wait(_GRACE):
            return
        # The main thread waits for what will never come, and nothing wakes it.
        if sys.stdout.isatty():
            sys.stdout.write("\x1b[?25h")  # a progress bar hides the cursor
            sys.stdout.flush()
        if not self._loss.reported:
            tell(str(self._loss))
        self._say(_LOST)
        self._end_children()
        os._exit(EXIT_CODE)

    def _listen(self) -> None:
        if not self._peers:
            self._left.wait(_TICK)
            return
        until = time.monotonic() + _TICK
        while self._peers and self._loss is None and (left := until - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                self._hear(key.data)

    def _hear(self, rank: int) -> None:
        try:
            said = self._peers[rank].recv(4096)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        self._silent[rank] = 0.0
        for _ in range(said.count(_DONE)):
            self._turns.release()
        if said and said[-1:] not in (_PEACE, _ERROR, _LOST):
            return
        with self._lock:
            self._selector.unregister(self._peers.pop(rank))
            del self._silent[rank]
        if said.endswith(_PEACE):
            return
        if rank == 0 and said:
            self._lose("the first process has left", reported=True)
        elif said.endswith(_LOST):
            self._lose(f"{self._name(rank)} has lost the connection")
        elif said.endswith(_ERROR):
            self._lose(f"{self._name(rank)} ended with an error, which it has told")
        else:
            self._lose(self._end_of(rank))

    def _look(self, elapsed: float) -> None:
        """At the processes around this one, and at how long the others have been silent."""
        if self._parent is not None and os.getppid() != self._parent:
            self._lose("the process that started this one is gone")
        for rank, child in self._children.items():
            if child.poll():
                self._lose(self._end_of(rank))
        for rank in list(self._silent):
            self._silent[rank] += elapsed
            if self._silent[rank] > self.timeout:
                self._lose(
                    f"{self._name(rank)} has given no sign of life for {self.timeout:g} seconds: "
                    "it hangs, or the connection to it is cut"
                )

    def _lose(self, what: str, reported: bool = False) -> None:
        if self._loss is None:
            way = "start the run again"
            if self.run_path is not None:
                way = f"go on with `sparsegan resume {self.run_path}`, started as this was"
            self._loss = LostProcessError(f"{what}, so this run cannot go on: {way}", reported)
            self._lost.set()

    def _name(self, rank: int) -> str:
        return f"process {rank} (of {self.world_size}, from 0)"

    def _end_of(self, rank: int) -> str:
        """What became of a process that has said nothing."""
        child = self._children.get(rank)
        if child is None:
            return f"{self._name(rank)} is gone: it was killed, or its machine has failed"
        try:
            code = child.wait(_TICK)
        except subprocess.TimeoutExpired:
            return f"{self._name(rank)} has closed its connection"
        if code >= 0:
            return f"{self._name(rank)} ended with exit code {code}"
        why = ", as systems do that run out of memory" if code == -signal.SIGKILL else ""
        return f"{self._name(rank)} was killed by {signal.Signals(-code).name}{why}"

    def _of_connection(self, error: RuntimeError) -> LostProcessError | None:
        """An error of a connection that is only PyTorch's own, as a loss."""
        text = " ".join(str(error).split())
        if not (isinstance(error, dist.DistError) or "gloo" in text or "NCCL" in text):
            return None
        self._lose(f"the processes have lost each other ({text[:200]})")
        return self._loss

    def _say(self, what: bytes) -> None:
        with self._lock:
            for peer in self._peers.values():
                try:
                    peer.send(what)
                except OSError:
                    continue  # whoever listens to it will notice

    def _end_children(self) -> None:
        """None of the processes that this one has started outlives it: they have a second."""
        end(list(self._children.values()), 2 * _TICK)


def end(children: Sequence["subprocess.Popen[bytes]"], seconds: float) -> None:
    """Wait for processes to end, and kill those that have not after so long."""
    until = time.monotonic() + seconds
    for child in children:
        try:
            child.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


_own: list[Heartbeat] = []


def begin(heartbeat: Heartbeat) -> None:
    """Start this process's heartbeat."""
    _own[:] = [heartbeat]
    threading.Thread(target=heartbeat.beat, name="heartbeat", daemon=True).start()


def first_is_done() -> None:
    """`Heartbeat.first_is_done` of this process; nothing where it trains alone."""
    for heartbeat in _own:
        heartbeat.first_is_done()


def can_be_resumed(path: Path) -> None:
    """From now on there is a run to go on with."""
    for heartbeat in _own:
        heartbeat.run_path = path


def watched(work: Callable[P, T]) -> Callable[P, T]:
    """Work that may `begin` a heartbeat, which ends with it; errors of lost processes say so."""

    @functools.wraps(work)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            result = work(*args, **kwargs)
        except BaseException as error:
            raised = _leave(error)
            if raised is error or raised is None:
                raise
            raise raised from error
        _leave(None)
        return result

    return wrapped


def _leave(error: BaseException | None) -> BaseException | None:
    raised = error
    for heartbeat in _own:
        raised = heartbeat.leave(error)
    _own.clear()
    return raised


def _listen(host: str) -> socket.socket:
    if host in ("127.0.0.1", "localhost"):
        return socket.create_server(("127.0.0.1", 0))
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", 0))


def _accept(server: socket.socket, key: str, world_size: int) -> dict[int, socket.socket]:
    """The connections of all other processes; what does not know the key is none of them."""
    server.settimeout(60)
    peers: dict[int, socket.socket] = {}
    while len(peers) < world_size - 1:
        peer, _ = server.accept()
        peer.settimeout(10)
        said = b""
        while len(said) < len(key) + 4 and (part := peer.recv(len(key) + 4 - len(said))):
            said += part
        if hmac.compare_digest(said[:-4], key.encode()):
            peers[int.from_bytes(said[-4:])] = peer
        else:
            peer.close()
    return peers
