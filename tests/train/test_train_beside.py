import pytest
import torch
from test_train_evaluate import Copier, evaluator_of, event

from sparsegan import data, metrics
from sparsegan.errors import SparseganError
from sparsegan.train import build
from sparsegan.train.beside import WORDS, in_words
from sparsegan.train.evaluate import Evaluator
from tiny_run import Patches, config


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SPARSEGAN_CACHE", str(tmp_path))


def test_classes_that_are_missing_are_told_beside_those_of_real_images():
    evaluator = evaluator_of(400, "--evaluate.metrics", "kid,classes")
    held_out = evaluator.held_out
    half = held_out.pixels[held_out.labels < 5][:400]
    result = evaluator(Copier(half))
    assert "frechet" not in result
    assert result["classes_seen"] < 0.85 < result["classes_seen_floor"]
    assert result["class_entropy"] < 0.9 < result["class_entropy_floor"]
    assert 0.5 < result["class_accuracy"] < 1  # sixteen patches are not much to tell garments by


def test_images_without_classes_are_refused():
    images = data.load("fashion-mnist")
    settings = build.resolve(config("unused", "--evaluate.metrics", "kid,classes"), images)
    alike = data.Images(images.pixels, None, (), "alike")
    with pytest.raises(SparseganError, match="alike has no two classes"):
        Evaluator(settings, alike)


def test_precision_and_its_like(monkeypatch):
    monkeypatch.setattr(metrics, "require_prdc", lambda count: None)
    monkeypatch.setattr(metrics, "prdc", lambda x, real: metrics.PRDC(0.1, 0.2, 0.3, float(len(x))))
    result = evaluator_of(30, "--evaluate.metrics", "kid,prdc")(
        Copier(torch.zeros(30, 1, 28, 28, dtype=torch.uint8))
    )
    assert [result[name] for name in ("precision", "recall", "density", "coverage")] == [
        *(0.1, 0.2, 0.3),
        30,
    ]
    assert result["coverage_floor"] == 30
    assert "precision 0.1, real against real 0.1" in list(in_words(event(result)))


def test_an_fid_is_of_the_inception_network_alone(monkeypatch):
    class Sides(Patches):
        """Other features than those of the run."""

        name = "sides"
        dimension = 2

        def __init__(self, path):
            self.path = path

        def __call__(self, pixels):
            return pixels.float().mean(1).reshape(len(pixels), 2, -1).mean(2)

    monkeypatch.setattr(metrics, "Inception2015", Sides)
    evaluator = evaluator_of(50, "--evaluate.inception", "weights.pth")
    assert evaluator._beside._inception.path.is_absolute()
    pixels = evaluator.held_out.pixels[:50]
    result = evaluator(Copier(pixels))
    real = metrics.reference_features(evaluator.images, Sides(None), count=50, seed=0)
    drawn = evaluator.draw(Copier(pixels), 0)
    assert result["fid"] == pytest.approx(metrics.frechet_distance(Sides(None)(drawn), real))
    assert result["fid_floor"] != result["frechet_floor"]


def test_every_number_has_its_words():
    everything = dict.fromkeys(WORDS, 0.5)
    assert len(list(in_words(event(everything)))) == len(WORDS)
    assert list(in_words(event({"frechet": None}))) == []
