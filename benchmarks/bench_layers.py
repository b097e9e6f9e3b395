"""Layer table: sparse kernels against the best dense PyTorch, one layer at a time.

Every pass (forward, input gradient, weight gradient) of every shape is timed dense, in the faster
of NCHW and channels_last, and sparse with uniform random masks, of single weights and of blocks of
four output channels, interleaved in one process; a ratio is that of medians, above one where
sparse is faster. Masks with sparsity 0 show what the kernels lose by taking every weight one by
one.

    python benchmarks/bench_layers.py --threads 1
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F

from harness import headline, interleaved, medians, parser, save
from sparsegan import engine

PASSES = ("forward", "input gradient", "weight gradient")
SPARSITIES = (0.0, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
BLOCK_SPARSITIES = (0.8, 0.9, 0.95)


@dataclass(frozen=True)
class Shape:
    """A square convolution of stride one that keeps the size of the image."""

    inputs: int
    outputs: int
    kernel: int
    image: int

    def __str__(self) -> str:
        k = self.kernel
        return f"{k}x{k} {self.inputs}>{self.outputs} @{self.image}"


SHAPES = (
    # SNGAN for CIFAR-10; BigGAN's discriminator has the first ones, too.
    *(Shape(256, 256, 3, image) for image in (8, 16, 32)),
    *(Shape(128, 128, 3, image) for image in (8, 16, 32)),
    Shape(256, 256, 1, 16),
    Shape(256, 3, 3, 32),
    Shape(3, 128, 3, 32),
    # BigGAN for Tiny ImageNet.
    Shape(1280, 640, 3, 8),
    Shape(320, 160, 3, 32),
    Shape(160, 80, 3, 64),
)

Job = Callable[[], object]


def dense_jobs(shape: Shape, batch: int, memory_format: torch.memory_format) -> list[Job]:
    """The three passes in dense PyTorch."""
    pad, size = shape.kernel // 2, shape.image
    x = torch.randn(batch, shape.inputs, size, size).contiguous(memory_format=memory_format)
    g = torch.randn(batch, shape.outputs, size, size).contiguous(memory_format=memory_format)
    w = torch.randn(shape.outputs, shape.inputs, shape.kernel, shape.kernel)
    w = w.contiguous(memory_format=memory_format)

    def backward(wanted: list[bool]) -> Job:
        arguments = ([1, 1], [pad, pad], [1, 1], False, [0, 0], 1, wanted)
        return lambda: torch.ops.aten.convolution_backward(g, x, w, None, *arguments)

    return [
        lambda: F.conv2d(x, w, padding=pad),
        backward([True, False, False]),
        backward([False, True, False]),
    ]


def random_mask(shape: Shape, sparsity: float, block: int) -> torch.Tensor:
    """A uniform random mask whose unit is that many neighbouring output channels."""
    units = torch.rand(shape.outputs // block, shape.inputs, shape.kernel, shape.kernel)
    return (units >= sparsity).repeat_interleave(block, 0)


def sparse_jobs(shape: Shape, batch: int, sparsity: float, block: int = 1) -> list[Job]:
    """The three passes of the engine."""
    pad, size = shape.kernel // 2, shape.image
    mask = random_mask(shape, sparsity, block)
    weight = torch.randn(mask.shape) * mask
    index = engine.SparseIndex(mask)
    x = torch.randn(batch, shape.inputs, size, size)
    g = torch.randn(batch, shape.outputs, size, size)
    geometry = (batch, (1, 1), (pad, pad), x.dtype, (size, size), (size, size))
    forward = index.plan(*geometry, groups=True)
    adjoint = index.plan(*geometry, adjoint=True)
    of_weight = index.plan(*geometry)
    plans = (forward, adjoint, of_weight, *geometry[1:3], False)
    ops = torch.ops.sparsegan
    return [
        lambda: ops.convolve(x, weight, None, *plans),
        lambda: ops.convolve_adjoint(g, weight, None, *plans, [size, size]),
        lambda: ops.convolve_weight(x, g, *plans, list(mask.shape)),
    ]


def measure(
    shape: Shape,
    batch: int,
    sparsities: Sequence[float],
    blocks: Sequence[float],
    rounds: int,
    cpu_time: bool,
) -> dict[str, Any]:
    """One row of the table."""
    torch.manual_seed(0)
    blocks = [] if shape.outputs % engine.BLOCK else blocks
    sparse = {f"{s:g}": sparse_jobs(shape, batch, s) for s in sparsities}
    sparse |= {f"{s:g} in blocks": sparse_jobs(shape, batch, s, engine.BLOCK) for s in blocks}
    jobs = {
        "nchw": dense_jobs(shape, batch, torch.contiguous_format),
        "channels_last": dense_jobs(shape, batch, torch.channels_last),
        **sparse,
    }
    flat = {f"{name}/{i}": job for name, three in jobs.items() for i, job in enumerate(three)}
    with torch.no_grad():
        seconds = medians(interleaved(flat, rounds, cpu_time=cpu_time))
    times = {name: [seconds[f"{name}/{i}"] for i in range(len(PASSES))] for name in jobs}
    dense = [min(pair) for pair in zip(times["nchw"], times["channels_last"], strict=True)]
    rows = {
        name: {
            "ratios": [d / s for d, s in zip(dense, times[name], strict=True)],
            "all": sum(dense) / sum(times[name]),
            "s": times[name],
        }
        for name in sparse
    }
    return {"shape": asdict(shape), "name": str(shape), "dense": dense, "sparse": rows}


def main() -> None:
    """Prints the table and writes it as JSON."""
    options = parser(__doc__, rounds=5)
    options.add_argument("--batch", type=int, default=64)
    options.add_argument("--sparsity", type=float, nargs="+", default=list(SPARSITIES))
    options.add_argument("--blocks", type=float, nargs="*", default=list(BLOCK_SPARSITIES))
    options.add_argument("--only", default="", help="shapes whose name contains this text")
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    print(headline())
    print(f"batch {arguments.batch}; dense milliseconds of {' / '.join(PASSES)}, then ratios:")
    print("all three together (each)")
    results = []
    for shape in SHAPES:
        if arguments.only not in str(shape):
            continue
        row = measure(
            shape,
            arguments.batch,
            arguments.sparsity,
            arguments.blocks,
            arguments.rounds,
            arguments.cpu_time,
        )
        results.append(row)
        dense = " / ".join(f"{1e3 * seconds:.1f}" for seconds in row["dense"])
        print(f"\n{shape}: dense {dense} ms")
        for name, cell in row["sparse"].items():
            passes = " / ".join(f"{r:.2f}" for r in cell["ratios"])
            print(f"  {name:16}{cell['all']:6.2f}  ({passes})", flush=True)
    save(__file__, arguments, results)


if __name__ == "__main__":
    main()
