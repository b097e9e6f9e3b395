"""Counts and courses of densities before anything is made, beside those of real networks."""

import itertools

import pytest

from sparsegan.plan import forecast
from sparsegan.train import build
from tiny_run import config

SHAPE = ["--data.image_size=28", "--data.channels=1"]


def settings_of(*flags):
    return config("unused", *SHAPE, *flags)


@pytest.mark.parametrize(
    "flags",
    [
        [],
        ["--method.allocation=uniform"],
        ["--method.granularity=block"],
        ["--method.layer_densities=[generator.linear=0.2, discriminator.convs.1=0.5]"],
        ["--method.name=stu-gan"],
        ["--method.name=dense"],
    ],
)
def test_counts_at_the_start_are_those_of_masks_that_are_drawn(flags):
    settings = settings_of(*flags)
    (game,) = forecast.games(settings)
    counts = forecast.start_counts(settings, game)
    method = build.method(settings, build.pair(settings))
    assert counts == {name: net.masks.counts() for name, net in method.networks.items()}


def test_networks_of_an_architecture_have_no_memory_and_a_cycle_has_two_pairs():
    (game,) = forecast.games(settings_of())
    assert {p.device.type for p in game.networks["generator"].parameters()} == {"meta"}
    flags = ["--network.name=cyclegan", "--network.latent_dim=null", "--data.image_size=64"]
    both = forecast.games(settings_of(*flags, "--method.name=static"))
    assert [game.name for game in both] == ["a_to_b", "b_to_a"]


def test_what_a_method_refuses_is_refused():
    settings = settings_of("--method.generator_density=0.000001")
    (game,) = forecast.games(settings)
    with pytest.raises(ValueError, match="density"):
        forecast.start_counts(settings, game)


def test_the_extremes_are_a_discriminator_that_only_rises_and_one_that_only_falls():
    settings = settings_of("--method.control_interval=3", "--steps=40", "--method.floor=0.2")
    games = forecast.games(settings)
    (game,) = games
    start = sum(forecast.start_counts(settings, game)["discriminator"].values())
    courses = forecast.extremes(settings, games)
    for which, sign in (("highest", 1), ("lowest", -1)):
        moves = courses[which]
        assert {move.network for move in moves} == {"discriminator"}
        active = [start] + [sum(row.after for row in move.layers) for move in moves]
        assert all(sign * (b - a) >= 0 for a, b in itertools.pairwise(active))
        steps = [move.step for move in moves]
        assert steps == sorted(set(steps))
        assert all(step % 3 == 0 and step < 40 for step in steps)
        total = sum(row.weights for row in moves[-1].layers)
        end = active[-1] / total
        assert end == pytest.approx(1 if sign > 0 else 0.2, abs=1e-3)


def test_without_control_there_are_no_extremes():
    settings = settings_of("--method.name=static")
    assert forecast.extremes(settings, forecast.games(settings)) == {}
    assert forecast.scheduled(settings, forecast.games(settings)) == []


def test_the_course_is_the_controllers_own():
    settings = settings_of("--method.control_interval=3", "--steps=12")
    densities = dict(settings.method.settings.density_course(settings.steps, "up"))
    games = forecast.games(settings)
    events = forecast.extremes(settings, games)["highest"]
    assert [event.step for event in events] == list(densities)
    for event in events:
        total = sum(row.weights for row in event.layers)
        active = sum(row.after for row in event.layers)
        assert active == pytest.approx(densities[event.step] * total, abs=1)
