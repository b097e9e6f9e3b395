"""Drop, grow, exchange and resize: pure functions from a mask and scores to a mask.

Counts are exact. They work on tensors of any shape and device without a loop over weights. The k
lowest or highest scores are found by their threshold; of weights that tie at it, a random subset of
exactly the missing number is taken, so that a count is never overshot (methods.md, hazards 7 and
21). An entry may stand for a block of several weights; ``sizes`` then says of how many.
"""

import torch
from torch import Tensor

from sparsegan.errors import SparseganError


def drop(
    mask: Tensor,
    scores: Tensor,
    count: int,
    *,
    keep: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """A mask with the ``count`` lowest-scored active weights taken out.

    Args:
        mask: Bool tensor, True where a weight is active.
        scores: Tensor of the mask's shape; only entries at active weights count.
        count: How many to drop, at most the number of active weights that may go.
        keep: Bool tensor of active weights that must stay, or None.
        generator: A CPU generator that chooses among equal scores.

    Example:
        >>> drop(torch.tensor([True, True, False]), torch.tensor([2.0, 1.0, 0.0]), 1).tolist()
        [True, False, False]
    """
    candidates = mask if keep is None else mask & ~keep
    return mask & ~_lowest(scores, candidates, count, generator)


def grow(
    mask: Tensor, scores: Tensor, count: int, *, generator: torch.Generator | None = None
) -> Tensor:
    """A mask with the ``count`` highest-scored inactive weights added; arguments as in `drop`.

    Example:
        >>> grow(torch.tensor([True, False, False]), torch.tensor([9.0, 1.0, 2.0]), 1).tolist()
        [True, False, True]
    """
    return mask | _lowest(-scores, ~mask, count, generator)


def exchange(
    mask: Tensor,
    drop_by: Tensor,
    grow_by: Tensor,
    count: int,
    *,
    sizes: Tensor | None = None,
    keep: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """A mask with ``count`` entries dropped and as many grown, what was dropped among them.

    As many blocks of each size are grown as were dropped, so that the number of weights stays, too.

    Args:
        mask: Bool tensor, True where an entry is active.
        drop_by: Scores to drop by, of the mask's shape.
        grow_by: Scores to grow by.
        count: How many entries, at most those that may go.
        sizes: Weights of each entry, of the mask's shape; None: one each.
        keep: Bool tensor of active entries that must stay, or None.
        generator: A CPU generator that chooses among equal scores.

    Example:
        >>> mask, scores = torch.tensor([True, False, False]), torch.tensor([1.0, 2.0, 3.0])
        >>> exchange(mask, scores, scores, 1).tolist()
        [False, False, True]
        >>> exchange(mask, scores, scores, 1, sizes=torch.tensor([4, 4, 1])).tolist()
        [False, True, False]
    """
    left = drop(mask, drop_by, count, keep=keep, generator=generator)
    if sizes is None:
        return grow(left, grow_by, count, generator=generator)
    after = left
    for size in torch.unique(sizes).tolist():
        of_size = sizes == size
        gone = int((mask & ~left & of_size).sum())
        after = after | _lowest(-grow_by, ~left & of_size, gone, generator)
    return after


def resize(
    mask: Tensor,
    scores: Tensor,
    to_count: int,
    *,
    sizes: Tensor | None = None,
    keep: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """A mask of ``to_count`` weights: the highest-scored inactive are added, or the lowest dropped.

    Blocks are added or dropped in the order of their scores until their weights come nearest to
    the count; of two numbers of blocks that miss it by as much, the smaller one stays active.

    Args:
        mask: Bool tensor, True where an entry is active.
        scores: Tensor of the mask's shape, to grow or to drop by.
        to_count: How many weights are to be active.
        sizes: Weights of each entry, of the mask's shape; None: one each.
        keep: Bool tensor of active entries that a drop must leave, or None.
        generator: A CPU generator that chooses among equal scores.

    Example:
        >>> resize(torch.ones(3, dtype=torch.bool), torch.tensor([3.0, 1.0, 2.0]), 2).tolist()
        [True, False, True]
    """
    active = int(mask.sum() if sizes is None else sizes[mask].sum())
    by = abs(to_count - active)
    if to_count >= active:
        if sizes is None:
            return grow(mask, scores, by, generator=generator)
        return mask | _lowest_weighing(-scores, ~mask, by, sizes, generator, rather_more=False)
    if sizes is None:
        return drop(mask, scores, by, keep=keep, generator=generator)
    candidates = mask if keep is None else mask & ~keep
    return mask & ~_lowest_weighing(scores, candidates, by, sizes, generator, rather_more=True)


def _lowest(
    scores: Tensor, candidates: Tensor, count: int, generator: torch.Generator | None
) -> Tensor:
    """Bool tensor of exactly the ``count`` lowest scores among the candidates."""
    chosen = torch.zeros_like(candidates)
    where = candidates.flatten().nonzero().squeeze(1)
    if not 0 <= count <= len(where):
        raise SparseganError(f"cannot choose {count} of {len(where)} weights")
    if count == 0:
        return chosen
    # A score that is not a number is taken last, as kthvalue would order it.
    values = scores.flatten()[where].double().nan_to_num(nan=torch.inf)
    threshold = values.kthvalue(count).values
    below = where[values < threshold]
    tied = where[values == threshold]
    missing = count - len(below)
    if missing < len(tied):
        order = torch.randperm(len(tied), generator=generator).to(tied.device)
        tied = tied[order[:missing]]
    flat = chosen.view(-1)
    flat[below] = True
    flat[tied] = True
    return chosen


def _lowest_weighing(
    scores: Tensor,
    candidates: Tensor,
    weights: int,
    sizes: Tensor,
    generator: torch.Generator | None,
    *,
    rather_more: bool,
) -> Tensor:
    """Bool tensor of the lowest scores among the candidates, whose sizes sum to about ``weights``.

    They sum to the nearest that can be had in the order of scores; ``rather_more`` decides between
    two sums that are equally near.
    """
    chosen = torch.zeros_like(candidates)
    where = candidates.flatten().nonzero().squeeze(1)
    # Equal scores fall at random, since the sorting that follows keeps the order among them.
    where = where[torch.randperm(len(where), generator=generator).to(where.device)]
    values = scores.flatten()[where].double().nan_to_num(nan=torch.inf)
    where = where[values.argsort(stable=True)]
    sums = sizes.flatten()[where].cumsum(0)
    most = int(sums[-1]) if len(sums) else 0
    if not 0 <= weights <= most:
        raise SparseganError(f"cannot choose {weights} of {most} weights")
    if weights:
        count = int(torch.searchsorted(sums, weights))
        over = int(sums[count]) - weights
        short = weights - (int(sums[count - 1]) if count else 0)
        count += over < short or (over == short and rather_more)
        chosen.view(-1)[where[:count]] = True
    return chosen
