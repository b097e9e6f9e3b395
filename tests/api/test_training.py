"""A call trains what the command trains."""

import os
import random
import signal

import pytest
import torch

import sparsegan
from command_line import TINY
from sparsegan import cli
from sparsegan.draw import pictures
from sparsegan.errors import SparseganError
from sparsegan.record.checkpoint import load_state
from sparsegan.record.run import RunDirectory
from sparsegan.train import loop
from sparsegan.train.stop import Interrupted
from tiny_run import differences

FEW = {**TINY, "steps": 4, "evaluate": {"images": 0}}


def state(folder, step=4):
    return load_state(RunDirectory(folder).checkpoint(step))


def test_a_call_trains_the_bits_of_the_command(tmp_path):
    """Of pictures in a folder, under the recipe that both choose by themselves."""
    pixels = torch.randint(256, (60, 3, 16, 16), dtype=torch.uint8)
    pictures.save_folder(tmp_path / "my pictures", pixels)
    tiny = {"steps": 4, "data_image_size": 28, "evaluate_images": 0, "threads": 1}
    run = sparsegan.fit("my pictures", run_directory="called", show=False, **tiny)
    flags = ["--data.image_size", "28", "--evaluate.images", "0", "--threads", "1", "--steps", "4"]
    command = ["train", "--data.path", "my pictures", "--run.directory", "commanded", *flags]
    before = torch.get_num_threads()
    assert cli.main(command) == 0
    torch.set_num_threads(before)
    assert not differences(state(run.directory), state(tmp_path / "commanded"))
    called, commanded = (
        [line for line in (tmp_path / name / "config.yaml").read_text().splitlines()
         if "directory" not in line]
        for name in ("called", "commanded")
    )  # fmt: skip
    assert called == commanded


def test_a_run_begins_with_anothers_weights_and_has_its_settings(run):
    second = sparsegan.fit(start_run=run.directory, steps=8, run_directory="second", show=False)
    config, before = second.config, run.config
    assert (config.steps, config.network) == (8, before.network)
    assert config.method.name == before.method.name
    assert config.start.run == str(run.directory)
    assert second.finished


def test_the_program_around_it_is_left_as_it_was():
    torch.manual_seed(7)
    random.seed(7)
    before = torch.get_rng_state(), random.getstate(), torch.get_num_threads()
    sparsegan.fit(run_directory="run", show=False, **(FEW | {"threads": 2, "steps": 2}))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (random.getstate(), torch.get_num_threads()) == before[1:]


def test_bad_settings_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(SparseganError, match="steps is 'many': it must be a whole number"):
        sparsegan.fit(steps="many")
    with pytest.raises(SparseganError, match="nowhere"):
        sparsegan.fit("nowhere/", steps=3)
    assert not list(tmp_path.iterdir())


def interrupting(step):
    """Discriminator steps in one of which somebody presses Ctrl-C."""
    plain = loop.Games.discriminator_step

    def discriminator_step(self, at, *arguments, **options):
        if at == step:
            os.kill(os.getpid(), signal.SIGINT)
        return plain(self, at, *arguments, **options)

    return discriminator_step


def test_a_stopped_call_gives_the_run_to_who_is_at_a_prompt(monkeypatch, capsys):
    """And it goes on to the bits of one that was not stopped."""
    whole = sparsegan.fit(run_directory="whole", show=False, **FEW)
    with monkeypatch.context() as patch:
        patch.setattr(loop.Games, "discriminator_step", interrupting(2))
        patch.setattr("sparsegan.api.run.is_interactive", lambda: True)
        run = sparsegan.fit(run_directory="stopped", show=False, **FEW)
    assert "stopped by SIGINT after step 2; its state is saved" in capsys.readouterr().out
    assert (run.step, run.finished) == (2, False)
    assert run.resume(show=False) is run
    assert run.finished
    assert not differences(state(run.directory), state(whole.directory))


def test_a_stopped_program_gets_the_exception(monkeypatch):
    monkeypatch.setattr(loop.Games, "discriminator_step", interrupting(1))
    with pytest.raises(Interrupted):
        sparsegan.fit(run_directory="stopped", show=False, **FEW)
    assert sparsegan.open_run("stopped").step == 1


def test_a_notebook_trains_in_one_process(monkeypatch):
    monkeypatch.setattr("sparsegan.api.run.is_interactive", lambda: True)
    with pytest.raises(SparseganError, match="devices is 2, and a notebook has one process"):
        sparsegan.fit(fabric_devices=2)


def test_a_quality_is_the_commands(tmp_path, monkeypatch):
    trained = []
    monkeypatch.setattr(loop, "train", lambda config, *_, **__: trained.append(config) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        sparsegan.fit(quality="quick", show=False)
    assert trained[0].steps == 1000
    with pytest.raises(SparseganError, match="quality"):
        sparsegan.fit(quality="quickly", show=False)


def test_it_says_what_the_command_says(capsys):
    """What a small scale has changed, what came of the run, and what to do next."""
    run = sparsegan.fit(recipe="adapt/sngan-cifar10", scale="small", data_source="fashion-mnist",
                        run_directory="run", **FEW)  # fmt: skip
    said = capsys.readouterr().out
    assert "scale: small; " in said
    assert "result: not evaluated" in said
    assert "sparsegan sample run" in said
    assert "of the operations of the same networks dense" in said
    sparsegan.fit(run_directory="silent", show=False, **FEW)
    assert not capsys.readouterr().out
    assert run.finished
