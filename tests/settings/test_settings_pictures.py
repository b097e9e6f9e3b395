"""What suits pictures of one's own."""

import pytest

from sparsegan.settings import parse, recipes
from sparsegan.settings.pictures import BY_THEIR_NUMBER, FEW, VERY_FEW, suited, unsuited


def small(*flags):
    return parse.parse(recipes.layers("small"), flags)


def test_many_pictures_change_nothing():
    assert suited(small(), FEW) == (small(), [])


def test_few_are_varied_and_judged_twice_and_each_change_has_its_reason():
    config, changed = suited(small(), FEW - 1)
    assert config.augment == ("color", "translation")
    assert config.discriminator_steps == 2
    assert config.batch_size == 32
    assert all(one.why for one in changed)


@pytest.mark.parametrize(("images", "batch"), [(70, 32), (63, 16), (20, 8), (9, 4), (5, 4)])
def test_a_batch_has_at_most_half_of_the_pictures(images, batch):
    config, _ = suited(small(), images)
    assert config.batch_size == config.generator_batch_size == batch


@pytest.mark.parametrize(("side", "widths"), [(48, (24, 48)), (64, (16, 24)), (256, (8, 12))])
def test_networks_for_large_pictures_are_narrower(side, widths):
    config, changed = suited(small("--data.image_size", str(side)), FEW)
    network = config.network
    assert (network.generator_width, network.discriminator_width) == widths
    assert all(str(side) in one.why for one in changed)
    own = small("--data.image_size", "64", "--network.generator_width", "40")
    config, _ = suited(own, FEW, {"network.generator_width"})
    assert (config.network.generator_width, config.network.discriminator_width) == (40, 24)


def test_what_a_flag_says_stays():
    config, changed = suited(small("--augment", "cutout"), 100, {"augment"})
    assert config.augment == ("cutout",)
    assert [one.key for one in changed] == ["discriminator_steps", "steps", "method.ema_decay"]


@pytest.mark.parametrize(
    ("flags", "images", "decay"),
    [
        ((), 100, 0.9988),  # half of the past in 577 of 6,000 steps
        (("--data.image_size", "64"), 100, 0.9976),  # in 288 of 3,000
        (("--steps", "12000"), 100, 0.9994),
        (("--augment", "[]"), 100, 0.995),
        ((), VERY_FEW, 0.995),
        (("--method.ema_decay", "null"), 100, None),
    ],
)
def test_of_very_few_varied_pictures_the_average_is_of_a_tenth_of_the_run(flags, images, decay):
    kept = {"augment"} if "--augment" in flags else {}
    assert suited(small(*flags), images, kept)[0].method.settings.ema_decay == decay
    stated = suited(small("--method.ema_decay", "0.9"), images, {"method.ema_decay", *kept})[0]
    assert stated.method.settings.ema_decay == 0.9


def test_pictures_that_are_not_varied_need_one_step_as_before():
    config, changed = suited(small(), 100, {"augment"})
    assert (config.augment, config.discriminator_steps, config.steps) == ((), 1, 3000)
    assert not changed


@pytest.mark.parametrize(
    ("flags", "steps"),
    [
        ((), 6000),
        (("--data.image_size", "28"), 6000),
        (("--data.image_size", "48"), 3000),
        (("--data.image_size", "128"), 5000),
        (("--data.image_size", "256"), 3000),
        (("--steps", "1000"), 1000),
        (("--network.name", "sngan"), 3000),
    ],
)
def test_very_few_pictures_are_trained_on_for_longer(flags, steps):
    assert suited(small(*flags), 100)[0].steps == steps
    assert suited(small(*flags), 100, {"steps"})[0].steps == small(*flags).steps
    assert suited(small(*flags), VERY_FEW)[0].steps == small(*flags).steps


def test_a_batch_of_ones_own_changes_no_other():
    config, changed = suited(small("--batch_size", "16"), 100_000, {"batch_size"})
    assert (config.batch_size, config.generator_batch_size) == (16, 32)
    assert not changed


def test_what_follows_from_how_many_there_are_is_listed():
    _, changed = suited(small(), 20)
    assert {one.key for one in changed} == set(BY_THEIR_NUMBER)


def test_settings_of_other_pictures_lack_what_these_would_have():
    many, few = suited(small(), FEW)[0], suited(small(), 60)[0]
    lacking = unsuited(many, small(), 60, {"batch_size"})
    assert [one.key for one in lacking] == [
        *("augment", "discriminator_steps", "generator_batch_size", "steps", "method.ema_decay")
    ]
    assert lacking[0].after == ["color", "translation"]
    assert [one.after for one in unsuited(few, small(), FEW)][:2] == [[], 1]
    assert not unsuited(few, small(), 60)
