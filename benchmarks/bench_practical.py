"""Training iterations at the sizes that people train on a CPU, dense and at 90 % sparsity.

Masks are ADAPT's (ERK), both networks at density 0.1; the demo's pair at the densities that its
discriminator moves through. Ratios are to the faster of the dense contestants, measured in turns in
one process; above one is faster.

    python benchmarks/bench_practical.py --compile
    python benchmarks/bench_practical.py --rounds 5 --sizes sngan-64 sngan-32
"""

import torch

from bench_training import measure, ratios
from contestants import DEMO, Size, contestant, sngan
from harness import headline, parser, save

DENSITY = 0.1

SIZES: dict[str, tuple[Size, tuple[float, ...]]] = {
    **{f"sngan-{width}": (sngan(width), (DENSITY,)) for width in (64, 32, 96, 40, 20)},
    **{
        f"biggan-{width}": (Size("biggan", width, width, classes=10), (DENSITY,))
        for width in (32, 16)
    },
    "demo": (DEMO, (0.1, 0.3, 0.5)),
}
"""By name: what is trained, and D's densities."""
USUAL = ("sngan-64", "sngan-32", "biggan-32", "biggan-16", "demo")


def main() -> None:
    """Prints the table and writes it as JSON."""
    options = parser(__doc__, rounds=9)
    options.add_argument("--sizes", nargs="+", choices=list(SIZES), default=USUAL)
    options.add_argument("--batch", type=int, help="images of a step; each size has its own")
    options.add_argument("--compile", action="store_true", help="torch.compile too (minutes)")
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    print(headline())
    print(f"\n{'':26}{'D step':>18}{'G step':>18}{'iteration':>18}")
    results = {}
    for name in arguments.sizes:
        size, densities = SIZES[name]
        batch = arguments.batch or size.batch
        contestants = {"dense": contestant("dense", size, batch)}
        if arguments.compile:
            contestants["compile"] = contestant("compile", size, batch)
        for density in densities:
            label = "native" if len(densities) == 1 else f"native, D {density:g}"
            contestants[label] = contestant("native", size, batch, DENSITY, "erk", density)
        seconds = measure(contestants, arguments.rounds, arguments.cpu_time)
        table = ratios(seconds)
        results[name] = {"batch": batch, "seconds": seconds, "ratios": table}
        print(name)
        for label, row in seconds.items():
            cells = "".join(f"{1e3 * row[p]:9.1f} ms {table[label][p]:5.2f}" for p in row)
            print(f"  {label:24}{cells}", flush=True)
    save(__file__, arguments, results)


if __name__ == "__main__":
    main()
