"""Settings that every method takes."""

import pytest

from sparsegan import Adapt, SparseganError, Static
from toy_gan import ToyGan

STEPS = 13


def test_no_average_on_request():
    gan = ToyGan()
    method = Static(*gan.parts, steps=STEPS, generator_density=0.3, ema_decay=None)
    gan.run(method, 3)
    assert method.ema is None
    assert method.state_dict()["ema"] is None


@pytest.mark.parametrize("field", ["generator_density", "discriminator_density"])
@pytest.mark.parametrize("value", [0, 1.5, -0.1, float("nan"), "0.1", True])
def test_an_impossible_density_is_named(field, value):
    with pytest.raises(SparseganError, match=rf"^{field} is .*\(0, 1\]"):
        Adapt(*ToyGan().parts, steps=STEPS, **{"generator_density": 0.3, field: value})
