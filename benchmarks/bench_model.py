"""What a training iteration must cost at least: operations and bytes, and this machine's rates.

Counted are the multiply-adds of active weights and the bytes of feature maps that a pass reads and
writes once, as the engine's passes do. Rates are measured: multiply-adds of a sparse convolution
whose image stays in the level-2 cache, and copies of tensors that fit each level of memory. The
best time is that of the operations plus that of the bytes at the rate of the maps' level.

    python benchmarks/bench_model.py
"""

import time
from typing import Any

import torch
from torch import Tensor, nn

from bench_practical import DENSITY, SIZES, USUAL
from contestants import contestant
from harness import headline, parser, save
from sparsegan import engine

DEMO_DENSITY = 0.3


def rate_of_copies(mebibytes: float) -> float:
    """Bytes per second that a copy of so large a tensor reads and writes."""
    x = torch.ones(int(mebibytes * 2**18))
    y = torch.empty_like(x)
    count = max(3, int(200 / mebibytes))
    best = min(_seconds(lambda: [y.copy_(x) for _ in range(count)]) for _ in range(5))
    return 2 * 4 * x.numel() * count / best


def rate_of_operations() -> float:
    """Multiply-adds per second of a convolution of many weights on one small image."""
    mask = torch.rand(256, 16, 3, 3) < 0.5
    weight, index = torch.randn(mask.shape) * mask, engine.SparseIndex(mask)
    index.constant = True
    x = torch.randn(1, 16, 32, 32)
    with torch.no_grad():
        best = min(
            _seconds(lambda: engine.sparse_conv2d(x, weight, index, None, 1, 1)) for _ in range(50)
        )
    return int(mask.sum()) * 32 * 32 / best


def _seconds(job: Any) -> float:
    begin = time.perf_counter()
    job()
    return time.perf_counter() - begin


def forward_cost(network: nn.Module, *inputs: Tensor) -> tuple[float, float]:
    """Multiply-adds of non-zero weights and bytes of feature maps of one forward."""
    total = [0.0, 0.0]

    def count(module: nn.Module, args: tuple[Any, ...], y: Tensor) -> None:
        active, (x, *_) = int((module.weight != 0).sum()), args
        if isinstance(module, nn.Linear):
            places = y.shape[0]
        else:
            transposed = isinstance(module, nn.ConvTranspose2d)
            places = (x if transposed else y)[:, 0].numel()
        total[0] += active * places
        total[1] += 4.0 * (x.numel() + y.numel())

    kinds = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
    handles = [m.register_forward_hook(count) for m in network.modules() if isinstance(m, kinds)]
    with torch.no_grad():
        network(*inputs)
    for handle in handles:
        handle.remove()
    return total[0], total[1]


def main() -> None:
    """Prints the table and writes it as JSON."""
    options = parser(__doc__, rounds=1)
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    print(headline())
    copies = {f"{size:g} MiB": rate_of_copies(size) for size in (0.25, 4, 16, 256)}
    operations = rate_of_operations()
    print(f"multiply-adds {operations / 1e9:.1f} G/s; copies, read and written:")
    print("  " + ", ".join(f"{name} {rate / 1e9:.0f} GB/s" for name, rate in copies.items()))
    print(f"\n{'':12}{'G mult-adds':>12}{'MB':>8}{'operations':>14}{'bytes':>10}{'at best':>12}")
    results: dict[str, Any] = {"operations": operations, "copies": copies, "sizes": {}}
    for name in USUAL:
        size, _ = SIZES[name]
        share = DEMO_DENSITY if name == "demo" else DENSITY
        one = contestant("masked", size, size.batch, DENSITY, "erk", share)
        labels = one._labels()
        g_work, g_bytes = forward_cost(one.G, one._noise(), *labels)
        d_work, d_bytes = forward_cost(one.D, one._images(), *labels)
        steps = size.discriminator_steps
        # A backward pass is two convolutions, or one where weights rest.
        work = steps * (g_work + 6 * d_work) + 3 * g_work + 2 * d_work
        moved = steps * (g_bytes + 6 * d_bytes) + 3 * g_bytes + 3 * d_bytes
        seconds = work / operations, moved / copies["16 MiB"]
        results["sizes"][name] = {"operations": work, "bytes": moved, "seconds": seconds}
        print(
            f"  {name:10}{work / 1e9:12.2f}{moved / 1e6:8.0f}{1e3 * seconds[0]:11.1f} ms"
            f"{1e3 * seconds[1]:7.1f} ms{1e3 * sum(seconds):9.1f} ms",
            flush=True,
        )
    save(__file__, arguments, results)


if __name__ == "__main__":
    main()
