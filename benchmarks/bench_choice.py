"""What `auto` takes beside dense PyTorch, at every density: never more than the better of both.

A forward and backward of each network, with ADAPT's masks (ERK), in turns in one process: dense in
PyTorch's own memory format and in channels_last, native, and auto, which has measured before. The
ratio is the faster dense one's time over auto's; where dense kernels are chosen it should be 1.

    python benchmarks/bench_choice.py
    python benchmarks/bench_choice.py --networks sngan-64 --density 0.5 0.1
"""

import copy
import time
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn

from harness import Job, headline, interleaved, medians, parser, save
from sparsegan import engine, nets
from sparsegan.sparsity import Masks

# Architecture, image size, channels, widths of G and D, batch.
NETWORKS = {
    "dcgan-24": ("dcgan", 28, 1, 24, 48, 32),  # the demo's
    "sngan-32": ("sngan", 32, 3, 32, 32, 32),
    "sngan-64": ("sngan", 32, 3, 64, 64, 32),
}
LATENT = 128


def network(name: str, which: str) -> tuple[nn.Module, Tensor]:
    """One of a pair, and what it is called with."""
    architecture, size, channels, generator, discriminator, batch = NETWORKS[name]
    pair = nets.build(
        architecture,
        image_size=size,
        channels=channels,
        generator_width=generator,
        discriminator_width=discriminator,
        latent_dim=LATENT,
    )
    if which == "generator":
        return pair[0], torch.randn(batch, LATENT)
    return pair[1], torch.randn(batch, channels, size, size)


def passes(module: nn.Module, x: Tensor) -> Job:
    """A forward and backward."""

    def job() -> object:
        inputs = x.detach().requires_grad_()
        return torch.autograd.grad(module(inputs).sum(), [*module.parameters(), inputs])

    return job


def sparse(
    dense: nn.Module, density: float, wanted: engine.Wanted
) -> tuple[nn.Module, engine.Engine]:
    """A masked copy under an engine."""
    module = copy.deepcopy(dense)
    masks = Masks(module, density, generator=torch.Generator().manual_seed(0))
    return module, engine.attach(module, masks, lambda: False, wanted)


def measure(name: str, which: str, density: float, rounds: int, cpu_time: bool) -> dict[str, Any]:
    """One row: what auto has chosen, and everybody's seconds."""
    dense, x = network(name, which)
    last = copy.deepcopy(dense).to(memory_format=torch.channels_last)
    (auto, selected), (native, _) = (sparse(dense, density, kind) for kind in ("auto", "native"))
    clock = time.process_time if cpu_time else time.perf_counter
    with mock.patch.object(time, "perf_counter", clock):
        timing = selected.measure(x)
    jobs = {"dense": dense, "channels_last": last, "native": native, "auto": auto}
    actual = medians(
        interleaved(
            {kind: passes(module, x) for kind, module in jobs.items()}, rounds, cpu_time=cpu_time
        )
    )
    return {
        "kernels": selected.kernels,
        "predicted": {"native": timing.native(density), "masked": timing.masked},
        "seconds": actual,
        "ratio": min(actual["dense"], actual["channels_last"]) / actual["auto"],
    }


def main() -> None:
    """Prints the table and writes it as JSON."""
    options = parser(__doc__, rounds=9)
    options.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    options.add_argument("--density", type=float, nargs="+", default=[1.0, 0.9, 0.7, 0.5, 0.3, 0.1])
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    print(headline())
    kinds = ("dense", "channels_last", "native", "auto")
    print(f"{'':36}{'chosen':>8}" + "".join(f"{kind:>15}" for kind in kinds) + f"{'ratio':>7}")
    results = {}
    for name in arguments.networks:
        for which in ("generator", "discriminator"):
            for density in arguments.density:
                row = measure(name, which, density, arguments.rounds, arguments.cpu_time)
                results[f"{name} {which} {density:g}"] = row
                cells = "".join(f"{1e3 * row['seconds'][kind]:12.1f} ms" for kind in kinds)
                label = f"{name} {which}, density {density:g}"
                print(f"{label:36}{row['kernels']:>8}{cells}{row['ratio']:7.2f}", flush=True)
    save(__file__, arguments, results)


if __name__ == "__main__":
    main()
