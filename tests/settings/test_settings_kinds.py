from dataclasses import replace

import pytest

from sparsegan import nets
from sparsegan.errors import SparseganError
from sparsegan.nets.architectures import find
from sparsegan.settings import kinds, parse
from sparsegan.settings.config import LossConfig


def config(**loss):
    return replace(parse.parse([]), loss=LossConfig(**loss))


def test_an_architectures_kind_is_what_its_generator_takes():
    for name in nets.NAMES:
        kind = kinds.NOISE_TO_IMAGE if find(name, 64).latent_dim else kinds.IMAGE_TO_IMAGE
        assert kinds.of(name) is kind


def test_a_run_from_noise_has_one_game_with_the_settings_as_they_are():
    settings = config()
    assert kinds.NOISE_TO_IMAGE.games(settings) == [(None, settings)]


def test_games_from_image_to_image_differ_in_their_seeds_alone():
    settings = config()
    (first, one), (second, other) = kinds.IMAGE_TO_IMAGE.games(settings)
    assert (first, second) == kinds.IMAGE_TO_IMAGE.game_names == ("a_to_b", "b_to_a")
    assert len({settings.seed, one.seed, other.seed}) == 3
    assert replace(one, seed=0) == replace(other, seed=0) == replace(settings, seed=0)
    assert kinds.IMAGE_TO_IMAGE.games(settings) == [(first, one), (second, other)]


@pytest.mark.parametrize(
    ("kind", "loss", "passes"),
    [
        (kinds.NOISE_TO_IMAGE, {}, 1),
        (kinds.IMAGE_TO_IMAGE, {"cycle": 10, "identity": 5}, 3),
        (kinds.IMAGE_TO_IMAGE, {"cycle": 10, "identity": 0}, 2),
        (kinds.IMAGE_TO_IMAGE, {"cycle": 0, "identity": 0}, 1),
    ],
)
def test_a_generator_is_gone_through_once_for_each_part_of_its_loss(kind, loss, passes):
    assert kind.generator_passes(config(**loss)) == passes


def test_settings_of_the_other_kind_are_refused():
    kinds.NOISE_TO_IMAGE.check(config(gradient_penalty=10.0))
    kinds.IMAGE_TO_IMAGE.check(config(cycle=3.0))
    with pytest.raises(SparseganError, match=r"loss\.cycle is 3\.0 .* leave it out"):
        kinds.NOISE_TO_IMAGE.check(config(cycle=3.0))
    with pytest.raises(SparseganError, match=r"loss\.gradient_penalty is 10\.0 .* leave it out"):
        kinds.IMAGE_TO_IMAGE.check(config(gradient_penalty=10.0))


def test_parts_bear_the_name_of_a_game_that_has_one():
    assert kinds.label("method", None) == "method"
    assert kinds.label("generator", "a_to_b") == "generator a_to_b"
