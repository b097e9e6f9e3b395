"""What others do to a network that is kept sparse: noticed, and refused or put right."""

import logging
from collections.abc import Mapping
from typing import Any
from weakref import WeakSet

import torch
from torch import nn, optim

from sparsegan.errors import SparseganError
from sparsegan.hooks import Hook, before_all
from sparsegan.modules import unwrap
from sparsegan.sparsity.masks import Masks

log = logging.getLogger("sparsegan")

_WATCHED: WeakSet[nn.Module] = WeakSet()


def require_free(module: nn.Module) -> None:
    """Refuse a network that is kept sparse already: two masks would fight over its weights.

    Raises:
        SparseganError: It is.
    """
    if unwrap(module) in _WATCHED:
        raise SparseganError(
            f"this {type(unwrap(module)).__name__} is kept sparse already: call detach() of the "
            "method (or SparseNetwork) that does it, or make the network and its optimiser anew"
        )


class Watch:
    """Hooks on a network that is kept sparse.

    Weights that are loaded into it while it is watched are masked before it runs again, and not
    at once: masks that belong to them may be loaded after them.

    Args:
        module: The network, wrapped or not.
        optimizer: Its optimiser.
        masks: Its masks.

    Attributes:
        ever_loaded: Whether weights were loaded since it is watched.

    Raises:
        SparseganError: The network is watched already.
    """

    def __init__(self, module: nn.Module, optimizer: optim.Optimizer, masks: Masks) -> None:
        require_free(module)
        self.network, self.optimizer, self.masks = unwrap(module), optimizer, masks
        self._weights = [layer.parameter for layer in masks.layers]
        self._loaded = self._cleared = False
        self.ever_loaded = False
        _WATCHED.add(self.network)
        loaded = Hook(self._note_load)
        self._handles = [
            before_all(self.network, Hook(self._before_forward)),
            *(
                layer.module.register_load_state_dict_post_hook(loaded)  # type: ignore[no-untyped-call]
                for layer in masks.layers
            ),
        ]

    def detach(self) -> None:
        """Take the hooks off; the network may be masked by another."""
        for handle in self._handles:
            handle.remove()
        _WATCHED.discard(self.network)

    def require_same_layers(self) -> None:
        """Refuse to go on where a masked layer, or its weight, is not the one that was masked.

        Raises:
            SparseganError: Naming the layer.
        """
        for number, layer in enumerate(self.masks.layers):
            if layer.module is not self.network and layer.module is not _at(
                self.network, layer.name
            ):
                raise SparseganError(
                    f"the layer {layer.name} is not the one that was masked: replace layers before "
                    "a method is attached, or detach() it and attach it anew"
                )
            if layer.parameter is not self._weights[number]:
                self._require_held(layer.name, layer.parameter)
                self._weights[number] = layer.parameter

    def _require_held(self, name: str, weight: nn.Parameter) -> None:
        held = (p for group in self.optimizer.param_groups for p in group["params"])
        if not any(weight is parameter for parameter in held):
            raise SparseganError(
                f"the weight of {name} is not the one that was masked, and the optimiser does not "
                "hold it: load weights without assign=True, or make the optimiser afterwards"
            )

    # ---- loading

    def require_whole(self, saved: Mapping[str, Any]) -> None:
        """Refuse masks that come too late: weights that they keep have been cleared.

        Args:
            saved: State of the masks to come.

        Raises:
            SparseganError: Weights were loaded and then masked by other masks.
        """
        now = self.masks.state_dict()["active"]
        if self._cleared and not torch.equal(saved.get("active", now).cpu(), now):
            raise SparseganError(
                "the network has run since its weights were loaded, under other masks than those "
                "to be loaded now, and has lost weights: load the weights again, then this state, "
                "and only then run it"
            )

    def after_step(self) -> None:
        """All inactive weights are zero now, and what was loaded has been trained on."""
        self._loaded = self._cleared = False

    def _note_load(self, *_: Any) -> None:
        self._loaded, self._cleared, self.ever_loaded = True, False, True

    def _before_forward(self, *_: Any) -> None:
        if self._loaded:
            self._loaded = False
            cleared = int(self.masks.nonzero_inactive().sum())
            self.masks.apply_()
            self._cleared = bool(cleared)
            if cleared:
                log.warning(
                    "%s: %s of the weights that were loaded are inactive under the masks at hand "
                    "and were set to zero; to go on from a sparse run, load the state of its "
                    "method after the weights",
                    type(self.network).__name__,
                    f"{cleared:,}",
                )


def _at(network: nn.Module, name: str) -> nn.Module | None:
    node: Any = network
    for part in name.split("."):
        node = node._modules.get(part) if isinstance(node, nn.Module) else None
    return node if isinstance(node, nn.Module) else None
