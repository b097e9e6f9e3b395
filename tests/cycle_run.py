"""A CycleGAN of seconds between red squares and blue ones: what the tests of cycles train."""

import numpy as np
from PIL import Image

from sparsegan.settings import parse
from sparsegan.train import kinds
from sparsegan.train.launch import launch, seed_everything

SETTINGS = {
    "data": {"image_size": 64},
    "network": {"name": "cyclegan", "generator_width": 2, "discriminator_width": 2},
    "loss": {"name": "least-squares", "history": 2},
    "method": {
        "name": "stu-gan",
        "generator_density": 0.5,
        "discriminator_density": 0.5,
        "interval": 3,
        "balance_every": 1,
        "balance_window": 3,
        "ema_decay": 0.9,
    },
    "optimiser": {"lr_decay": "linear", "decay_from": 0.5},
    "steps": 6,
    "batch_size": 1,
    "generator_batch_size": 1,
    "discriminator_steps": 1,
    "log_every": 2,
    "threads": 1,
    "engine": "masked",
    "checkpoint": {"every": 2},
    "evaluate": {"every": 3, "images": 16, "features": "tiny_run:Patches"},
    "sample": {"every": 3, "grid": 3},
}
COLOURS = {"A": (220, 60, 40), "B": (40, 90, 220)}


def write_set(path, splits=("train", "test"), each=(3, 4)):
    """Folders of so many squares of either colour, each square at a place of its own."""
    generator = np.random.default_rng(0)
    for split in splits:
        for (side, colour), count in zip(COLOURS.items(), each, strict=True):
            folder = path / f"{split}{side}"
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = np.full((64, 64, 3), 128, np.uint8)
                x, y = generator.integers(4, 40, 2)
                pixels[y : y + 20, x : x + 20] = colour
                Image.fromarray(pixels).save(folder / f"{number}.png")
    return path


def config(path, directory, *flags):
    """The tiny cycle's configuration on a set of images, in a directory, with flags over it."""
    own = {
        "data": {**SETTINGS["data"], "path": str(path)},
        "run": {"directory": str(directory)},
    }
    return parse.parse([parse.Layer("the tiny cycle", {**SETTINGS, **own})], flags)


def opened(path, *flags):
    """The games of such a run and its batches, resolved and seeded."""
    settings = config(path, "unused", *flags)
    kind = kinds.of(settings)
    images = kind.load_images(settings)
    settings = kind.resolve(settings, images)
    seed_everything(settings, 0)
    games = kind.games(settings, launch(settings))
    return games, kind.batches(images, settings, 0, 1, games.fabric.device)


def play(games, batches, steps):
    """Go on to that step."""
    for step in range(games.step + 1, steps + 1):
        real = batches.real(step, 0)
        games.discriminator_step(
            step, real, batches.latents(step, 0), batches.random_numbers(step, 0)
        )
        latents = batches.generator_latents(step)
        games.generator_step(step, latents)
        games.after_generator_step(latents, real)
