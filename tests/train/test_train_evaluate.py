from dataclasses import replace

import pytest
import torch
from torch import nn

from sparsegan import data, metrics
from sparsegan.errors import SparseganError
from sparsegan.record import events
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


def evaluator_of(images=100, *flags):
    training_images = data.load("fashion-mnist")
    settings = build.resolve(
        config("unused", "--evaluate.images", str(images), *flags), training_images
    )
    return Evaluator(settings, training_images)


def event(numbers):
    line = {"kind": "evaluate", "step": 5, "bn": "standing", "weights": "ema"}
    return events.read(line | numbers)


def test_a_generator_of_the_held_out_images_reaches_the_floor():
    evaluator = evaluator_of()
    order = metrics.reference_features(
        evaluator.held_out, Patches(), count=100, seed=evaluator.config.seed
    )
    every = Patches()(evaluator.held_out.pixels)
    indices = [int((every == row).all(1).nonzero()[0]) for row in order]
    result = evaluator(Copier(evaluator.held_out.pixels[indices]))
    assert result["value"] == pytest.approx(result["floor"], abs=1e-9)
    assert result["frechet"] == pytest.approx(result["frechet_floor"], abs=1e-6)
    assert result["metric"] == "kid-patches"
    assert result["n"] == 100
    assert "generated" not in result


def test_noise_is_farther_than_the_floor():
    evaluator = evaluator_of()
    noise = torch.randint(256, (100, 1, 28, 28), dtype=torch.uint8)
    result = evaluator(Copier(noise))
    assert result["low"] > result["floor"]
    assert "n = 100" in sentence(event(result))


def test_few_images_have_a_warning_and_no_interval(caplog):
    evaluator = evaluator_of(2)
    assert ["judged by 2 real ones" in said for said in caplog.messages] == [True]
    result = evaluator(Copier(torch.randint(256, (2, 1, 28, 28), dtype=torch.uint8)))
    assert " [–, –], " in sentence(event(result))
    caplog.clear()
    evaluator_of(50)
    assert not caplog.messages


def test_no_more_images_than_there_are():
    assert evaluator_of(10_000).count == 9000


def test_fewer_held_out_images_give_the_floor_of_what_does_not_depend_on_their_number():
    evaluator = evaluator_of(2100, "--evaluate.metrics", "[kid, frechet, classes]")
    numbers = evaluator(Copier(evaluator.images.pixels[:2100]))
    assert numbers["n"] == 2100
    assert numbers["floor"] == pytest.approx(
        metrics.kid(
            *(
                metrics.reference_features(images, Patches(), count=n, seed=evaluator.config.seed)
                for images, n in ((evaluator.images, 2100), (evaluator.held_out, 2000))
            )
        ).value
    )
    assert numbers["class_accuracy"] > 0.5
    assert numbers["frechet"] > 0
    assert "frechet_floor" not in numbers
    assert "classes_seen_floor" not in numbers


@pytest.mark.parametrize(("wanted", "generated"), [(300, 300), (2000, 400)])
def test_a_distance_from_few_real_images_is_of_more_generated_ones(wanted, generated):
    everything = data.load("fashion-mnist")
    few, others = (
        replace(everything, pixels=everything.pixels[part], labels=None)
        for part in (slice(40), slice(100, 160))
    )
    flags = ["--evaluate.images", str(wanted), "--evaluate.metrics", "[kid, frechet]"]
    evaluator = Evaluator(build.resolve(config("unused", *flags), few), few, others)
    generator = Copier(everything.pixels[1000 : 1000 + generated])
    numbers = evaluator(generator)
    assert (numbers["n"], numbers["generated"]) == (40, generated)
    features, real = (
        Patches()(evaluator.draw(generator, 0)),
        metrics.reference_features(few, Patches(), count=40, seed=evaluator.config.seed),
    )
    assert numbers["value"] == pytest.approx(metrics.kid(features, real).value)
    assert numbers["diversity"] == pytest.approx(metrics.diversity(features, real))
    # What depends on how many there are is of as many on either side.
    assert numbers["frechet"] == pytest.approx(metrics.frechet_distance(features[:40], real))
    assert f"(n = 40 real, {generated} generated, " in sentence(event(numbers))


@pytest.mark.parametrize(
    ("training", "held_out", "copies"), [(100, 20, 1.0), (100, 6, 1.0), (19, 19, None)]
)
def test_what_a_copy_is_takes_twenty_images_to_say(training, held_out, copies):
    everything = data.load("fashion-mnist")
    train, others = (
        replace(everything, pixels=everything.pixels[part], labels=None)
        for part in (slice(training), slice(100, 100 + held_out))
    )
    settings = build.resolve(config("unused", "--evaluate.images", "50"), train)
    numbers = Evaluator(settings, train, others)(Copier(train.pixels))
    assert numbers.get("copies") == copies


def test_a_floor_of_fewer_images_says_of_how_many():
    everything = data.load("fashion-mnist")
    train, others = (
        replace(everything, pixels=everything.pixels[part], labels=None)
        for part in (slice(90), slice(100, 106))
    )
    settings = build.resolve(config("unused", "--evaluate.images", "50"), train)
    numbers = Evaluator(settings, train, others)(Copier(train.pixels))
    assert (numbers["n"], numbers["held_out"]) == (50, 6)
    assert " by 6 held out (" in sentence(event(numbers))


def test_too_few_images_are_refused(monkeypatch):
    images = data.load("fashion-mnist")
    settings = build.resolve(config("unused"), images)
    one = data.Images(images.pixels[:1], None, (), "one")
    monkeypatch.setattr(build, "load_images", lambda config, split: one)
    with pytest.raises(SparseganError, match=r"1 held out, .*without evaluations"):
        Evaluator(settings, images)


def test_the_floors_are_of_as_many_images():
    evaluator = evaluator_of(60)
    result = evaluator(Copier(evaluator.held_out.pixels[:60]))
    real, held_out = (
        metrics.reference_features(images, Patches(), count=60, seed=evaluator.config.seed)
        for images in (evaluator.images, evaluator.held_out)
    )
    assert len(real) == len(held_out) == result["n"] == 60
    assert result["frechet_floor"] == pytest.approx(metrics.frechet_distance(real, held_out))
