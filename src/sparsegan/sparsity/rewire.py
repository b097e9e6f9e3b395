"""Drop, grow and resize: pure functions from a mask and scores to a mask of an exact count.

They work on tensors of any shape and device without a loop over weights. The k lowest or highest
scores are found by their threshold; of weights that tie at it, a random subset of exactly the
missing number is taken, so that a count is never overshot (methods.md, hazards 7 and 21).
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


def resize(
    mask: Tensor,
    scores: Tensor,
    to_count: int,
    *,
    keep: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """A mask of ``to_count`` weights: the highest-scored inactive are added, or the lowest dropped.

    Example:
        >>> resize(torch.ones(3, dtype=torch.bool), torch.tensor([3.0, 1.0, 2.0]), 2).tolist()
        [True, False, True]
    """
    active = int(mask.sum())
    if to_count >= active:
        return grow(mask, scores, to_count - active, generator=generator)
    return drop(mask, scores, active - to_count, keep=keep, generator=generator)


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
