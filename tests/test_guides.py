"""The guides run, block by block, and say what the library says."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import torch
from nbclient import NotebookClient

from command_line import environment
from needs import in_full
from sparsegan.draw import pictures

ROOT = Path(__file__).parents[1]
GUIDES = ROOT / "docs" / "guides"
PAGES = ["own-loop", "mixed-precision", *in_full("checkpoints", "troubleshooting", "notebook",
                                                 "better", "ddp")]  # fmt: skip
BLOCK = re.compile(r"(?:<!-- file: (\S+) -->\n)?```(python|sh)\n(.*?)```", re.DOTALL)

# A page shows what one would run; a test has seconds.
QUICK = [
    *("--steps=8", "--evaluate.images=4", "--threads=1", "--network.discriminator_width=8"),
    *("--evaluate.bn=batch", "--sample.grid=2"),
    *("--method.control_interval=2", "--method.balance_every=1", "--method.balance_window=2"),
]


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder with pictures and with the networks of the example."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    shutil.copy(ROOT / "examples" / "own_gan.py", tmp_path)
    pixels = torch.randint(256, (60, 3, 32, 32), dtype=torch.uint8)
    pictures.save_folder(tmp_path / "pictures", pixels)
    yield tmp_path
    sys.modules.pop("own_gan", None)


def commands(block):
    """The commands of a shell block, each as its words."""
    for line in block.replace("\\\n", " ").splitlines():
        if words := shlex.split(line, comments=True):
            yield words


def run_command(words):
    program = {"sparsegan": ["-m", "sparsegan"], "torchrun": ["-m", "torch.distributed.run"]}
    quick = QUICK if words[:2] == ["sparsegan", "train"] else []
    command = [sys.executable, *program[words[0]], *words[1:], *quick]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("page", PAGES)
def test_a_guide_runs(page, workplace):
    names = {"__name__": "guide"}
    text = (GUIDES / f"{page}.md").read_text()
    blocks = BLOCK.findall(text)
    assert len(blocks) == text.count("```") // 2
    for file, kind, block in blocks:
        if file:
            Path(file).write_text(block)
        elif kind == "python":
            exec(compile(block, f"{page}.md", "exec"), names)
        else:
            for words in commands(block):
                done = run_command(words)
                assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}{done.stderr}"
                if words[0] == "torchrun":
                    said = set(re.findall(r"process \d: (.*)", done.stdout))
                    assert len(said) == 1, done.stdout  # equal masks


def test_every_page_is_run_and_linked():
    pages = {path.stem for path in GUIDES.glob("*.md")} - {"index"}
    assert pages == {getattr(page, "values", (page,))[0] for page in PAGES}
    index, site = (GUIDES / "index.md").read_text(), (ROOT / "mkdocs.yml").read_text()
    for page in pages:
        assert f"({page}.md)" in index
        assert f"guides/{page}.md" in site
    assert "guides/index.md" in (ROOT / "docs" / "index.md").read_text()


def test_troubleshooting_knows_what_a_run_says():
    """Whatever a detector begins its sentence with stands on the page."""
    page = " ".join((GUIDES / "troubleshooting.md").read_text().split())
    source = (ROOT / "src" / "sparsegan" / "health" / "detectors.py").read_text()
    for sentence in (
        "the generator's gradients have vanished",
        "gradients are a thousand times what they were",
        "the discriminator's loss stands still",
        "the samples are all alike: they differ",
        "the samples are farther from real images than before the first step",
        "the samples have become worse at two evaluations",
        "the discriminator is too weak",
        "the discriminator is too strong",
        "the discriminator scores generated images above real ones",
        "the generator's steps make its images worse to the discriminator",
        "of the samples repeat training images",
    ):
        assert sentence in source
        assert sentence in page


@pytest.mark.full
def test_the_notebook_runs(workplace, monkeypatch):
    for name, value in (environment() | {"PYTHONPATH": os.pathsep.join(sys.path)}).items():
        monkeypatch.setenv(name, value)
    book = nbformat.read(GUIDES / "first-run.ipynb", as_version=4)
    NotebookClient(book, timeout=500, resources={"metadata": {"path": str(workplace)}}).execute()
    shown = [str(output) for cell in book.cells for output in cell.get("outputs", ())]
    assert any("<progress" in output for output in shown)
    assert sum("image/png" in output for output in shown) >= 2
    assert any("<iframe srcdoc" in output for output in shown)


def test_the_notebook_is_kept_without_outputs():
    book = nbformat.read(GUIDES / "first-run.ipynb", as_version=4)
    nbformat.validate(book)
    assert not any(cell.get("outputs") for cell in book.cells)
