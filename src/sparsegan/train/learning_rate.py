"""The learning rate's course over a run: of the step and of requests, so nothing is stored."""

from sparsegan.methods.requests import NOTHING, Requests
from sparsegan.settings.config import Config, Decay


def learning_rate(config: Config, name: str, step: int, requests: Requests = NOTHING) -> float:
    """The learning rate of a network in a step.

    Args:
        config: The run's settings.
        name: `generator` or `discriminator`.
        step: From 1.
        requests: What the method asks for in this step. A schedule that is over stays at its last.
    """
    optimisers = config.optimiser
    rate: float = getattr(optimisers, name).lr
    if name == "discriminator":
        rate *= requests.discriminator_rate
    first, steps = requests.schedule or (1, config.steps)
    at = min(max(1, step - first + 1), steps)
    return rate * factor(at, steps, optimisers.lr_decay, optimisers.decay_from)


def factor(step: int, steps: int, decay: Decay, decay_from: float) -> float:
    """What the learning rates are multiplied by in a step.

    Args:
        step: From 1 to `steps`.
        steps: Of the whole run.
        decay: `none`: 1 throughout. `linear`: 1, and from the fraction `decay_from` of the run on
            in a straight line towards 0, which it would reach in the step after the last.
        decay_from: In [0, 1).

    Example:
        >>> [factor(step, 8, "linear", 0.5) for step in (1, 4, 5, 6, 8)]
        [1.0, 1.0, 1.0, 0.75, 0.25]
    """
    done = step - 1
    if decay == "none" or done <= decay_from * steps:
        return 1.0
    return (steps - done) / (steps - decay_from * steps)
