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


def write_set(place, splits=("train", "test"), each=(3, 4)):
    """Folders of so many squares of either colour, each square at a place of its own."""
    generator = np.random.default_rng(0)
    for split in splits:
        for (side, colour), count in zip(COLOURS.items(), each, strict=True):
            folder = place / f"{split}{side}"
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = np.full((64, 64, 3), 128, np.uint8)
                x, y = generator.integers(4, 40, 2)
                pixels[y : y + 20, x : x + 20] = colour
                Image.fromarray(pixels).save(folder / f"{number}.png")
    return place


def config(place, directory, *flags):
    """The tiny cycle's configuration on a set of images, in a directory, with flags over it."""
    places = {
        "data": {**SETTINGS["data"], "path": str(place)},
        "run": {"directory": str(directory)},
    }
    return parse.parse([parse.Layer("the tiny cycle", {**SETTINGS, **places})], flags)


def opened(place, *flags):
    """The match of such a run and its batches, resolved and seeded."""
    chosen = config(place, "unused", *flags)
    found = kinds.images(chosen)
    chosen = kinds.resolve(chosen, found)
    seed_everything(chosen, 0)
    match = kinds.match(chosen, launch(chosen))
    return match, kinds.batches(found, chosen, 0, 1, match.fabric.device)


def play(match, batches, steps):
    """Go on to that step; the events of the last one."""
    events = {}
    for step in range(match.step + 1, steps + 1):
        real = batches.real(step, 0)
        match.discriminator_step(step, real, batches.latents(step, 0), batches.mix(step, 0))
        latents = batches.generator_latents(step)
        _, scores = match.generator_step(step, latents)
        events = match.after_generator_step(scores, latents, real)
    return events
