import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

from sparsegan import cli, engine
from sparsegan.draw import sampling
from sparsegan.export import export_run, freeze, load, onnx
from sparsegan.train.trained import open_trained

pytestmark = pytest.mark.usefixtures("quick_runs")

SETTINGS = [
    "--network.name=dcgan", "--network.generator_width=2", "--network.discriminator_width=2",
    "--network.latent_dim=8", "--steps=3", "--batch_size=8", "--generator_batch_size=8",
    "--discriminator_steps=1", "--threads=1", "--evaluate.images=0", "--sample.grid=2",
    "--checkpoint.every=1", "--method.generator_density=0.1", "--method.interval=2",
    "--method.balance_every=1",
]  # fmt: skip


@pytest.fixture(scope="module")
def run(quick_runs, tmp_path_factory):
    """A finished run of a few steps."""
    folder = tmp_path_factory.mktemp("run")
    before = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARSEGAN_CACHE", str(folder / "cache"))
        patch.chdir(folder)
        assert cli.main(["train", *SETTINGS, f"--run.directory={folder / 'run'}"]) == 0
    torch.set_num_threads(before)
    return folder / "run"


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def exported(run):
    """What exporting it packed, into the run, gives."""
    return export_run(run, "packed")


@pytest.fixture
def packed(exported):
    """A copy of its packed file, to do anything with."""
    return shutil.copy(exported.path, Path("g.safetensors"))


def refused(capsys, *arguments):
    assert cli.main([str(argument) for argument in arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_a_frozen_generator_is_the_runs_averaged_one_and_leaves_the_run_alone(run):
    trained = open_trained(run)
    live = {name: t.clone() for name, t in trained.method.generator.module.state_dict().items()}
    frozen = freeze(trained)
    now = trained.method.generator.module.state_dict()
    assert all(torch.equal(live[name], now[name]) for name in live)
    with sampling.sampled(trained.method) as generator:
        expected = {name: t.clone() for name, t in generator.state_dict().items()}
    frozen_state = frozen.generator.state_dict()
    assert frozen_state.keys() == expected.keys()
    assert all(torch.equal(frozen_state[name], expected[name]) for name in frozen_state)
    assert not torch.equal(frozen_state["norm.running_mean"], live["norm.running_mean"])
    assert not any(module._forward_pre_hooks for module in frozen.generator.modules())


def test_a_packed_file_draws_the_runs_images(run, packed):
    """Floats within 1e-5 and pixels within one of 255 levels, whatever either computes on."""
    trained = open_trained(run)
    for kernels in ("masked", "native") if engine.available() else ("masked",):
        generator = load(packed, kernels)
        for seed in (0, 3):
            z = torch.randn(32, 8, generator=torch.Generator().manual_seed(seed))
            with sampling.sampled(trained.method) as own:
                expected, pixels = own(z), sampling.draw_images(own, 150, seed=seed)
            assert torch.allclose(generator(z), expected, atol=1e-5, rtol=0)
            drawn = sampling.draw_images(generator, 150, seed=seed)
            assert (drawn.int() - pixels.int()).abs().max() <= 1


def test_sampling_from_the_file_is_sampling_from_the_run(run, packed, capsys):
    for source, name in ((run, "a.png"), (packed, "b.png")):
        arguments = ["sample", str(source), "--grid", name, "--count", "9", "--seed", "5"]
        assert cli.main(arguments) == 0
    assert "9 images of g.safetensors: b.png" in capsys.readouterr().out
    with Image.open("a.png") as a, Image.open("b.png") as b:
        assert np.abs(np.asarray(a, int) - np.asarray(b, int)).max() <= 1
    assert cli.main(["sample", str(packed), "--folder", "out", "--count", "3"]) == 0
    assert len(list(Path("out").iterdir())) == 3


def test_a_file_carries_the_statistics_that_its_run_is_evaluated_with(tmp_path, capsys):
    arguments = [*SETTINGS, "--run.directory=run", "--method.name=stu-gan"]
    assert cli.main(["train", *arguments, "--evaluate.bn=stored"]) == 0
    export_run(Path("run"), "packed", Path("g.safetensors"))
    generator = load("g.safetensors", "masked")
    average = open_trained(Path("run")).method.ema.averages
    statistics = {name: t for name, t in generator.state_dict().items() if "running" in name}
    assert statistics
    assert all(torch.equal(tensor, average[name]) for name, tensor in statistics.items())
    with safe_open("g.safetensors", "np") as file:
        assert json.loads(file.metadata()["about"])["origin"]["bn"] == "stored"
    for source in ("g.safetensors", "run"):
        assert cli.main(["sample", source, "--grid", f"{source}.png", "--count", "4"]) == 0
    assert cli.main(["sample", "run", "--grid", "other.png", "--count", "4", "--bn=standing"]) == 0
    pixels = [
        np.asarray(Image.open(name)).astype(int)
        for name in ("g.safetensors.png", "run.png", "other.png")
    ]
    assert abs(pixels[0] - pixels[1]).max() <= 1
    assert abs(pixels[2] - pixels[1]).max() > 1
    capsys.readouterr()
    line = refused(capsys, "sample", "g.safetensors", "--grid", "x.png", "--bn", "stored")
    assert "leave out --checkpoint, --bn and --weights" in line


def test_the_file_tells_of_its_run(run, packed):
    with safe_open(packed, "np") as file:
        about = json.loads(file.metadata()["about"])
    masks = open_trained(run).method.generator.masks
    origin = about["origin"]
    assert (origin["method"], origin["step"], origin["weights"]) == ("adapt", 3, "ema")
    assert origin["settings"]["generator_density"] == 0.1
    assert origin["density"] == masks.density
    assert origin["densities"].keys() == masks.counts().keys()
    assert origin["versions"]["torch"] == torch.__version__


def test_the_file_lies_in_the_run_unless_told_otherwise(run, exported):
    assert exported.path == run / "generator.safetensors"
    assert exported.bytes == exported.path.stat().st_size
    assert exported.bytes < exported.dense_bytes


def test_the_command_exports_any_checkpoint_and_says_how_small_it_is(run, capsys):
    earliest = min((run / "checkpoints").iterdir())
    arguments = ["--to", "packed", "--output", "new/early.bin", "--checkpoint", str(earliest)]
    assert cli.main(["export", str(run), *arguments]) == 0
    size = Path("new/early.bin").stat().st_size
    step = int(earliest.stem[5:])
    assert step < 3
    said = capsys.readouterr().out
    assert said.startswith(f"generator of step {step}: new/early.bin, {size:,} bytes, 0.")
    assert cli.main(["sample", "new/early.bin", "--grid", "a.png", "--count", "1"]) == 0


def test_wrong_use_is_one_sentence(run, packed, capsys, monkeypatch):
    sample = ["sample", packed, "--grid", "a.png"]
    for flag in (["--bn", "batch"], ["--weights", "live"], ["--checkpoint", "x"]):
        assert "leave out --checkpoint, --bn and --weights" in refused(capsys, *sample, *flag)
    packed.write_bytes(packed.read_bytes()[:-9])
    assert "g.safetensors is damaged or cut off" in refused(capsys, *sample)
    checkpoint = max((run / "checkpoints").iterdir())
    assert "no packed generator" in refused(capsys, "sample", checkpoint, "--grid", "a.png")
    assert "there is no file" in refused(capsys, "sample", "no.safetensors", "--grid", "a.png")
    assert "no run directory" in refused(capsys, "export", "nowhere", "--to", "packed")
    assert "--to" in refused(capsys, "export", run)
    assert "invalid choice: 'zip'" in refused(capsys, "export", run, "--to", "zip")
    monkeypatch.setattr(onnx, "find_spec", lambda name: None)
    said = refused(capsys, "export", run, "--to", "onnx")
    assert "onnx and onnxscript: pip install 'sparsegan[export]'" in said
    assert not Path("a.png").exists()


def test_help_has_examples(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["export", "--help"])
    assert ended.value.code == 0
    assert "sparsegan export runs/" in capsys.readouterr().out.partition("example")[2]
