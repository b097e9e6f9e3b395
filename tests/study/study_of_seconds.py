"""A study of tiny runs: what the tests of studies read and train."""

import json

import yaml

from sparsegan.study import file
from sparsegan.study.places import Place
from tiny_run import SETTINGS

ARMS = {
    "dense": {"method": {"name": "dense"}},
    "adapt": {},
}


def study(folder, **changes):
    """A study in `folder/out`, by its file."""
    content = {"base": SETTINGS, "arms": ARMS, "seeds": [0, 1], **changes}
    content["base"] = {
        **SETTINGS,
        **content["base"],
        "evaluate": {**SETTINGS["evaluate"], "every": 1},
    }
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump({**content, "directory": str(folder / "out")}, sort_keys=False))
    return file.read(path)


def place(of, name):
    return Place(of.directory, name)


def write_events(run, *events):
    """A run's metrics.jsonl of given events."""
    run.path.mkdir(parents=True, exist_ok=True)
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
