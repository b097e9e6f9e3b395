"""Run directories as training writes them, made up from closed forms and a seeded generator."""

import json
import math
import random
from pathlib import Path

from PIL import Image

HOSTILE = "</script><script>alert(1)</script> \"quoted\" 'single' & <b>bold</b> \u2028 http://evil.example/x"

GENERATOR = (
    ("linear", "Linear", 131072),
    ("block1.conv1", "Conv2d", 589824),
    ("block1.conv2", "Conv2d", 589824),
    ("block1.shortcut", "Conv2d", 65536),
    ("block2.conv1", "Conv2d", 589824),
    ("block2.conv2", "Conv2d", 589824),
    ("block2.shortcut", "Conv2d", 65536),
    ("output", "Conv2d", 6912),
)
DISCRIMINATOR = (
    ("block1.conv1", "Conv2d", 3456),
    ("block1.conv2", "Conv2d", 147456),
    ("block1.shortcut", "Conv2d", 384),
    ("block2.conv1", "Conv2d", 147456),
    ("block2.conv2", "Conv2d", 147456),
    ("linear", "Linear", 128),
)


def write_run(
    path,
    *,
    steps=20_000,
    method="adapt",
    seed=0,
    scale=1,
    finished=True,
    evaluated=True,
    cost=True,
    grids=5,
    hostile=False,
    cell=32,
):
    """Writes a run directory; returns its path.

    Args:
        scale: multiplies all step numbers.
        hostile: puts markup into every text.
        cell: pixels of one image of a grid.
    """
    path = Path(path)
    (path / "samples").mkdir(parents=True)
    noise = random.Random(seed)
    text = HOSTILE if hostile else ""
    (path / "config.yaml").write_text(_config(method, steps * scale, seed, text))
    events = _events(steps, scale, method, noise, text)
    if not evaluated:
        events = [event for event in events if event["kind"] != "evaluate"]
    if not finished:
        events = events[:-1]
    lines = "".join(json.dumps(event) + "\n" for event in events)
    (path / "metrics.jsonl").write_text(lines)
    if cost:
        (path / "cost.json").write_text(json.dumps(_cost(text)))
    for index in range(grids):
        step = index * steps * scale // max(grids - 1, 1)
        _grid(path / "samples" / f"step-{step:08d}.png", index / max(grids - 1, 1), noise, cell)
    return path


def join_games(path, **runs):
    """Makes one run of several games out of a run for each, by the games' names."""
    path = Path(path)
    (path / "samples").mkdir(parents=True)
    cost, lines = {"pairs": {}}, []
    for game, run in runs.items():
        (path / "config.yaml").write_text((run / "config.yaml").read_text())
        (run / "samples").rename(path / "samples" / game)
        cost["pairs"][game] = json.loads((run / "cost.json").read_text())
        cost["seconds"] = cost["pairs"][game].pop("seconds")
        events = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        lines += [event if event["kind"] == "end" else event | {"pair": game} for event in events]
    (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (path / "cost.json").write_text(json.dumps(cost))
    return path


def _config(method, steps, seed, text):
    lines = [
        "method:",
        f"  name: {method}",
        "  generator_density: 0.1",
        f"  band: {'[0.45, 0.55]' if method == 'adapt' else 'null'}",
        "data:",
        "  source: fashion-mnist",
        f"  path: {json.dumps(text) if text else 'null'}",
        "optimiser:",
        "  generator: {name: adam, lr: 0.0002, betas: [0.0, 0.9]}",
        "  discriminator: {name: adam, lr: 0.0002, betas: [0.0, 0.9]}",
        f"steps: {steps}",
        f"seed: {seed}",
    ]
    return "\n".join(lines) + "\n"


def _events(steps, scale, method, noise, text):
    moving = method == "adapt"
    state = _State(noise)
    events = []

    def say(kind, step, **fields):
        events.append({"kind": kind, "step": step * scale, **fields})

    say(
        "start",
        0,
        networks={
            "generator": state.rows(GENERATOR, 0.1),
            "discriminator": state.rows(DISCRIMINATOR, 0.1),
        },
        method=method,
        steps=steps * scale,
        band=[0.45, 0.55] if moving else None,
        versions={"sparsegan": "0.1.0", "torch": "2.13.0", "python": "3.11.2"},
        machine={"processor": f"x86-64, 2 cores {text}", "threads": 2, "memory": "15.6 GiB"},
    )
    for network, layers in (("generator", GENERATOR), ("discriminator", DISCRIMINATOR)):
        say(
            "engine",
            0,
            network=network,
            kernels="native",
            reason=f"12.0 ms native against 30.0 ms masked {text}".strip(),
            timing={"masked": 0.03, "fixed": 0.01, "slope": 0.02},
            layers=[engine_row(name, kind, size, text) for name, kind, size in layers],
        )
    for step in range(0, steps + 1, 10):
        progress = step / steps
        if step:
            ratio = state.ratio(progress)
            valid = noise.random() > 0.01
            say(
                "balance",
                step,
                real=0.9,
                fake_before=-0.8,
                fake_after=-0.8 + ratio,
                ratio=ratio if valid else None,
                valid=valid,
            )
        if step and step % 100 == 0:
            say("train", step, **state.train(step, progress))
        if step % (steps // 20) == 0 and (step % (steps // 10) == 0 or progress > 0.9):
            say("evaluate", step, **state.evaluation(progress))
        if step and step % 500 == 0 and step < steps:
            say(
                "rewire",
                step,
                **state.rewire(
                    "generator", GENERATOR, 0.5 * (1 + math.cos(math.pi * progress)) / 2
                ),
            )
        if moving and step and step % 1000 == 0:
            decision = state.decide(text)
            say("decision", step, **decision)
            if decision["action"] in ("raise", "lower"):
                say("rewire", step, **state.resize(decision["action"]))
    say("warning", steps // 2, message=f"the balance ratio stays outside [0.15, 1.65] {text}")
    say("end", steps, seconds=steps * 0.031, steps_per_second=32.2)
    return events


def engine_row(name, kind, size, text=""):
    """What a layer takes, as an `engine` event has it: the output is faster dense."""
    masked = 0.5 if name == "output" else 4.0
    fit = {"masked": 1e-3 * masked, "fixed": 0.5e-3, "slope": 2e-3}
    odd = name.endswith("shortcut")
    return {
        "name": name,
        "kind": kind,
        "shape": [size // 16, 16],
        "input": [64, 16],
        "fit": None if odd else fit,
        "unsupported": f"3 groups {text}".strip() if odd else "",
    }


class _State:
    """The densities and records that the made-up events follow."""

    def __init__(self, noise):
        self.noise = noise
        self.density = {"generator": 0.1, "discriminator": 0.1}
        self.ever = 0.1
        self.window = []

    def rows(self, layers, density):
        return [
            {
                "name": name,
                "kind": kind,
                "shape": [size],
                "weights": size,
                "active": active,
                "macs": size * 64,
            }
            for (name, kind, size), active in zip(layers, self.share(layers, density), strict=True)
        ]

    def share(self, layers, density):
        """Active weights per layer, denser where small, of this density together."""
        total = sum(size for _, _, size in layers)
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            counts = [
                round(min(size, middle * size * (6e5 / size) ** 0.4)) for _, _, size in layers
            ]
            low, high = (middle, high) if sum(counts) < density * total else (low, middle)
        return counts

    def ratio(self, progress):
        target = 0.5 + 0.9 * math.exp(-9 * progress) - (self.density["discriminator"] - 0.25)
        value = target * math.exp(self.noise.gauss(0, 0.25))
        if self.noise.random() < 0.004:
            value = self.noise.choice([-1, 1]) * 10 ** self.noise.uniform(1, 5)
        self.window = [*self.window[-99:], max(-1.0, min(value, 3.0))]
        return value

    def train(self, step, progress):
        gauss = self.noise.gauss
        return {
            "seconds": step * 0.031,
            "steps_per_second": 32 + gauss(0, 0.8),
            "generator_loss": 0.6 * math.exp(-4 * progress) + 0.25 + gauss(0, 0.06),
            "discriminator_loss": None
            if 0.40 < progress < 0.43
            else 1.1 + 0.7 * progress + gauss(0, 0.07),
            "generator_gradient_norm": abs(2.0 + gauss(0, 0.5)),
            "discriminator_gradient_norm": float("nan")
            if step == 200
            else abs(1.2 + gauss(0, 0.3)),
            "generator_density": self.density["generator"],
            "discriminator_density": self.density["discriminator"],
            "balance_ratio": sum(self.window) / len(self.window) if self.window else None,
        }

    def evaluation(self, progress):
        value = 0.021 + 0.31 * math.exp(-6 * progress) + self.noise.gauss(0, 0.003)
        return {
            "metric": "kid-efficientnet-lite0",
            "value": value,
            "low": value - 0.006,
            "high": value + 0.006,
            "floor": 0.0012,
            "frechet": 900 * value + 12,
            "frechet_floor": 9.1,
            "n": 2000,
            "bn": "standing",
            "weights": "ema",
            "seconds": 3.2,
            "grid": None,
        }

    def rewire(self, network, layers, churn):
        self.ever = min(1.0, self.ever + 0.25 * churn * (1 - self.ever) * 0.2)
        total = sum(size for _, _, size in layers)
        return {
            "network": network,
            "reason": "rewire",
            "dropped": 1000,
            "grown": 1000,
            "active": round(self.density[network] * total),
            "total": total,
            "churn": churn * 0.6,
            "ever_active": self.ever,
            "layers": [
                [name, 10, round(active * (0.4 + index / 7)), size]
                for index, ((name, _, size), active) in enumerate(
                    zip(layers, self.share(layers, 0.09), strict=True)
                )
            ],
            "nearly_empty": ["output"] if self.ever > 0.3 else [],
        }

    def decide(self, text):
        value = sum(self.window) / len(self.window)
        total = sum(size for _, _, size in DISCRIMINATOR)
        before = self.density["discriminator"]
        action, reason = "hold", "ratio in the band"
        if value > 0.55 and before < 0.5:
            action, reason = "raise", "ratio above the band"
        elif value < 0.45 and before > 0.05:
            action, reason = "lower", "ratio below the band"
        after = before + {"raise": 0.05, "lower": -0.05, "hold": 0.0}[action]
        self.density["discriminator"] = after
        return {
            "action": action,
            "reason": f"{reason} {text}".strip(),
            "balance_ratio": value,
            "records": 100,
            "valid": 99,
            "invalid": 1,
            "nonfinite": 0,
            "from_active": round(before * total),
            "to_active": round(after * total),
            "total": total,
        }

    def resize(self, action):
        density = self.density["discriminator"]
        total = sum(size for _, _, size in DISCRIMINATOR)
        layers = [
            [name, 10, active, size]
            for (name, _, size), active in zip(
                DISCRIMINATOR, self.share(DISCRIMINATOR, density), strict=True
            )
        ]
        return {
            "network": "discriminator",
            "reason": action,
            "dropped": 0,
            "grown": 0,
            "active": round(density * total),
            "total": total,
            "churn": 0.2,
            "ever_active": 0.3 + 0.15 * density,
            "layers": layers,
            "nearly_empty": [],
        }


def _cost(text):
    return {
        "weights": {
            "generator": {"total": 2628352, "active_start": 262835, "active_end": 262835},
            "discriminator": {"total": 446336, "active_start": 44634, "active_end": 111584},
        },
        "flops": {
            "published": {"dense": 2.4e17, "run": 8.8e16},
            "consistent": {"dense": 3.1e17, "run": 1.02e17},
        },
        "seconds": {
            "run": 620.4,
            "dense": None,
            "per_step": 0.031,
            "dense_per_step": 0.044,
            "note": f"The dense step was measured on 20 steps on this machine. {text}".strip(),
        },
        "bytes": {"generator_dense": 10522880, "generator_sparse": 1380000},
    }


def _grid(path, quality, noise, cell):
    """8 x 8 blobs, the less noisy the better."""
    pitch, middle = cell + 2, cell / 2
    image = Image.new("RGB", (8 * pitch + 2, 8 * pitch + 2), "white")
    pixels = image.load()
    for index in range(64):
        color = [noise.randrange(40, 256) for _ in range(3)]
        radius, squash = noise.uniform(0.22, 0.44) * cell, noise.uniform(0.5, 1.5)
        for y in range(cell):
            for x in range(cell):
                inside = math.hypot((x - middle) * squash, y - middle) < radius
                pixels[2 + index % 8 * pitch + x, 2 + index // 8 * pitch + y] = tuple(
                    int(quality * (part if inside else 20) + (1 - quality) * noise.randrange(256))
                    for part in color
                )
    image.save(path)
