"""The process that serves a run's page beside its training: `beside` starts it."""

import socket
import sys
import threading
import time
from pathlib import Path

from sparsegan.live.beside import LAST_LOOK, lower_priority
from sparsegan.live.server import Server
from sparsegan.live.site import Site


def main(run: Path, descriptor: int) -> None:
    """Serve a run until the standard input is at its end, and then until it has been read.

    Args:
        run: Its directory.
        descriptor: Of the socket to answer at.
    """
    lower_priority()
    server = Server(Site([run]), socket.socket(fileno=descriptor))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.buffer.read()
    ended = time.monotonic()
    server.site.ending = True
    server.site.look()
    # A page asks every two seconds; one that is open is given the time to do so once more.
    if server.site.asked > ended - LAST_LOOK:
        while server.site.asked < ended and time.monotonic() < ended + LAST_LOOK:
            time.sleep(0.1)
        time.sleep(1.0)  # for the parts that it now asks for
    server.end()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
