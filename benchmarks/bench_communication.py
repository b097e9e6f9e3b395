"""What two processes exchange at a training step, and how long it takes over a slow link.

Each process is in a network namespace of its own, the two joined by virtual interfaces with a
throttled rate (tbf); that needs Linux, iproute2 and root. SNGAN, dense; at 90 % sparsity with whole
gradients (ADAPT's ERK masks); and with those of active weights alone.

    python benchmarks/bench_communication.py
    python benchmarks/bench_communication.py --width 64 --rates 100mbit 1gbit 10gbit
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from contestants import contestant
from harness import headline, parser, save
from sparsegan.sparsity import average_active_gradients

SPACES, ADDRESS = ("sparsegan0", "sparsegan1"), "10.99.0.{}"
STEPS = 5


def ip(*words: str) -> None:
    """Runs ``ip``."""
    subprocess.run(["ip", *words], check=True, capture_output=True)


def link(rate: str) -> None:
    """Two namespaces, joined."""
    unlink()
    for space in SPACES:
        ip("netns", "add", space)
    ip("link", "add", "sg0", "netns", SPACES[0], "type", "veth", "peer", "sg1", "netns", SPACES[1])
    for rank, space in enumerate(SPACES):
        within, device = ("-n", space), f"sg{rank}"
        ip(*within, "addr", "add", f"{ADDRESS.format(1 + rank)}/24", "dev", device)
        ip(*within, "link", "set", device, "up")
        ip(*within, "link", "set", "lo", "up")
        shape = ["tbf", "rate", rate, "burst", "1mbit", "latency", "100ms"]
        tc = ["ip", "netns", "exec", space, "tc", "qdisc", "add", "dev", device, "root", *shape]
        subprocess.run(tc, check=True, capture_output=True)


def unlink() -> None:
    """Takes both away, if they are there."""
    for space in SPACES:
        with suppress(subprocess.CalledProcessError):
            ip("netns", "del", space)


def child(arguments: argparse.Namespace) -> None:
    """One process: prints what it sent, and its seconds, as JSON."""
    rank, mode = int(arguments.child[0]), arguments.child[1]
    os.environ |= {"GLOO_SOCKET_IFNAME": f"sg{rank}", "MASTER_ADDR": ADDRESS.format(1)}
    torch.set_num_threads(1)
    os.environ["MASTER_PORT"] = "29555"
    dist.init_process_group("gloo", rank=rank, world_size=2)
    kind = "dense" if mode == "dense" else "native"
    density = 1.0 if mode == "dense" else 0.1
    one = contestant(kind, arguments.width, arguments.batch, density, "erk")
    plain = {"generator": one.G, "discriminator": one.D}
    states = []
    wrapped = {}
    for name, network in plain.items():
        wrapped[name] = DistributedDataParallel(network, broadcast_buffers=False)
        if mode == "active":
            sparse = one.networks[name]
            states.append(average_active_gradients(wrapped[name], sparse))
    one.D = wrapped["discriminator"]
    seconds: dict[str, list[float]] = {"discriminator": [], "generator": []}
    for turn in range(STEPS + 1):
        for name, step in (
            ("discriminator", one.discriminator_step),
            ("generator", one.generator_step),
        ):
            # A network that rests is called without its wrapper, whose hooks would wait for it.
            one.G = wrapped["generator"] if name == "generator" else plain["generator"]
            one.D = wrapped["discriminator"] if name == "discriminator" else plain["discriminator"]
            dist.barrier()
            begin = time.perf_counter()
            step()
            if turn:
                seconds[name].append(time.perf_counter() - begin)
    sizes = {name: sum(p.numel() for p in network.parameters()) for name, network in plain.items()}
    sent = [state.sent / state.dense for state in states if state is not None]
    result = {
        "numbers": sizes,
        "share": dict(zip(plain, sent, strict=False)),
        "seconds": {name: statistics.median(times) for name, times in seconds.items()},
    }
    if rank == 0:
        print(json.dumps(result))
    dist.barrier()
    sys.stdout.flush()
    os._exit(0)


def measure(arguments: argparse.Namespace, mode: str) -> dict[str, Any]:
    """Both processes; what the first one says."""
    options = ["--width", str(arguments.width), "--batch", str(arguments.batch)]
    command = [sys.executable, str(Path(__file__)), *options, "--child"]
    running = [
        subprocess.Popen(
            ["ip", "netns", "exec", space, *command, str(rank), mode],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for rank, space in enumerate(SPACES)
    ]
    first, _ = running[0].communicate()
    running[1].wait()
    return dict(json.loads(first.splitlines()[-1]))


def main() -> None:
    """Prints the table and writes it as JSON."""
    options = parser(__doc__, rounds=1)
    options.add_argument("--width", type=int, default=64, help="of G; D has half of it")
    options.add_argument("--batch", type=int, default=64, help="images of a process's step")
    options.add_argument("--rates", nargs="+", default=["100mbit", "1gbit", "10gbit"])
    options.add_argument("--child", nargs=2, metavar=("RANK", "MODE"), help=argparse.SUPPRESS)
    arguments = options.parse_args()
    if arguments.child:
        child(arguments)
        return
    print(headline())
    print(f"SNGAN, width {arguments.width}, two processes of one thread")
    results: dict[str, Any] = {}
    try:
        for rate in arguments.rates:
            link(rate)
            results[rate] = {
                mode: measure(arguments, mode) for mode in ("dense", "whole", "active")
            }
            for mode, row in results[rate].items():
                cells = "".join(
                    f"{n[0].upper()} {1e3 * s:8.1f} ms  " for n, s in row["seconds"].items()
                )
                share = "".join(f"{n[0].upper()} {s:.3f}  " for n, s in row["share"].items())
                print(f"  {rate:8} {mode:8} {cells} sent, of dense: {share or 'all'}", flush=True)
    finally:
        unlink()
    save(__file__, arguments, results)


if __name__ == "__main__":
    main()
