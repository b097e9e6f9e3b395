import pytest
import torch
from torch import nn

from sparsegan import data, metrics
from sparsegan.errors import SparseganError
from sparsegan.train import build
from sparsegan.train.evaluate import Evaluator, sentence
from tiny_run import Patches, config


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SPARSEGAN_CACHE", str(tmp_path))


class Copier(nn.Module):
    """Draws real images, whatever the noise."""

    latent_dim = 8

    def __init__(self, pixels):
        super().__init__()
        self.images = nn.Parameter(data.to_float(pixels), requires_grad=False)

    def forward(self, z):
        return self.images[: len(z)]


def evaluator_of(images=100):
    found = data.load("fashion-mnist")
    chosen = build.resolve(config("unused", "--evaluate.images", str(images)), found)
    return Evaluator(chosen, found)


def test_a_generator_of_the_held_out_images_reaches_the_floor():
    evaluator = evaluator_of()
    order = metrics.reference_features(
        evaluator.held_out, Patches(), count=100, seed=evaluator.config.seed
    )
    every = Patches()(evaluator.held_out.pixels)
    indices = [int((every == row).all(1).nonzero()[0]) for row in order]
    found = evaluator(Copier(evaluator.held_out.pixels[indices]))
    assert found["value"] == pytest.approx(found["floor"], abs=1e-9)
    assert found["frechet"] == pytest.approx(found["frechet_floor"], abs=1e-6)
    assert found["metric"] == "kid-patches"
    assert found["n"] == 100


def test_noise_is_farther_than_the_floor():
    evaluator = evaluator_of()
    noise = torch.randint(256, (100, 1, 28, 28), dtype=torch.uint8)
    found = evaluator(Copier(noise))
    assert found["low"] > found["floor"]
    assert "n = 100" in sentence({**found, "bn": "standing", "weights": "ema"})


def test_few_images_have_a_warning_and_no_interval(caplog):
    evaluator = evaluator_of(2)
    assert ["judged by 2 on either side" in said for said in caplog.messages] == [True]
    found = evaluator(Copier(torch.randint(256, (2, 1, 28, 28), dtype=torch.uint8)))
    assert " [–, –], " in sentence({**found, "bn": "standing", "weights": "ema"})
    caplog.clear()
    evaluator_of(50)
    assert not caplog.messages


def test_no_more_images_than_there_are():
    assert evaluator_of(10_000).count == 2000


def test_too_few_images_are_refused(monkeypatch):
    found = data.load("fashion-mnist")
    chosen = build.resolve(config("unused"), found)
    one = data.Images(found.pixels[:1], None, (), "one")
    monkeypatch.setattr(build, "images", lambda config, split: one)
    with pytest.raises(SparseganError, match=r"1 held-out .*evaluate\.images 0 is not evaluated"):
        Evaluator(chosen, found)
