"""Layer table: sparse kernels against the best dense PyTorch, one layer at a time.

Every pass (forward, input gradient, weight gradient) of every shape is timed dense, in the faster
of NCHW and channels_last, and sparse with uniform random masks, interleaved in one process; a
ratio is that of medians, above one where sparse is faster.

    python benchmarks/bench_layers.py --threads 1
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F

from sparsegan import engine

PASSES = ("forward", "input gradient", "weight gradient")
SPARSITIES = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98)


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
    *(Shape(256, 256, 3, image) for image in (8, 16, 32)),
    *(Shape(128, 128, 3, image) for image in (8, 16, 32)),
    Shape(256, 256, 1, 16),
    Shape(256, 3, 3, 32),
    Shape(3, 128, 3, 32),
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


def sparse_jobs(shape: Shape, batch: int, sparsity: float) -> list[Job]:
    """The three passes of the engine."""
    pad, size = shape.kernel // 2, shape.image
    mask = torch.rand(shape.outputs, shape.inputs, shape.kernel, shape.kernel) >= sparsity
    weight = torch.randn(mask.shape) * mask
    index = engine.SparseIndex(mask)
    x = engine.to_batch_inner(torch.randn(batch, shape.inputs, size, size))
    g = engine.to_batch_inner(torch.randn(batch, shape.outputs, size, size))
    geometry = ((1, 1), (pad, pad))
    forward = index.plan(batch, *geometry, x.dtype)
    adjoint = index.plan(batch, *geometry, x.dtype, adjoint=True)
    plans = (forward, adjoint, forward, *geometry, False)
    ops = torch.ops.sparsegan
    return [
        lambda: ops.convolve(x, weight, None, *plans),
        lambda: ops.convolve_adjoint(g, weight, None, *plans, [size, size]),
        lambda: ops.convolve_weight(x, g, *plans, list(mask.shape)),
    ]


def medians(jobs: dict[str, list[Job]], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of every job: one warm-up, then the jobs in turn, round after round."""
    times: dict[str, list[list[float]]] = {name: [[], [], []] for name in jobs}
    for turn in range(rounds + 1):
        for name, passes in jobs.items():
            for i, job in enumerate(passes):
                begin = time.perf_counter()
                job()
                if turn:
                    times[name][i].append(1e3 * (time.perf_counter() - begin))
    return {name: [statistics.median(t) for t in three] for name, three in times.items()}


def measure(shape: Shape, batch: int, sparsities: list[float], rounds: int) -> dict[str, object]:
    """One row of the table."""
    torch.manual_seed(0)
    jobs = {
        "nchw": dense_jobs(shape, batch, torch.contiguous_format),
        "channels_last": dense_jobs(shape, batch, torch.channels_last),
        **{f"{s:g}": sparse_jobs(shape, batch, s) for s in sparsities},
    }
    with torch.no_grad():
        times = medians(jobs, rounds)
    dense = [min(pair) for pair in zip(times["nchw"], times["channels_last"], strict=True)]
    rows = {}
    for sparsity in sparsities:
        sparse = times[f"{sparsity:g}"]
        ratios = [d / s for d, s in zip(dense, sparse, strict=True)]
        rows[f"{sparsity:g}"] = {"ratios": ratios, "all": sum(dense) / sum(sparse), "ms": sparse}
    return {"shape": asdict(shape), "dense_ms": dense, "sparse": rows}


def main() -> None:
    """Prints the table and, on demand, writes it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sparsity", type=float, nargs="+", default=list(SPARSITIES))
    parser.add_argument("--only", default="", help="shapes whose name contains this text")
    parser.add_argument("--json", type=Path, help="file for the results")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(
        f"{platform.processor() or platform.machine()}, {engine.isa()}, torch {torch.__version__}, "
        f"{arguments.threads} threads, batch {arguments.batch}"
    )
    print(
        "Three passes together (forward / input gradient / weight gradient): dense ms, then ratios"
    )
    results = []
    for shape in SHAPES:
        if arguments.only not in str(shape):
            continue
        row = measure(shape, arguments.batch, arguments.sparsity, arguments.rounds)
        results.append(row)
        dense = " / ".join(f"{ms:.1f}" for ms in row["dense_ms"])
        print(f"\n{shape}: dense {dense} ms")
        for sparsity, cell in row["sparse"].items():
            passes = " / ".join(f"{r:.2f}" for r in cell["ratios"])
            print(f"  {float(sparsity):6.1%}  {cell['all']:6.2f}  ({passes})", flush=True)
    if arguments.json:
        arguments.json.write_text(
            json.dumps({"isa": engine.isa(), "threads": arguments.threads, "layers": results})
        )


if __name__ == "__main__":
    main()
