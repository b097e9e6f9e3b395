"""Do whole runs on native kernels end where runs on masked kernels do?

Every seed is trained twice with the same settings, on masked dense kernels and on native ones. The
two round differently, so the runs drift apart, and the question is whether their final KIDs differ
by more than seeds do. A few seeds cannot show a small difference; they do show a broken kernel.

    python benchmarks/bench_agreement.py
    python benchmarks/bench_agreement.py --steps 3000 --seeds 0 1 2 3 4
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from harness import RESULTS, headline, save
from sparsegan.record.metrics_log import read_events

KERNELS = ("masked", "native")


def train(folder: Path, kernels: str, seed: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """What the last evaluation of a run says, and what the run ran on."""
    settings = {
        "recipe": arguments.recipe,
        "engine": kernels,
        "seed": seed,
        "steps": arguments.steps,
        "threads": arguments.threads,
        "evaluate.every": 0,
        "evaluate.images": arguments.images,
        "sample.every": 0,
        "run.directory": folder,
    }
    flags = [str(part) for name, value in settings.items() for part in (f"--{name}", value)]
    command = [sys.executable, "-m", "sparsegan", "train", *flags]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    events = list(read_events(folder / "metrics.jsonl"))
    used = {event["kernels"] for event in events if event["kind"] == "engine"}
    assert used == {kernels}, used
    first, *_, last = (event for event in events if event["kind"] == "evaluate")
    assert last["step"] == arguments.steps
    return {
        "metric": last["metric"],
        "kid": last["value"],
        "interval": [last["low"], last["high"]],
        "frechet": last["frechet"],
        "kid_before": first["value"],
        "floor": last["floor"],
    }


def compare(runs: dict[str, dict[str, Any]], seeds: list[int]) -> dict[str, Any]:
    """Means over seeds, spreads of seeds, and the difference of the kernels beside them."""
    kids = {kind: [runs[f"{kind} {seed}"]["kid"] for seed in seeds] for kind in KERNELS}
    means = {kind: statistics.mean(values) for kind, values in kids.items()}
    spreads = {kind: statistics.stdev(values) for kind, values in kids.items()}
    spread = (sum(s * s for s in spreads.values()) / len(spreads)) ** 0.5
    difference = means["native"] - means["masked"]
    return {
        "means": means,
        "standard_deviations": spreads,
        "difference": difference,
        # Of a difference of two means of so many seeds, if kernels did not matter.
        "standard_error": spread * (2 / len(seeds)) ** 0.5,
        "within_seed_spread": abs(difference) <= spread,
    }


def main() -> None:
    """Prints the table and writes it as JSON."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--recipe", default="fashion-mnist")
    options.add_argument("--steps", type=int, default=800)
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options.add_argument("--images", type=int, default=1000, help="generated for a KID")
    options.add_argument("--threads", type=int, default=1, help="CPU threads")
    options.add_argument("--json", type=Path, default=RESULTS / "bench_agreement.json")
    arguments = options.parse_args()
    if len(arguments.seeds) < 2:
        options.error("a spread needs two seeds or more")
    torch.set_num_threads(arguments.threads)
    print(headline())
    print(f"recipe {arguments.recipe}, {arguments.steps} steps\n")
    print(f"{'seed':>6}" + "".join(f"{kind:>12}" for kind in KERNELS))
    runs: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for seed in arguments.seeds:
            for kind in KERNELS:
                name = f"{kind} {seed}"
                runs[name] = train(Path(folder) / name, kind, seed, arguments)
            row = "".join(f"{runs[f'{kind} {seed}']['kid']:12.4f}" for kind in KERNELS)
            print(f"{seed:6}{row}", flush=True)
    actual = compare(runs, arguments.seeds)
    for label, key in (("mean", "means"), ("s.d.", "standard_deviations")):
        print(f"{label:>6}" + "".join(f"{actual[key][kind]:12.4f}" for kind in KERNELS))
    print(
        f"\nnative - masked: {actual['difference']:+.4f} (standard error of such a difference "
        f"{actual['standard_error']:.4f}): "
        + ("within" if actual["within_seed_spread"] else "OUTSIDE")
        + " the spread of seeds"
    )
    settings = {name: value for name, value in vars(arguments).items() if name != "json"}
    save(__file__, arguments, {"settings": settings, "runs": runs, **actual})


if __name__ == "__main__":
    main()
