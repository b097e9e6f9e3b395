"""A study of tiny runs: what the tests of studies read and train."""

import json

import yaml

from sparsegan.settings import trust
from sparsegan.study import file, standing
from sparsegan.study.paths import CellPaths
from tiny_run import SETTINGS

ARMS = {
    "dense": {"method": {"name": "dense"}},
    "adapt": {},
}


def study(folder, **changes):
    """A study in `folder/out`, by its file."""
    content = {"base": SETTINGS, "arms": ARMS, "seeds": [0, 1], **changes}
    evaluate = {**SETTINGS["evaluate"], **content["base"].get("evaluate", {})}
    content["base"] = {**SETTINGS, **content["base"], "evaluate": evaluate}
    trust.remember([SETTINGS["evaluate"]["features"]])
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump({**content, "directory": str(folder / "out")}, sort_keys=False))
    return file.read(path)


def paths_of(of, name):
    return CellPaths(of.directory, name)


def write_events(run, *events):
    """A run's metrics.jsonl of given events, and its report where it has ended."""
    run.path.mkdir(parents=True, exist_ok=True)
    if any(event["kind"] == "end" for event in events):
        run.report.write_text("<!doctype html>")
    run.metrics.write_text("".join(json.dumps(event) + "\n" for event in events))


def start(steps=10):
    """A `start` event: 100 + 50 weights in each network, of which the first 100 are maskable."""
    rows = [
        {"name": "conv", "kind": "Conv2d", "masked": True, "active": 20, "weights": 100},
        {"name": "head", "kind": "Linear", "masked": False, "active": 50, "weights": 50},
    ]
    return {
        "kind": "start",
        "step": 0,
        "steps": steps,
        "networks": {"generator": rows, "discriminator": rows},
    }


def rewire(step, active, network="discriminator"):
    return {
        "kind": "rewire",
        "step": step,
        "network": network,
        "layers": [["conv", 0, active, 100]],
    }


def evaluation(step, value, **fields):
    return {"kind": "evaluate", "step": step, "metric": "kid-x", "value": value, "n": 9, **fields}


def write_cell(
    of, name, values, *, operations=1e9, overhead=1e7, seconds=10.0, diverged="", **measured
):
    """A cell that ended: with evaluations of `values` at 90, 95 and 100 %, or diverged.

    Args:
        of: The study.
        name: The cell's.
        values: Of the evaluations.
        operations: Of the training steps.
        overhead: Operations beside them.
        seconds: Of training.
        diverged: Why it did; empty where it finished.
        measured: What else the evaluations have.
    """
    there = paths_of(of, name)
    steps = of.cell(name).config.steps
    last = [round(share * steps) for share in (0.9, 0.95, 1.0)]
    trains = [
        {
            "kind": "train",
            "step": step,
            "seconds": seconds * step / steps,
            "balance_ratio": 0.4 + step / 100,
            "generator_density": 0.2,
            "discriminator_density": 0.2 if step < 10 else 0.6,
            "steps_per_second": 5.0,
        }
        for step in range(5, steps + (not diverged), 5)
    ]
    events = [start(steps), *trains, rewire(10, 60), evaluation(5, 2 * max(values, default=1.0))]
    events += [
        evaluation(step, value, **measured) for step, value in zip(last, values, strict=False)
    ]
    record = standing.Record("diverged", diverged, 1) if diverged else None
    if record is None:
        events.append({"kind": "end", "step": steps, "seconds": seconds})
        there.run.path.mkdir(parents=True, exist_ok=True)
        content = {
            "flops": {"consistent": {"run": operations, "dense": 2e9}, "published": {"run": 1e8}},
            "overhead": {"growth": overhead, "balance": 0.0},
            "weights": {"generator": {"total": 150}, "discriminator": {"total": 150}},
        }
        there.run.cost.write_text(json.dumps(content))
    write_events(there.run, *events)
    if record is not None:
        standing.write(there, record)
