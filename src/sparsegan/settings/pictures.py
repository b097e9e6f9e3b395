"""What suits pictures of one's own, of which there are not many."""

from collections.abc import Collection
from dataclasses import replace

from sparsegan.settings import parse
from sparsegan.settings.adjust import Adjusting, Adjustment
from sparsegan.settings.config import Config
from sparsegan.settings.kinds import NOISE_TO_IMAGE, of
from sparsegan.settings.quality import QUALITIES
from sparsegan.settings.scale import decay_of

FEW = 2000
"""Fewer than these are learnt by heart by the discriminator unless they are varied."""
SMALLEST_BATCH = 4
VERY_FEW = 500
"""60 to 400 gained by a run twice as long, and 130 by a longer average, too; 500 and 1,900 gained
little or nothing by either (docs/results)."""
LONGER = {28: 6000, 32: 6000, 128: 5000}
"""Side in pixels -> steps of it, where so many take ten minutes (at 128 pixels forty)."""
AVERAGED = 0.1
"""Half-life of the generator's average, in runs: of so few the weights swing to the end."""
WIDTHS = {64: (16, 24), 128: (12, 16), 256: (8, 12)}
"""Side in pixels -> widths of the small recipe's generator and discriminator from that side on."""


BY_THEIR_NUMBER = (
    *("augment", "discriminator_steps", "batch_size", "generator_batch_size", "steps"),
    "method.ema_decay",
)
"""Settings of a training that follow from how many pictures there are."""


def are_own(config: Config) -> bool:
    """Whether the images are a folder's or an archive's, and made from noise."""
    data = config.data
    own = data.source in (None, "folder") and data.path is not None
    return own and of(config.network.name) is NOISE_TO_IMAGE


def left_open(config: Config, stated: Collection[str]) -> str:
    """What of a run's length and size nobody has stated, in words; empty where all is.

    Args:
        config: With the values in force.
        stated: Dotted keys of what was.
    """
    parts = {
        "network.generator_width": "a generator as wide as its paper's",
        "network.discriminator_width": "a discriminator as wide as its paper's",
        "batch_size": f"batches of {config.batch_size}",
        "steps": f"{config.steps:,} steps",
    }
    return ", ".join(part for key, part in parts.items() if key not in stated)


def suited(
    config: Config, images: int, kept: Collection[str] = ()
) -> tuple[Config, list[Adjustment]]:
    """The settings that suit so many pictures, and what was changed and why.

    Args:
        config: Of the recipe `small`.
        images: How many there are to learn from.
        kept: Dotted keys that stay as they are.
    """
    suiting = Adjusting(config, kept)
    side = config.data.image_size or 32  # as a folder's become
    if config.network.name == "dcgan" and (sides := [each for each in WIDTHS if each <= side]):
        why = f"at {side} x {side} pixels a step of the recipe's own takes several times as long"
        for network, width in zip(("generator", "discriminator"), WIDTHS[sides[-1]], strict=True):
            suiting.at_most(f"network.{network}_width", width, why)
    most = max(SMALLEST_BATCH, images // 2)
    for key in ("batch_size", "generator_batch_size"):
        batch = suiting.values[key]
        while batch > most:
            batch //= 2
        suiting.at_most(key, batch, f"there are {images:,} pictures")
    if images < FEW:
        suiting.put(
            "augment",
            ["color", "translation"],
            f"{images:,} pictures are varied, or the discriminator learns them by heart",
        )
    if images < FEW and suiting.values["augment"]:
        suiting.put(
            "discriminator_steps",
            2,
            "varied pictures are harder to judge: with one step all samples became alike",
        )
        short = config.steps == QUALITIES["good"][0] and side in LONGER
        if config.network.name == "dcgan" and short and images < VERY_FEW:
            why = f"{images:,} pictures, varied, are learnt more slowly than many"
            suiting.put("steps", LONGER[side], why)
        if images < VERY_FEW and suiting.values.get("method.ema_decay") is not None:
            why = f"an average over {AVERAGED:.0%} of the run is steadier, and covers more pictures"
            decay = decay_of(AVERAGED * suiting.values["steps"])
            suiting.put("method.ema_decay", decay, why)
    return suiting.result(), suiting.adjustments


def unsuited(
    config: Config, small: Config, images: int, kept: Collection[str] = ()
) -> list[Adjustment]:
    """What settings that were made for other pictures would have for so many.

    Args:
        config: Those settings, with the data of now.
        small: The recipe `small`.
        images: How many there are to learn from.
        kept: Dotted keys that are as they are wanted.
    """
    own, _ = suited(replace(small, data=config.data, network=config.network), images)
    now, wanted = parse.flat(config), parse.flat(own)
    return [
        Adjustment(key, now[key], wanted[key], f"there are {images:,} pictures")
        for key in BY_THEIR_NUMBER
        if key in now and key not in kept and now[key] != wanted[key]
    ]
