"""A network and its optimiser: one step of training out of one batch, whole or in parts."""

import math
from collections.abc import Callable

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn, optim

from sparsegan.errors import SparseganError
from sparsegan.train.config import Config
from sparsegan.train.launch import reduced
from sparsegan.train.learning_rate import learning_rate


class Learner:
    """Steps a network on the mean loss of its micro-batches.

    Args:
        name: `generator` or `discriminator`.
        network: The plain module.
        optimiser: Its optimiser.
        config: Resolved settings.
        fabric: Launched.

    Attributes:
        wrapped: The module to call in `loss_of`: it averages gradients over processes.
    """

    def __init__(
        self,
        name: str,
        network: nn.Module,
        optimiser: optim.Optimizer,
        config: Config,
        fabric: Fabric,
    ) -> None:
        self.name, self.network, self.optimiser = name, network, optimiser
        self.config, self.fabric = config, fabric
        self.wrapped, self._stepper = fabric.setup(network, optimiser)

    def step(self, number: int, loss_of: Callable[[int], Tensor]) -> Tensor:
        """One step of the optimiser on the mean loss of all micro-batches, which is returned.

        Args:
            number: The generator step (from 1) that this is a part of.
            loss_of: The mean loss of a micro-batch, of `config.accumulate` equal ones (from 0).
                May be asked again, where 16-bit gradients overflow.

        Raises:
            SparseganError: Loss or gradient is not finite; nothing has been updated.
        """
        while True:
            loss = self._accumulate(loss_of)
            self.fabric.strategy.precision.unscale_gradients(self.optimiser)
            value, norm = float(loss), self.gradient_norm()
            if math.isfinite(value + norm):
                break
            # The gradient is the same on every rank, a rank's own loss is not.
            if math.isfinite(norm) or not self._lower_loss_scale(value):
                raise SparseganError(
                    f"the {self.name} diverged at step {number}: its loss is {value:.3g} and the "
                    f"norm of its gradient {norm:.3g}; lower optimiser.{self.name}.lr, or choose "
                    "another loss or seed"
                )
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.config, self.name, number)
        self._stepper.step()
        return loss

    def gradient_norm(self) -> float:
        """Euclidean norm of the gradients at hand."""
        gradients = [p.grad for p in self.network.parameters() if p.grad is not None]
        return float(torch.nn.utils.get_total_norm(gradients))

    def _accumulate(self, loss_of: Callable[[int], Tensor]) -> Tensor:
        self.optimiser.zero_grad()
        parts, total = self.config.accumulate, torch.zeros((), device=self.fabric.device)
        for part in range(parts):
            with self.fabric.no_backward_sync(self.wrapped, enabled=part < parts - 1):
                loss = loss_of(part) / parts
                self.fabric.backward(loss)
            total = total + loss.detach()
        return total

    def _lower_loss_scale(self, value: float) -> bool:
        """Whether to try again, with a smaller scale: the loss is finite, its gradient is not."""
        scaler = getattr(self.fabric.strategy.precision, "scaler", None)
        if scaler is None or reduced(self.fabric, float(not math.isfinite(value)), "max"):
            return False
        before = scaler.get_scale()
        scaler.update()
        return bool(1 <= scaler.get_scale() < before)
