import math

import pytest
import torch

from sparsegan.errors import SparseganError
from sparsegan.metrics import ClassClassifier
from sparsegan.metrics.classes import shrunk_covariance


def classes(counts, dimension=6, apart=8.0, seed=0):
    """Features of a cloud for each class, so many images each, and the labels."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    centres = apart * torch.eye(len(counts), dimension)
    return centres[labels] + torch.randn(len(labels), dimension, generator=generator), labels


@pytest.fixture
def classifier():
    return ClassClassifier(*classes([40, 40, 40, 40]), 4)


def test_classes_that_are_apart_are_told(classifier):
    features, labels = classes([30, 30, 30, 30], seed=1)
    assert (classifier(features) == labels).double().mean() > 0.99
    coverage = classifier.coverage(features)
    assert coverage.seen == 1
    assert coverage.entropy == pytest.approx(1, abs=1e-3)


def test_a_collapse_is_half_or_a_quarter_of_the_classes(classifier):
    for counts, seen in (([60, 60, 0, 0], 0.5), ([0, 0, 120, 0], 0.25)):
        coverage = classifier.coverage(classes(counts, seed=1)[0])
        assert coverage.seen == seen
        present = sum(count > 0 for count in counts)
        assert coverage.entropy == pytest.approx(math.log(present) / math.log(4), abs=1e-3)


def test_what_errors_alone_put_into_a_class_is_not_seen(classifier):
    # A tenth of an equal share is 25 of 1000: 20 are too few, 30 are enough.
    for few, seen in ((20, 0.75), (30, 1)):
        features, _ = classes([400, 400, 200 - few, few], seed=1)
        assert classifier.coverage(features).seen == seen


def test_in_a_small_sample_one_image_is_enough(classifier):
    assert classifier.coverage(classes([1, 1, 1, 0], seed=1)[0]).seen == 0.75


def test_a_class_without_images_does_not_count():
    classifier = ClassClassifier(*classes([40, 0, 40]), 3)
    coverage = classifier.coverage(classes([20, 20, 20], seed=1)[0])
    assert coverage.seen == 1
    assert not (classifier(classes([0, 50, 0], seed=1)[0]) == 1).any()


def test_equal_features_make_an_equal_classifier():
    first, second = (ClassClassifier(*classes([9, 5, 3]), 3) for _ in range(2))
    features = torch.randn(50, 6)
    assert torch.equal(first(features), second(features))


def test_more_features_than_images_and_features_that_never_vary():
    features, labels = classes([6, 6], dimension=40)
    recognised = ClassClassifier(features, labels, 2)(classes([50, 50], dimension=40, seed=1)[0])
    assert (recognised == classes([50, 50])[1]).double().mean() > 0.95
    ClassClassifier(torch.ones(8, 3), torch.arange(8) % 2, 2)(torch.ones(2, 3))


def test_too_little_to_learn_from_is_refused():
    with pytest.raises(SparseganError, match="not 3 images of 1: leave classes out"):
        ClassClassifier(torch.ones(3, 2), torch.zeros(3, dtype=torch.long), 4)


def test_much_data_is_hardly_shrunk_and_little_is_shrunk_much():
    generator = torch.Generator().manual_seed(0)
    root = torch.randn(5, 5, generator=generator, dtype=torch.float64)
    truth = root @ root.T

    def error(count, of):
        rows = torch.randn(count, 5, generator=generator, dtype=torch.float64) @ root.T
        return float((of(rows) - truth).norm())

    assert error(20_000, shrunk_covariance) < 0.05 * float(truth.norm())
    plain = [error(4, lambda rows: rows.T @ rows / len(rows)) for _ in range(100)]
    shrunk = [error(4, shrunk_covariance) for _ in range(100)]
    assert sum(shrunk) < sum(plain)


@pytest.mark.full("prdc")
def test_scikit_learn_shrinks_and_decides_alike():
    from sklearn.covariance import ledoit_wolf
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    features, labels = classes([30, 50, 20], apart=1.5)
    features = features.double()
    means = torch.stack([features[labels == index].mean(0) for index in range(3)])
    centred = features - means[labels]
    theirs, share = ledoit_wolf(centred.numpy(), assume_centered=True)
    ours = shrunk_covariance(centred)
    assert torch.allclose(ours, torch.from_numpy(theirs))
    fresh = torch.randn(500, 6, dtype=torch.float64)
    model = LinearDiscriminantAnalysis(solver="eigen").fit(features, labels)
    scores = fresh @ torch.linalg.solve(ours, means.T)
    scores = scores - (means.T * torch.linalg.solve(ours, means.T)).sum(0) / 2
    scores = scores + torch.tensor(model.priors_).log()
    recognised = ClassClassifier(features, labels, 3)(fresh)
    assert torch.equal(recognised, scores.argmax(1))
    plain = torch.from_numpy(model.predict(fresh.numpy()))
    assert (recognised == plain).double().mean() > 1 - share
