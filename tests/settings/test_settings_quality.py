"""How long a small run is trained."""

import pytest

from sparsegan.settings import parse, recipes
from sparsegan.settings.quality import QUALITIES, of_quality


def small(*flags):
    return parse.parse(recipes.layers("small"), flags)


def test_good_is_the_recipe_itself():
    config, (expected,) = of_quality(small(), "good")
    assert config == small()
    assert QUALITIES["good"][0] == small().steps
    assert str(expected) == f"steps 3000 as the recipe has it: {QUALITIES['good'][1]}"


@pytest.mark.parametrize("quality", QUALITIES)
def test_the_rules_for_short_runs_hold_at_every_quality(quality):
    config, _ = of_quality(small(), quality)
    parse.check(config)
    method = config.method.settings
    assert (
        min(config.optimiser.generator.lr, config.optimiser.discriminator.lr) * (method.interval)
        >= 0.05 - 1e-12
    )
    decisions = (config.steps - 1) // method.control_interval
    assert decisions * method.density_step >= 1.4
    assert method.balance_window * method.balance_every <= method.control_interval
    assert method.balance_window >= 20


def test_what_a_flag_says_stays():
    config, changed = of_quality(small("--steps", "77"), "best", {"steps"})
    assert config.steps == 77
    assert all(one.key != "steps" for one in changed)
