"""What the data cost in a training iteration: indices, gathering, flips and scaling.

The images are random, 32x32 and in colour, in a mapped file as every source leaves them. An
iteration is five steps of D and one of G on SNGAN, and takes a batch for each step of D. The aim is
a share under 2 %.

    python benchmarks/bench_data.py
    python benchmarks/bench_data.py --width 32 --images 1000000
"""

import os
import tempfile

import torch

from contestants import DISCRIMINATOR_STEPS, contestant
from harness import Job, headline, interleaved, medians, parser, save
from sparsegan.data import Images, batch_indices, store, to_float
from sparsegan.seeding import stream


def mapped(count: int) -> Images:
    """Random images in a file of the cache."""

    def fill(pixels: store.Pixels, labels: store.Labels) -> int:
        generator = torch.Generator().manual_seed(0)
        for row in torch.from_numpy(pixels):
            row.random_(0, 256, generator=generator)
        return 3

    plan = store.Plan("random", (count, 3, 32, 32), (), labelled=False)
    return store.build("bench", plan, fill)


def parts(images: Images, batch: int) -> dict[str, Job]:
    """What a batch is made of, and all of it together; each call takes the next batch."""
    steps = iter(range(10**9))
    indices = batch_indices(len(images), batch, 0, 0)
    pixels = images.pixels.index_select(0, indices)
    flip = torch.rand(batch) < 0.5

    def coins() -> torch.Tensor:
        return torch.rand(batch, generator=stream(0, "flip", next(steps), 0)) < 0.5

    def whole() -> torch.Tensor:
        selected = batch_indices(len(images), batch, next(steps), 0)
        return to_float(images.pixels.index_select(0, selected), coins())

    return {
        "indices": lambda: batch_indices(len(images), batch, next(steps), 0),
        "gather": lambda: images.pixels.index_select(0, indices),
        "draw flips": coins,
        "flip and scale": lambda: to_float(pixels, flip),
        "batch": whole,
    }


def main() -> None:
    """Prints the table and writes it as JSON."""
    options = parser(__doc__, rounds=5)
    options.add_argument("--width", type=int, default=256, help="of G; D has half of it")
    options.add_argument("--batch", type=int, default=64)
    options.add_argument("--images", type=int, default=50_000)
    options.add_argument("--sparsity", type=float, default=0.9)
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    print(headline())
    print(
        f"{arguments.images:,} images, batch {arguments.batch}, SNGAN of width {arguments.width}\n"
    )
    with tempfile.TemporaryDirectory() as cache:
        os.environ["SPARSEGAN_CACHE"] = cache
        jobs = parts(mapped(arguments.images), arguments.batch)
        actual = medians(interleaved(jobs, 200, warm_up=20, cpu_time=arguments.cpu_time))
    for name, seconds in actual.items():
        print(f"  {name:22}{1e6 * seconds:9.0f} µs")
    shares = {}
    for kind, density in (("dense", 1.0), ("native", 1 - arguments.sparsity)):
        game = contestant(kind, arguments.width, arguments.batch, density)
        times = interleaved({kind: game.iteration}, arguments.rounds, cpu_time=arguments.cpu_time)
        iteration = medians(times)[kind]
        shares[kind] = {
            "iteration": iteration,
            "share": DISCRIMINATOR_STEPS * actual["batch"] / iteration,
        }
        print(f"  of {kind + ' iteration':19}{shares[kind]['share']:9.2%} of {iteration:.3f} s")
    save(__file__, arguments, {"seconds": actual, "iterations": shares})


if __name__ == "__main__":
    main()
