import dataclasses

import pytest

from sparsegan.methods import METHODS
from sparsegan.settings import parse, recipes, scale
from sparsegan.settings.config import MethodChoice
from sparsegan.sparsity.schedule import due

# One of each method, network and data set.
NAMES = [
    "adapt/sngan-cifar10",
    "adapt/strict/biggan-tiny-imagenet",
    "dda/sngan-stl10",
    "dense/biggan-cifar10",
    "motivation-grid/sdst-rigl",
    "static/strong/sngan-cifar10",
    "stu-gan/biggan-cifar10",
    "stu-gan/generator-only/cyclegan-horse2zebra",
]


def config(name, *flags):
    return parse.parse(recipes.layers(name), flags)


@pytest.fixture(scope="module")
def published():
    return {name: config(name) for name in NAMES}


def require_rules(config):
    """docs/methods.md, scaling rules for short runs."""
    method = config.method.settings
    if hasattr(method, "interval"):
        lr = min(config.optimiser.generator.lr, config.optimiser.discriminator.lr)
        assert lr * method.interval >= 0.05 - 1e-12
        assert sum(due(t, method.interval, config.steps) for t in range(config.steps)) >= 5
    window = method.balance_window * method.balance_every
    assert method.balance_window >= 20
    if hasattr(method, "control_interval"):
        assert window <= method.control_interval
        made = sum(due(t, method.control_interval, config.steps) for t in range(config.steps))
        assert made * method.density_step >= 1.5 - 1e-12
    assert method.ema_decay ** (0.05 * config.steps) <= 0.5


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("steps", [None, 1500, 20_000])
def test_the_rules_for_short_runs_hold(published, name, steps):
    before = published[name]
    if steps is not None:
        before = dataclasses.replace(before, steps=steps)
    small, changes = scale.small(before, () if steps is None else ("steps",))
    require_rules(small)
    parse.check(small)
    assert small.steps == (steps or scale.STEPS)
    for of in ("generator", "discriminator"):
        then, now = getattr(before.optimiser, of), getattr(small.optimiser, of)
        network = (before.network.name, before.data.image_size)
        assert now == dataclasses.replace(then, lr=scale.RATES.get(network, then.lr))
    assert small.loss == before.loss
    assert small.discriminator_steps == before.discriminator_steps
    assert small.method.name == before.method.name
    for density in ("generator_density", "discriminator_density"):
        assert getattr(small.method.settings, density, None) == getattr(
            before.method.settings, density, None
        )
    assert max(small.batch_size, small.generator_batch_size) <= 32
    assert small.network.generator_width < before.network.generator_width
    assert changes


@pytest.mark.parametrize("name", NAMES)
def test_changes_say_all_that_differs_and_are_made_once(published, name):
    small, changes = scale.small(published[name])
    before, after = parse.flat(published[name]), parse.flat(small)
    assert {c.key: (c.before, c.after) for c in changes} == {
        key: (before[key], after[key]) for key in before if before[key] != after[key]
    }
    assert all(change.why for change in changes)
    assert scale.small(small) == (small, [])


@pytest.mark.parametrize("name", NAMES)
def test_estimates_and_moments_are_the_sounder_ones_and_it_is_said(published, name):
    assert published[name].method.settings.faithful == ("all",)
    small, changes = scale.small(published[name])
    assert small.method.settings.faithful == ()
    why = {change.key: change.why for change in changes}
    assert "native kernels need" in why["method.faithful"]
    sound, _ = scale.small(config(f"sound/{name}"))
    assert sound.method == small.method
    kept, _ = scale.small(published[name], {"method.faithful"})
    assert kept.method.settings.faithful == ("all",)


def test_stored_statistics_are_those_of_long_runs():
    small, changes = scale.small(config("stu-gan/sngan-cifar10"))
    assert small.evaluate.bn == "standing"
    assert "evaluate.bn" in {change.key for change in changes}
    assert scale.small(config("adapt/sngan-cifar10"))[0].evaluate.bn == "batch"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("steps", 600),
        ("method.interval", 100),
        ("method.control_interval", 600),
        ("method.balance_window", 40),
        ("network.generator_width", 64),
        ("batch_size", 64),
        ("method.low", 0.2),
    ],
)
def test_what_is_kept_stays_and_the_rest_follows(key, value):
    before = config("adapt/sngan-cifar10", f"--{key}", str(value))
    small, changes = scale.small(before, {key})
    assert parse.flat(small)[key] == value
    assert key not in {change.key for change in changes}
    method = small.method.settings
    assert method.balance_window * method.balance_every <= method.control_interval
    assert len(changes) > 5


def test_bands_keep_their_place_about_the_level_of_the_narrow_networks():
    for name, low, high in (("adapt", 0.45, 0.55), ("dda", 0.5, 0.65)):
        small, _ = scale.small(config(f"{name}/sngan-cifar10"))
        share = scale.LEVELS["sngan", 32] / scale.PUBLISHED_LEVEL
        assert small.method.settings.low == pytest.approx(low * share, abs=5e-4)
        assert small.method.settings.high == pytest.approx(high * share, abs=5e-4)
    for kept in ("network.generator_width", "optimiser.generator.lr"):
        other, _ = scale.small(config("adapt/sngan-cifar10"), {kept})
        assert (other.method.settings.low, other.method.settings.high) == (0.45, 0.55)


@pytest.mark.parametrize(("name", "rate"), [("sngan", 1e-3), ("biggan", 5e-4)])
def test_published_learning_rates_are_raised_and_ones_own_stay(name, rate):
    published = config(f"adapt/{name}-cifar10")
    small, changes = scale.small(published)
    assert (small.optimiser.generator.lr, small.optimiser.discriminator.lr) == (rate, rate)
    assert {"optimiser.generator.lr", "optimiser.discriminator.lr"} <= {c.key for c in changes}
    slow, _ = scale.small(published, {"optimiser.generator.lr"})
    assert slow.optimiser.generator.lr == published.optimiser.generator.lr
    assert slow.optimiser.discriminator.lr == rate
    fast = config(f"adapt/{name}-cifar10", "--optimiser.generator.lr", "0.002")
    assert scale.small(fast)[0].optimiser.generator.lr == 0.002


def test_what_is_small_already_stays():
    small = config("small")
    scaled, changes = scale.small(small)
    assert {change.key for change in changes} <= {"method.density_step"}
    assert scaled.network == small.network


def test_networks_of_ones_own_keep_their_widths():
    own = config("small", "--network.generator", "my:G", "--network.generator_width", "64")
    scaled, _ = scale.small(own)
    assert scaled.network.generator_width == 64


def test_every_method_can_be_scaled():
    base = config("adapt/sngan-cifar10")
    for name, method in METHODS.items():
        large = dataclasses.replace(base, method=MethodChoice(name, method.Settings()))
        small, _ = scale.small(large)
        require_rules(small)


def test_an_infinite_average_and_no_evaluation_stay():
    flags = ("--method.ema_decay", "null", "--evaluate.images", "0", "--evaluate.every", "0")
    small, _ = scale.small(config("adapt/sngan-cifar10", *flags))
    assert small.method.settings.ema_decay is None
    assert (small.evaluate.images, small.evaluate.every) == (0, 0)


@pytest.mark.parametrize("steps", [1, 2, 100, 3000])
def test_reasons_say_what_the_final_steps_make_of_it(published, steps):
    before = dataclasses.replace(published["adapt/sngan-cifar10"], steps=steps)
    small, changes = scale.small(before, {"steps"})
    why = {change.key: change.why for change in changes}

    def times(count, what):
        return f"{count} {what}{'' if count == 1 else 's'}"

    for key, every in (
        ("checkpoint.every", small.checkpoint.every),
        ("log_every", small.log_every),
    ):
        assert (
            why[key] == f"{times(sum(t % every == 0 for t in range(1, steps + 1)), 'time')} a run"
        )
    method = small.method.settings
    made = sum(due(t, method.control_interval, steps) for t in range(steps))
    assert why["method.control_interval"] == f"{times(made, 'decision')} a run"
    span = min(steps, method.control_interval)
    measured = span // method.balance_every
    assert (
        why["method.balance_every"] == f"{times(measured, 'measurement')} in {times(span, 'step')}"
    )
    fills = steps >= method.balance_window * method.balance_every
    assert (why["method.balance_window"] == "filled between two decisions") is fills


@pytest.mark.parametrize(("steps", "cautioned"), [(1, True), (399, True), (400, False)])
def test_a_run_too_short_for_the_rules_is_told_of(published, steps, cautioned):
    before = dataclasses.replace(published["adapt/sngan-cifar10"], steps=steps)
    caution = scale.caution(scale.small(before, {"steps"})[0])
    assert (caution is not None) is cautioned
    assert caution is None or caution.startswith(f"{steps} step")
