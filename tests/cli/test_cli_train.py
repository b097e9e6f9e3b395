import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from PIL import Image

from command_line import TINY, environment, refused
from sparsegan import cli
from sparsegan.record.checkpoint import load_state
from sparsegan.record.metrics_log import read_events
from sparsegan.settings import parse
from sparsegan.train.learner import DivergedError


def test_training_begins_with_what_it_is_and_ends_with_what_came_of_it(trained):
    run, printed = trained
    assert (run / "report.html").is_file()
    lines = printed.splitlines()
    heads = [line.split()[0] for line in lines[:6]]
    assert heads == ["data", "networks", "method", "training", "run", "kernels"]
    assert sum(line.startswith("time      about ") for line in lines) == 1
    (end,) = (number for number, line in enumerate(lines) if line.startswith("result: "))
    assert [line.split()[0] for line in lines[end:] if line][:3] == [
        "result:",
        "cost:",
        "generator:",
    ]
    assert lines[-1] == "report: run/report.html"
    commands = [
        line.split("#")[0].split() for line in lines[end:] if line.startswith("  sparsegan")
    ]
    assert [command[1] for command in commands] == ["sample", "export", "train"]


def test_the_next_commands_work_as_they_are_printed(trained, monkeypatch):
    run, printed = trained
    sample, export, _ = (
        shlex.split(line, comments=True)[1:]
        for line in printed.splitlines()
        if line.startswith("  sparsegan")
    )
    monkeypatch.chdir(run.parent)
    assert cli.main(sample) == cli.main(export) == 0
    assert (run / "grid.png").is_file()
    assert yaml.safe_load((run / "config.yaml").read_text())["method"]["generator_density"] == 0.25


def test_print_config_prints_what_config_reads(capsys):
    Path("tiny.yaml").write_text(yaml.safe_dump(TINY))
    assert cli.main(["train", "--config", "tiny.yaml", "--seed", "3", "--print_config"]) == 0
    Path("all.yaml").write_text(capsys.readouterr().out)
    again = parse.read(Path("all.yaml"))
    assert again.seed == 3
    assert again.network.generator_width == 2


@pytest.mark.parametrize("recipe", ["small", "fashion-mnist"])
def test_a_recipe_says_what_it_would_train_and_writes_nothing(recipe, capsys):
    assert cli.main(["train", "--recipe", recipe, "--dry_run"]) == 0
    printed = capsys.readouterr().out
    assert "9,000 images" in printed
    assert re.search(r"^time +about .* on this machine: [\d,]+ steps of \d+ ms", printed, re.M)
    assert "nothing was written" in printed
    assert not Path("runs").exists()


def test_a_dry_run_says_what_it_knows_before_it_tries_how_long_a_run_takes(capsys, monkeypatch):
    before = []

    def fail(*_):
        before.append(capsys.readouterr().out)
        raise DivergedError("the generator diverged at step 1")

    monkeypatch.setattr("sparsegan.plan.pilot.step_seconds", fail)
    Path("tiny.yaml").write_text(yaml.safe_dump(TINY))
    assert cli.main(["train", "--config", "tiny.yaml", "--dry_run"]) == 0
    assert "9,000 images" in before[0]
    assert re.search(r"^cost +\d+% to \d+% of the operations of .* dense", before[0], re.M)
    assert "Layers:" not in before[0]
    assert capsys.readouterr().out.splitlines() == [
        "time      not known, since a trial failed: the generator diverged at step 1",
        "Nothing was trained and nothing was written. Layer by layer: `sparsegan cost` with the "
        "same options.",
    ]


def test_density_is_that_of_the_maskable_weights(capsys):
    assert cli.main(["train", "--method.name", "stu-gan", "--dry_run"]) == 0
    printed = capsys.readouterr().out  # STU-GAN leaves linear layers dense
    assert "generator 10.0% of " in printed
    assert "discriminator 30.0% of " in printed


def test_a_smaller_scale_says_what_it_changed_and_flags_stay(capsys):
    arguments = ["train", "--recipe", "adapt/sngan-cifar10", "--scale", "small"]
    assert cli.main([*arguments, "--steps", "700", "--print_config"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("# --recipe adapt/sngan-cifar10 --scale small\n# network.generator")
    assert "\n# network.discriminator_width 128 -> 16: 1/8 of the channels\n" in printed
    values = yaml.safe_load(printed)
    assert (values["steps"], values["network"]["generator_width"]) == (700, 32)
    assert values["method"]["control_interval"] == 35
    assert "invalid choice: 'tiny'" in refused(capsys, "train", "--scale", "tiny")


def test_sources_are_layered_recipe_then_config_then_flags(capsys):
    Path("a.yaml").write_text("steps: 7\nseed: 1\n")
    Path("b.yaml").write_text("seed: 2\n")
    arguments = ["--recipe", "fashion-mnist", "--config", "a.yaml", "--config=b.yaml"]
    assert cli.main(["train", *arguments, "--log_every", "9", "--print_config"]) == 0
    values = yaml.safe_load(capsys.readouterr().out)
    assert (values["steps"], values["seed"], values["log_every"]) == (7, 2, 9)
    assert values["data"]["source"] == "fashion-mnist"


def test_a_path_alone_is_a_folder_of_images(capsys):
    Path("photos").mkdir()
    for number in range(50):
        Image.new("RGB", (40, 30), (number, 0, 5)).save(f"photos/{number}.png")
    Path("tiny.yaml").write_text(yaml.safe_dump(TINY))
    assert cli.main(["train", "--config", "tiny.yaml", "--data.path", "photos", "--dry_run"]) == 0
    assert "photos: 45 images, 32 x 32, 3 channels" in capsys.readouterr().out


def test_an_empty_folder_and_a_truncated_picture_are_named(capsys):
    Path("photos").mkdir()
    assert "photos" in refused(capsys, "train", "--data.path", "photos")
    for number in range(30):
        Image.effect_noise((32, 32), 90).save(f"photos/{number:02d}.png")
    broken = Path("photos/07.png")
    broken.write_bytes(broken.read_bytes()[:200])
    assert "07.png" in refused(capsys, "train", "--data.path", "photos")


@pytest.mark.full
def test_sigterm_saves_and_says_how_to_go_on(tmp_path):
    Path("tiny.yaml").write_text(
        yaml.safe_dump({**TINY, "steps": 100_000, "evaluate": {"images": 0}, "log_every": 1})
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "sparsegan", "train", "--config", "tiny.yaml",
         "--run.directory", "run"],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    log = Path("run/metrics.jsonl")
    deadline = time.monotonic() + 60
    while not (log.is_file() and b'"train"' in log.read_bytes()):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert "go on with `sparsegan resume run`" in said
    assert "Traceback" not in said
    newest = max(Path("run/checkpoints").iterdir())
    last = list(read_events(log))[-1]
    assert load_state(newest)["step"] == last["step"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "--stesp", "3"], "unknown option --stesp: did you mean --steps?"),
        (["train", "--recipe", "fashon"], "unknown recipe fashon: did you mean fashion-mnist?"),
        (["train", "--recipe"], "expected one argument"),
        (["train", "--recipe", "sngan-stl10"], "did you mean adapt/sngan-stl10, adapt/strict/"),
        (["train", "--config", "none.yaml"], "cannot read the configuration none.yaml"),
        (["train", "--method.name", "adpt"], "unknown method adpt: did you mean adapt?"),
        (["train", "--steps", "many"], "steps is 'many': it must be a whole number"),
        (["train", "--data.path", "nowhere"], "nowhere"),
        (["train", "--data.source", "fashion"], "fashion-mnist"),
        (["train", "--method.generator_density", "0"], "density"),
        (["train", "photos/"], "a folder of images after --data.path"),
        (["train", "--dry_run", "--batch_size", "9001"], "only 9000 images"),
        (["train", "--dry_run", "--evaluate.features", "inception"], "no feature network"),
    ],
)
def test_wrong_use_is_one_sentence(capsys, arguments, sentence):
    assert sentence in refused(capsys, *arguments)
