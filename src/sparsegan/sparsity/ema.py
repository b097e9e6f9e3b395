"""Exponential moving averages of weights whose mask moves, in both published forms."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from sparsegan.errors import SparseganError
from sparsegan.modules import unwrap
from sparsegan.sparsity.masks import Masks

Form = Literal["masked", "reseeded"]
Buffers = Literal["live", "average"]


def check_decay(decay: float) -> None:
    """Refuse a decay outside [0, 1)."""
    if not 0 <= decay < 1:
        raise SparseganError(f"EMA decay is {decay}: it must lie in [0, 1)")


class SparseEMA:
    """The moving average of a network's weights, zero wherever the mask is.

    With mask m, weights w, average a and decay b:

    * ``masked`` (ADAPT): ``a <- m * (b * a + (1 - b) * w)``.
    * ``reseeded`` (STU-GAN's SEMA): the same, but an active entry whose average is exactly 0
      starts at w instead of at ``(1 - b) * w``.

    Parameters that are not masked have a plain average. Sources: methods.md, A5.9 and B4.

    Averages of weights in 16 bits are kept in float32, since most updates of ``(1 - b) * w`` are
    less than half a step of such an average, and are rounded where they are swapped in.

    Args:
        module: The network, wrapped or not.
        masks: Its masks.
        decay: b, in [0, 1).
        form: See above.
        start: Until this step the average is the weights themselves.
        buffers: ``live`` leaves buffers alone; ``average`` averages floating ones and copies
            the others (published STU-GAN, batch-norm statistics included).
    """

    def __init__(
        self,
        module: nn.Module,
        masks: Masks,
        decay: float,
        *,
        form: Form = "masked",
        start: int = 0,
        buffers: Buffers = "live",
    ) -> None:
        check_decay(decay)
        if form not in get_args(Form):
            raise SparseganError(f"EMA form is {form!r}: choose one of {', '.join(get_args(Form))}")
        if buffers not in get_args(Buffers):
            raise SparseganError(
                f"EMA buffers is {buffers!r}: choose one of {', '.join(get_args(Buffers))}"
            )
        self.network = unwrap(module)
        self.masks = masks
        self.decay = decay
        self.form = form
        self.start = start
        self.buffers = buffers
        self.averages = {
            name: tensor.detach().to(_precise(tensor), copy=True)
            for name, tensor in self._live().items()
        }

    def _live(self) -> dict[str, Tensor]:
        live: dict[str, Tensor] = dict(self.network.named_parameters())
        if self.buffers == "average":
            live.update(self.network.named_buffers())
        return live

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after ``step`` steps, under the mask that they have now."""
        live = self._live()
        masked = {id(layer.parameter): layer.name for layer in self.masks.layers}
        of_layer: dict[str, Tensor] = {}
        for name, weight in live.items():
            average = self.averages[name] = self.averages[name].to(weight.device)
            layer = masked.get(id(weight))
            if layer is not None:
                of_layer[layer] = average
            if step < self.start or not average.is_floating_point():
                average.copy_(weight)
                continue
            fresh = None
            if self.form == "reseeded" and layer is not None:
                fresh = (average == 0) & self.masks[layer]
            average.mul_(self.decay).add_(weight, alpha=1 - self.decay)
            if fresh is not None:
                average.copy_(torch.where(fresh, weight, average))
        self.masks.clear_([of_layer.get(layer.name) for layer in self.masks.layers])

    @contextmanager
    def swapped(self) -> Iterator[nn.Module]:
        """Put the averages into the network, and its own weights back afterwards, bit for bit."""
        live = self._live()
        kept = {name: tensor.detach().clone() for name, tensor in live.items()}
        try:
            self._write(live, self.averages)
            yield self.network
        finally:
            self._write(live, kept)

    @staticmethod
    @torch.no_grad()
    def _write(live: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> None:
        for name, tensor in live.items():
            tensor.copy_(values[name])

    def restart(self, saved: Mapping[str, Tensor] | None) -> None:
        """Begin with other averages, under the mask of now.

        Args:
            saved: By name; what is not among them, or of another shape, begins at the weights.
        """
        live, saved = self._live(), saved or {}
        masked = {id(layer.parameter): self.masks[layer.name] for layer in self.masks.layers}
        for name, weight in live.items():
            old = saved.get(name)
            source = weight if old is None or old.shape != weight.shape else old
            average = source.detach().to(weight.device, _precise(weight), copy=True)
            if (mask := masked.get(id(weight))) is not None:
                average.masked_fill_(~mask, 0)
            self.averages[name] = average

    def adopt(self) -> None:
        """Make the averages the network's own weights."""
        self._write(self._live(), self.averages)

    def state_dict(self) -> dict[str, Any]:
        """The averages by parameter name."""
        return {"averages": dict(self.averages)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over saved averages.

        Raises:
            SparseganError: If they are of another network.
        """
        saved: Mapping[str, Tensor] = state["averages"]
        if saved.keys() != self.averages.keys() or any(
            saved[name].shape != tensor.shape for name, tensor in self.averages.items()
        ):
            raise SparseganError(
                "the saved averages are of another network: names or shapes differ"
            )
        self.averages = {
            name: saved[name].to(tensor.device, tensor.dtype, copy=True)
            for name, tensor in self.averages.items()
        }


def _precise(tensor: Tensor) -> torch.dtype:
    """The type to average a tensor in."""
    coarse = tensor.is_floating_point() and tensor.dtype.itemsize < torch.float32.itemsize
    return torch.float32 if coarse else tensor.dtype
