import importlib

import pytest
import torch
from torchmetrics.image.kid import KernelInceptionDistance

from sparsegan.errors import SparseganError
from sparsegan.metrics import kid

# The function hides the module of its name.
MODULE = importlib.import_module("sparsegan.metrics.kid")


class Identity(torch.nn.Module):
    """Takes feature vectors for images, so that torchmetrics compares exactly these."""

    num_features = 16

    def forward(self, x):
        return x.double() if x.dim() == 2 else torch.zeros(len(x), 16, dtype=torch.float64)


def sample(n, shift=0.0, seed=0, d=16):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=generator, dtype=torch.float64) * 2 + shift


def kernel_means(x, y):
    """The three means of the definition, pair by pair."""
    k = lambda a, b: (float(a @ b) / x.shape[1] + 1) ** 3  # noqa: E731
    xx = [k(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j]
    yy = [k(a, b) for i, a in enumerate(y) for j, b in enumerate(y) if i != j]
    xy = [k(a, b) for a in x for b in y]
    return sum(xx) / len(xx), sum(yy) / len(yy), sum(xy) / len(xy)


def test_equals_torchmetrics_on_the_whole_sample():
    x, y = sample(60), sample(60, shift=0.5, seed=1)
    metric = KernelInceptionDistance(feature=Identity(), subsets=1, subset_size=60)
    metric.update(x, real=True)
    metric.update(y, real=False)
    assert kid(x, y).value == pytest.approx(metric.compute()[0].item(), rel=1e-6)


def test_equals_the_definition_for_unequal_counts():
    x, y = sample(7), sample(11, shift=0.3, seed=1)
    xx, yy, xy = kernel_means(x, y)
    result = kid(x, y)
    assert result.value == pytest.approx(xx + yy - 2 * xy, rel=1e-12)


def test_blocks_of_rows_change_nothing(monkeypatch):
    x, y = sample(25), sample(20, seed=1)
    whole = kid(x, y)
    monkeypatch.setattr(MODULE, "_ROWS", 8)
    parts = kid(x, y)
    assert parts.value == pytest.approx(whole.value, rel=1e-12)
    assert parts.low == pytest.approx(whole.low, rel=1e-12)


def test_a_resample_compares_no_image_with_itself():
    x, y = sample(6), sample(5, shift=1.0, seed=1)
    drawn_x, drawn_y = [0, 0, 1, 2, 2, 2], [4, 4, 1, 0, 0]

    def within(rows, drawn):
        k = lambda i, j: (float(rows[i] @ rows[j]) / 16 + 1) ** 3  # noqa: E731
        pairs = [k(i, j) for i in drawn for j in drawn if i != j]
        return sum(pairs) / len(pairs)

    between = sum((float(x[i] @ y[j]) / 16 + 1) ** 3 for i in drawn_x for j in drawn_y) / 30
    expected = within(x, drawn_x) + within(y, drawn_y) - 2 * between

    def fixed(count, bootstrap, generator):
        counts = torch.ones(2, count, dtype=torch.float64)
        counts[1] = torch.tensor(drawn_x if count == 6 else drawn_y).bincount(minlength=count)
        return counts

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MODULE, "_resamples", fixed)
        result = kid(x, y, bootstrap=1)
    assert result.low == pytest.approx(expected, rel=1e-12)
    assert result.high == pytest.approx(expected, rel=1e-12)


def test_unbiased_where_the_distributions_are_equal():
    values = torch.tensor(
        [kid(sample(20, seed=i), sample(20, seed=500 + i), bootstrap=1).value for i in range(200)]
    )
    error = values.std() / len(values) ** 0.5
    assert values.mean().abs() < 4 * error
    assert (values < 0).any()


def test_interval_covers_the_true_value():
    # Samples so large that their estimate is far closer to the truth than the intervals are wide.
    truth = kid(sample(3000, seed=900), sample(3000, shift=1.0, seed=901), bootstrap=1).value
    hits = 0
    for i in range(60):
        result = kid(sample(80, seed=i), sample(80, shift=1.0, seed=300 + i), seed=i)
        assert result.low <= result.high
        hits += result.low <= truth <= result.high
    assert 50 <= hits <= 60


def test_function_of_its_arguments_alone():
    x, y = sample(30), sample(30, seed=1)
    before = torch.get_rng_state()
    first = kid(x, y, seed=3)
    torch.rand(5)
    assert kid(x, y, seed=3) == first
    assert kid(x, y, seed=4) != first
    assert kid(x, y, seed=4).value == first.value
    torch.set_rng_state(before)
    kid(x, y)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("x", "y", "settings", "message"),
    [
        (sample(1), sample(5), {}, "at least two"),
        (sample(5), sample(5, d=3), {}, "one network"),
        (sample(5)[:, 0], sample(5), {}, "one network"),
        (sample(5) * float("nan"), sample(5), {}, "not finite"),
        (sample(5), sample(5), {"bootstrap": 0}, "resample"),
        (sample(5), sample(5), {"confidence": 95}, "confidence"),
    ],
)
def test_bad_input_is_refused(x, y, settings, message):
    with pytest.raises(SparseganError, match=message):
        kid(x, y, **settings)
