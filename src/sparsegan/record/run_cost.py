"""What a run costs beside its dense equal: weights, operations, bytes, seconds (cost.json)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sparsegan import cost
from sparsegan.cost import Convention, LayerCost
from sparsegan.engine import BLOCK
from sparsegan.settings.config import Config
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
    told = list(events)
    history, masked = histories(told), masked_layers(told)
    return {
        "weights": {name: _weights(layers[name], history[name], masked[name]) for name in NETWORKS},
        "flops": {
            convention: _with_steps(
                config.steps,
                _operations(config, layers, history, convention),
                _operations(config, layers, {name: [] for name in NETWORKS}, convention),
            )
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
            "generator_sparse": cost.sparse_bytes(
                layers["generator"],
                history["generator"][-1][1],
                block=BLOCK if config.method.settings.granularity == "block" else 1,
            ),
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
                for whose in costs[0]["flops"][convention]
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
        Of every layer `name`, `kind`, `shape`, `weights`, whether a mask takes them, the other
        counts of `LayerCost` that are not by convention; active weights at the start and at the
        end; and by convention, with its biases, the operations of one image (as it is at the
        end) and of the run, `inference` and `training`, and what they would be dense.
    """
    told = list(events)
    found = {}
    for pair, own in layers.items():
        of_pair = [e for e in told if e.get("pair", "") == pair]
        history, masked = histories(of_pair), masked_layers(of_pair)
        for name in NETWORKS:
            found[named(name, pair)] = [
                _layer(config, layer, name, history[name], layer.name in masked[name])
                for layer in own[name]
            ]
    return found


def _layer(
    config: Config, layer: LayerCost, network: str, history: History, masked: bool
) -> dict[str, Any]:
    def density(densities: Mapping[str, float]) -> dict[str, float]:
        return {layer.name: densities.get(layer.name, 1.0)} if layer.weights else {}

    start, end = (density(history[place][1]) for place in (0, -1))
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
            if past:  # else the start is lost, and what it left as it was is not known
                past.append((event["step"], past[-1][1] | densities))
    return found


def masked_layers(events: Iterable[Mapping[str, Any]]) -> dict[str, set[str]]:
    """The names of each network's masked layers, out of the `start` events."""
    found: dict[str, set[str]] = {name: set() for name in NETWORKS}
    for event in events:
        if event["kind"] == "start":
            for name in NETWORKS:
                rows = event["networks"][name]
                found[name] = {row["name"] for row in rows if row["masked"]}
    return found


def _weights(
    layers: Sequence[LayerCost], history: History, masked: Collection[str]
) -> dict[str, int]:
    def active(densities: Mapping[str, float], chosen: Sequence[LayerCost]) -> int:
        return sum(round(densities.get(c.name, 1.0) * c.weights) for c in chosen)

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
