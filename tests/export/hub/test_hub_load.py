import os
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from toy_export import frozen, inputs

import sparsegan
from sparsegan import SparseganError
from sparsegan.export import write_packed
from sparsegan.export.hub import load as hub_load
from sparsegan.export.hub.folder import PACKED

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def toy():
    return frozen()


@pytest.fixture
def packed(toy, tmp_path):
    """Its packed file, in a folder as `--to hub` names it."""
    path = tmp_path / "folder" / PACKED
    write_packed(toy, path)
    return path


def test_a_folder_or_a_file_gives_its_generator(toy, packed):
    z = inputs(toy.blueprint, 4)
    for source in (packed.parent, packed, str(packed)):
        drawn = sparsegan.load(source, "masked")(*z)
        assert torch.allclose(drawn, toy.generator(*z), atol=1e-5, rtol=0)


def test_what_is_not_there_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    with pytest.raises(SparseganError, match=r"there is no file .*empty/generator.safetensors"):
        sparsegan.load(tmp_path / "empty")
    with pytest.raises(SparseganError, match="there is no file"):
        sparsegan.load("not-here.safetensors")
    monkeypatch.setattr(hub_load, "find_spec", lambda name: None)
    with pytest.raises(SparseganError, match=r"there is no file a/b; .* 'sparsegan\[hub\]'"):
        sparsegan.load("a/b")


# ---- the hub: a server that answers as it does, in processes with a cache of their own

PROGRAM = """
import sys, torch, sparsegan
try:
    generator = sparsegan.load(sys.argv[1], "masked")
except sparsegan.SparseganError as error:
    print(error)
else:
    print(float(generator(torch.zeros(1, generator.latent_dim)).sum()))
"""


def loaded(repository, home, endpoint, **environment):
    """What a program says that loads a repository."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, repository],
        env={**os.environ, "HF_HOME": str(home), "HF_ENDPOINT": endpoint, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def hub(packed):
    """The address of a hub with one repository that has the file, and one that has not."""
    content = packed.read_bytes()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            if self.path == f"/owner/name/resolve/main/{PACKED}":
                self.send_response(200)
                self.send_header("ETag", '"abc"')
                self.send_header("X-Repo-Commit", COMMIT)
                self.send_header("Content-Length", str(len(content)))
            else:
                other = self.path.startswith("/owner/other/")
                self.send_response(404)
                self.send_header("X-Error-Code", "EntryNotFound" if other else "RepoNotFound")
                self.send_header("X-Repo-Commit", COMMIT)
                self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self):
            self.do_HEAD()
            if self.path.startswith("/owner/name/"):
                self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.full("hub")
def test_what_was_loaded_from_the_hub_once_needs_no_network(toy, packed, hub, tmp_path):
    home = tmp_path / "home"
    expected = float(toy.generator(torch.zeros(1, toy.blueprint.latent_dim)).sum())
    nowhere = "http://127.0.0.1:9"  # nobody answers there
    before = loaded("owner/name", home, nowhere)
    assert before.startswith("there is no file owner/name, and the Hugging Face hub cannot be")
    assert float(loaded("owner/name", home, hub)) == pytest.approx(expected, abs=1e-2)
    shutil.rmtree(packed.parent)
    assert float(loaded("owner/name", home, nowhere)) == pytest.approx(expected, abs=1e-2)
    offline = loaded("owner/name", home, hub, HF_HUB_OFFLINE="1")
    assert float(offline) == pytest.approx(expected, abs=1e-2)
    assert "cannot be reached" in loaded("owner/else", home, hub, HF_HUB_OFFLINE="1")


@pytest.mark.full("hub")
def test_repositories_without_a_generator_are_one_sentence(hub, tmp_path):
    said = loaded("owner/other", tmp_path, hub)
    assert said == (
        "the repository owner/other has no generator.safetensors: it was not written by "
        "`sparsegan export RUN --to hub`"
    )
    assert "shows no repository of that name" in loaded("nobody/nothing", tmp_path, hub)
