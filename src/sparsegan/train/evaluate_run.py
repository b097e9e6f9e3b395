"""The generators of a run beside real images, at any of its checkpoints."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from sparsegan.draw import sampling
from sparsegan.settings import trust
from sparsegan.settings.config import EvaluateConfig
from sparsegan.train import kinds
from sparsegan.train.trained import open_trained


def evaluate_run(
    path: Path,
    *,
    checkpoint: Path | str | int | None = None,
    bn: sampling.Normalisation | None = None,
    weights: sampling.Weights | None = None,
    images: int | None = None,
    features: str | None = None,
    trust_code: bool = False,
) -> dict[str | None, dict[str, Any]]:
    """Evaluate a run's generator, or both of a cycle; nothing is written.

    Args:
        path: The run's directory.
        checkpoint: Which state of it: `best`, a step or a path; None is the newest.
        bn: Normalisation while drawing; None as the run did.
        weights: The average of the weights, or the weights themselves; None as the run did.
        images: On either side of the comparison; None as the run did.
        features: Feature network; None as the run did.
        trust_code: Whether all code that the run's config.yaml names may be run (see `trust`).

    Returns:
        By the game's name, the fields of an `evaluate` event, and `step`.

    Raises:
        SparseganError: The run, its checkpoint or its data cannot be used, or its code is not
            trusted.
    """
    code = trust.CODE if features is None else trust.NETWORKS
    trained = open_trained(path, checkpoint, trust_code=trust_code, settings=code)
    config = trained.config
    bn, weights = bn or config.evaluate.bn, weights or config.evaluate.weights
    settings = replace(
        config.evaluate,
        images=images or config.evaluate.images or EvaluateConfig.images,
        features=features or config.evaluate.features,
    )
    config = replace(config, evaluate=settings)
    kind = kinds.of(config)
    evaluations = {}
    for game, evaluator in kind.evaluators(config, kind.images(config)).items():
        method = trained.methods[game]
        with sampling.sampled(method, bn=bn, weights=weights, seed=config.seed) as generator:
            distances = evaluator(generator)
        used = weights if method.ema is not None else "live"
        evaluations[game] = {**distances, "step": trained.step, "bn": bn, "weights": used}
    return evaluations
