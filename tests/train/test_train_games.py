"""The games of a run, with games that only note what they are called with."""

import pytest
import torch
from torch import nn

from sparsegan.settings import kinds
from sparsegan.train.games import Games


class Half:
    """A game of two that takes the images of its own number, and notes the order of all steps."""

    def __init__(self, number, notes):
        self.name, self.number, self.notes = ("one", "two")[number], number, notes
        self.discriminator_steps = 1
        self.networks = {"generator": nn.Linear(1, 1), "discriminator": nn.Linear(1, 1)}
        self.optimisers = {
            role: torch.optim.SGD(net.parameters(), 0.1) for role, net in self.networks.items()
        }

    def label(self, part):
        return kinds.label(part, self.name)

    def own_latents(self, latents):
        return (latents[self.number],)

    def own_real(self, real):
        return (real[1 - self.number],)

    def own_numbers(self, mix):
        return mix[self.number]

    def discriminator_step(self, step, real, latents, mix):
        self.notes.append(("D", self.name, step, real, latents, mix))

    def generator_step(self, step, latents):
        self.notes.append(("G", self.name, step, latents))

    def after_generator_step(self, latents, real):
        self.notes.append(("after", self.name, latents, real))

    def choose_kernels(self, latents, real, **options):
        self.notes.append(("kernels", self.name, latents, real, options))


@pytest.fixture
def notes():
    return []


@pytest.fixture
def games(notes):
    return Games(None, None, [Half(0, notes), Half(1, notes)])


def test_every_game_takes_each_step_in_turn_with_its_own_part_of_the_batch(games, notes):
    games.choose_kernels("ab", "AB", seconds=1)
    games.discriminator_step(5, "AB", "ab", "xy")
    games.generator_step(5, "ab")
    games.after_generator_step("ab", "AB")
    assert notes == [
        ("kernels", "one", ("a",), ("B",), {"seconds": 1}),
        ("kernels", "two", ("b",), ("A",), {"seconds": 1}),
        ("D", "one", 5, ("B",), ("a",), "x"),
        ("D", "two", 5, ("A",), ("b",), "y"),
        ("G", "one", 5, ("a",)),
        ("G", "two", 5, ("b",)),
        ("after", "one", ("a",), ("B",)),
        ("after", "two", ("b",), ("A",)),
    ]


def test_every_game_makes_its_own_number_of_discriminator_steps(games, notes):
    games["two"].discriminator_steps = 3
    assert games.discriminator_steps == 3
    for k, real in enumerate(("AB", "CD", "EF")):
        games.discriminator_step(5, real, "ab", "xy", k=k)
    games.after_generator_step("ab", "AB", "CD", "EF")
    assert [(kind, name, *rest[-1:]) for kind, name, *rest in notes] == [
        ("D", "one", "x"),
        ("D", "two", "y"),
        ("D", "two", "y"),
        ("D", "two", "y"),
        ("after", "one", ("B",)),
        ("after", "two", ("E",)),
    ]


def test_parts_are_called_by_their_game(games):
    names = ["generator one", "discriminator one", "generator two", "discriminator two"]
    assert list(games.networks) == list(games.optimisers) == names
    assert games.networks["generator two"] is games["two"].networks["generator"]


def test_games_are_in_order_and_found_by_name(games):
    assert [game.name for game in games] == ["one", "two"]
    assert len(games) == 2
    assert games["two"].number == 1
    assert games.own_state() == {}
