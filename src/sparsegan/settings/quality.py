"""How long a small run is trained, by what is expected of it."""

from collections.abc import Collection
from typing import Literal, get_args

from sparsegan.settings import scale
from sparsegan.settings.adjust import Adjustment
from sparsegan.settings.config import Config

Quality = Literal["quick", "good", "best"]

QUALITIES: dict[Quality, tuple[int, str]] = {
    "quick": (1000, "colours and rough shapes, one to three minutes on two cores at 32 x 32"),
    "good": (3000, "most pictures can be recognised, some minutes on two cores at 32 x 32"),
    "best": (12000, "as good as networks so small become, a quarter of an hour and more"),
}
"""Generator steps, and what to expect; the first lines of a run say how long it takes here."""

assert set(QUALITIES) == set(get_args(Quality))


def of_quality(
    config: Config, quality: Quality, kept: Collection[str] = ()
) -> tuple[Config, list[Adjustment]]:
    """A small run's settings at a quality, and what was changed; what to expect in any case.

    Args:
        config: Of the recipe `small`, or another that is as short.
        quality: Which.
        kept: Dotted keys that stay as they are; the rest follows from them.
    """
    steps, expectation = QUALITIES[quality]
    if config.steps == steps:  # what the recipe's own settings are for
        return config, [Adjustment("steps", steps, steps, expectation)]
    return scale.of_length(config, steps, expectation, kept)
