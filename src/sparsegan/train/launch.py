"""Processes and devices, through Lightning Fabric."""

import atexit
import logging
import os
import random
import socket
import subprocess
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from sparsegan import machine
from sparsegan.errors import SparseganError, first_line
from sparsegan.seeding import stream
from sparsegan.settings.config import Config
from sparsegan.train import heartbeat

if TYPE_CHECKING:
    from lightning_fabric import Fabric

_STARTED_BY = "SPARSEGAN_STARTED_BY"

_PROCESSES = 8  # of each processor: more are a mistake, and could bring the machine down


def launch(config: Config) -> "Fabric":
    """Start the run's processes and connect them, or join those that torchrun started.

    With one process nothing is started; several have a `heartbeat` from here on. Buffers are not
    broadcast: batch statistics are each process's own, and the vectors of spectral norm are equal
    anyway.

    Raises:
        SparseganError: There is no such device, or not so many, or not of this precision, or the
            processes cannot be connected.
    """
    # Takes a second or two, of which what only opens a trained generator has no use.
    from lightning_fabric import Fabric
    from lightning_fabric.strategies.ddp import DDPStrategy

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="lightning_fabric")
    devices, nodes = _layout(config)
    most = _PROCESSES * machine.processors()
    if config.fabric.accelerator == "cpu" and devices > most:
        raise SparseganError(
            f"fabric.devices is {devices}: this machine has {machine.processors()} processors, "
            f"which can share the work of {most} processes at most"
        )
    try:
        fabric = Fabric(
            accelerator=config.fabric.accelerator,
            devices=devices,
            num_nodes=nodes,
            strategy=DDPStrategy(broadcast_buffers=False) if devices * nodes > 1 else "auto",
            precision=config.fabric.precision,
        )
    except (RuntimeError, ValueError) as error:
        raise SparseganError(
            f"cannot use {config.fabric.devices} device(s) of kind {config.fabric.accelerator}: "
            f"{first_line(error)} (see fabric.accelerator and fabric.devices)"
        ) from None
    if config.fabric.precision == "16-mixed" and fabric.device.type != "cuda":
        raise SparseganError(
            f"fabric.precision is 16-mixed, which is for CUDA devices, and this run's device is "
            f"{fabric.device.type}: choose bf16-mixed or 32-true"
        )
    if devices * nodes == 1:
        fabric.launch()
        return fabric
    beating = heartbeat.Heartbeat(
        process_rank(), devices * nodes, config.fabric.timeout, _start(devices), _watched_parent()
    )
    heartbeat.begin(beating)
    try:
        fabric.launch()
        beating.connect(fabric)
    except (RuntimeError, OSError) as error:
        raise _not_connected(error) from error
    return fabric


def _start(devices: int) -> list["subprocess.Popen[bytes]"]:
    """Start the other processes on this machine, where this is the first and nobody else has.

    The environment is the one that Fabric reads; it would start them itself, and kill this one
    without a word when another ends.
    """
    if "LOCAL_RANK" in os.environ:
        return []
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    os.environ |= {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": str(devices),
        "NODE_RANK": "0",
        "LOCAL_RANK": "0",
    }
    main = sys.modules["__main__"].__spec__
    script = [str(Path(sys.argv[0]).resolve())] if main is None else ["-m", main.name]
    command = [sys.executable, *script, *sys.argv[1:]]
    started = [
        subprocess.Popen(
            command, env={**os.environ, "LOCAL_RANK": str(rank), _STARTED_BY: str(os.getpid())}
        )
        for rank in range(1, devices)
    ]
    # After the run a program may do what it likes on the other processes, and take its time.
    atexit.register(heartbeat.end, started, 600)
    return started


def _watched_parent() -> int | None:
    """The process without which this one is not to go on: that of our start, or torchrun."""
    if _STARTED_BY in os.environ:
        return int(os.environ[_STARTED_BY])
    return os.getppid() if "TORCHELASTIC_RUN_ID" in os.environ else None


def _not_connected(error: Exception) -> SparseganError:
    where = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
    if "EADDRINUSE" in str(error):
        return SparseganError(
            f"the processes of this run cannot be connected, since another program uses {where}: "
            "choose another port (MASTER_PORT, torchrun --master_port)"
        )
    return SparseganError(
        f"the processes of this run cannot be connected at {where} "
        f"({first_line(error)}): check MASTER_ADDR and MASTER_PORT, and that "
        "every process was started"
    )


def _layout(config: Config) -> tuple[int, int]:
    """Processes on this machine, and machines."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return config.fabric.devices, 1
    local = int(os.environ["LOCAL_WORLD_SIZE"])
    return local, int(os.environ["WORLD_SIZE"]) // local


def process_rank() -> int:
    """This process's rank as its launcher says, also before processes are connected."""
    return int(os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0")))


def seed_everything(config: Config, rank: int) -> None:
    """Seed the global generators, for networks that draw numbers of their own (dropout)."""
    key = int(torch.randint(2**32, (), generator=stream(config.seed, "global", rank)))
    random.seed(key)
    np.random.seed(key)
    torch.manual_seed(key)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True


def reduced(fabric: "Fabric", value: Tensor | float, how: Literal["mean", "max"]) -> float:
    """The mean or the largest of every rank's number, the same on all ranks."""
    number = torch.as_tensor(value, dtype=torch.float32, device=fabric.device)
    result = fabric.all_reduce(number, reduce_op=how)
    assert isinstance(result, Tensor)
    return float(result)


def gather(value: Any) -> list[Any]:
    """The value of every rank, in order, on every rank."""
    if not dist.is_initialized():
        return [value]
    values: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(values, value)
    return values
