"""Serves the page of a `Site` to this machine: a few addresses, read only."""

import re
import socket
import threading
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from sparsegan.errors import SparseganError
from sparsegan.live.page import POLICY
from sparsegan.live.site import Site

HOST = "127.0.0.1"

_NAMES = {HOST, "localhost", "[::1]"}
"""What a reader on this machine calls it, at whatever port a tunnel has."""

_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'",
}


def listen(port: int | None = None) -> socket.socket:
    """A socket at a port of this machine that nobody else can reach.

    Args:
        port: Which; None takes a free one.

    Raises:
        SparseganError: The port is taken, or not to be had.
    """
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # A page that was served a moment ago leaves connections behind which are to be no obstacle.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((HOST, port or 0))
        made.listen(16)
    except (OSError, OverflowError) as error:
        made.close()
        reason = error.strerror if isinstance(error, OSError) else "there is no such port"
        raise SparseganError(
            f"cannot serve a page at port {port} ({reason}): choose another --port, or none for a "
            "free one"
        ) from None
    return made


def address(listening: socket.socket) -> str:
    """What to open in a browser."""
    return f"http://{HOST}:{listening.getsockname()[1]}/"


class Server(ThreadingHTTPServer):
    """The server of a site at a socket that `listen` has made."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, site: Site, listening: socket.socket) -> None:
        super().__init__((HOST, 0), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.site = site

    def handle_error(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        """Nothing: a reader that has gone away is no error, and others get their answer."""

    def end(self) -> None:
        """Stop answering."""
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Server
    server_version, sys_version = "sparsegan", ""
    timeout = 30

    def do_GET(self) -> None:
        # A name of this machine in another's domain (DNS rebinding) would open it to that one.
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or re.sub(r":\d*$", "", hosts[0]).lower() not in _NAMES:
            self._refuse(HTTPStatus.FORBIDDEN, "this page is for readers on its own machine")
            return
        try:
            answer = self._answer(self.path)
        except SparseganError as error:  # the run has been removed
            self._refuse(HTTPStatus.GONE, str(error))
            return
        if answer is None:
            self._refuse(HTTPStatus.NOT_FOUND, "there is no such page")
            return
        kind, content, digest = answer
        self._send(HTTPStatus.OK, kind, content, {"ETag": f'"{digest}"'} if digest else {})

    def _answer(self, path: str) -> tuple[str, str, str] | None:
        """The kind, content and digest of an address; None where there is nothing."""
        site = self.server.site
        match path.partition("?")[0].split("/"):
            case ["", ""]:
                return "text/html", site.page(), ""
            case ["", "state"]:
                return "application/json", site.state(), ""
            case ["", "report"]:
                return "text/html", site.report(), ""
            case ["", "part", name]:
                part = site.part(name)
                return None if part is None else ("text/html", *part)
        return None

    def refuse_method(self) -> None:
        """Answer what would change something, or is asked by no page."""
        self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, "this page is only read", {"Allow": "GET"})

    def _refuse(
        self, status: HTTPStatus, sentence: str, headers: dict[str, str] | None = None
    ) -> None:
        self._send(status, "text/plain", f"{sentence}\n", headers or {})

    def _send(self, status: HTTPStatus, kind: str, content: str, headers: dict[str, str]) -> None:
        body = content.encode("utf-8", "replace")
        self.send_response(status)
        for name, value in (_HEADERS | headers).items():
            self.send_header(name, value)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the terminal belongs to training."""


for _method in ("HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"):
    setattr(_Handler, f"do_{_method}", _Handler.refuse_method)


def serve(
    runs: Sequence[Path],
    listening: socket.socket,
    *,
    ready: Callable[[], None],
    unattended: float | None,
) -> None:
    """Serve the page on runs until an interrupt.

    Args:
        runs: Their directories.
        listening: As `listen` makes it.
        ready: Called when it is served.
        unattended: Where nobody can interrupt it: end so many seconds after the last reader has
            gone and the last run has ended, whichever is later.

    Raises:
        SparseganError: A directory is no run.
    """
    server = Server(Site(runs), listening)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2})
    thread.daemon = True
    thread.start()
    ready()
    last = time.monotonic()
    try:
        while True:
            time.sleep(1.0)
            if unattended is None:
                continue
            server.site.look()
            if server.site.training:
                last = time.monotonic()
            if time.monotonic() - max(last, server.site.asked) > unattended:
                return
    finally:
        server.end()
