"""Augmentation, accumulation, decay, late averages and loss scales, in games and whole runs."""

import shutil

import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision
from test_train_learner import LossScale

import cycle_run
from sparsegan import data
from sparsegan.errors import SparseganError
from sparsegan.record.checkpoint import load_state, save_state
from sparsegan.record.metrics_log import read_events
from sparsegan.record.run import RunDirectory
from sparsegan.train import build, game, loop, state
from sparsegan.train.batches import Batches
from sparsegan.train.game import Game
from sparsegan.train.launch import launch, seed_everything
from tiny_run import alone, config, differences

AUGMENT = ("--augment", "[color, translation, cutout]")
PARTS = ("--accumulate", "2")
DECAY = ("--optimiser.lr_decay", "linear", "--optimiser.decay_from", "0.25")
ALL = (*AUGMENT, *PARTS, *DECAY, "--method.ema_start", "5", "--generator_batch_size", "8")

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


@pytest.fixture(scope="module")
def images():
    return {size: data.load("fashion-mnist", split="test", image_size=size) for size in (28, 32)}


def game_of(images, *flags, fabric=None):
    settings = config("unused", "--engine", "masked", *flags)
    real_images = images[settings.data.image_size or 28]
    settings = build.resolve(settings, real_images)
    seed_everything(settings, 0)
    made = Game(settings, fabric or launch(settings))
    return made, Batches(real_images, settings, 0, 1, made.fabric.device)


def play(made, batches, steps):
    for step in range(made.method.step + 1, steps + 1):
        for k in range(2):
            real = batches.real(step, k)
            made.discriminator_step(
                step, real, batches.latents(step, k), batches.random_numbers(step, k)
            )
        latents = batches.generator_latents(step)
        made.generator_step(step, latents)
        made.after_generator_step(latents, real)


def record(module, of_output=False):
    """The list that fills with what a network is called with, or what it gives."""
    kept = []
    if of_output:
        module.register_forward_hook(lambda _, args, out: kept.append(out.detach().clone()))
    else:
        module.register_forward_pre_hook(lambda _, args: kept.append(args[0].detach().clone()))
    return kept


def goes_on(images, path, flags, fabric=lambda: None, steps=(4, 7, 9)):
    """Whether a game that is resumed where it was saved ends like one that never stopped."""
    made, batches = game_of(images, *flags, fabric=fabric())
    for step in steps:
        play(made, batches, step)
        save_state(path / str(step), state.capture(alone(made)))
    ends = []
    for step in steps[:-1]:
        other, batches = game_of(images, *flags, fabric=fabric())
        torch.rand(3)
        state.restore(alone(other), load_state(path / str(step)))
        play(other, batches, steps[-1])
        ends += differences(state.capture(alone(other)), state.capture(alone(made)))
    return ends == []


# ---- augmentation


def test_without_augmentation_no_bit_is_touched(images, monkeypatch):
    made, batches = game_of(images)
    play(made, batches, 3)
    monkeypatch.setattr(game, "augment", lambda images, policy, numbers: images)
    other, batches = game_of(images)
    play(other, batches, 3)
    assert differences(state.capture(alone(made)), state.capture(alone(other))) == []
    monkeypatch.undo()
    other, batches = game_of(images, *AUGMENT)
    play(other, batches, 3)
    assert differences(
        state.capture(alone(made))["networks"], state.capture(alone(other))["networks"]
    )


def is_cut(before, after):
    """Whether 7 to 14 rows and columns of every 28 x 28 image are 0 now, and nothing else."""
    cut = after == 0
    assert torch.equal(after, before.masked_fill(cut, 0))
    sides = cut[:, 0].any(1).sum(1), cut[:, 0].any(2).sum(1)
    return all(bool(((side >= 7) & (side <= 14)).all()) for side in sides)


def test_all_that_the_discriminator_sees_is_changed(images):
    made, batches = game_of(images, "--augment", "[cutout]")
    real, latents, mix = batches.real(1, 0), batches.latents(1, 0), batches.random_numbers(1, 0)
    fakes, shown = record(made.G, of_output=True), record(made.D)
    for _ in range(2):
        made.discriminator_step(1, real, latents, mix)
    made.generator_step(1, batches.generator_latents(1))
    assert len(shown) == 5
    for before, after in zip((real[0], fakes[0], real[0], *fakes[1:]), shown, strict=True):
        assert is_cut(before, after)
    assert not torch.equal(shown[0], shown[2]), "every step has draws of its own"
    assert not torch.equal(shown[0] == 0, shown[1] == 0), "real and fake, too"


def test_the_balance_ratio_is_measured_under_the_draws_of_the_steps(images):
    flags = (*AUGMENT, *PARTS, "--optimiser.generator.lr", "1e-30")
    made, batches = game_of(images, *flags)
    play(made, batches, 1)
    shown = record(made.D)
    real = batches.real(2, 1)
    made.discriminator_step(2, real, batches.latents(2, 1), batches.random_numbers(2, 1))
    made.generator_step(2, batches.generator_latents(2))
    made.after_generator_step(batches.generator_latents(2), real)
    reals, fakes, after = shown[0:4:2], shown[4:6], shown[6:]
    assert len(after) == 4
    for first, second in zip((*fakes, *reals), after, strict=True):
        assert torch.equal(first, second)


# ---- accumulation


def test_the_networks_never_see_more_than_a_part(images):
    made, batches = game_of(images, *PARTS)
    shown_D, shown_G = record(made.D), record(made.G)
    made.choose_kernels(batches.generator_latents(1), batches.real(1, 0))
    play(made, batches, 2)
    assert {len(each) for each in shown_D} == {4, 3}
    assert {len(each) for each in shown_G} == {4, 3}


@pytest.mark.parametrize("flags", [(), AUGMENT])
def test_without_batch_statistics_parts_make_the_steps_of_the_whole(images, flags):
    ends = []
    for parts in ("1", "2"):
        made, batches = game_of(images, *flags, "--accumulate", parts)
        for network in made.networks.values():
            network.eval()
        real = batches.real(1, 0)
        made.discriminator_step(1, real, batches.latents(1, 0), batches.random_numbers(1, 0))
        made.generator_step(1, batches.generator_latents(1))
        made.after_generator_step(batches.generator_latents(1), real)
        record = made.events.balance
        gradients = [p.grad for network in made.networks.values() for p in network.parameters()]
        balance = torch.tensor([record.real, record.fake_before, record.fake_after])
        ends.append([made.losses["generator"], made.scores, balance, *gradients])
    assert len(ends[0][1]) == 6
    for whole, parts in zip(*ends, strict=True):
        torch.testing.assert_close(parts, whole, rtol=1e-3, atol=1e-6)


def test_batches_that_have_no_such_parts_are_refused(images):
    with pytest.raises(
        SparseganError, match=r"batch_size is 8 for 1 .*accumulate=3.*multiple of 3"
    ):
        game_of(images, "--accumulate", "3")


# ---- the average's start


@pytest.mark.parametrize("method", ["adapt", "stu-gan"])
def test_until_its_start_the_average_is_the_weights(images, method):
    made, batches = game_of(images, "--method.name", method, "--method.ema_start", "5")
    for step in range(1, 8):
        play(made, batches, step)
        weights = dict(made.G.named_parameters())
        equal = [torch.equal(made.method.ema.averages[name], weights[name]) for name in weights]
        assert all(equal) if step < 5 else not any(equal)


# ---- loss scale


@pytest.fixture
def plain_steps(monkeypatch):
    """Optimisers as runs with a loss scale have them, which are on CUDA: not told to be fused."""
    adam = torch.optim.Adam
    monkeypatch.setattr(torch.optim, "Adam", lambda *args, fused, **more: adam(*args, **more))


def scaled_fabric(scale=2.0**10):
    fabric = Fabric(accelerator="cpu", plugins=LossScale(scale))
    fabric.strategy.precision.scaler.set_growth_interval(4)
    return fabric


@pytest.mark.usefixtures("plain_steps")
def test_a_loss_scale_changes_no_bit_and_is_in_the_checkpoints(images, tmp_path):
    fabric = scaled_fabric()
    ends = []
    for each_fabric in (fabric, None):
        made, batches = game_of(images, fabric=each_fabric)
        play(made, batches, 5)
        ends.append(state.capture(alone(made)))
    assert ends[0].pop("precision")["scale"] > 2**10, "15 updates without overflow raise it"
    assert ends[1].pop("precision") == {}
    assert differences(*ends) == []
    assert goes_on(images, tmp_path, (), scaled_fabric)


@pytest.mark.usefixtures("plain_steps")
def test_a_loss_scale_changes_no_bit_of_generators_that_share_a_loss(tmp_path, monkeypatch):
    folder = cycle_run.write_set(tmp_path, splits=("train",))
    ends = []
    for fabric in (scaled_fabric(), None):
        with monkeypatch.context() as context:
            if fabric is not None:
                context.setattr(cycle_run, "launch", lambda config, fabric=fabric: fabric)
            games, batches = cycle_run.opened(folder)
        cycle_run.play(games, batches, 2)
        ends.append(state.capture(games))
    assert ends[0].pop("precision")["scale"] > 2**10
    assert ends[1].pop("precision") == {}
    assert differences(*ends) == []


def half(bits):
    """16-bit arithmetic, which a CPU has too, though slowly."""
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10) if bits == "16-mixed" else None
    return Fabric(accelerator="cpu", plugins=MixedPrecision(bits, "cpu", scaler))


@pytest.mark.usefixtures("plain_steps")
@pytest.mark.parametrize("bits", ["16-mixed", "bf16-mixed"])
@pytest.mark.parametrize(
    "loss", [(), ("--loss.name", "wasserstein", "--loss.gradient_penalty", "10")]
)
def test_steps_in_16_bits_are_those_in_32_but_for_rounding(images, bits, loss):
    ends = []
    for fabric in (half(bits), None):
        made, batches = game_of(images, *loss, fabric=fabric)
        real = batches.real(1, 0)
        made.discriminator_step(1, real, batches.latents(1, 0), batches.random_numbers(1, 0))
        made.generator_step(1, batches.generator_latents(1))
        ends.append(
            [
                *made.losses.values(),
                made.scores,
                torch.tensor([made.gradient_norm(name) for name in made.networks]),
            ]
        )
        assert made.method.generator.steps == 1
        assert {p.grad.dtype for p in made.D.parameters()} == {torch.float32}
    for rounded, exact in zip(*ends, strict=True):
        torch.testing.assert_close(rounded, exact, rtol=0.05, atol=0.01)
        assert not torch.equal(rounded, exact)


def test_half_precision_is_refused_without_cuda():
    with pytest.raises(SparseganError, match=r"16-mixed, which is for CUDA .* is cpu: choose bf16"):
        launch(config("unused", "--fabric.precision", "16-mixed"))


@needs_cuda
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
def test_on_cuda_every_precision_goes_on(images, tmp_path, precision):
    flags = ("--fabric.accelerator", "cuda", "--fabric.precision", precision, *ALL)
    assert goes_on(images, tmp_path, flags)
    saved = load_state(tmp_path / "7")
    assert ("scale" in saved["precision"]) == (precision == "16-mixed")
    weights = saved["networks"]["generator"].values()
    assert all(weight.isfinite().all() for weight in weights)
    assert {weight.dtype for weight in weights if weight.is_floating_point()} == {torch.float32}


# ---- all of it


def test_everything_at_once_goes_on_with_the_same_bits(images, tmp_path):
    assert goes_on(images, tmp_path, ALL)


@pytest.mark.full
def test_with_classes_too(images, tmp_path):
    flags = (*ALL, "--network.name", "biggan", "--data.image_size", "32")
    assert goes_on(images, tmp_path, flags, steps=(1, 2))


@pytest.mark.full
def test_a_whole_run_with_everything_resumes_to_the_same_bits(quick_runs, tmp_path):
    blind = (
        "--evaluate.images",
        "0",
        "--sample.every",
        "0",
        "--checkpoint.keep",
        "9",
        "--steps",
        "8",
    )
    run = loop.train(config(tmp_path / "run", *ALL, *blind))
    shutil.copytree(run.path, tmp_path / "copy")
    copy = RunDirectory(tmp_path / "copy")
    loop.resume(copy.path, checkpoint=copy.checkpoint(4))
    assert differences(*(load_state(each.checkpoint(8)) for each in (run, copy))) == []
    rates = [
        (event["step"], event["generator_lr"], event["discriminator_lr"])
        for event in read_events(run.metrics)
        if event["kind"] == "train"
    ]
    # 8 steps; after 2 of them the rate falls, over 6.
    expected = [(step, *[2e-4 * (9 - step) / 6] * 2) for step in (5, 8)]
    assert rates == [pytest.approx(row) for row in expected]
