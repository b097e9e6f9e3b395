"""Drop, grow, exchange and resize: pure functions from a mask and scores to a mask.

Counts are exact. They work on tensors of any shape and device without a loop over weights. The k
lowest or highest scores are found by their threshold; of weights that tie at it, a random subset of
exactly the missing number is taken, so that a count is never overshot (methods.md, hazards 7 and
21). An entry may stand for a block of several weights; ``sizes`` then says of how many.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from sparsegan.errors import SparseganError


@dataclass(frozen=True)
class Hybrid:
    """Scores of a growth of which a share goes by one and the rest, among what is left, by another.

    Attributes:
        first: Scores of the share.
        rest: Scores of the rest.
        share: Of what grows, in [0, 1]; rounded down to whole weights.
    """

    first: Tensor
    rest: Tensor
    share: float

    def __getitem__(self, part: slice) -> "Hybrid":
        """The scores of a slice."""
        return Hybrid(self.first[part], self.rest[part], self.share)


GrowthScores = Tensor | Hybrid


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
    mask: Tensor, scores: GrowthScores, count: int, *, generator: torch.Generator | None = None
) -> Tensor:
    """A mask with the ``count`` highest-scored inactive weights added; arguments as in `drop`.

    Example:
        >>> grow(torch.tensor([True, False, False]), torch.tensor([9.0, 1.0, 2.0]), 1).tolist()
        [True, False, True]
        >>> both = Hybrid(torch.tensor([0.0, 9.0, 1.0]), torch.tensor([5.0, 5.0, 0.0]), share=0.5)
        >>> grow(torch.tensor([False, False, False]), both, 2).tolist()
        [True, True, False]
    """
    return mask | _highest(scores, ~mask, count, generator)


def exchange(
    mask: Tensor,
    drop_by: Tensor,
    grow_by: GrowthScores,
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
        after = after | _highest(grow_by, ~left & of_size, gone, generator)
    return after


def resize(
    mask: Tensor,
    scores: GrowthScores,
    to_count: int,
    *,
    sizes: Tensor | None = None,
    keep: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """A mask of ``to_count`` weights: the highest-scored inactive are added, or the lowest dropped.

    In the order of their scores, blocks are added or dropped wherever that brings the weights
    nearer to the count; of two sets that miss it by as much, the smaller one is active.

    Args:
        mask: Bool tensor, True where an entry is active.
        scores: Tensor of the mask's shape, to grow or to drop by; `Hybrid` ones are to grow by.
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
        return mask | _highest(scores, ~mask, by, generator, sizes)
    if isinstance(scores, Hybrid):
        raise SparseganError("hybrid scores are to grow by, and the mask is to lose weights")
    if sizes is None:
        return drop(mask, scores, by, keep=keep, generator=generator)
    candidates = mask if keep is None else mask & ~keep
    return mask & ~_lowest_weighing(scores, candidates, by, sizes, generator, rather_more=True)


def _highest(
    scores: GrowthScores,
    candidates: Tensor,
    count: int,
    generator: torch.Generator | None,
    sizes: Tensor | None = None,
) -> Tensor:
    """Bool tensor of the ``count`` highest scores, or of so many weights if entries have sizes."""
    if isinstance(scores, Hybrid):
        share = int(scores.share * count)
        first = _highest(scores.first, candidates, share, generator, sizes)
        rest = count - int(first.sum() if sizes is None else sizes[first].sum())
        return first | _highest(scores.rest, candidates & ~first, max(0, rest), generator, sizes)
    if sizes is None:
        return _lowest(-scores, candidates, count, generator)
    return _lowest_weighing(-scores, candidates, count, sizes, generator, rather_more=False)


def _lowest(
    scores: Tensor, candidates: Tensor, count: int, generator: torch.Generator | None
) -> Tensor:
    """Bool tensor of exactly the ``count`` lowest scores among the candidates."""
    selected = torch.zeros_like(candidates)
    where = candidates.flatten().nonzero().squeeze(1)
    if not 0 <= count <= len(where):
        raise SparseganError(f"cannot choose {count} of {len(where)} weights")
    if count == 0:
        return selected
    values = _ordered(scores.flatten()[where])
    threshold = values.kthvalue(count).values
    below = where[values < threshold]
    tied = where[values == threshold]
    missing = count - len(below)
    if missing < len(tied):
        order = torch.randperm(len(tied), generator=generator).to(tied.device)
        tied = tied[order[:missing]]
    flat = selected.view(-1)
    flat[below] = True
    flat[tied] = True
    return selected


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

    Upwards from the lowest, an entry is chosen if its size brings the sum nearer to the weights. If
    the sum could then go beyond the weights by as much as it misses, ``rather_more`` has it do so.
    """
    selected = torch.zeros_like(candidates)
    where = candidates.flatten().nonzero().squeeze(1)
    # Equal scores fall at random, since the sorting that follows keeps the order among them.
    where = where[torch.randperm(len(where), generator=generator).to(where.device)]
    values = _ordered(scores.flatten()[where])
    where = where[values.argsort(stable=True)]
    size = sizes.flatten()[where]
    left_before = weights - (size.cumsum(0) - size)
    most = int(size.sum())
    if not 0 <= weights <= most:
        raise SparseganError(f"cannot choose {weights} of {most} weights")
    # As long as twice what is left exceeds every size, each entry in turn brings the sum nearer.
    sure = int((2 * left_before > int(size.max() if most else 0)).sum())
    selected.view(-1)[where[:sure]] = True
    left, where, size = weights - int(size[:sure].sum()), where[sure:], size[sure:]
    for nearer in (torch.lt, torch.le) if rather_more else (torch.lt,):
        while left > 0:
            fits = (nearer(size, 2 * left) & ~selected.view(-1)[where]).nonzero()
            if len(fits) == 0:
                break
            selected.view(-1)[where[fits[0]]] = True
            left -= int(size[fits[0]])
    return selected


def _ordered(scores: Tensor) -> Tensor:
    """Scores that can be compared and sorted: one that is not a number comes last."""
    coarse = scores.is_floating_point() and scores.dtype.itemsize < torch.float32.itemsize
    return (scores.float() if coarse else scores).nan_to_num(nan=torch.inf)
