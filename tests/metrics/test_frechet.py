import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.image.fid import FrechetInceptionDistance

from sparsegan.errors import SparseganError
from sparsegan.metrics import frechet_distance


class Identity(torch.nn.Module):
    """Takes feature vectors for images, so that torchmetrics compares exactly these."""

    num_features = 12

    def forward(self, x):
        return x.double() if x.dim() == 2 else torch.zeros(len(x), 12, dtype=torch.float64)


def sample(n, d=12, seed=0):
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(d, d, generator=generator, dtype=torch.float64)
    return torch.randn(n, d, generator=generator, dtype=torch.float64) @ mix


def with_moments(deviations, mean, n=64, seed=0):
    """A sample whose mean is ``mean`` and whose covariance is diag(deviations²), exactly."""
    d = len(deviations)
    x = torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    x = torch.linalg.qr(x - x.mean(0)).Q * (n - 1) ** 0.5
    return x * x.new_tensor(deviations) + x.new_tensor(mean)


@pytest.mark.parametrize("n", [200, 13])
def test_equals_torchmetrics(n):
    x, y = sample(n), sample(n, seed=1)
    metric = FrechetInceptionDistance(feature=Identity())
    metric.set_dtype(torch.float64)
    metric.update(x, real=True)
    metric.update(y, real=False)
    assert frechet_distance(x, y) == pytest.approx(metric.compute().item(), rel=1e-6)


@given(
    st.lists(
        st.tuples(*[st.floats(0, 10), st.floats(0, 10), st.floats(-5, 5)]), min_size=1, max_size=6
    )
)
@settings(max_examples=40, deadline=None)
def test_closed_form_for_diagonal_covariances(axes):
    a, b, shift = ([axis[i] for axis in axes] for i in range(3))
    expected = sum((s - t) ** 2 + m**2 for s, t, m in axes)
    x = with_moments(a, [0.0] * len(a))
    y = with_moments(b, shift, seed=1)
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_closed_form_with_fewer_images_than_dimensions():
    # Two rank-one Gaussians along directions at an angle: tr of the root is s·t·|cos|.
    d = 40
    u = torch.zeros(d, dtype=torch.float64)
    v = torch.zeros(d, dtype=torch.float64)
    u[0], v[0], v[1] = 1.0, 0.6, 0.8
    steps = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)
    x, y = 2 * steps[:, None] * u, 3 * steps[:, None] * v
    assert frechet_distance(x, y) == pytest.approx(4 + 9 - 2 * 2 * 3 * 0.6, rel=1e-12)


def test_symmetric_zero_on_itself_and_unmoved_by_rotation():
    x, y = sample(50), sample(50, seed=1)
    turn = torch.linalg.qr(sample(12, seed=2)).Q
    value = frechet_distance(x, y)
    assert value > 1
    assert frechet_distance(y, x) == pytest.approx(value, rel=1e-10)
    assert frechet_distance(x @ turn + 3, y @ turn + 3) == pytest.approx(value, rel=1e-9)
    assert frechet_distance(x, x.flip(0)) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (sample(10), sample(11), "equally many"),
        (sample(1), sample(1), "at least two"),
        (sample(10), sample(10, d=4), "one network"),
        (sample(10) / 0, sample(10), "not finite"),
    ],
)
def test_bad_input_is_refused(x, y, message):
    with pytest.raises(SparseganError, match=message):
        frechet_distance(x, y)
