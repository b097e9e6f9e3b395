"""Whether a run may become longer or shorter: where what it has done would have been the same.

Some settings span the whole run: the falling drop fraction of the methods that rewire masks
(`method.drop_shape` cosine or linear), the learning rates' decay, and that no mask moves after the
last step; so do densities that a method sets on the way. All are functions of (step, steps), so
that the steps so far can be looked at one by one.
"""

from collections.abc import Iterator
from dataclasses import replace

from sparsegan.methods.density_control import ControlSettings
from sparsegan.methods.rewiring import RewiringSettings
from sparsegan.methods.settings import Scheduled
from sparsegan.settings.config import Config
from sparsegan.sparsity.schedule import due
from sparsegan.train.learning_rate import learning_rate


def obstacle(config: Config, steps: int, done: int) -> str | None:
    """What a run of another length would have done otherwise until now; None: nothing.

    Args:
        config: The settings that the run has had so far.
        steps: How long it is to be.
        done: Generator steps that it has made.

    Returns:
        The part of a sentence that names the setting.
    """
    other = replace(config, steps=steps)
    had, would_have = (_densities(one) for one in (config, other))
    for step in range(1, done + 1):
        if had.get(step) != would_have.get(step):
            return "its method sets densities at shares of the whole run"
        now = dict(_course(other, step))
        for why, value in _course(config, step):
            if now[why] != value:
                return why
    return None


def _densities(config: Config) -> dict[int, list[Scheduled]]:
    """What the method sets whatever happens, by the step."""
    moves: dict[int, list[Scheduled]] = {}
    for move in config.method.settings.scheduled(config.steps):
        moves.setdefault(move.step, []).append(move)
    return moves


def _course(config: Config, step: int) -> Iterator[tuple[str, object]]:
    """All that a step does by a schedule, with the words for it."""
    settings, steps = config.method.settings, config.steps
    moves = []
    if isinstance(settings, RewiringSettings):
        moves.append(due(step, settings.interval, steps))
    if isinstance(settings, ControlSettings):
        moves.append(due(step, settings.control_interval, steps))
    yield f"masks do not move after the last step, and a change was due after step {step}", moves
    if isinstance(settings, RewiringSettings) and any(moves):
        shape = (
            "the share of weights that is rewired falls over the whole run (method.drop_shape "
            f"{settings.drop_shape})"
        )
        yield shape, settings.drop_fraction()(step, steps)
    yield from settings.spans(step, steps)
    decay = f"optimiser.lr_decay {config.optimiser.lr_decay} spans the whole run"
    for network in ("generator", "discriminator"):
        yield decay, learning_rate(config, network, step, settings.requests(steps))
