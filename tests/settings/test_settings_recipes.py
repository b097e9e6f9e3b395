import dataclasses

import pytest

from sparsegan.errors import SparseganError
from sparsegan.settings import parse, recipes

ADAPT_SETS = ("sngan-cifar10", "sngan-stl10", "biggan-cifar10", "biggan-tiny-imagenet")


def test_every_recipe_is_the_configuration_that_it_shows(recipe_configs):
    for name, config in recipe_configs.items():
        values = parse.flat(config)
        for key, setting in recipes.find(name).settings.items():
            shown = setting.value
            expected = values[key]
            if isinstance(expected, float) and shown is not None:
                shown = float(shown)  # YAML takes 2e-4 for text
            # Where a method's setting has a default of its own, null stands for it.
            assert shown == expected or shown is None, (name, key)


def test_every_setting_of_every_recipe_says_where_it_is_from():
    silent = {
        (name, key)
        for name in recipes.names()
        for key, setting in recipes.find(name).settings.items()
        if not setting.source
    }
    assert silent == set()


@pytest.mark.parametrize(
    "method",
    ["dense", "static/balance", "static/strong", "static/strong-50", "adapt", "adapt/strict", "dda"]
    + [f"sdst/{g}/{d}" for g in ("rigl", "set") for d in ("balance", "strong", "strong-50")],
)
def test_adapts_tables_are_whole(method):
    for data in ADAPT_SETS:
        recipe = recipes.find(f"{method}/{data}")
        assert recipe.group
        assert recipe.about


def test_recipes_differ_from_each_other_within_a_data_set(recipe_configs):
    for data in ADAPT_SETS:
        of_data = [config for name, config in recipe_configs.items() if name.endswith(f"/{data}")]
        for number, config in enumerate(of_data):
            assert config not in of_data[:number]


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [  # docs/methods.md, A4, A10, B5, B7: those in which the recipes of a group differ
        ("adapt/sngan-cifar10", "generator_batch_size", 128),
        ("adapt/strict/sngan-stl10", "method.cap", 0.5),
        ("adapt/strict/sngan-stl10", "method.control_interval", 2000),
        ("dda/biggan-cifar10", "method.high", 0.65),
        ("dense/biggan-cifar10", "method.ema_decay", 0.9999),
        ("sdst/set/strong-50/biggan-cifar10", "method.growth", "random"),
        ("sdst/set/strong-50/biggan-cifar10", "method.discriminator_density", 0.5),
        ("static/strong/biggan-tiny-imagenet", "method.discriminator_density", 1.0),
        ("static/balance/biggan-tiny-imagenet", "network.latent_dim", 100),
        ("stu-gan/biggan-cifar10", "method.interval", 500),
        ("stu-gan/sngan-cifar10", "method.interval", 1000),
        ("stu-gan/static/sngan-cifar10", "method.maskable", "stu-gan"),
        ("stu-gan/static-balanced/sngan-cifar10", "method.discriminator_density", None),
        ("stu-gan/generator-only/biggan-cifar10", "method.explore", "generator"),
        # A file of its own says otherwise than the rest of its folder.
        ("stu-gan/generator-only/cyclegan-horse2zebra", "method.interval", 500),
        ("stu-gan/generator-only/cyclegan-horse2zebra", "method.explore", "generator"),
        ("stu-gan/cyclegan-horse2zebra", "optimiser.lr_decay", "linear"),
        ("stu-gan/headline", "method.discriminator_density", 0.3),
        ("adapt/sngan-cifar10", "evaluate.bn", "batch"),
        ("stu-gan/sngan-cifar10", "evaluate.bn", "stored"),
        ("stu-gan/dense/sngan-cifar10", "evaluate.bn", "stored"),
        ("stu-gan/biggan-cifar10", "evaluate.bn", "batch"),
        ("stu-gan/budget-30/gradient/g06", "method.generator_density", 0.06),
        ("stu-gan/budget-30/gradient/g06", "method.discriminator_growth", "gradient"),
        ("stu-gan/budget-30/random/g31", "method.discriminator_density", 0.2911),
    ],
)
def test_settings_in_which_recipes_of_a_group_differ(recipe_configs, name, key, value):
    assert parse.flat(recipe_configs[name])[key] == value


def test_what_is_published_is_faithful_and_the_rest_is_not(recipe_configs):
    ours = {name for name, config in recipe_configs.items() if not config.method.settings.faithful}
    assert ours == {"small", "fashion-mnist"}
    assert {c.method.settings.faithful for c in recipe_configs.values()} == {(), ("all",)}


def test_every_published_recipe_has_a_sound_variant_that_differs_in_nothing_else(recipe_configs):
    variants = {name: variant for name in recipes.names() if (variant := recipes.find(name)).of}
    published = {n for n, config in recipe_configs.items() if config.method.settings.faithful}
    assert {variant.of for variant in variants.values()} == published
    for name, variant in variants.items():
        assert name == f"sound/{variant.of}"
        before = recipes.find(variant.of)
        assert variant.about == before.about
        assert variant.settings.keys() == before.settings.keys()
        changed = {"method.faithful": [], "evaluate.bn": "standing"}
        assert variant.settings["method.faithful"].value == []
        assert variant.settings["evaluate.bn"].value == "standing"
        for key in variant.settings.keys() - changed.keys():
            assert variant.settings[key] == before.settings[key]


@pytest.mark.parametrize("name", ["adapt/strict/sngan-stl10", "stu-gan/headline"])
def test_a_sound_variant_is_the_librarys_own_method(recipe_configs, name):
    sound, published = parse.parse(recipes.layers(f"sound/{name}")), recipe_configs[name]
    settings = dataclasses.replace(published.method.settings, faithful=())
    evaluate = dataclasses.replace(published.evaluate, bn="standing")
    method = dataclasses.replace(published.method, settings=settings)
    assert sound == dataclasses.replace(published, method=method, evaluate=evaluate)


def test_settings_of_another_method_are_not_shown():
    assert "method.interval" not in recipes.find("stu-gan/dense/sngan-cifar10").settings


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


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("fasion-mnist", "did you mean fashion-mnist"),
        ("adapt/sngan-cifar", "did you mean adapt/sngan-cifar10"),
        ("sngan-stl10", "did you mean adapt/sngan-stl10, adapt/strict/sngan-stl10, "),
        ("parts/adapt-masks", "unknown recipe parts/adapt-masks"),
        ("nope", "unknown recipe nope: `sparsegan recipes` lists those that there are"),
        ("", "unknown recipe"),
    ],
)
def test_an_unknown_recipe_is_refused_with_the_nearest(name, sentence):
    with pytest.raises(SparseganError, match=sentence):
        recipes.layers(name)
