"""Peak memory of a training iteration, each engine in a process of its own.

What is counted is the largest resident memory of the process in one D step and one G step, less
what it held when torch and the networks were loaded and masked but had not trained.

    python benchmarks/bench_memory.py
"""

import argparse
import resource
import subprocess
import sys
from typing import Any

import torch

from contestants import contestant
from harness import headline, parser, save

MEBI = 2**20


def peak_bytes() -> int:
    """The largest resident memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def child(arguments: argparse.Namespace) -> None:
    """One contestant: prints the bytes before and after training."""
    kind, density = arguments.child[0], float(arguments.child[1])
    torch.set_num_threads(arguments.threads)
    one = contestant(kind, arguments.width, arguments.batch, density)
    before = peak_bytes()
    for _ in range(2):
        one.discriminator_step()
        one.generator_step()
    print(before, peak_bytes())


def measure(arguments: argparse.Namespace, kind: str, density: float) -> dict[str, float]:
    """Mebibytes of one contestant."""
    size = ["--width", str(arguments.width), "--batch", str(arguments.batch)]
    command = [sys.executable, __file__, *size, "--threads", str(arguments.threads)]
    command += ["--child", kind, str(density)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    before, after = (int(word) / MEBI for word in answer.stdout.split()[-2:])
    return {"loaded": before, "peak": after, "training": after - before}


def main() -> None:
    """Prints the table and writes it as JSON."""
    options = parser(__doc__, rounds=1)
    options.add_argument("--width", type=int, default=256)
    options.add_argument("--batch", type=int, default=64)
    options.add_argument("--sparsity", type=float, nargs="+", default=[0.8, 0.9, 0.95])
    options.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = options.parse_args()
    if arguments.child:
        child(arguments)
        return
    print(headline())
    print(f"SNGAN, width {arguments.width}, batch {arguments.batch}: MiB, ratio to dense")
    results: dict[str, Any] = {"dense": measure(arguments, "dense", 1.0)}
    for sparsity in arguments.sparsity:
        for kind in ("masked", "native"):
            results[f"{kind} {sparsity:g}"] = measure(arguments, kind, 1 - sparsity)
    for name, row in results.items():
        share = row["training"] / results["dense"]["training"]
        print(f"  {name:16} peak {row['peak']:7.0f}  training {row['training']:7.0f}  {share:5.2f}")
    save(__file__, arguments, results)


if __name__ == "__main__":
    main()
