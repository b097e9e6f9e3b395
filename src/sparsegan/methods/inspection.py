"""What the user of a method should know of the networks that it is built on."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import nn

from sparsegan import ranks
from sparsegan.cost.zeros import loses_zeros, lost_zeros
from sparsegan.engine import has_own_forward
from sparsegan.sparsity import SparseNetwork
from sparsegan.sparsity.coverage import Coverage, coverage
from sparsegan.sparsity.maskable import Include

log = logging.getLogger("sparsegan")

_QUIET = ContextVar("quiet", default=False)

# Masks that take less than this share of a network's parameters are worth a warning.
ENOUGH = 0.5


@contextmanager
def quiet() -> Iterator[None]:
    """Log nothing of what is built inside: whoever builds it tells it in a way of their own."""
    before = _QUIET.set(True)
    try:
        yield
    finally:
        _QUIET.reset(before)


class Inspection:
    """How much of each network is masked, and where zeros of a mask are none of the result.

    What is known at once is logged; so is, at level info, what masks take of each network.

    Args:
        networks: By name.
        rule: Which of their layers are masked.
        is_sparse: Whether a network is sparse or may become so, and is one to warn of.
        warnings: Sentences for the user that come first.

    Attributes:
        warnings: Sentences for the user, on what was known at once.
        said: Sentences that came later, and that this run has told already.
        coverage: What masks take, by network.
        filled: By network the layers that make another weight of theirs, with other zeros, as far
            as is known.
    """

    def __init__(
        self,
        networks: Mapping[str, SparseNetwork],
        rule: Include,
        is_sparse: Callable[[SparseNetwork], bool],
        warnings: Iterable[str] = (),
    ) -> None:
        self.networks, self.is_sparse = networks, is_sparse
        self.coverage: dict[str, Coverage] = {
            name: coverage(network.module, network.masks.layers, rule)
            for name, network in networks.items()
        }
        self.filled = {
            name: [
                layer.name
                for layer in network.masks.layers
                if has_own_forward(layer.module) and loses_zeros(layer.module)
            ]
            for name, network in networks.items()
        }
        self._watched = False
        self.warnings = list(warnings)
        self.said: set[str] = set()
        self._news: list[str] = []
        for name, counted in self.coverage.items():
            sentence = counted.sentence(name, networks[name].masks.density)
            self._tell(logging.INFO, sentence)
            if is_sparse(networks[name]):
                if counted.share < ENOUGH:
                    self.warnings.append(f"{sentence}; left out: {counted.largest()}")
                self.warnings += _filled(name, self.filled[name])
        for warning in self.warnings:
            self._tell(logging.WARNING, warning)

    @staticmethod
    def _tell(level: int, sentence: str) -> None:
        if ranks.is_first() and not _QUIET.get():
            log.log(level, sentence)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch a forward of all networks, if it is the first, for layers that fill zeros."""
        if self._watched or any(_is_compiled(network.module) for network in self.networks.values()):
            yield
            return
        self._watched = True
        layers = [layer for network in self.networks.values() for layer in network.masks.layers]
        with lost_zeros(layer.parameter for layer in layers) as lost:
            yield
        for name, network in self.networks.items():
            fresh = [
                layer.name
                for layer in network.masks.layers
                if id(layer.parameter) in lost and layer.name not in self.filled[name]
            ]
            self.filled[name] += fresh
            if self.is_sparse(network):
                self._news += _filled(name, fresh)

    def once(self, sentences: list[str]) -> list[str]:
        """Of the sentences, and of what came to be known since, all that this run has not told."""
        fresh = [one for one in (*self._news, *sentences) if one not in self.said]
        self.said.update(fresh)
        return fresh


def _filled(network: str, layers: list[str]) -> list[str]:
    if not layers:
        return []
    makes = "makes its weight" if len(layers) == 1 else "make their weights"
    what = f"layer{'s' * (len(layers) > 1)} {', '.join(layers)}"
    return [
        f"{network}: {what} {makes} anew in the forward, and zeros of the mask may not be zeros of "
        "the result, which costs as if it were dense"
    ]


def _is_compiled(module: nn.Module) -> bool:
    """Whether a watch would make a network compile anew, or cannot see what it does."""
    return any(
        isinstance(one, torch.jit.ScriptModule)
        or "_orig_mod" in one._modules
        or getattr(one, "_compiled_call_impl", None) is not None
        for one in module.modules()
    )
