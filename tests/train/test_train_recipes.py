import pytest

from sparsegan.errors import SparseganError
from sparsegan.train import parse, recipes


@pytest.mark.parametrize("name", recipes.names())
def test_every_recipe_is_a_configuration(name):
    config = parse.parse(recipes.layers(name))
    assert config.steps > 0
    assert config.method.settings.generator_density < 1


def test_a_recipe_builds_on_its_base():
    base, own = recipes.layers("fashion-mnist")
    assert own.values == {"data": {"source": "fashion-mnist"}}
    assert "network" in base.values


def test_short_recipes_follow_the_scaling_rules():
    config = parse.parse(recipes.layers("small"))
    method = config.method.settings
    assert config.optimiser.generator.lr * method.interval >= 0.05
    assert config.steps / method.control_interval * method.density_step >= 1.5
    assert method.balance_window * method.balance_every <= method.control_interval
    assert method.balance_window >= 20
    assert method.ema_decay ** (0.05 * config.steps) <= 0.5


def test_an_unknown_recipe_is_refused_with_the_nearest():
    with pytest.raises(SparseganError, match="did you mean fashion-mnist"):
        recipes.layers("fasion-mnist")
