"""Settings that every method takes."""

import re
from pathlib import Path

import pytest

from sparsegan import Adapt, Snip, SparseganError, Static
from sparsegan.methods import METHODS
from toy_gan import LATENT, ToyGan, require_equal

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


def test_a_layer_may_be_given_its_density_and_the_others_share_the_rest():
    def counts(*pinned):
        gan = ToyGan()
        method = Static(*gan.parts, steps=STEPS, generator_density=0.3, layer_densities=pinned)
        return method.generator.masks.counts(), method.discriminator.masks.counts()

    alone, other = counts()
    first, second = list(alone)[:2]
    pinned, same = counts(f"generator.{first}=0.125")
    assert same == other
    assert sum(pinned.values()) == sum(alone.values())
    assert pinned[first] == 32 * LATENT // 8
    assert pinned[second] > alone[second]
    sizes = [32 * LATENT, 8 * 8 * 16, 8 * 16]
    copied = [
        f"generator.{name}={active / size}"
        for (name, active), size in zip(pinned.items(), sizes, strict=True)
    ]
    assert counts(*copied)[0] == pinned


@pytest.mark.parametrize(
    ("pinned", "message"),
    [
        ("0=0.1", "write generator.NAME=DENSITY"),
        ("generator.0", "write generator.NAME=DENSITY"),
        ("generator.0=1.1", r"must be a number in \(0, 1\]"),
        ("generator.0=nan", r"must be a number in \(0, 1\]"),
        ("generator.0=much", r"must be a number in \(0, 1\]"),
        ("generator.1=0.1", "names '1', which is no masked layer of the generator: masked are 0, "),
        ("generator.4=1", "layer_densities make .* dense, the other layers have .* of it"),
        ("discriminator.nope=0.2", "no masked layer of the discriminator"),
    ],
)
def test_a_layer_density_that_cannot_be_had_is_refused(pinned, message):
    gan = ToyGan()
    before = gan.state()
    with pytest.raises(SparseganError, match=message):
        Static(*gan.parts, steps=STEPS, generator_density=0.3, layer_densities=(pinned,))
    require_equal(before, gan.state())


def test_a_layer_named_twice_or_of_a_network_that_starts_dense_is_refused():
    twice = ("generator.0=0.3", "generator.0=0.05")
    with pytest.raises(SparseganError, match="names '0' of the generator twice"):
        Static(*ToyGan().parts, steps=STEPS, generator_density=0.3, layer_densities=twice)
    with pytest.raises(SparseganError, match="the generator starts dense"):
        Snip(*ToyGan().parts, steps=STEPS, generator_density=0.3, layer_densities=twice[:1])


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


def test_all_is_every_faithful_switch():
    method = Adapt(*ToyGan().parts, steps=100, generator_density=0.3, faithful=("all",))
    assert method.generator.moments == method.discriminator.moments == "kept"
    assert method.balance.mean_of_ratios
    assert method.controller.inclusive
    assert method.settings.restores("kept_window")
    plain = Adapt(*ToyGan().parts, steps=100, generator_density=0.3)
    assert plain.generator.moments == "seeded"
    assert not plain.balance.mean_of_ratios
    assert not plain.controller.inclusive


@pytest.mark.parametrize("settings", [{"moments": "kept"}, {"faithful": ("kept_moments",)}])
def test_kept_moments_are_refused_on_native_kernels_and_say_why_they_run_masked(settings):
    gan = ToyGan()
    before = gan.state()
    with pytest.raises(SparseganError, match="engine is 'native' and moments are kept"):
        Adapt(*gan.parts, steps=20, generator_density=0.3, engine="native", **settings)
    require_equal(gan.state(), before)
    method = Adapt(*gan.parts, steps=20, generator_density=0.3, **settings)
    assert method.generator.engine.kernels == "masked"
    assert method.generator.engine.reason == "kept moments need dense gradients"
