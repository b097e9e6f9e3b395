"""Histories by hand: events of runs that go well, and of runs that do not."""

import random

from sparsegan.record.events import Balance, Evaluation, Progress


def progress(step, g=1.0, d=1.0, loss=None, game=None):
    return Progress(
        step=step,
        game=game,
        seconds=1.0,
        steps_per_second=1.0,
        generator_loss=0.0,
        discriminator_loss=1.5 + step // 50 % 3 / 5 if loss is None else loss,
        generator_gradient_norm=g,
        discriminator_gradient_norm=d,
        generator_density=0.1,
        discriminator_density=0.3,
        balance_ratio=0.5,
    )


def balance(step, real=1.0, before=-1.0, after=0.0):
    return Balance(
        step=step,
        real=real,
        fake_before=before,
        fake_after=after,
        ratio=None,
        valid=True,
        real_positive=None,
        fake_spread=None,
        generator_gradient=None,
        discriminator_gradient=None,
    )


def evaluation(step, value, diversity=0.8, copies=None):
    return Evaluation(
        step=step,
        metric="kid-none",
        value=value,
        low=value - 0.01,
        high=value + 0.01,
        floor=None,
        diversity=diversity,
        copies=copies,
        n=100,
        seconds=1.0,
        bn="standing",
        weights="ema",
        grid=None,
    )


def healthy(steps=1000, seed=0):
    """Losses and gradients that scatter, a ratio that wanders, a distance that falls with noise."""
    draw = random.Random(seed)
    for step in range(10, steps + 1, 10):
        yield balance(step, after=-1 + 2 * draw.uniform(0.05, 1.5))
        if step % 50 == 0:
            yield progress(step, *(draw.lognormvariate(0, 1) for _ in "gd"), draw.uniform(0.5, 2))
        if step % 100 == 0:
            yield evaluation(step, (10 - 8 * step / steps) * draw.uniform(0.85, 1.15))
