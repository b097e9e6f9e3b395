"""What a run costs beside its dense equal: weights, operations, bytes, seconds (cost.json)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sparsegan import cost
from sparsegan.cost import Convention, LayerCost
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
        "inference": {
            convention: {
                named(name, pair): counted
                for pair, own in pairs.items()
                for name, counted in own["inference"][convention].items()
            }
            for convention in cost.CONVENTIONS
        },
        "bytes": {kind: sum(own["bytes"][kind] for own in costs) for kind in costs[0]["bytes"]},
    }


def of_layers(
    config: Config, layers: Mapping[str, Layers], events: Iterable[Mapping[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    """What each layer costs, by network.

    Args:
        config: As in `summary`.
        layers: As in `summary`.
        events: As in `summary`.

    Returns:
        Of every layer `name`, `kind`, `shape` and `weights`; active weights at the start and at
        the end; and by convention, with its biases, the operations of one image (as it is at the
        end) and of the run, `inference` and `training`, and what they would be dense.
    """
    told = list(events)
    found = {}
    for pair, own in layers.items():
        history = histories([e for e in told if e.get("pair", "") == pair])
        for name in NETWORKS:
            rows = [_layer(config, layer, name, history[name]) for layer in own[name]]
            found[named(name, pair)] = rows
    return found


def _layer(config: Config, layer: LayerCost, network: str, history: History) -> dict[str, Any]:
    def density(densities: Mapping[str, float]) -> dict[str, float]:
        return {layer.name: densities.get(layer.name, 1.0)} if layer.weights else {}

    start, end = (density(history[place][1]) for place in (0, -1))
    mean = density(cost.mean_densities(history, config.steps))
    row: dict[str, Any] = {
        "name": layer.name,
        "kind": layer.kind,
        "shape": list(layer.shape),
        "weights": layer.weights,
        "active_start": round(start.get(layer.name, 1.0) * layer.weights),
        "active_end": round(end.get(layer.name, 1.0) * layer.weights),
        "inference": {},
        "training": {},
    }
    for convention in cost.CONVENTIONS:

        def image(densities: Mapping[str, float], convention: Convention = convention) -> float:
            return cost.forward([layer], densities, convention=convention)

        images = _images(config, network, convention)
        row["inference"][convention] = {"run": image(end), "dense": image({})}
        row["training"][convention] = {"run": image(mean) * images, "dense": image({}) * images}
    return row


def _images(config: Config, network: str, convention: Convention) -> float:
    """Forwards of single images through a network that cost as much as the whole run."""
    of_network = {name: float(name == network) for name in NETWORKS}
    return cost.training(
        of_network["generator"],
        of_network["discriminator"],
        **_batches(config),
        convention=convention,
    )


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
    config: Config, layers: Layers, history: Mapping[str, History], convention: Convention
) -> float:
    return cost.training_of_history(
        layers["generator"],
        layers["discriminator"],
        history["generator"],
        history["discriminator"],
        **_batches(config),
        convention=convention,
    )


def _batches(config: Config) -> dict[str, int]:
    return {
        "d_batch": config.batch_size,
        "g_batch": config.generator_batch_size,
        "discriminator_steps": config.discriminator_steps,
        "steps": config.steps,
        "generator_passes": _generator_passes(config),
    }


def _generator_passes(config: Config) -> int:
    """How often a generator is gone through, forward and backward, in a step of its own."""
    if config.network.name != "cyclegan":
        return 1
    return 1 + bool(config.loss.cycle) + bool(config.loss.identity)
