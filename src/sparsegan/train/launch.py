"""Processes and devices, through Lightning Fabric."""

import logging
import os
import random
import warnings
from typing import Any, Literal

import numpy as np
import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import Tensor

from sparsegan.errors import SparseganError
from sparsegan.seeding import stream
from sparsegan.train.config import Config


def launch(config: Config) -> Fabric:
    """Start the run's processes and connect them, or join those that torchrun started.

    With one process nothing is started. Buffers are not broadcast: batch statistics are each
    process's own, and the vectors of spectral norm are equal anyway.

    Raises:
        SparseganError: There is no such device, or not so many, or not of this precision.
    """
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="lightning_fabric")
    devices, nodes = _layout(config)
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
            f"{str(error).splitlines()[0]} (see fabric.accelerator and fabric.devices)"
        ) from None
    if config.fabric.precision == "16-mixed" and fabric.device.type != "cuda":
        raise SparseganError(
            f"fabric.precision is 16-mixed, which is for CUDA devices, and this run's device is "
            f"{fabric.device.type}: choose bf16-mixed or 32-true"
        )
    fabric.launch()
    return fabric


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


def reduced(fabric: Fabric, value: Tensor | float, how: Literal["mean", "max"]) -> float:
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
