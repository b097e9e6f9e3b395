"""What the processes of a data-parallel run must agree on; with one process all of it is free."""

from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch import Tensor

from sparsegan.errors import SparseganError


def count() -> int:
    """The number of processes that train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def is_first() -> bool:
    """Whether this process is the first, or alone: the one that speaks for all."""
    return count() == 1 or dist.get_rank() == 0


def sum_(tensor: Tensor) -> Tensor:
    """Sum a tensor over the ranks, in place."""
    if count() > 1:
        dist.all_reduce(tensor)
    return tensor


def totals(numbers: Sequence[float], device: torch.device) -> list[float]:
    """Sum numbers over the ranks in double precision, each number by itself.

    Args:
        numbers: This rank's.
        device: Where the communication happens (the networks' device).
    """
    if count() == 1:
        return list(numbers)
    return [float(x) for x in sum_(torch.tensor(numbers, dtype=torch.float64, device=device))]


def mean_(tensor: Tensor) -> Tensor:
    """Average a tensor over the ranks, in place."""
    return sum_(tensor).div_(count()) if count() > 1 else tensor


def of_first(tensor: Tensor) -> Tensor:
    """The first rank's tensor, on every rank."""
    if count() > 1:
        dist.broadcast(tensor, src=0)
    return tensor


def require_equal(values: Sequence[int], what: str, device: torch.device) -> None:
    """Raise on every rank unless all ranks hold the same integers.

    Args:
        values: Integers of at most 63 bits, such as checksums.
        what: What they stand for, for the message.
        device: Where the communication happens (the networks' device).

    Raises:
        SparseganError: If two ranks differ.
    """
    if count() == 1:
        return
    mine = torch.tensor(values, dtype=torch.int64, device=device)
    theirs = [torch.empty_like(mine) for _ in range(count())]
    dist.all_gather(theirs, mine)
    if any(not torch.equal(mine, other) for other in theirs):
        raise SparseganError(
            f"{what} differ between ranks: start every rank from the same weights and seed"
        )
