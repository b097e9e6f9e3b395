import json
import shutil
import socket
import threading
import time
from http.client import HTTPConnection

import pytest

from sparsegan.errors import SparseganError
from sparsegan.live import server as module
from sparsegan.live.server import Server, address, listen
from sparsegan.live.site import Site


@pytest.fixture
def served(run):
    server = Server(Site([run]), listen())
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
    yield server
    server.end()


def ask(server, path="/", method="GET", **headers):
    connection = HTTPConnection(*server.socket.getsockname(), timeout=20)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, headers=names)
    answer = connection.getresponse()
    answer.text = answer.read().decode()
    connection.close()
    return answer


def test_it_is_for_this_machine_alone(served):
    assert served.socket.getsockname()[0] == "127.0.0.1"
    assert address(served.socket) == f"http://127.0.0.1:{served.socket.getsockname()[1]}/"


def test_its_few_addresses(served):
    assert "sparsegan live" in ask(served).text
    state = json.loads(ask(served, "/state").text)
    assert state["ending"] is False
    for name, digest in state["parts"].items():
        part = ask(served, f"/part/{name}")
        assert (part.status, part.headers["ETag"]) == (200, f'"{digest}"')
    assert "sparsegan report" in ask(served, "/report").text
    assert "sparsegan live" in ask(served, "/?x=1/2").text
    assert json.loads(ask(served, "/state?").text) == state
    for nowhere in ("/part/", "/part/x", "/part/status/x", "/../config.yaml", "/config.yaml",
                    "/x?/state", "/samples/step-00000000.png"):  # fmt: skip
        assert ask(served, nowhere).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE"])
def test_it_is_only_read(served, method):
    answer = ask(served, method=method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET")
    assert "run" not in answer.text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
@pytest.mark.parametrize("path", ["/", "/state", "/report", "/part/samples"])
def test_a_name_of_another_s_is_refused(served, host, path):
    answer = ask(served, path, Host=host)
    assert answer.status == 403
    assert "<" not in answer.text


@pytest.mark.parametrize("host", ["localhost", "localhost:9000", "127.0.0.1:1", "[::1]:80"])
def test_names_of_this_machine_are_heard_through_tunnels_too(served, host):
    assert ask(served, "/state", Host=host).status == 200


def test_two_names_or_none_are_refused(served):
    for hosts in (b"", b"Host: localhost\r\nHost: evil.example\r\n"):
        with socket.create_connection(served.socket.getsockname(), timeout=20) as connection:
            connection.sendall(b"GET /state HTTP/1.1\r\n" + hosts + b"\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.0 403")


def test_no_other_site_may_embed_or_read_it(served):
    headers = ask(served).headers
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Access-Control-Allow-Origin"] is None


def test_a_run_that_is_gone_is_one_sentence(served, run, monkeypatch):
    ask(served, "/state")
    shutil.rmtree(run)
    served.site._next = 0.0
    answer = ask(served, "/state")
    assert (answer.status, answer.text.count("\n")) == (410, 1)


def test_a_port_that_is_taken_is_one_sentence(served):
    port = served.socket.getsockname()[1]
    with pytest.raises(SparseganError, match=rf"port {port} .*choose another --port"):
        listen(port)


def test_unattended_it_ends_after_its_last_reader(run):
    ready, begun = [], time.monotonic()
    module.serve([run], listen(), ready=lambda: ready.append(True), unattended=0.5)
    assert ready
    assert time.monotonic() - begun >= 0.5
