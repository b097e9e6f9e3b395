"""Networks of one's own in a run: all that a run does, it does with them."""

import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rich.console import Console

import foreign
from sparsegan import cli, data, export
from sparsegan.draw import sampling
from sparsegan.errors import SparseganError
from sparsegan.export import runtime
from sparsegan.record.checkpoint import load_state
from sparsegan.record.metrics_log import read_events
from sparsegan.train import build, loop, networks
from sparsegan.train.stop import Interrupted, StopRequest
from sparsegan.train.trained import open_trained
from tiny_run import config, differences

OWN = [
    "--generator", "nets.py:TutorialGenerator", "--discriminator", "nets.py:critic",
    "--network.latent_dim", "12", "--data.image_size", "16", "--data.channels", "3",
    "--network.generator_width", "null", "--network.discriminator_width", "null",
    "--steps", "6", "--method.control_interval", "3", "--evaluate.images", "0",
    "--engine", "masked",
]  # fmt: skip


@pytest.fixture(scope="module")
def code(quick_runs, tmp_path_factory):
    """A folder with networks in a file, to be in."""
    folder = tmp_path_factory.mktemp("code")
    shutil.copy(foreign.__file__, folder / "nets.py")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


@pytest.fixture(scope="module")
def whole(code):
    """A finished run with networks from that file."""
    return loop.train(config(code / "run", *OWN))


def _resolved(*flags):
    settings = config("unused", *flags)
    return build.resolve(settings, build.load_images(settings, "test"))


def test_a_run_has_everything_and_the_layers_their_own_names(whole):
    events = list(read_events(whole.metrics))
    assert [row["name"] for row in events[0]["networks"]["generator"]] == [
        "main.0", "main.3", "main.6",
    ]  # fmt: skip
    assert {"balance", "decision", "rewire", "end"} <= {event["kind"] for event in events}
    assert whole.report.is_file()
    assert whole.cost.is_file()


def test_going_on_from_elsewhere_ends_with_the_same_bits(whole, code, tmp_path, monkeypatch):
    calls = iter(range(1, 1000))
    with monkeypatch.context() as context:
        context.setattr(StopRequest, "agreed", lambda self, _: signal.SIGTERM * (next(calls) == 3))
        with pytest.raises(Interrupted):
            loop.train(config(tmp_path / "run", *OWN))
    monkeypatch.chdir(tmp_path)
    run = loop.resume(tmp_path / "run")
    ends = [load_state(each.newest_checkpoint()) for each in (whole, run)]
    assert differences(*ends) == []
    assert ends[0]["conditions"]["code of the generator"]


def test_changed_or_missing_code_is_noticed(whole, code, tmp_path, monkeypatch):
    moved = tmp_path / "run"
    shutil.copytree(whole.path, moved)
    (tmp_path / "nets.py").write_text((code / "nets.py").read_text() + "# changed\n")
    text = (moved / "config.yaml").read_text()
    (moved / "config.yaml").write_text(text.replace(str(code), str(tmp_path)))
    step = whole.checkpoint(whole.checkpoint_steps()[0]).name
    with pytest.raises(SparseganError, match=r"code of the generator .* go on with --inexact"):
        loop.resume(moved, checkpoint=moved / "checkpoints" / step, trust_code=True)
    (moved / "config.yaml").write_text(text.replace(str(code), str(tmp_path / "gone")))
    with pytest.raises(SparseganError, match=r"network.generator names a file .*/gone/nets.py"):
        open_trained(moved)


def test_the_packed_file_draws_the_runs_images_for_who_names_the_code(
    whole, capsys, tmp_path, monkeypatch
):
    path = tmp_path / "g.safetensors"
    export.export_run(whole.path, "packed", path)
    monkeypatch.setattr(runtime, "available", lambda: False)  # which needs no code
    with pytest.raises(SparseganError, match=r"of nets.py:TutorialGenerator, .*--generator nets.p"):
        export.load(path)
    generator = export.load(path, generator=foreign.TutorialGenerator)
    with sampling.sampled(open_trained(whole.path).method) as own:
        expected = sampling.draw_images(own, 20, seed=3)
    drawn = sampling.draw_images(generator, 20, seed=3)
    assert (drawn.int() - expected.int()).abs().max() <= 1
    with pytest.raises(SparseganError, match=r"does not go with .*Called"):
        export.load(path, generator=foreign.Called)
    arguments = ["sample", str(path), "--grid", str(tmp_path / "a.png"), "--generator"]
    assert cli.main([*arguments, "nets.py:TutorialGenerator"]) == 0
    assert cli.main(["sample", str(whole.path), "--grid", "a.png", "--generator", "x:y"]) == 2
    assert "leave out --generator" in capsys.readouterr().err


def test_cost_counts_them(code, capsys):
    arguments = [*OWN, "--method.control_interval=100", "--method.generator_density=0.25"]
    assert cli.main(["cost", *arguments]) == 0
    said = capsys.readouterr().out
    assert f"networks  {code}/nets.py:TutorialGenerator and {code}/nets.py:critic, latent" in said
    weights = sum(p.numel() for p in foreign.TutorialGenerator().parameters() if p.dim() == 4)
    assert f"generator 25.0% of {weights:,} maskable weights" in said


def test_either_network_may_be_an_architectures(code):
    own, flags = foreign.Called, {"generator": "nets.py:Called"}
    settings = _resolved("--network.latent_dim", "9", *[f"--{k}={v}" for k, v in flags.items()])
    G, D = networks.build(settings)
    assert type(G).__name__ == own.__name__
    assert G.arguments == (9, 28, 1, 2)
    assert type(D).__name__ == "DCGANDiscriminator"
    assert Path(settings.network.generator.partition(":")[0]).is_absolute()
    plain = networks.build(replace(settings, network=replace(settings.network, generator=None)))[1]
    assert all(torch.equal(a, b) for a, b in zip(D.parameters(), plain.parameters(), strict=True))


def test_labels_come_with_networks_that_take_classes(code):
    flags = ["--generator=nets.py:Labelled", "--discriminator=nets.py:LabelledScores"]
    settings = _resolved(*flags, "--network.latent_dim=null")
    assert (build.classes(settings), settings.network.latent_dim) == (10, 5)
    G, _ = networks.build(settings)
    assert G.class_names == data.load("fashion-mnist", split="test").class_names


def test_what_does_not_go_together_is_refused(code):
    with pytest.raises(SparseganError, match=r"cyclegan and network.generator is set"):
        _resolved("--generator=nets.py:Called", "--network.name=cyclegan")
    with pytest.raises(
        SparseganError, match=r"biggan, which takes labels, and nets.py:Called does"
    ):
        _resolved("--generator=nets.py:Called", "--network.name=biggan")
    flags = [flag.replace("critic", "TutorialDiscriminator") for flag in OWN]
    with pytest.raises(SparseganError, match="ends in a sigmoid"):
        networks.build(_resolved(*flags))


UNMASKABLE = """
from torch import nn
from torch.nn.utils.parametrizations import weight_norm
class G(nn.Sequential):
    latent_dim = 5
    def __init__(self):
        super().__init__(weight_norm(nn.Linear(5, 784)), nn.Unflatten(1, (1, 28, 28)), nn.Tanh())
class H(G):
    def __init__(self):
        super().__init__()
        self.insert(2, nn.Conv2d(1, 1, 5, padding=2, bias=False))
"""


def test_a_weight_that_cannot_be_masked_is_refused_with_what_a_run_can_do(code, capsys):
    (code / "normed.py").write_text(UNMASKABLE)
    for own, remedy in (
        ("G", "generator: the weight of 0 is reparametrised by something else than spectral norm: "
              "take another network"),
        ("H", "take --method.maskable stu-gan, which leaves it out, or another network"),
    ):  # fmt: skip
        for further in (["--dry_run"], ["--run.directory", str(code / "refused")]):
            assert cli.main(["train", "--generator", f"normed.py:{own}", *further]) == 2
            assert remedy in capsys.readouterr().err
    assert not (code / "refused").exists()
    fitting = ["--generator", "normed.py:H", "--method.maskable", "stu-gan"]
    assert cli.main(["train", *fitting, "--dry_run"]) == 0


MOSTLY_NOT_MASKED = """
from torch import nn
from torch.nn import functional as F
class Standardised(nn.Conv2d):
    def forward(self, x):
        return F.conv2d(x, self.weight - self.weight.mean(), self.bias, padding=1)
class G(nn.Module):
    latent_dim = 5
    def __init__(self):
        super().__init__()
        self.rnn, self.last, self.conv = nn.GRU(5, 30), nn.Linear(30, 784), Standardised(1, 1, 3)
        self.table = nn.Embedding(300, 100)
    def forward(self, z):
        h = self.conv(self.last(self.rnn(z)[0]).view(-1, 1, 28, 28))
        return (h - h.mean()).tanh()
"""


def test_what_a_user_should_know_of_networks_is_shown_once_and_recorded(code, capsys):
    (code / "warned.py").write_text(MOSTLY_NOT_MASKED)
    flags = ["--generator=warned.py:G", "--network.latent_dim=null", "--engine=masked"]
    short = ["--steps=8", "--evaluate.images=0", "--method.balance_every=2"]
    console = Console(width=10_000)
    run = loop.train(config(code / "warned", *flags, *short), console)
    events = list(read_events(run.metrics))
    said = [event["message"] for event in events if event["kind"] == "warning"]
    shown = capsys.readouterr()
    assert len(said) == 2
    for sentence, words in zip(said, ("table.weight (30,000)", "layer conv makes"), strict=True):
        assert words in sentence
        assert (shown.out + shown.err).count(sentence) == 1
        assert sentence.replace("'", "&#x27;") in run.report.read_text()
    counts = events[0]["coverage"]["generator"]
    assert counts["masked"] / counts["parameters"] < 0.5
    assert cli.main(["cost", str(run.path)]) == 0
    assert "generator, conv: makes its weight anew" in capsys.readouterr().out
    trained = open_trained(run.path)  # to draw from, say, which needs no warning
    assert trained.method.inspection.warnings
    assert not capsys.readouterr().err
