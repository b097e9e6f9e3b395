"""A run of seconds: what the training tests train, in this process or in others."""

import torch

from sparsegan.settings import parse
from sparsegan.train.games import Games

SETTINGS = {
    "method": {
        "name": "adapt",
        "generator_density": 0.3,
        "discriminator_density": 0.4,
        "interval": 4,
        "control_interval": 6,
        "density_step": 0.1,
        "balance_every": 1,
        "balance_window": 3,
        "ema_decay": 0.9,
    },
    "network": {"name": "dcgan", "generator_width": 2, "discriminator_width": 3, "latent_dim": 8},
    "steps": 14,
    "batch_size": 8,
    "generator_batch_size": 6,
    "discriminator_steps": 2,
    "log_every": 5,
    "threads": 1,
    "checkpoint": {"every": 4, "keep": 2},
    "evaluate": {"every": 5, "images": 16, "features": "tiny_run:Patches"},
    "sample": {"every": 5, "grid": 2},
}


class Patches:
    """Features that cost nothing: mean brightness of sixteen patches."""

    name = "patches"
    dimension = 16

    def __call__(self, pixels):
        grey = pixels.float().mean(1, keepdim=True) / 255
        return torch.nn.functional.adaptive_avg_pool2d(grey, 4).flatten(1).cpu()


def config(directory, *flags):
    """The tiny run's configuration, in a directory, with flags over it."""
    layer = parse.Layer("the tiny run", {**SETTINGS, "run": {"directory": str(directory)}})
    return parse.parse([layer], flags)


def alone(game):
    """A run's only game."""
    return Games(game.config, game.fabric, [game])


def flat(value, name=""):
    """A nested state as (path, leaf) pairs."""
    items = value.items() if isinstance(value, dict) else None
    if isinstance(value, (list, tuple)):
        items = enumerate(value)
    if items is None:
        yield name, value
    else:
        for key, item in items:
            yield from flat(item, f"{name}/{key}")


def differences(a, b, but=("/seconds", "/metrics_bytes")):
    """Where two states are not equal to the bit."""
    left, right = dict(flat(a)), dict(flat(b))
    odd = list(left.keys() ^ right.keys())
    for key in left.keys() & right.keys():
        x, y = left[key], right[key]
        if isinstance(x, torch.Tensor):
            # What was not looked at is not a number, and equal to itself.
            alike = x.dtype == y.dtype and x.shape == y.shape
            equal = alike and torch.allclose(x, y, rtol=0, atol=0, equal_nan=True)
        else:
            equal = x == y
        if not equal and key not in but:
            odd.append(key)
    return odd
