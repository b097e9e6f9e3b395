import sys
import types
from importlib.machinery import ModuleSpec

import pytest
import torch

from sparsegan.errors import SparseganError
from sparsegan.metrics import prdc

NEIGHBOURS = 5


def sample(count=60, dimension=4, shift=0.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, dimension, generator=generator) + shift


def slowly(generated, real):
    """The four shares by their definitions, image by image."""

    def radius(of, among):
        return sorted(float((of - other).norm()) for other in among)[NEIGHBOURS]

    around_real = [radius(image, real) for image in real]
    around_fake = [radius(image, generated) for image in generated]
    apart = [[float((r - g).norm()) for g in generated] for r in real]
    inside = [
        [apart[i][j] < around_real[i] for j in range(len(generated))] for i in range(len(real))
    ]
    covered = [any(row) for row in inside]
    precise = [any(row[j] for row in inside) for j in range(len(generated))]
    recalled = [
        any(apart[i][j] < around_fake[j] for j in range(len(generated))) for i in range(len(real))
    ]
    return {
        "precision": sum(precise) / len(generated),
        "recall": sum(recalled) / len(real),
        "density": sum(map(sum, inside)) / NEIGHBOURS / len(generated),
        "coverage": sum(covered) / len(real),
    }


@pytest.fixture
def package(monkeypatch):
    """A package of that name that remembers what it was asked."""
    module = types.ModuleType("prdc")
    module.__spec__ = ModuleSpec("prdc", None)
    module.asked = []

    def compute_prdc(real_features, fake_features, nearest_k):
        print("Num real: 1 Num fake: 1")
        module.asked.append((real_features, fake_features, nearest_k))
        return {"precision": 0.1, "recall": 0.2, "density": 0.3, "coverage": 0.4}

    module.compute_prdc = compute_prdc
    monkeypatch.setitem(sys.modules, "prdc", module)
    return module


def test_the_package_is_asked_in_its_order_and_is_silent(package, capsys):
    generated, real = sample(8), sample(8, seed=1)
    assert vars(prdc(generated, real)) == {
        "precision": 0.1,
        "recall": 0.2,
        "density": 0.3,
        "coverage": 0.4,
    }
    [(first, second, neighbours)] = package.asked
    assert torch.equal(torch.from_numpy(first), real)
    assert torch.equal(torch.from_numpy(second), generated)
    assert neighbours == NEIGHBOURS
    assert capsys.readouterr().out == ""


def test_too_few_or_unequal_images_are_refused(package):
    with pytest.raises(SparseganError, match="need 7 images on either side, not 6: have more"):
        prdc(sample(6), sample(6))
    with pytest.raises(SparseganError, match="equally many images on both sides, not 9 and 8"):
        prdc(sample(9), sample(8))


def test_a_missing_package_is_one_sentence(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SparseganError, match=r"pip install 'sparsegan\[quality\]'"):
        prdc(sample(8), sample(8))


@pytest.mark.full("prdc")
@pytest.mark.parametrize("shift", [0.0, 0.7, 20.0])
def test_the_shares_are_those_of_their_definitions(shift):
    generated, real = sample(shift=shift, seed=1), sample()
    assert vars(prdc(generated, real)) == pytest.approx(slowly(generated, real))


@pytest.mark.full("prdc")
def test_equal_samples_are_precise_and_covered_and_a_collapse_is_seen_by_recall():
    real = sample()
    whole, collapsed = prdc(real.clone(), real), prdc(real[:1] + 0.01 * sample(seed=2), real)
    assert (whole.precision, whole.recall, whole.coverage) == (1, 1, 1)
    assert collapsed.precision > 0.9
    assert collapsed.recall < 0.1
    assert collapsed.coverage < 0.5
