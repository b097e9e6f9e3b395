"""What a run costs beside its dense equal: weights, operations, bytes, seconds (cost.json)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sparsegan import cost
from sparsegan.cost import LayerCost
from sparsegan.train.config import Config
from sparsegan.train.match import named
from sparsegan.train.timing import StepSeconds

Layers = Mapping[str, Sequence[LayerCost]]
History = list[tuple[int, dict[str, float]]]
NETWORKS = ("generator", "discriminator")


def summary(
    config: Config,
    layers: Mapping[str, Layers],
    events: Iterable[Mapping[str, Any]],
    *,
    seconds: float | None = None,
    timed: StepSeconds | None = None,
) -> dict[str, Any]:
    """The content of cost.json.

    Args:
        config: Resolved settings.
        layers: Of both networks of each pair, from `cost.layers`.
        events: The run's events, or its `start` events alone for a run to come.
        seconds: Training seconds of the run.
        timed: Steps of the run and of its dense equal, in turns.

    Returns:
        Weights by network, operations and bytes of all pairs together, and seconds. Of several
        pairs there is what each costs besides, in `pairs`.
    """
    told = list(events)
    pairs = {
        pair: _of_pair(config, own, [e for e in told if e.get("pair", "") == pair])
        for pair, own in layers.items()
    }
    result = pairs[""] if list(pairs) == [""] else _together(pairs) | {"pairs": pairs}
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


def _of_pair(config: Config, layers: Layers, events: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    history = histories(events)
    return {
        "weights": {name: _weights(layers[name], history[name]) for name in NETWORKS},
        "flops": {
            convention: {
                "run": _operations(config, layers, history, convention),
                "dense": _operations(config, layers, {name: [] for name in NETWORKS}, convention),
            }
            for convention in cost.CONVENTIONS
        },
        "bytes": {
            "generator_sparse": cost.sparse_bytes(layers["generator"], history["generator"][-1][1]),
            "generator_dense": cost.dense_bytes(layers["generator"]),
        },
    }


def _together(pairs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    costs = list(pairs.values())
    return {
        "weights": {
            named(name, pair): counted
            for pair, own in pairs.items()
            for name, counted in own["weights"].items()
        },
        "flops": {
            convention: {
                whose: sum(own["flops"][convention][whose] for own in costs)
                for whose in ("run", "dense")
            }
            for convention in cost.CONVENTIONS
        },
        "bytes": {kind: sum(own["bytes"][kind] for own in costs) for kind in costs[0]["bytes"]},
    }


def histories(events: Iterable[Mapping[str, Any]]) -> dict[str, History]:
    """Each network's layer densities from step to step, out of `start` and `rewire` events."""
    found: dict[str, History] = {name: [] for name in NETWORKS}
    for event in events:
        if event["kind"] == "start":
            for name in NETWORKS:
                rows = event["networks"][name]
                found[name] = [(0, {r["name"]: r["active"] / r["weights"] for r in rows})]
        elif event["kind"] == "rewire":
            densities = {name: after / size for name, _, after, size in event["layers"]}
            past = found[event["network"]]
            past.append((event["step"], past[-1][1] | densities))
    return found


def _weights(layers: Sequence[LayerCost], history: History) -> dict[str, int]:
    def active(densities: Mapping[str, float]) -> int:
        return sum(round(densities.get(c.name, 1.0) * c.weights) for c in layers)

    return {
        "total": sum(c.weights for c in layers),
        "active_start": active(history[0][1]),
        "active_end": active(history[-1][1]),
    }


def _operations(
    config: Config, layers: Layers, history: Mapping[str, History], convention: Any
) -> float:
    return cost.training_of_history(
        layers["generator"],
        layers["discriminator"],
        history["generator"],
        history["discriminator"],
        d_batch=config.batch_size,
        g_batch=config.generator_batch_size,
        discriminator_steps=config.discriminator_steps,
        steps=config.steps,
        convention=convention,
        generator_passes=_generator_passes(config),
    )


def _generator_passes(config: Config) -> int:
    """How often a generator is gone through, forward and backward, in a step of its own."""
    if config.network.name != "cyclegan":
        return 1
    return 1 + bool(config.loss.cycle) + bool(config.loss.identity)
