import contextlib
import errno
import hashlib
import http.server
import os
import re
import threading
from pathlib import Path

import numpy as np
import pytest

from sparsegan.data import download as module
from sparsegan.data.download import download
from sparsegan.errors import SparseganError

CONTENT = np.random.default_rng(0).bytes(1_000_000)
MD5 = hashlib.md5(CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Serves `CONTENT`, in ways that a test chooses."""

    content = CONTENT
    ranges = True
    status = 200
    cut: int | None = None  # bytes after which a connection breaks, each time
    asked: list[str | None]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        asked = self.headers["Range"]
        server.asked.append(asked)
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and server.ranges else 0
        whole = len(server.content)
        status = 206 if start else 200
        if start >= whole:
            status = 416
        if server.status != 200:
            status = server.status
        body = server.content[start:] if status < 400 else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body if server.cut is None else body[: server.cut])

    def log_message(self, *_): ...


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(module, "PAUSE", 0.0)
    monkeypatch.setattr(module, "TIMEOUT", 5.0)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with Server(("127.0.0.1", 0), Handler) as running:
        running.asked = []
        running.url = f"http://127.0.0.1:{running.server_port}/set.tar.gz"
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def test_whole_file_once(server, tmp_path):
    path = tmp_path / "new" / "set.tar.gz"
    assert download(server.url, path, MD5) == path
    assert path.read_bytes() == CONTENT
    assert download(server.url, path, MD5) == path
    assert server.asked == [None]
    assert names(path.parent) == ["set.tar.gz"]


def test_goes_on_where_it_broke_off(server, tmp_path):
    path = tmp_path / "set.tar.gz"
    Path(f"{path}.part").write_bytes(CONTENT[:300_001])
    download(server.url, path, MD5)
    assert path.read_bytes() == CONTENT
    assert server.asked == ["bytes=300001-"]


def test_cut_connections_are_taken_up(server, tmp_path):
    server.cut = 150_000
    path = download(server.url, tmp_path / "set.tar.gz", MD5)
    assert path.read_bytes() == CONTENT
    assert server.asked == [None, *(f"bytes={150_000 * i}-" for i in range(1, 7))]


def test_server_that_knows_no_ranges(server, tmp_path):
    server.ranges = False
    path = tmp_path / "set.tar.gz"
    Path(f"{path}.part").write_bytes(CONTENT[:300_001])
    assert download(server.url, path, MD5).read_bytes() == CONTENT


@pytest.mark.parametrize("part", [CONTENT, CONTENT + b"more", b"other" * 10])
def test_part_of_whatever_is_no_obstacle(server, tmp_path, part):
    path = tmp_path / "set.tar.gz"
    Path(f"{path}.part").write_bytes(part)
    assert download(server.url, path, MD5).read_bytes() == CONTENT


def test_connection_that_always_breaks(server, tmp_path):
    path = tmp_path / "set.tar.gz"
    server.cut = 0
    with pytest.raises(SparseganError, match=r"download it yourself.* pass the file as data.path"):
        download(server.url, path, MD5)
    assert len(server.asked) == module.ATTEMPTS
    server.cut = None
    assert download(server.url, path, MD5).read_bytes() == CONTENT


def test_wrong_content(server, tmp_path):
    server.content = CONTENT[:-1] + b"x"
    path = tmp_path / "set.tar.gz"
    with pytest.raises(SparseganError, match=r"set\.tar\.gz .* MD5 differs"):
        download(server.url, path, MD5)
    assert names(tmp_path) == []


@pytest.mark.parametrize(("status", "attempts"), [(404, 1), (403, 1), (503, module.ATTEMPTS)])
def test_server_that_refuses(server, tmp_path, status, attempts):
    server.status = status
    with pytest.raises(SparseganError, match="download it yourself"):
        download(server.url, tmp_path / "set.tar.gz", MD5)
    assert len(server.asked) == attempts


def test_no_network(server, tmp_path):
    server.shutdown()
    server.server_close()
    with pytest.raises(SparseganError, match=r"set\.tar\.gz cannot be downloaded") as caught:
        download(server.url, tmp_path / "set.tar.gz", MD5)
    assert "download it yourself" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_several_at_once_fetch_once(server, tmp_path):
    path = tmp_path / "set.tar.gz"
    threads = [threading.Thread(target=download, args=(server.url, path, MD5)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() == CONTENT
    assert server.asked == [None]


def test_disk_that_takes_nothing(server, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(SparseganError, match="SPARSEGAN_CACHE"):
        download(server.url, tmp_path / "file" / "set.tar.gz", MD5)

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SparseganError, match="No space left"):
        download(server.url, tmp_path / "set.tar.gz", MD5)
