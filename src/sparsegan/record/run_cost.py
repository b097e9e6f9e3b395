"""What a run costs beside its dense equal: weights, operations, bytes, seconds (cost.json)."""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from sparsegan import cost
from sparsegan.cost import Convention, LayerCost, overhead
from sparsegan.engine import BLOCK
from sparsegan.errors import SparseganError
from sparsegan.record.events import NETWORKS, Event, Rewiring, Start
from sparsegan.record.events.base import is_count
from sparsegan.record.spans import History, Span, step_spans
from sparsegan.settings import kinds
from sparsegan.settings.config import Config
from sparsegan.settings.kinds import label

Layers = Mapping[str, Sequence[LayerCost]]


@dataclass(frozen=True)
class GameLayers:
    """What the layers of a game's networks cost.

    Attributes:
        name: The game's; None where the run has one alone.
        networks: The costs of every layer, by network, from `cost.layers`.
    """

    name: str | None
    networks: Layers


@dataclass(frozen=True)
class StepSeconds:
    """Medians over as many steps of each, in turns, in one process.

    Attributes:
        sparse: Seconds of a step (all discriminator steps and the generator's): the mean of one as
            the run began and one as it is now, since a discriminator's density may have moved.
        dense: The same with both networks dense.
        steps: Measured steps of each.
    """

    sparse: float
    dense: float
    steps: int


def summary(
    config: Config,
    games: Sequence[GameLayers],
    events: Iterable[Event],
    *,
    seconds: float | None = None,
    timed: StepSeconds | None = None,
) -> dict[str, Any]:
    """The content of cost.json.

    Args:
        config: Resolved settings.
        games: The run's games, in order.
        events: The run's events, or its `start` events alone for a run to come.
        seconds: Training seconds of the run.
        timed: Steps of the run and of its dense equal, in turns.

    Returns:
        Weights by network, operations and bytes of all games together, and seconds. `flops` are
        those of training steps; `overhead` has what comes on top by the consistent convention, of
        gradients to grow by (`growth`) and of measurements of the balance ratio (`balance`). With
        several games, `pairs` has what each of them costs.
    """
    events = list(events)
    costs = [
        (game.name, _of_game(config, game.networks, [e for e in events if e.game == game.name]))
        for game in games
    ]
    if len(costs) == 1:
        ((_, result),) = costs
    else:
        result = _together(costs) | {"pairs": dict(costs)}
    if seconds is not None and timed is not None:
        result["seconds"] = {
            "run": seconds,
            "dense": seconds * timed.dense / timed.sparse,
            "per_step": timed.sparse,
            "dense_per_step": timed.dense,
            "note": (
                f"Seconds per step are medians of {timed.steps} steps, measured in turns: of this "
                "run's networks (the mean of how they began and how they ended) and of the same "
                "networks dense, each on the faster kernels; the dense run's seconds are this "
                "run's times the ratio of the two."
            ),
        }
    return result


def _of_game(config: Config, layers: Layers, events: Sequence[Event]) -> dict[str, Any]:
    history, masked = histories(events), masked_layers(events)
    spans = step_spans(config, events)
    dense = [Span(0, config.steps, config.discriminator_steps)]
    return {
        "weights": {name: _weights(layers[name], history[name], masked[name]) for name in NETWORKS},
        "flops": {
            convention: _with_steps(
                config.steps,
                _operations(config, layers, history, spans, convention),
                _operations(config, layers, {name: [] for name in NETWORKS}, dense, convention),
            )
            for convention in cost.CONVENTIONS
        },
        "overhead": _overhead(config, layers, history, spans),
        "inference": {
            convention: {
                name: {
                    "run": cost.forward(layers[name], history[name][-1][1], convention=convention),
                    "dense": cost.forward(layers[name], convention=convention),
                }
                for name in NETWORKS
            }
            for convention in cost.CONVENTIONS
        },
        "bytes": {
            "generator_sparse": cost.sparse_bytes(
                layers["generator"],
                history["generator"][-1][1],
                block=BLOCK if config.method.settings.granularity == "block" else 1,
            ),
            "generator_dense": cost.dense_bytes(layers["generator"]),
        },
    }


def _together(games: Sequence[tuple[str | None, Mapping[str, Any]]]) -> dict[str, Any]:
    costs = [own for _, own in games]
    return {
        "weights": {
            label(name, game): counted
            for game, own in games
            for name, counted in own["weights"].items()
        },
        "flops": {
            convention: {
                which: sum(own["flops"][convention][which] for own in costs)
                for which in costs[0]["flops"][convention]
            }
            for convention in cost.CONVENTIONS
        },
        "inference": {
            convention: {
                label(name, game): counted
                for game, own in games
                for name, counted in own["inference"][convention].items()
            }
            for convention in cost.CONVENTIONS
        },
        **{
            part: {kind: sum(own[part][kind] for own in costs) for kind in costs[0][part]}
            for part in ("overhead", "bytes")
        },
    }


def of_layers(
    config: Config, games: Sequence[GameLayers], events: Iterable[Event]
) -> dict[str, list[dict[str, Any]]]:
    """What each layer costs, by network.

    Args:
        config: As in `summary`.
        games: As in `summary`.
        events: As in `summary`.

    Returns:
        For every layer `name`, `kind`, `shape`, `weights`, whether a mask takes them, the other
        counts of `LayerCost` that are not by convention; active weights at the start, at the end
        and as the mean over the steps; and by convention, with its biases, the operations of one
        image (as it is at the end) and of the run, `inference` and `training`, and what they
        would be dense.
    """
    events = list(events)
    rows = {}
    for game in games:
        own = [event for event in events if event.game == game.name]
        history, masked, spans = histories(own), masked_layers(own), step_spans(config, own)
        for name in NETWORKS:
            rows[label(name, game.name)] = [
                _layer(config, layer, name, history[name], spans, layer.name in masked[name])
                for layer in game.networks[name]
            ]
    return rows


def _layer(
    config: Config,
    layer: LayerCost,
    network: str,
    history: History,
    spans: Sequence[Span],
    masked: bool,
) -> dict[str, Any]:
    def density(densities: Mapping[str, float]) -> dict[str, float]:
        return {layer.name: densities.get(layer.name, 1.0)} if layer.weights else {}

    start, end = (density(history[end][1]) for end in (0, -1))
    mean = density(cost.mean_densities(history, config.steps))
    row: dict[str, Any] = {
        "name": layer.name,
        "kind": layer.kind,
        "shape": list(layer.shape),
        "weights": layer.weights,
        "masked": masked,
        "bare_weights": layer.bare_weights,
        "other_parameters": layer.other_parameters,
        "unseen": layer.unseen,
        "filled": layer.filled,
        "normalises": bool(layer.norm_ops),
        "active_start": round(start.get(layer.name, 1.0) * layer.weights),
        "active_end": round(end.get(layer.name, 1.0) * layer.weights),
        "active_mean": mean.get(layer.name, 1.0) * layer.weights,
        "inference": {},
        "training": {},
    }
    for convention in cost.CONVENTIONS:

        def image(densities: Mapping[str, float], convention: Convention = convention) -> float:
            return cost.forward([layer], densities, convention=convention)

        whole = _forwards(
            config, network, Span(0, config.steps, config.discriminator_steps), convention
        )
        spent = sum(
            image(density(cost.mean_densities(span.of(history), span.steps)))
            * _forwards(config, network, span, convention)
            for span in spans
        )
        row["inference"][convention] = {"run": image(end), "dense": image({})}
        row["training"][convention] = {"run": spent, "dense": image({}) * whole}
    return row


def _forwards(config: Config, network: str, span: Span, convention: Convention) -> float:
    """The number of forwards of single images that a network's training in a span costs."""
    of_network = {name: float(name == network) for name in NETWORKS}
    return cost.training(
        of_network["generator"],
        of_network["discriminator"],
        **_batches(config, span),
        convention=convention,
    )


def histories(events: Iterable[Event]) -> dict[str, History]:
    """Each network's layer densities from step to step, out of `start` and `rewire` events."""
    densities_of: dict[str, History] = {name: [] for name in NETWORKS}
    for event in events:
        if isinstance(event, Start):
            for name in NETWORKS:
                layers = event.networks[name]
                densities_of[name] = [(0, {one.name: one.active / one.weights for one in layers})]
        elif isinstance(event, Rewiring):
            past = densities_of[event.network]
            if past:  # else the start is lost, and what it left as it was is not known
                past.append((event.step, past[-1][1] | event.densities))
    return densities_of


def masked_layers(events: Iterable[Event]) -> dict[str, set[str]]:
    """The names of each network's masked layers, out of the `start` events."""
    masked: dict[str, set[str]] = {name: set() for name in NETWORKS}
    for event in events:
        if isinstance(event, Start):
            for name in NETWORKS:
                masked[name] = {layer.name for layer in event.networks[name] if layer.masked}
    return masked


def recorded(starts: Iterable[Start], origin: Path) -> list[GameLayers] | None:
    """Cost of every layer of each game as the `start` events have it; None if they do not.

    Args:
        starts: The events.
        origin: Their file, for the message.

    Raises:
        SparseganError: What is there is no cost of a layer.
    """
    costs = {start.game: start.costs for start in starts}
    if {} in costs.values():
        return None
    try:
        return [
            GameLayers(game, {name: [_recorded(row) for row in own[name]] for name in NETWORKS})
            for game, own in costs.items()
        ]
    except (TypeError, KeyError, AttributeError) as error:
        raise SparseganError(
            f"the start event of {origin} has no costs of layers ({error}): restore the file"
        ) from None


def _recorded(row: Mapping[str, Any]) -> LayerCost:
    counts = {key: row[key] for key in row.keys() - {"name", "kind", "shape", "filled"}}
    shape = tuple(row["shape"])
    if not all(map(is_count, (*counts.values(), *shape))):
        raise TypeError("a count is no whole number")
    filled = bool(row.get("filled"))  # which older runs do not have
    kind = str(row["kind"])
    return LayerCost(name=str(row["name"]), kind=kind, shape=shape, filled=filled, **counts)


def _weights(
    layers: Sequence[LayerCost], history: History, masked: Collection[str]
) -> dict[str, int]:
    def active(densities: Mapping[str, float], costs: Sequence[LayerCost]) -> int:
        return sum(round(densities.get(c.name, 1.0) * c.weights) for c in costs)

    maskable = [c for c in layers if c.name in masked]
    bare = sum(c.bare_weights for c in layers)
    start, end = history[0][1], history[-1][1]
    return {
        "total": sum(c.weights for c in layers) + bare,
        "active_start": active(start, layers) + bare,
        "active_end": active(end, layers) + bare,
        "maskable": sum(c.weights for c in maskable),
        "maskable_active_start": active(start, maskable),
        "maskable_active_end": active(end, maskable),
        "parameters": sum(c.weights + c.other_parameters for c in layers),
    }


def _with_steps(steps: int, run: float, dense: float) -> dict[str, float]:
    return {"run": run, "dense": dense, "step": run / steps, "dense_step": dense / steps}


def _operations(
    config: Config,
    layers: Layers,
    history: Mapping[str, History],
    spans: Sequence[Span],
    convention: Convention,
) -> float:
    return sum(
        cost.training_of_history(
            layers["generator"],
            layers["discriminator"],
            span.of(history["generator"]),
            span.of(history["discriminator"]),
            **_batches(config, span),
            convention=convention,
        )
        for span in spans
    )


def _at_any(intervals: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Signs and intervals whose sum counts a step once that is due by several intervals.

    Example:
        >>> list(_at_any([4, 6, 4]))
        [(1, 4), (1, 6), (-1, 12)]
    """
    distinct = sorted(set(intervals))
    for size in range(1, len(distinct) + 1):
        for some in combinations(distinct, size):
            yield (-1) ** (size + 1), math.lcm(*some)


def _overhead(
    config: Config, layers: Layers, history: Mapping[str, History], spans: Sequence[Span]
) -> dict[str, float]:
    """Operations that are made beside the training steps."""
    settings, steps = config.method.settings, config.steps
    d_batch, g_batch = config.batch_size, config.generator_batch_size

    def backward(name: str, span: Span) -> int:
        """Samples in the backward passes of one generator step, or of D's steps before it."""
        passes = _batches(config, span)
        if name == "discriminator":
            return (1 + passes["real_passes"]) * d_batch * span.discriminator_steps
        return passes["generator_passes"] * g_batch

    if settings.moments == "kept" or settings.restores("kept_moments"):
        # Moments that keep dense gradients need them at every step, a growth's among them.
        every = [(name, 1, 1, steps + 1) for name in NETWORKS]
    else:
        every = [
            (name, sign, interval, steps)
            for name in NETWORKS
            for sign, interval in _at_any(
                growing.interval
                for growing in settings.growths()
                if growing.network == name and growing.growth != "random"
            )
        ]

    def made(name: str, interval: int, steps: int) -> float:
        """For each sample, before so many steps of the run."""
        return overhead.dense_gradients(
            layers[name], history[name], every=interval, steps=steps, samples=1
        )

    return {
        "growth": sum(
            sign
            * backward(name, span)
            * (made(name, interval, end) - made(name, interval, span.start + 1))
            for name, sign, interval, last in every
            for span in spans
            for end in [last if span is spans[-1] else span.end + 1]
        ),
        "balance": sum(
            overhead.forwards(
                layers[name],
                history[name],
                every=settings.balance_every,
                steps=steps,
                samples=samples,
            )
            for name, samples in (("generator", g_batch), ("discriminator", g_batch + d_batch))
        ),
    }


def _batches(config: Config, span: Span) -> dict[str, int]:
    return {
        "d_batch": config.batch_size,
        "g_batch": config.generator_batch_size,
        "discriminator_steps": span.discriminator_steps,
        "steps": span.steps,
        "generator_passes": kinds.of(config.network.name).generator_passes(config),
        "real_passes": 1 + bool(config.loss.r1),
    }
