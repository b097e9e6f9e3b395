"""CycleGAN: its losses by hand, and whole runs."""

import copy
import json
import signal

import pytest
import torch
from PIL import Image

from cycle_run import config, opened, play, write_set
from needs import in_full
from sparsegan import cli, export
from sparsegan.draw import sampling
from sparsegan.errors import SparseganError
from sparsegan.record.checkpoint import load_state, save_state
from sparsegan.record.metrics_log import read_events
from sparsegan.record.run import RunDirectory
from sparsegan.settings import parse
from sparsegan.train import loop, state
from sparsegan.train.cycle import translation
from sparsegan.train.stop import Interrupted, StopRequest
from sparsegan.train.trained import open_trained
from tiny_run import differences

PAIRS = ("a_to_b", "b_to_a")


@pytest.fixture(scope="module")
def location(tmp_path_factory):
    return write_set(tmp_path_factory.mktemp("squares"))


def plain(games):
    """Copies of the networks of both directions: (generators, discriminators)."""
    return [
        [copy.deepcopy(games.networks[f"{role} {pair}"]) for pair in PAIRS]
        for role in ("generator", "discriminator")
    ]


def weights(games):
    return {
        name: [p.detach().clone() for p in network.parameters()]
        for name, network in games.networks.items()
    }


def moved(before, games):
    """Names of the networks that are not as they were."""
    now = weights(games)
    return {
        name
        for name, own in now.items()
        if not all(torch.equal(a, b) for a, b in zip(own, before[name], strict=True))
    }


# ---- one step


def losses_by_hand(games, images, cycle, identity):
    """The generators' loss of each direction as the paper writes it, on copies."""
    (G, back), (D_b, D_a) = plain(games)
    a, b = images
    l1 = lambda x, y: (x - y).abs().mean()  # noqa: E731
    a_to_b = (D_b(G(a)) - 1).square().mean() + cycle * l1(back(G(a)), a) + identity * l1(G(b), b)
    b_to_a = (
        (D_a(back(b)) - 1).square().mean() + cycle * l1(G(back(b)), b) + identity * l1(back(a), a)
    )
    return (a_to_b, b_to_a), (G, back)


@pytest.mark.parametrize(("cycle", "identity"), [(10.0, 5.0), (3.0, 0.0), (0.0, 0.0)])
def test_the_generators_share_the_published_loss(location, cycle, identity):
    flags = ["--loss.cycle", str(cycle), "--loss.identity", str(identity)]
    games, batches = opened(location, *flags)
    images = batches.generator_latents(1)
    expected, copies = losses_by_hand(games, images, cycle, identity)
    sum(expected).backward()
    before = weights(games)
    games.generator_step(1, images)
    for game, loss, own in zip(games, expected, copies, strict=True):
        assert game.losses["generator"].item() == pytest.approx(loss.item(), rel=1e-5)
        assert game.scores.shape == (1, 6, 6)
        masks = game.method.generator.masks
        for layer, copied in zip(masks.layers, _weights(own, masks), strict=True):
            wanted = torch.where(masks[layer.name], copied, 0)
            rounding = 1e-4 * wanted.abs().max().item()
            torch.testing.assert_close(layer.parameter.grad, wanted, rtol=1e-3, atol=rounding)
    assert moved(before, games) == {"generator a_to_b", "generator b_to_a"}


def _weights(network, masks):
    return [network.get_submodule(layer.name).weight.grad for layer in masks.layers]


def test_each_discriminator_learns_its_own_kind(location):
    games, batches = opened(location)
    (G, back), (D_b, D_a) = plain(games)
    a, b = batches.real(1, 0)
    before = weights(games)
    games.discriminator_step(1, (a, b), (a, b), batches.random_numbers(1, 0))
    for name, D, real, fake in (("a_to_b", D_b, b, G(a)), ("b_to_a", D_a, a, back(b))):
        expected = ((D(real) - 1).square().mean() + D(fake).square().mean()) / 2
        assert games[name].losses["discriminator"].item() == pytest.approx(
            expected.item(), rel=1e-5
        )
    assert moved(before, games) == {"discriminator a_to_b", "discriminator b_to_a"}


def test_discriminators_see_translations_of_the_past(location):
    games, batches = opened(location, "--loss.history", "1")
    shown = []
    games["a_to_b"].D.register_forward_pre_hook(lambda _, args: shown.append(args[0].clone()))
    exchange = torch.full((2, 1, 2), 0.9)
    for step in (1, 2):
        games.discriminator_step(step, batches.real(step, 0), batches.latents(step, 0), exchange)
    (_, first), (_, second) = shown[:2], shown[2:]
    assert torch.equal(first, second)
    assert not torch.equal(batches.real(1, 0)[0], batches.real(2, 0)[0])


def test_the_balance_is_measured_in_each_pair(location):
    games, batches = opened(location)
    a, b = real = batches.real(1, 0)
    games.discriminator_step(1, real, real, batches.random_numbers(1, 0))
    (G, back), _ = plain(games)
    games.generator_step(1, real)
    (G_after, back_after), (D_b, D_a) = plain(games)
    games.after_generator_step(real, real)
    for name, D, before, after, known, image in (
        ("a_to_b", D_b, G, G_after, b, a),
        ("b_to_a", D_a, back, back_after, a, b),
    ):
        record = games[name].events.balance
        assert record.real == pytest.approx(D(known).mean().item(), rel=1e-5)
        assert record.fake_before == pytest.approx(D(before(image)).mean().item(), rel=1e-5)
        assert record.fake_after == pytest.approx(D(after(image)).mean().item(), rel=1e-5)
    assert games["a_to_b"].events.balance != games["b_to_a"].events.balance


def test_measuring_the_balance_changes_nothing(location):
    ends = []
    for every in ("1", "100"):
        games, batches = opened(location, "--method.balance_every", every)
        play(games, batches, 3)
        ends.append(state.capture(games))
    parts = ("networks", "optimisers", "ranks")
    assert differences(*({part: end[part] for part in parts} for end in ends)) == []


def test_the_pairs_begin_with_weights_and_masks_of_their_own(location):
    games, _ = opened(location)
    there, back = (game.method.generator for game in games)
    assert not torch.equal(there.masks.flat, back.masks.flat)
    assert not torch.equal(there.module.first.weight, back.module.first.weight)


def test_micro_batches_add_up_to_the_batch(location):
    ends = []
    for parts in ("1", "2"):
        flags = ["--batch_size", "2", "--generator_batch_size", "2", "--accumulate", parts]
        games, batches = opened(location, *flags)
        images = batches.real(1, 0)
        games.discriminator_step(1, images, images, batches.random_numbers(1, 0))
        games.generator_step(1, images)
        ends.append([[*game.losses.values(), game.scores.mean()] for game in games])
    for one, other in zip(*ends, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_augmentation_is_what_the_discriminator_sees_and_no_generator(location):
    games, batches = opened(location, "--augment", "[cutout]")
    seen, translated = [], []
    game = games["a_to_b"]
    game.D.register_forward_pre_hook(lambda _, args: seen.append(args[0].detach().clone()))
    game.G.register_forward_pre_hook(lambda _, args: translated.append(args[0].detach().clone()))
    play(games, batches, 1)
    middle = torch.zeros(3)
    cut = [bool((images[0] == middle.view(3, 1, 1)).all(0).any()) for images in seen]
    assert cut == [True] * len(seen)
    assert torch.equal(translated[0], batches.real(1, 0)[0])


def test_a_loss_that_is_not_finite_stops_both_generators(location):
    games, batches = opened(location)
    a, b = batches.generator_latents(1)
    before = weights(games)
    with pytest.raises(SparseganError, match="the generator diverged at step 4"):
        games.generator_step(4, (a * float("nan"), b))
    assert not moved(before, games)


# ---- whole runs


@pytest.fixture(scope="module")
def whole(quick_runs, location, tmp_path_factory):
    """A run that was never interrupted."""
    return loop.train(config(location, tmp_path_factory.mktemp("whole") / "run"))


def last(run):
    return load_state(run.newest_checkpoint())


def events_of(run, but=("seconds", "steps_per_second")):
    return [{k: v for k, v in event.items() if k not in but} for event in read_events(run.metrics)]


def test_a_run_tells_of_both_directions(whole):
    events = list(read_events(whole.metrics))
    for pair in PAIRS:
        own = [event for event in events if event.get("pair") == pair]
        kinds = {event["kind"] for event in own}
        assert kinds >= {"start", "train", "balance", "rewire", "evaluate"}
        assert [e["step"] for e in own if e["kind"] == "evaluate"] == [0, 3, 6]
        assert [e["step"] for e in own if e["kind"] == "train"] == [2, 4, 6]
        for step in (0, 3, 6):
            with Image.open(whole.sample(step, pair)) as picture:
                assert picture.size == (3 * 64, 3 * 64)
    assert [event["kind"] for event in events if "pair" not in event] == ["end"]
    rates = [e["generator_lr"] for e in events if e["kind"] == "train" and e["pair"] == "a_to_b"]
    assert rates == pytest.approx([2e-4, 2e-4, 2e-4 / 3])
    page = whole.report.read_text()
    assert "run a_to_b" in page
    assert "run b_to_a" in page


def test_what_a_cycle_costs(whole):
    cost = json.loads(whole.cost.read_text())
    assert set(cost["weights"]) == {
        "generator a_to_b", "discriminator a_to_b", "generator b_to_a", "discriminator b_to_a",
    }  # fmt: skip
    pairs = cost["pairs"]
    for convention in ("published", "consistent"):
        for owner in ("run", "dense"):
            total = sum(pairs[pair]["flops"][convention][owner] for pair in PAIRS)
            assert cost["flops"][convention][owner] == pytest.approx(total)
    assert cost["bytes"]["generator_sparse"] < cost["bytes"]["generator_dense"]
    assert cost["seconds"]["run"] > 0


@pytest.mark.parametrize("step", [4, *in_full(1)])
def test_stopped_and_resumed_is_as_if_never_stopped(location, whole, tmp_path, monkeypatch, step):
    calls = iter(range(1, 100))
    with monkeypatch.context() as context:
        context.setattr(
            StopRequest,
            "agreed",
            lambda self, fabric: signal.SIGTERM if next(calls) == step else 0,
        )
        with pytest.raises(Interrupted) as stopped:
            loop.train(config(location, tmp_path / "run"))
    run = loop.resume(stopped.value.run)
    histories = last(run)["ranks"][0]["history"]
    assert [len(histories[pair]["images"]) for pair in PAIRS] == [2, 2]
    assert differences(last(run), last(whole)) == []
    assert events_of(run) == events_of(whole)
    assert (run.samples / "a_to_b").is_dir()


def test_commands_know_directions(location, whole, tmp_path, capsys):
    run, packed, grid = str(whole.path), str(tmp_path / "G.safetensors"), str(tmp_path / "g.png")

    def call(*arguments):
        code = cli.main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return said.err if code else said.out

    assert "choose --direction a_to_b or b_to_a" in call("sample", run, "--grid", grid)
    way = ("--direction", "b_to_a")
    assert "4 images of step 6" in call("sample", run, "--grid", grid, *way)
    assert "leave out --seed and --class" in call("sample", run, "--grid", grid, *way, "--seed", 1)
    inputs = ("--images", location / "testA", "--folder", tmp_path / "out")
    assert "3 images of step 6" in call("sample", run, "--direction", "a_to_b", *inputs)
    assert "choose --direction" in call("export", run, "--to", "packed")
    assert "generator of step 6" in call("export", run, "--to", "packed", *way, "--output", packed)
    assert "name a folder of them with --images" in call("sample", packed, "--grid", grid)
    assert "leave out --direction" in call("sample", packed, "--grid", grid, *way)
    said = call("evaluate", run)
    assert "step 6 a_to_b: kid-patches" in said
    assert "step 6 b_to_a: kid-patches" in said
    assert "generator b_to_a, maskable weights" in call("cost", run)


def test_an_exported_direction_translates_as_the_run_does(location, whole, tmp_path):
    written = export.export_run(whole.path, "packed", tmp_path / "G.safetensors", game="b_to_a")
    generator = export.load(written.path)
    pixels = translation.own_sources(parse.read(whole.config), "b_to_a").images.pixels
    method = open_trained(whole.path).method_of("b_to_a")
    with sampling.sampled(method) as own:
        expected = translation.translated(own, pixels)
    difference = (translation.translated(generator, pixels).int() - expected.int()).abs()
    assert difference.max() <= 1
    with pytest.raises(SparseganError, match="choose --direction"):
        export.export_run(whole.path, "packed", tmp_path / "other.safetensors")


def test_adapt_controls_each_discriminator_by_its_own_balance(location):
    flags = [
        "--method.name", "adapt", "--method.interval", "2", "--method.control_interval", "2",
        "--method.balance_window", "2", "--method.maskable", "stu-gan", "--method.low", "-9",
        "--method.high", "-8", "--method.density_step", "0.1", "--steps", "4",
    ]  # fmt: skip
    games, batches = opened(location, *flags)
    before = {game.name: game.method.discriminator.masks.active for game in games}
    games["b_to_a"].method.balance.record = lambda record: None  # it never has a window
    play(games, batches, 2)
    after = {game.name: game.method.discriminator.masks.active for game in games}
    assert after["a_to_b"] > before["a_to_b"]
    assert after["b_to_a"] == before["b_to_a"]


def test_the_state_of_an_ordinary_run_is_refused(location, tmp_path):
    games, _ = opened(location)
    save_state(tmp_path / "state", state.capture(games))
    saved = load_state(tmp_path / "state") | {"seconds": 0.0, "metrics_bytes": 0, "images": ""}
    state.require_parts(saved, PAIRS)
    with pytest.raises(SparseganError, match="lacks method"):
        state.require_parts(saved)
    del saved["method b_to_a"]["generator"]["masks"]
    with pytest.raises(SparseganError, match="lacks the generator b_to_a's masks"):
        state.require_parts(saved, PAIRS)


def test_nothing_is_written_for_settings_that_cannot_work(location, tmp_path):
    for flags, sentence in [
        (["--data.image_size", "32"], "image_size 64 or 128 or 256"),
        (["--data.source", "cifar10"], "data.source is cifar10.*trainA and trainB"),
        (["--data.classes", "[horse]"], "data.classes is horse.*leave it out"),
        (["--data.held_out", "testA"], "data.held_out is testA.*leave it out"),
        (["--network.latent_dim", "8"], "leave latent_dim out"),
        (["--batch_size", "4"], "has only 3 images"),
        (["--fabric.precision", "16-mixed"], "16-mixed.*choose bf16-mixed or 32-true"),
    ]:
        with pytest.raises(SparseganError, match=sentence):
            loop.train(config(location, tmp_path / "run", *flags))
    assert list(tmp_path.iterdir()) == []
    assert not RunDirectory(tmp_path / "run").is_finished()
