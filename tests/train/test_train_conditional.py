"""Training by class, from a folder of labelled images to images of one class."""

import numpy as np
import pytest
import torch
from PIL import Image

from sparsegan import cli, data
from sparsegan.cli.run_tables import plan_text
from sparsegan.draw import sampling
from sparsegan.draw.drawing import class_label, save_grid
from sparsegan.engine import network_timing
from sparsegan.errors import SparseganError
from sparsegan.export import export_run
from sparsegan.plan.plan import plan
from sparsegan.record.checkpoint import load_state
from sparsegan.record.metrics_log import read_events
from sparsegan.settings import parse
from sparsegan.train import build, loop
from sparsegan.train.batches import Batches
from sparsegan.train.evaluate_run import evaluate_run
from sparsegan.train.game import Game
from sparsegan.train.launch import launch
from sparsegan.train.stop import Interrupted, StopRequest
from sparsegan.train.trained import open_trained
from sparsegan.undisturbed import undisturbed
from tiny_run import config, differences

CPU = torch.device("cpu")
NAMES = ("blue", "green", "red")
FLAGS = ["--network.name", "biggan", "--network.initialise", "orthogonal", "--data.flip", "true"]


@pytest.fixture(scope="module", autouse=True)
def _quick(quick_runs):
    """Timings of networks so small need not be good ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network_timing, "SECONDS", 0.01)
        yield


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder of three classes, each of its own colour."""
    folder = tmp_path_factory.mktemp("photos")
    draw = np.random.default_rng(0)
    for name, channel in zip(NAMES, (2, 1, 0), strict=True):
        (folder / name).mkdir()
        for number in range(16):
            pixels = draw.integers(0, 60, (32, 32, 3), dtype=np.uint8)
            pixels[:, :, channel] += 180
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def whole(photos, tmp_path_factory):
    """A run that was never interrupted."""
    return loop.train(config_of(photos, tmp_path_factory.mktemp("whole") / "run"))


def config_of(photos, directory, *flags):
    few = ["--steps", "4", "--evaluate.every", "0", "--sample.every", "0", "--sample.grid", "3"]
    few += ["--discriminator_steps", "1", "--engine", "masked"]
    return config(directory, "--data.path", str(photos), *FLAGS, *few, *flags)


def game_of(photos, *flags):
    settings = config_of(photos, "unused", *flags)
    images = build.load_images(settings)
    resolved = build.resolve(settings, images)
    return Game(resolved, launch(resolved)), Batches(images, resolved, 0, 1, CPU)


def test_what_the_data_and_the_architecture_decide_is_in_the_run(whole):
    resolved = parse.read(whole.config)
    assert resolved.data.classes == NAMES
    assert resolved.network.latent_dim == 8
    start = next(read_events(whole.metrics))
    layers = {row["name"]: row["macs"] for row in start["networks"]["generator"]}
    assert layers["linear"] > 0
    evaluations = [e for e in read_events(whole.metrics) if e["kind"] == "evaluate"]
    assert [e["step"] for e in evaluations] == [0, 4]


@pytest.mark.full
def test_a_stopped_run_goes_on_to_the_same_bits(whole, photos, tmp_path, monkeypatch):
    calls = iter(range(1, 100))
    monkeypatch.setattr(StopRequest, "agreed", lambda self, fabric: 15 * (next(calls) == 2))
    with pytest.raises(Interrupted):
        loop.train(config_of(photos, tmp_path / "run"))
    monkeypatch.undo()
    run = loop.resume(tmp_path / "run")
    ends = [load_state(each.newest_checkpoint()) for each in (whole, run)]
    assert differences(*ends) == []
    assert run.sample(4).read_bytes() == whole.sample(4).read_bytes()


def test_real_images_come_with_their_labels(photos):
    _, batches = game_of(photos)
    for step in (1, 2, 3):
        images, labels = batches.real(step, 0)
        # Classes are in alphabetical order, and channels are red, green, blue.
        assert torch.equal(images.mean((2, 3)).argmax(1), 2 - labels)


def test_labels_of_noise_are_uniform_functions_of_step_and_rank(photos):
    _, batches = game_of(photos)
    resolved, images = batches.config, batches.images
    other = Batches(images, resolved, 1, 2, CPU)
    assert torch.equal(batches.latents(5, 1)[1], batches.latents(5, 1)[1])
    drawn = torch.cat([batches.generator_latents(step)[1] for step in range(1, 301)])
    share = torch.bincount(drawn, minlength=3) / len(drawn)
    assert ((share - 1 / 3).abs() < 0.05).all()
    apart = [torch.equal(batches.latents(s, 0)[1][:4], other.latents(s, 0)[1]) for s in range(9)]
    assert not all(apart)
    z, labels = other.latents(1, 0)
    assert (z.shape, labels.shape, labels.dtype) == ((4, 8), (4,), torch.int64)


def test_noise_is_what_it_is_without_labels(photos):
    _, batches = game_of(photos)
    _, plain = game_of(photos, "--network.name", "dcgan")
    (z,) = plain.latents(3, 1)
    assert torch.equal(z, batches.latents(3, 1)[0])
    assert len(plain.real(1, 0)) == 1


@pytest.mark.parametrize("penalty", ["0", "10"])
def test_both_steps_learn_by_class(photos, penalty):
    game, batches = game_of(photos, "--loss.gradient_penalty", penalty)
    game.discriminator_step(
        1, batches.real(1, 0), batches.latents(1, 0), batches.random_numbers(1, 0)
    )
    assert game.losses["discriminator"].isfinite()
    embedding = game.D.embedding.parametrizations.weight.original
    assert embedding.grad.abs().sum() > 0
    latents = batches.generator_latents(1)
    game.generator_step(1, latents)
    rows = game.G.block1.norm1.gain.weight.grad.abs().sum(1) > 0
    assert torch.equal(rows, torch.bincount(latents[1], minlength=3) > 0)


def test_the_balance_is_of_the_same_noise_and_labels_and_leaves_no_trace(photos):
    ends = []
    for every in ("1", "2"):
        game, batches = game_of(photos, "--method.balance_every", every)
        for step in (1, 2):
            for k in range(2):
                real = batches.real(step, k)
                game.discriminator_step(
                    step, real, batches.latents(step, k), batches.random_numbers(step, k)
                )
            latents = batches.generator_latents(step)
            game.generator_step(step, latents)
            with undisturbed(game.G, game.D), torch.no_grad():
                after = float(game.D(game.G(*latents), latents[1]).mean())
                scored = float(game.D(*real).mean())
            game.after_generator_step(latents, real)
        ends.append({name: dict(net.state_dict()) for name, net in game.networks.items()})
        if every == "1":
            balance = game.events.balance
            assert balance.fake_before == pytest.approx(float(game.scores.mean()), rel=1e-4)
            assert balance.fake_after == pytest.approx(after, rel=1e-4)
            assert balance.real == pytest.approx(scored, rel=1e-4)
    assert differences(*ends) == []


def test_a_grid_has_a_class_in_every_row(whole, tmp_path):
    trained = open_trained(whole.path)
    with sampling.sampled(trained.method) as generator:
        save_grid(generator, tmp_path / "all.png", 12, seed=3, columns=3)
        of_one = sampling.draw_images(generator, 12, seed=3, labels=torch.full((12,), 1))
    with Image.open(tmp_path / "all.png") as picture:
        sheet = torch.from_numpy(np.array(picture))
    # Rows are blue, green, red, blue, with the noise of the images from the first to the last.
    green = sheet[32:64].view(32, 3, 32, 3).permute(1, 3, 0, 2)
    assert torch.equal(green, of_one[3:6])
    assert not torch.equal(sheet[:32].reshape(32, 3, 32, 3).permute(1, 3, 0, 2), of_one[:3])


def test_sampling_needs_no_data_and_draws_a_class_by_its_name(whole, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(data, "load", None)
    run, out = str(whole.path), tmp_path / "all"
    assert cli.main(["sample", run, "--folder", str(out), "--count", "30"]) == 0
    assert {path.name for path in out.iterdir()} == set(NAMES)
    assert len(list(out.rglob("*.png"))) == 30
    out = tmp_path / "one"
    assert cli.main(["sample", run, "--folder", str(out), "--count", "3", "--class", "red"]) == 0
    assert f"3 images of step 4, class red: {out}" in capsys.readouterr().out
    with sampling.sampled(open_trained(whole.path).method) as generator:
        expected = sampling.draw_images(generator, 3, seed=0, labels=torch.full((3,), 2))
    for number, image in enumerate(expected):
        with Image.open(out / f"0000{number}.png") as picture:
            assert torch.equal(torch.from_numpy(np.array(picture)), image.permute(1, 2, 0))


def test_classes_that_are_not_there_are_named(whole):
    trained = open_trained(whole.path)
    generator = trained.method.generator.module
    with pytest.raises(SparseganError, match=r"no class grren \(numbers go to 2\): .*mean green"):
        class_label(generator, "grren")
    with pytest.raises(SparseganError, match=r"no class 3 .*: there are blue, green, red"):
        class_label(generator, "3")
    with pytest.raises(SparseganError, match=r"learnt no classes.*name none"):
        class_label(torch.nn.Linear(2, 2), "red")


@pytest.mark.full
def test_an_exported_generator_draws_the_same_class(whole, tmp_path):
    written = export_run(whole.path, "packed", tmp_path / "g.safetensors")
    drawn = tmp_path / "a.png"
    arguments = ["sample", str(written.path), "--grid", str(drawn), "--class", "blue"]
    assert cli.main([*arguments, "--count", "4"]) == 0
    with sampling.sampled(open_trained(whole.path).method) as generator:
        save_grid(generator, tmp_path / "b.png", 4, seed=0, only="0")
    with Image.open(drawn) as a, Image.open(tmp_path / "b.png") as b:
        assert np.abs(np.asarray(a, int) - np.asarray(b, int)).max() <= 1


def test_a_run_is_evaluated_again_to_the_same_value(whole):
    last = [e for e in read_events(whole.metrics) if e["kind"] == "evaluate"][-1]
    assert evaluate_run(whole.path)[0].value == last["value"]


def test_generated_labels_are_uniform_in_an_evaluation(whole):
    trained = open_trained(whole.path)
    labels = sampling.uniform_labels(trained.method.generator.module, 3000, 0)
    assert (torch.bincount(labels) - 1000).abs().max() < 120


def test_images_without_classes_are_refused_with_a_remedy(tmp_path):
    (tmp_path / "flat").mkdir()
    for number in range(20):
        Image.new("RGB", (32, 32), (number, 0, 0)).save(tmp_path / "flat" / f"{number}.png")
    wanted = r"flat has no classes: put .* into a folder of its own, .* or choose dcgan or sngan"
    with pytest.raises(SparseganError, match=wanted):
        loop.train(config_of(tmp_path / "flat", tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_class_to_learn_needs_an_image(photos):
    images = build.load_images(config_of(photos, "unused"))
    empty = data.Images(images.pixels, images.labels, (*NAMES, "white"), "photos")
    with pytest.raises(SparseganError, match=r"no image of the class white .*data.classes"):
        build.resolve(config_of(photos, "unused"), empty)


def test_only_the_classes_that_were_chosen_are_learnt(photos):
    game, batches = game_of(photos, "--data.classes", "[red, blue]")
    assert (game.G.classes, game.G.class_names) == (2, ("red", "blue"))
    images, labels = batches.real(1, 0)
    assert torch.equal(images.mean((2, 3)).argmax(1), 2 * labels)


def test_a_plan_says_how_many_classes(photos):
    printed = plan_text(plan(config_of(photos, "unused")))
    assert "networks  biggan, latent dimension 8, 3 classes" in printed
