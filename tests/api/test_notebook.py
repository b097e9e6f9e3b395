"""What a notebook shows while a run is trained."""

import html
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from command_line import environment
from sparsegan.api import notebook
from sparsegan.record import events
from sparsegan.record.run import RunDirectory


def progress(step):
    return events.Progress(
        step=step, seconds=2.0, steps_per_second=4.0, generator_loss=1.0, discriminator_loss=2.0,
        generator_gradient_norm=1.0, discriminator_gradient_norm=1.0, generator_density=0.1,
        discriminator_density=0.3, balance_ratio=0.5,
    )  # fmt: skip


class Handle:
    def __init__(self):
        self.shown = []

    def update(self, shown):
        self.shown.append(shown.data)


def test_it_shows_bar_figures_sentences_and_the_newest_grid(run, monkeypatch):
    handle = Handle()
    monkeypatch.setattr("IPython.display.display", lambda *_, **__: handle)
    with notebook.NotebookDisplay(RunDirectory(run.directory), 20, 4) as display:
        display.advance(6)
        display.show([progress(8)])
        display.say("a < b")
    last = handle.shown[-1]
    assert '<progress value="6" max="20"' in last
    assert "4.0 steps/s  0:03 left  loss G 1.00 D 2.00  BR 0.500  density G 10% D 30%" in last
    assert html.escape("a < b") in last
    assert notebook.picture(run.directory / "samples" / "step-00000006.png") in last
    assert last.count("<img") == 1


def test_elsewhere_nobody_imports_ipython(monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert not notebook.in_notebook()
    assert "IPython" not in sys.modules


@pytest.mark.full
def test_in_a_kernel_a_call_shows_progress_and_a_stop_leaves_the_run(tmp_path, monkeypatch):
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    cells = [
        "import sparsegan\nfrom command_line import TINY",
        "run = sparsegan.fit(run_directory='run', **TINY)",
        "run",
        "import os, signal, threading\n"
        "threading.Timer(8, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "run = sparsegan.fit(run_directory='stopped', **(TINY | {'steps': 100_000}))",
        "print(run.step > 0, run.finished)\n"
        "import torch; print(torch.get_num_threads() > 0)\n"
        "run.sample(4)",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(book, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    trained, shown, stopped, after = (cell.outputs for cell in book.cells[1:])
    (block,) = [one.data["text/html"] for one in trained if one.output_type == "display_data"]
    assert '<progress value="6" max="6"' in block
    assert "data:image/png" in block
    assert "finished" in shown[0].data["text/html"]
    assert any("its state is saved, and .resume() goes on" in str(one) for one in stopped)
    assert after[0].text.startswith("True False")
    assert "image/png" in after[1].data
