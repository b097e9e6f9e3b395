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


@pytest.fixture
def handles(monkeypatch):
    """The blocks that are displayed, in order, each with all that it has shown."""
    made = []

    def display(shown, display_id):
        made.append(Handle())
        made[-1].update(shown)
        return made[-1]

    monkeypatch.setattr("IPython.display.display", display)
    return made


def test_it_shows_bar_figures_sentences_and_the_newest_grid(run, handles):
    with notebook.NotebookDisplay(RunDirectory(run.directory), 20, 4) as display:
        display.advance(6)
        display.show([progress(8)])
        display.say("a < b")
    bar, grid = (handle.shown[-1] for handle in handles)
    assert '<progress value="6" max="20"' in bar
    assert "4.0 steps/s  0:03 left  loss G 1.00 D 2.00  BR 0.500  density G 10% D 30%" in bar
    assert html.escape("a < b") in bar
    assert "<img" not in bar
    assert notebook.picture(run.directory / "samples" / "step-00000006.png") in grid
    assert grid.count("<img") == 1


def test_a_grid_is_sent_once(tmp_path, handles):
    run = RunDirectory(tmp_path)
    with notebook.NotebookDisplay(run, 20, 0) as display:
        assert "<img" not in handles[1].shown[-1]
        for step in (5, 10):
            run.sample(step).parent.mkdir(exist_ok=True)
            run.sample(step).write_bytes(b"%d" % step)
            for text in "abc":
                display.say(text)
    assert len(handles[0].shown) > 6
    first, second = handles[1].shown[1:]
    assert notebook.picture(run.sample(5)) in first
    assert notebook.picture(run.sample(10)) in second


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
    bar, grid = [one.data["text/html"] for one in trained if one.output_type == "display_data"]
    assert '<progress value="6" max="6"' in bar
    assert "data:image/png" in grid
    assert any("result: " in str(one) for one in trained)
    assert "finished" in shown[0].data["text/html"]
    assert any("its state is saved, and .resume() goes on" in str(one) for one in stopped)
    assert after[0].text.startswith("True False")
    assert "image/png" in after[1].data
