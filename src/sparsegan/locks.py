"""Locks between processes that end with the process that holds them, however it dies.

The system keeps them (``flock``; across the machines of a network file system, too), so that
nothing has to be cleared up after a kill, as it would after a file that names a process. The file
that a lock is on says nothing by being there: it is removed with the lock, and a kill leaves it.
"""

import contextlib
import errno
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from weakref import WeakSet

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_HELD = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


class FileLock:
    """An exclusive lock on a file, which is made if it is missing.

    Two of them exclude each other within a process, too. A forked child does not keep the lock of
    its parent.

    Example:
        >>> lock = FileLock(Path("counter.lock"))
        >>> if lock.acquire():  # doctest: +SKIP
        ...     lock.release()
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether it is ours."""
        return self._descriptor is not None

    def acquire(self) -> bool:
        """Take the lock if nobody holds it, at once; whether it is ours.

        Raises:
            OSError: The file cannot be opened for writing, or its file system has no locks
                (see `no_locks`).
        """
        while True:
            descriptor = self._attempt()
            if descriptor is None:
                return False
            if self._is_named(descriptor):
                break
            os.close(descriptor)  # of a file that its holder has just removed
        self._descriptor = descriptor
        _ours.add(self)
        return True

    def _attempt(self) -> int | None:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(self.path, flags, 0o666)
        try:
            _lock(descriptor)
        except OSError as error:
            os.close(descriptor)
            if error.errno in _HELD:
                return None
            error.filename = str(self.path)
            raise
        return descriptor

    def _is_named(self, descriptor: int) -> bool:
        """Whether the open file is the one that has the name now."""
        try:
            return os.path.samestat(os.fstat(descriptor), self.path.stat())
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Give it back; twice does nothing."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):  # a system that removes no open file leaves it
                self.path.unlink()
            _unlock(self._descriptor)
            self.forget()

    def forget(self) -> None:
        """Close the file; the lock stays with the process that holds it besides."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
            _ours.discard(self)

    def wait(self, seconds: float) -> Iterator[None]:
        """Yield between attempts to take the lock, until it is ours or the time is over."""
        end = time.monotonic() + seconds
        while not self.acquire() and time.monotonic() < end:
            yield
            time.sleep(0.05)


def is_held(path: Path) -> bool:
    """Whether a process holds the lock on a file at this moment; where nobody can say, no.

    To see that the lock is taken for an instant: whoever wants it `wait`s.
    """
    lock = FileLock(path)
    try:
        if not path.exists():
            return False
        free = lock.acquire()
    except OSError:
        return False
    lock.release()
    return not free


def no_locks(error: OSError) -> bool:
    """Whether an error says that the file system has no locks."""
    return error.errno in _NO_LOCKS


if sys.platform == "win32":

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _unlock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


_ours: WeakSet[FileLock] = WeakSet()


def _leave_to_parent() -> None:
    # A child's copy of the descriptor would keep the lock beyond its parent's death.
    for lock in list(_ours):
        with contextlib.suppress(OSError):
            lock.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)
