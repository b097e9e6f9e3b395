import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image

from sparsegan import cli, engine
from sparsegan.record.checkpoint import load_state
from sparsegan.record.metrics_log import read_events
from sparsegan.settings import parse, recipes

TINY = {
    "method": {"name": "adapt", "generator_density": 0.3, "interval": 4, "control_interval": 4,
               "balance_every": 1, "balance_window": 3},
    "network": {"name": "dcgan", "generator_width": 2, "discriminator_width": 3, "latent_dim": 8},
    "steps": 6,
    "batch_size": 8,
    "generator_batch_size": 8,
    "discriminator_steps": 1,
    "threads": 1,
    "evaluate": {"images": 8, "every": 0},
    "sample": {"grid": 2},
}  # fmt: skip


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    """Each test in a folder of its own, with no cache but its own, on one thread."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPARSEGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "100")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A finished run, and what training it printed."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    done = _process(
        folder, "train", "--config", "tiny.yaml", "--run.directory", "run",
        "--method.generator_density", "0.25",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "run", done.stdout


def _process(folder, *arguments):
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "SPARSEGAN_CACHE": str(folder / "cache"),
        "COLUMNS": "100",
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.run(
        [sys.executable, "-m", "sparsegan", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def refused(capsys, *arguments):
    """The one sentence with which a command is refused."""
    before = sorted(Path().rglob("*"))
    assert cli.main([str(argument) for argument in arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = printed.err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("sparsegan: error: ")
    assert [p for p in sorted(Path().rglob("*")) if "cache" not in p.parts] == [
        p for p in before if "cache" not in p.parts
    ]
    return lines[0]


def test_training_ends_with_tables_and_the_report(trained):
    run, printed = trained
    assert (run / "report.html").is_file()
    quality = ("kid-efficientnet-lite0, n = 8", "real against real", "step 0 ", "step 6 ")
    cost = ("FLOPs, published convention", "training, seconds", "report: run/report.html")
    for said in quality + cost:
        assert said in printed
    assert yaml.safe_load((run / "config.yaml").read_text())["method"]["generator_density"] == 0.25


def test_help_needs_no_heavy_import(tmp_path):
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['rich', 'yaml', 'jsonargparse', "
        "'lightning_fabric'])); from sparsegan.cli import main; sys.exit(main(['--help']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "a first run" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_an_output_that_cannot_be_written_is_said():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "sparsegan", "--help"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == "sparsegan: error: output: No space left on device\n"


@pytest.mark.parametrize(
    "error",
    [
        OSError(5, "Input/output error", "a/file"),
        OSError(5, "Input/output error"),
        MemoryError("Unable to allocate 562. GiB"),
    ],
)
def test_what_the_system_refuses_is_one_sentence(error, capsys, monkeypatch):
    def refuse(_):
        raise error

    monkeypatch.setattr(cli, "_dispatch", refuse)
    monkeypatch.setattr(cli, "_drop_output", lambda: None)
    assert cli.main(["train"]) == 2
    printed = capsys.readouterr().err
    assert (printed.count("\n"), str(error.args[-1]) in printed) == (1, True)


@pytest.mark.parametrize(
    "command", ["train", "resume", "sample", "evaluate", "report", "recipes", "cost"]
)
def test_every_command_has_help_with_an_example(command, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    assert ended.value.code == 0
    assert f"sparsegan {command} " in capsys.readouterr().out.partition("example")[2]


def test_help_of_train_is_that_of_the_method_named(capsys):
    with pytest.raises(SystemExit):
        cli.main(["train", "--method.name", "stu-gan", "--help"])
    printed = capsys.readouterr().out
    assert "--method.low" not in printed
    assert "--method.generator_density" in printed


def test_help_of_train_shows_the_defaults_in_force(capsys):
    Path("mine.yaml").write_text("seed: 41\n")
    with pytest.raises(SystemExit):
        cli.main(["train", "--recipe", "fashion-mnist", "--config", "mine.yaml", "--help"])
    printed = " ".join(capsys.readouterr().out.split())
    steps = parse.parse(recipes.layers("fashion-mnist")).steps
    assert f"(type: int, default: {steps})" in printed
    assert "(type: int, default: 41)" in printed


def test_version(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("sparsegan 0.")


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
    assert "nothing was written" in printed
    assert not Path("runs").exists()


def test_density_is_that_of_the_maskable_weights(capsys):
    assert cli.main(["train", "--method.name", "stu-gan", "--dry_run"]) == 0
    printed = capsys.readouterr().out  # STU-GAN leaves linear layers dense
    assert "generator 10.0% of " in printed
    assert "discriminator 30.0% of " in printed


def test_recipes_are_listed_by_folder_and_shown_with_sources(capsys):
    assert cli.main(["recipes", "static"]) == 0
    listed = capsys.readouterr().out
    assert "  static/strong/sngan-stl10 " in listed
    assert "ADAPT tables 1 and 3" in listed
    assert "adapt/sngan-cifar10" not in listed
    assert cli.main(["recipes"]) == 0
    listed = capsys.readouterr().out
    alone = [name for name in recipes.names() if not recipes.find(name).of]
    assert all(f"  {name} " in listed for name in alone)
    assert "  sound/NAME  " in listed
    assert "sound/adapt" not in listed
    assert max(map(len, listed.splitlines())) <= 80
    assert cli.main(["recipes", "adapt/sngan-cifar10"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "generator_batch_size 128 our recount of the published FLOPs" in shown
    assert cli.main(["recipes", "sound/stu-gan"]) == 0
    assert "  sound/stu-gan/headline " in capsys.readouterr().out
    assert "did you mean adapt/sngan-cifar10" in refused(capsys, "recipes", "adapt/sngan-cifar")


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
    assert "photos: 45 images, 32 x 32, 3 channel(s)" in capsys.readouterr().out


def test_sampling_a_grid_and_a_folder(trained, capsys):
    run, _ = trained
    assert cli.main(["sample", str(run), "--grid", "a.png", "--count", "9", "--seed", "5"]) == 0
    assert cli.main(["sample", str(run), "--folder", "out", "--count", "9", "--seed", "5"]) == 0
    assert "9 images of step 6" in capsys.readouterr().out
    with Image.open("a.png") as grid, Image.open("out/00004.png") as middle:
        assert grid.size == (84, 84)
        assert grid.crop((28, 28, 56, 56)).tobytes() == middle.tobytes()
    assert len(list(Path("out").iterdir())) == 9
    assert "not empty" in refused(capsys, "sample", run, "--folder", "out")
    grid = ("sample", run, "--grid", "a.png")
    assert "out of noise: leave out --images" in refused(capsys, *grid, "--images", "out")
    assert "one generator: leave out" in refused(capsys, *grid, "--direction", "a_to_b")


def test_evaluating_gives_what_the_run_found_at_its_end(trained, capsys):
    run, _ = trained
    assert cli.main(["evaluate", str(run)]) == 0
    last = [e for e in read_events(run / "metrics.jsonl") if e["kind"] == "evaluate"][-1]
    printed = capsys.readouterr().out
    assert f"step 6: {last['metric']} {last['value']:.4f}" in printed
    assert "\nFréchet distance on the same features " in printed
    others = ["--metrics", "kid,classes", "--fresh"]
    assert cli.main(["evaluate", str(run), "--images", "100", *others]) == 0
    printed = capsys.readouterr().out
    assert "\nevenness of the classes " in printed
    assert "Fréchet" not in printed


def test_report_of_one_and_of_several(trained, capsys):
    run, _ = trained
    assert cli.main(["report", str(run), str(run), "--output", "both.html"]) == 0
    assert Path("both.html").is_file()
    assert cli.main(["report", str(run)]) == 0
    assert capsys.readouterr().out.split()[-1] == str(run / "report.html")


def test_files_that_cannot_be_written_are_named(trained, capsys):
    run, _ = trained
    Path("file").touch()
    assert "file" in refused(capsys, "report", run, "--output", "file/report.html")
    assert "cannot write file/a.png" in refused(capsys, "sample", run, "--grid", "file/a.png")
    assert "ends in .png" in refused(capsys, "sample", run, "--grid", "a.jpg")


def test_cost_of_a_run_and_of_one_to_come(trained, capsys):
    run, _ = trained
    assert cli.main(["cost", str(run)]) == 0
    past = capsys.readouterr().out
    cost = json.loads((run / "cost.json").read_text())
    assert f"{cost['weights']['generator']['active_end']:,}" in past
    assert "training, seconds" in past
    Path("half").mkdir()
    shutil.copy(run / "config.yaml", "half")
    lines = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    first = [line for line in lines if json.loads(line)["step"] <= 3]
    Path("half/metrics.jsonl").write_text("".join(first))
    assert cli.main(["cost", "half"]) == 0
    assert "Cost of 3 steps" in capsys.readouterr().out
    Path("tiny.yaml").write_text(yaml.safe_dump(TINY))
    assert cli.main(["cost", "--config", "tiny.yaml"]) == 0
    assert "D's density always rising" in capsys.readouterr().out


@pytest.mark.full
@pytest.mark.skipif(not engine.available(), reason="kernels are not compiled")
def test_kernels_are_measured_layer_by_layer_on_demand(trained, capsys):
    run, _ = trained
    Path("tiny.yaml").write_text(yaml.safe_dump(TINY))
    assert cli.main(["cost", "--config", "tiny.yaml", "--measure"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert any(line.startswith("generator ") and " → " in line for line in lines)
    assert any(line.startswith("stages.0.conv ") and ": " in line for line in lines)
    assert lines[-1].startswith("Nothing was trained; runs of these settings")
    assert cli.main(["cost", str(run), "--measure", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    total = printed["weights"]["discriminator"]
    kernels = printed["kernels"]["discriminator"]
    assert kernels["density"] == total["active_end"] / total["total"]
    assert [row["name"] for row in kernels["layers"]] == ["convs.0", "convs.1", "linear"]


def test_cost_of_a_published_recipe_needs_no_data(capsys, monkeypatch):
    def refuse(*_):
        raise AssertionError("nothing is to be read")

    monkeypatch.setattr("sparsegan.data.load", refuse)
    flags = ["--recipe", "static/balance/sngan-cifar10", "--method.generator_density", "0.2"]
    assert cli.main(["cost", *flags]) == 0
    printed = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    # docs/methods.md, A12: published 17.08, recounted 17.12; consistent 15.2.
    published, consistent = (line.split()[2:] for line in lines if line.startswith("the run "))
    assert published[1:] == ["2.668e17", "17.12%"]
    assert consistent[1:] == ["1.778e17", "15.23%"]
    assert "data      cifar10: 50,000 images, 32 x 32" in printed
    assert not Path("cache").exists()
    assert cli.main(["cost", *flags, "--scale", "small", "--json"]) == 0
    costs = json.loads(capsys.readouterr().out)
    assert costs["config"]["network"]["generator_width"] == 32
    assert costs["layers"]["generator"][0]["name"] == "linear"


def test_a_finished_run_is_not_resumed(trained, capsys):
    run, _ = trained
    before = (run / "metrics.jsonl").read_bytes()
    assert cli.main(["resume", str(run)]) == 0
    assert "is finished" in capsys.readouterr().out
    assert (run / "metrics.jsonl").read_bytes() == before


@pytest.mark.full
def test_sigterm_saves_and_says_how_to_go_on(tmp_path):
    Path("tiny.yaml").write_text(
        yaml.safe_dump({**TINY, "steps": 100_000, "evaluate": {"images": 0}, "log_every": 1})
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "sparsegan", "train", "--config", "tiny.yaml",
         "--run.directory", "run"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
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
        (["trian"], "unknown command trian: did you mean train?"),
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
        (["cost", "--stesp", "3"], "did you mean --steps?"),
        (["cost", "nowhere"], "nowhere is not a run directory"),
        (["resume", "nowhere"], "nowhere is not a run directory"),
        (["resume"], "the following arguments are required: RUN"),
        (["sample", "nowhere", "--grid", "a.png"], "nowhere is not a run directory"),
        (["sample", "nowhere"], "one of the arguments --grid --folder is required"),
        (["sample", "nowhere", "--grid", "a.png", "--count", "0"], "0 is not a whole number of at"),
        (["sample", "nowhere", "--grid", "a.png", "--count", "x"], "x is not a whole number of at"),
        (["train", "photos/"], "a folder of images after --data.path"),
        (["train", "--dry_run", "--batch_size", "9001"], "only 9000 images"),
        (["train", "--dry_run", "--evaluate.features", "inception"], "no feature network"),
        (["sample", "nowhere", "--grid", "a.png", "--sed", "0"], "did you mean --seed?"),
        (["sample", "nowhere", "--grid", "a.png", "--bn", "x"], "invalid choice: 'x'"),
        (["evaluate", "nowhere"], "nowhere is not a run directory"),
        (["report", "nowhere"], "nowhere"),
    ],
)
def test_wrong_use_is_one_sentence(capsys, arguments, sentence):
    assert sentence in refused(capsys, *arguments)


def test_an_empty_folder_and_a_truncated_picture_are_named(capsys):
    Path("photos").mkdir()
    assert "photos" in refused(capsys, "train", "--data.path", "photos")
    for number in range(30):
        Image.effect_noise((32, 32), 90).save(f"photos/{number:02d}.png")
    broken = Path("photos/07.png")
    broken.write_bytes(broken.read_bytes()[:200])
    assert "07.png" in refused(capsys, "train", "--data.path", "photos")


def test_checkpoints_that_cannot_be_used_are_named(trained, capsys):
    run, _ = trained
    newest = max((run / "checkpoints").iterdir())
    Path("cut.safetensors").write_bytes(newest.read_bytes()[:-9])
    for command in (["resume", run], ["sample", run, "--grid", "a.png"], ["evaluate", run]):
        said = refused(capsys, *command, "--checkpoint", "cut.safetensors")
        assert "cut.safetensors is damaged" in said
        said = refused(capsys, *command, "--checkpoint", "none.safetensors")
        assert "there is no checkpoint none.safetensors" in said


def test_a_checkpoint_of_another_network_is_refused(trained, capsys):
    run, _ = trained
    other = Path("other")
    (other / "checkpoints").mkdir(parents=True)
    values = yaml.safe_load((run / "config.yaml").read_text())
    values["network"]["generator_width"] = 4
    (other / "config.yaml").write_text(yaml.safe_dump(values))
    newest = max((run / "checkpoints").iterdir())
    said = refused(capsys, "sample", other, "--grid", "a.png", "--checkpoint", newest)
    assert "another generator" in said
    said = refused(capsys, "resume", other, "--checkpoint", newest)
    assert "with network.generator_width 2 and config.yaml has 4" in said
