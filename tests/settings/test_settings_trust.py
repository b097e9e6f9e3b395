"""Code is run where a command line names it, or where it was let run before, and nowhere else."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from sparsegan import cli
from sparsegan.draw import sampling
from sparsegan.errors import SparseganError
from sparsegan.plan import measure
from sparsegan.plan.plan import cost_of_run
from sparsegan.settings import trust
from sparsegan.train import loop
from sparsegan.train.trained import open_trained
from tiny_run import config

CODE = """
from pathlib import Path
from torch import nn

with Path(__file__).with_name("RAN").open("a") as log:
    log.write(__name__)

class Generator(nn.Module):
    latent_dim = 4

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 784), nn.Tanh())

    def forward(self, z):
        return self.layers(z).view(-1, 1, 28, 28)

class Features:
    name, dimension = "mean", 2

    def __call__(self, pixels):
        return pixels.float().mean((1, 2, 3))[:, None].expand(-1, 2)
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of a generator in a file, with the cache of the machine that it was trained on."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "own_code.py").write_text(CODE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampling, "STANDING_BATCHES", 2)
        patch.setenv("SPARSEGAN_CACHE", str(folder / "cache"))
        patch.setattr(sys, "path", list(sys.path))
        patch.chdir(folder)
        flags = [
            "--generator",
            "own_code.py:Generator",
            "--evaluate.features",
            "own_code.py:Features",
        ]
        flags += ["--network.latent_dim", "null", "--engine", "masked", "--steps", "4"]
        yield loop.train(config(folder / "run", *flags))


@pytest.fixture
def elsewhere(trained, tmp_path, monkeypatch):
    """A copy of that run and its code in another's folder, on a machine that has run nothing."""
    folder = tmp_path / "copy"
    shutil.copytree(trained.path, folder)
    for name in ("generator", "evil.package.inner"):
        path = folder.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CODE)
    (folder / "evil" / "__init__.py").write_text(CODE)
    text = (
        (folder / "config.yaml").read_text().replace(str(trained.path.parent / "own_code.py"), "X")
    )
    (folder / "config.yaml").write_text(text.replace("X:", "generator.py:"))
    monkeypatch.setenv("SPARSEGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sampling, "STANDING_BATCHES", 2)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(folder)
    return folder


def ran(folder):
    return any(folder.rglob("RAN"))


COMMANDS = {
    "sample": ["sample", ".", "--grid", "new.png", "--count", "4"],
    "evaluate": ["evaluate", ".", "--images", "4"],
    "export": ["export", ".", "--to", "packed", "--output", "new.safetensors"],
    "resume": ["resume", ".", "--checkpoint", "checkpoints/step-00000000.safetensors"],
    "cost": ["cost", ".", "--measure"],
    "train": ["train", "--config", "config.yaml", "--run.directory", "new"],
    "dry run": ["train", "--config", "config.yaml", "--dry_run"],
    "cost of settings": ["cost", "--config", "config.yaml"],
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_copied_run_runs_nothing_and_is_left_as_it_was(elsewhere, command, capsys):
    before = sorted(elsewhere.rglob("*"))
    assert cli.main(command) == 2
    assert "names code to run, generator.py:" in (said := capsys.readouterr().err)
    assert "--trust_code" in said
    assert said.count("\n") == 1
    assert sorted(elsewhere.rglob("*")) == before
    assert not ran(elsewhere)
    assert not (elsewhere.parent / "cache" / "trusted-code").exists()


@pytest.mark.parametrize("spec", ["evil.package.inner:Generator", "evil:Generator", "os:abort"])
@pytest.mark.parametrize("setting", ["generator", "discriminator", "features"])
def test_whatever_its_name_and_its_use(elsewhere, spec, setting, capsys):
    settings = yaml.safe_load((elsewhere / "config.yaml").read_text())
    settings["network"] |= {"generator": None, "latent_dim": 8}
    settings["evaluate"]["features"] = "efficientnet-lite0"
    settings["evaluate" if setting == "features" else "network"][setting] = spec
    (elsewhere / "config.yaml").write_text(yaml.safe_dump(settings))
    before = set(sys.modules)
    assert cli.main(["evaluate", "."]) == 2
    assert f"names code to run, {spec}" in capsys.readouterr().err
    assert not {name for name in set(sys.modules) - before if name.startswith("evil")}
    assert not ran(elsewhere)


def test_what_needs_no_code_is_done_without(elsewhere, trained, capsys):
    assert cli.main(["report", ".", "--output", "new.html"]) == 0
    assert cli.main(["train", "--config", "config.yaml", "--print_config"]) == 0
    assert cli.main(["cost", "."]) == 0
    assert not ran(elsewhere)
    printed = capsys.readouterr().out
    assert "layers.2" in printed
    counted = cost_of_run(elsewhere)
    assert counted.cost["weights"]["generator"]["total"] == 4 * 8 + 8 * 784
    assert counted.layers["generator"][0]["name"] == "layers.0"


def test_the_flag_lets_it_run_and_is_remembered_until_the_code_changes(elsewhere, capsys):
    assert cli.main([*COMMANDS["sample"], "--trust_code"]) == 0
    assert cli.main(COMMANDS["sample"]) == 0
    (elsewhere / "generator.py").write_text(CODE + "\n# another\n")
    assert cli.main(COMMANDS["sample"]) == 2
    assert (
        "generator.py:Generator (network.generator), which has changed" in capsys.readouterr().err
    )


def test_naming_it_on_the_command_line_is_enough_and_for_that_file_alone(elsewhere, capsys):
    shutil.copy("generator.py", "features.py")
    text = Path("config.yaml").read_text()
    Path("config.yaml").write_text(text.replace("generator.py:Features", "features.py:Features"))
    generator = ["--generator", "generator.py:Generator"]
    assert cli.main([*COMMANDS["dry run"], *generator]) == 2
    assert "features.py:Features (evaluate.features)" in capsys.readouterr().err
    features = "--evaluate.features=features.py:Features"
    assert cli.main([*COMMANDS["dry run"], *generator, features]) == 0


def test_ones_own_run_needs_no_second_word(trained, monkeypatch):
    monkeypatch.setenv("SPARSEGAN_CACHE", str(trained.path.parent / "cache"))
    assert open_trained(trained.path).step == 4


def test_a_module_that_was_let_run_has_its_packages_remembered(elsewhere, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path, str(elsewhere)])
    named = config("unused", "--generator", "evil.package.inner:Generator")
    trust.remember(trust.code_of(named, ["network.generator"]).values())
    trust.require(named, "a file", trust_code=False, settings=["network.generator"])
    (elsewhere / "evil" / "__init__.py").write_text("import os")
    with pytest.raises(SparseganError, match="changed"):
        trust.require(named, "a file", trust_code=False, settings=["network.generator"])


def test_python_is_asked_the_same(elsewhere):
    for function in (open_trained, loop.resume, measure.of_run):
        with pytest.raises(SparseganError, match="trust_code=True"):
            function(elsewhere)
    assert not ran(elsewhere)


def test_a_cache_that_cannot_be_written_remembers_nothing(elsewhere, monkeypatch):
    (elsewhere / "file").touch()
    monkeypatch.setenv("SPARSEGAN_CACHE", str(elsewhere / "file"))
    trust.remember([f"{elsewhere}{os.sep}generator.py:Generator"])
    with pytest.raises(SparseganError, match="trust_code"):
        open_trained(elsewhere)


def test_what_a_strangers_events_say_moves_no_terminal(elsewhere, capsys):
    text = (elsewhere / "metrics.jsonl").read_text()
    hostile = text.replace('"layers.0"', r'"[/red]\u001b[2J[link=x]"')
    assert hostile != text
    (elsewhere / "metrics.jsonl").write_text(hostile)
    assert cli.main(["cost", "."]) == 0
    printed = capsys.readouterr().out
    assert r"[/red]\x1b[2J[link=x]" in printed
    assert "\x1b" not in printed


@pytest.mark.parametrize("costs", [7, [], {"generator": []}, {"generator": 1, "discriminator": 1}])
def test_recorded_costs_that_are_none_are_refused(elsewhere, costs):
    start, *others = (elsewhere / "metrics.jsonl").read_text().splitlines()
    start = json.dumps(json.loads(start) | {"costs": costs})
    (elsewhere / "metrics.jsonl").write_text("\n".join([start, *others, ""]))
    with pytest.raises(SparseganError, match="restore the file"):
        cost_of_run(elsewhere)
