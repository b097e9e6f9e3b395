"""The generators of a run beside real images, at any of its checkpoints."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from sparsegan.draw import sampling
from sparsegan.errors import SparseganError
from sparsegan.files import WriteError
from sparsegan.record import evaluations as kept
from sparsegan.record.events import Evaluation
from sparsegan.seeding import stream
from sparsegan.settings import kinds as settings_kinds
from sparsegan.settings import parse, trust
from sparsegan.settings.config import EvaluateConfig, Metric
from sparsegan.settings.values import fit
from sparsegan.train import kinds
from sparsegan.train.trained import open_trained

log = logging.getLogger("sparsegan")


def evaluate_run(
    path: Path,
    *,
    checkpoint: Path | str | int | None = None,
    bn: sampling.Normalisation | None = None,
    weights: sampling.Weights | None = None,
    images: int | None = None,
    features: str | None = None,
    numbers: Sequence[str] | None = None,
    inception: Path | None = None,
    fresh: bool = False,
    keep: bool = False,
    trust_code: bool = False,
) -> list[Evaluation]:
    """Evaluate a run's generator, or both of a cycle.

    Args:
        path: The run's directory.
        checkpoint: Which state of it: `best`, a step or a path; None is the newest.
        bn: Normalisation while drawing; None as the run did.
        weights: The average of the weights, or the weights themselves; None as the run did.
        images: As `evaluate.images`; None as the run did.
        features: Feature network; None as the run did.
        numbers: As `evaluate.metrics`; None as the run did.
        inception: File of the Inception weights of 2015; None as the run did.
        fresh: Draw other images than the run has been evaluated by: the best of many evaluations is
            so in part by the luck of its images.
        keep: Whether to add the evaluations to the run's evaluations.jsonl; else nothing is
            written. Where that cannot be, a warning is logged.
        trust_code: Whether all code that the run's config.yaml names may be run (see `trust`).

    Returns:
        The evaluation of each game, as an `evaluate` event.

    Raises:
        SparseganError: The run, its checkpoint or its data cannot be used, its code is not
            trusted, or fresh images are asked for where they are translations of given ones.
    """
    code = trust.CODE if features is None else trust.NETWORKS
    trained = open_trained(path, checkpoint, trust_code=trust_code, settings=code)
    config = trained.config
    bn, weights = bn or config.evaluate.bn, weights or config.evaluate.weights
    settings = replace(
        config.evaluate,
        images=images or config.evaluate.images or EvaluateConfig.images,
        features=features or config.evaluate.features,
        metrics=config.evaluate.metrics
        if numbers is None
        else fit("evaluate.metrics", numbers, tuple[Metric, ...]),
        inception=str(inception) if inception else config.evaluate.inception,
    )
    config = replace(config, evaluate=settings)
    parse.check(config)
    seed = _fresh_seed(config.seed) if fresh else None
    if fresh and settings_kinds.of(config.network.name) is settings_kinds.IMAGE_TO_IMAGE:
        raise SparseganError(
            "there are no fresh images to draw: those of this run are translations of the images "
            "that are held out, always of the same ones"
        )
    kind = kinds.of(config)
    evaluations = []
    for game, evaluator in kind.evaluators(config, kind.load_images(config)).items():
        method = trained.method_of(game)
        with sampling.sampled(method, bn=bn, weights=weights, seed=config.seed) as generator:
            distances = evaluator(generator, seed)
        used = weights if method.ema is not None else "live"
        evaluations.append(
            Evaluation(
                step=trained.step,
                game=game,
                **distances,
                fresh=fresh or None,
                bn=bn,
                weights=used,
                grid=None,
            )
        )
    if keep:
        try:
            kept.add(path, evaluations)
        except WriteError as error:
            log.warning("the evaluation is not kept in the run: %s", error)
    return evaluations


def _fresh_seed(seed: int) -> int:
    """The seed of images that no evaluation of the run has seen."""
    return int(torch.randint(2**62, (), generator=stream(seed, "fresh evaluation")))
