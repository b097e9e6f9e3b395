"""What a run says before its first step: what is trained on what, and how long that takes."""

from collections.abc import Iterable, Mapping, Sequence

from sparsegan.data import Images
from sparsegan.errors import printable
from sparsegan.settings.config import Config
from sparsegan.train import build
from sparsegan.train.clock import Clock
from sparsegan.train.evaluation import evaluations
from sparsegan.train.games import Games
from sparsegan.words import counted

NAMED = 4
"""Classes that are named; of more it is said how many they are."""
FIRST_STEPS = 4
"""Steps that the time of a run is estimated by, after one that warms up."""


def opening(
    config: Config,
    images: int | None,
    held_out: Iterable[str],
    weights: Mapping[str, tuple[int, int]],
    class_names: Sequence[str] = (),
) -> list[str]:
    """The data, the networks, the method and the length of training, a line each.

    Args:
        config: Resolved settings.
        images: How many there are to learn from; None where that is not known.
        held_out: Which images are held out and why; nothing where the source fixes it.
        weights: Of each network, by its label, how many weights are active and how many maskable.
        class_names: Of the classes that the images have.
    """
    settings = config.method.settings
    shown = config.steps * config.discriminator_steps * config.batch_size
    epochs = f" ({shown / images:.1f} times each)" if images else ""
    said = " / ".join(text for text in dict.fromkeys(held_out) if text)
    densities = [
        f"{network} {active / all_of_it:.1%} of {all_of_it:,} maskable weights"
        for network, (active, all_of_it) in weights.items()
    ]
    pinned = counted(len(settings.layer_densities), "layer") if settings.layer_densities else ""
    lines = [
        f"data      {_data(config, images)}{_classes(config, class_names)}",
        *([f"held out  {said}"] if said else []),
        f"networks  {_networks(config)}",
        f"method    {config.method.name}, allocation {settings.allocation}"
        f"{f' around {pinned}' if pinned else ''}, granularity "
        f"{settings.granularity}; density at the start: {', '.join(densities)}",
        f"training  {config.steps:,} steps with "
        f"{counted(config.discriminator_steps, 'discriminator step')} each; batches of "
        f"{config.batch_size} and {config.generator_batch_size}; "
        f"{shown:,} real images shown{epochs}",
    ]
    return [printable(line) for line in lines]


def class_names(splits: Mapping[str, Images]) -> tuple[str, ...]:
    """Of the images to learn from, by what was read; none of two domains of images."""
    return splits["train"].class_names if "train" in splits else ()


def weights_of(games: Games) -> dict[str, tuple[int, int]]:
    """Active and maskable weights of every network, by its label."""
    return {
        game.label(name): (network.masks.active, network.masks.total)
        for game in games
        for name, network in game.method.networks.items()
    }


def kernels(games: Games) -> str:
    """What the networks compute on, and why, in a line."""
    parts = [
        f"{game.label(name)} {network.engine.kernels} ({network.engine.reason})"
        for game in games
        for name, network in game.method.networks.items()
    ]
    return f"kernels   {'; '.join(parts)}"


class Estimate:
    """Says once how long training takes, by its first steps.

    Args:
        config: Resolved settings.
        done: Steps that are behind us.
        clock: The run's.
    """

    def __init__(self, config: Config, done: int, clock: Clock) -> None:
        self._config, self._first, self._clock = config, done + 1, clock
        self._begin = 0.0

    def after(self, step: int, evaluation: float) -> str:
        """The line, where it is time for it after a step; else nothing.

        Args:
            step: The step that is done.
            evaluation: Seconds of the last evaluation; 0 where there was none yet.
        """
        if step == self._first:  # which warms up
            self._begin = self._clock.seconds
        if step != self._first + FIRST_STEPS:
            return ""
        taken = (self._clock.seconds - self._begin) / FIRST_STEPS
        left, number = self._config.steps - step, evaluations(self._config, step + 1)
        return takes(taken, left, number, evaluation) + unless(self._config)


def takes(step: float, steps: int, number: int, evaluation: float = 0.0) -> str:
    """How long training takes, in a line.

    Args:
        step: Seconds of one.
        steps: How many are to come.
        number: Of evaluations that are to come.
        evaluation: Seconds of one, where they are known.
    """
    total = in_words(step * steps + evaluation * number)
    beside = f" and {counted(number, 'evaluation')}" if number else ""
    each = f" of {max(evaluation, 1):.0f} s or less" if number and evaluation else ""
    return (
        f"time      about {total} on this machine: {steps:,} steps of {1000 * step:.0f} ms"
        f"{beside}{each}"
    )


def unless(config: Config) -> str:
    """What makes a run longer than its first steps say; mostly nothing."""
    if any(config.method.settings.density_course(config.steps, "up")):
        return "; longer where the discriminator becomes denser"
    return ""


def in_words(seconds: float) -> str:
    """A duration as one would say it.

    Example:
        >>> in_words(40), in_words(400), in_words(30000)
        ('40 seconds', '7 minutes', '8.3 hours')
    """
    if seconds < 90:
        return counted(max(1, round(seconds)), "second")
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"


def _data(config: Config, images: int | None) -> str:
    data = config.data
    count = f"{images:,} images, " if images else ""
    return (
        f"{data.source}{f' {data.path}' if data.path else ''}: {count}"
        f"{data.image_size} x {data.image_size}, {counted(data.channels or 0, 'channel')}"
    )


def _classes(config: Config, names: Sequence[str]) -> str:
    """Those of the images, and whether they are learnt."""
    if len(names) < 2:
        return ""
    shown = ", ".join([*names[:NAMED], *(["..."] if len(names) > NAMED else [])])
    said = f", {len(names)} classes ({shown})"
    return said if build.classes(config) else f"{said}, which these networks do not learn"


def _networks(config: Config) -> str:
    networks, classes = config.network, build.classes(config)
    names = (networks.generator or networks.name, networks.discriminator or networks.name)
    parts = [" and ".join(dict.fromkeys(names))]
    parts += [] if networks.latent_dim is None else [f"latent dimension {networks.latent_dim}"]
    parts += [] if classes is None else [f"{classes} classes"]
    return ", ".join(parts)
