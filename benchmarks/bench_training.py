"""Whole training iterations of SNGAN: dense PyTorch, masked dense and the native engine.

An iteration is five steps of D and one of G with hinge loss, spectral normalisation and Adam, host
code included. Masks are uniform random over all convolutions that do not read or write images; with
--erk ADAPT's masks stand beside them. Ratios are to the faster of the dense contestants, measured
in turns in one process; above one is faster.

    python benchmarks/bench_training.py
    python benchmarks/bench_training.py --width 64 --rounds 3 --compile --erk
"""

from typing import Any

import torch

from contestants import Contestant, contestant, sparse_names
from harness import headline, interleaved, medians, parser, save

PARTS = ("discriminator_step", "generator_step")


def measure(
    contestants: dict[str, Contestant], rounds: int, cpu_time: bool
) -> dict[str, dict[str, float]]:
    """Median seconds of the steps of every contestant, and of an iteration made of them."""
    actual: dict[str, dict[str, float]] = {name: {} for name in contestants}
    for part in PARTS:
        jobs = {name: getattr(each, part) for name, each in contestants.items()}
        for name, seconds in medians(interleaved(jobs, rounds, cpu_time=cpu_time)).items():
            actual[name][part] = seconds
    for row in actual.values():
        steps = contestants["dense"].discriminator_steps
        row["iteration"] = steps * row[PARTS[0]] + row[PARTS[1]]
    return actual


def ratios(actual: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """The best dense time over that of each contestant."""
    dense = [name for name in ("dense", "compile") if name in actual]
    best = {part: min(actual[name][part] for name in dense) for part in actual["dense"]}
    return {name: {part: best[part] / row[part] for part in row} for name, row in actual.items()}


def main() -> None:
    """Prints the table and writes it as JSON."""
    options = parser(__doc__, rounds=5)
    options.add_argument("--width", type=int, default=256, help="of G; D has half of it")
    options.add_argument("--batch", type=int, default=64)
    options.add_argument("--sparsity", type=float, nargs="+", default=[0.5, 0.7, 0.8, 0.9, 0.95])
    options.add_argument("--kinds", nargs="+", default=["masked", "native"])
    options.add_argument("--compile", action="store_true", help="torch.compile too (minutes)")
    options.add_argument("--erk", action="store_true", help="ADAPT's ERK masks too")
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    print(headline())
    print(f"SNGAN, width {arguments.width}, batch {arguments.batch}\n")
    size = (arguments.width, arguments.batch)
    print(f"{'':24}{'D step':>18}{'G step':>18}{'iteration':>18}")
    results: dict[str, Any] = {}
    for allocation in ["uniform", "erk"] if arguments.erk else ["uniform"]:
        # One sparsity at a time beside the dense ones: few networks in memory at once.
        for sparsity in arguments.sparsity:
            contestants = {"dense": contestant("dense", *size)}
            if arguments.compile:
                contestants["compile"] = contestant("compile", *size)
            for kind, _ in sparse_names([sparsity], arguments.kinds):
                contestants[kind] = contestant(kind, *size, 1 - sparsity, allocation)
            actual = measure(contestants, arguments.rounds, arguments.cpu_time)
            table = ratios(actual)
            results[f"{allocation} {sparsity:g}"] = {"seconds": actual, "ratios": table}
            print(f"{allocation}, {sparsity:.0%}")
            for name, row in actual.items():
                cells = "".join(
                    f"{1e3 * row[part]:9.0f} ms {table[name][part]:5.2f}" for part in row
                )
                print(f"  {name:22}{cells}", flush=True)
    save(__file__, arguments, results)


if __name__ == "__main__":
    main()
