"""Settings that every method takes."""

import re
from pathlib import Path

import pytest

from sparsegan import Adapt, SparseganError, Static
from sparsegan.methods import METHODS
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


def test_every_faithful_switch_is_in_the_page_on_the_methods():
    """docs/methods.md, names of the papers: | `name` | methods with it | what it restores |."""
    page = (Path(__file__).parents[2] / "docs" / "methods.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| ((?:all|[\w-]+)(?:, [\w-]+)*) \| ", page, re.M))
    known = {name for method in METHODS.values() for name in method.Settings.FAITHFUL}
    documented = {
        name: set(METHODS) if rows[name] == "all" else set(rows[name].split(", ")) for name in known
    }
    assert documented == {
        name: {method for method, cls in METHODS.items() if name in cls.Settings.FAITHFUL}
        for name in known
    }
