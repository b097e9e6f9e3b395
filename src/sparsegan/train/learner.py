"""A network and its optimiser: one step of training out of one batch, whole or in parts."""

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn, optim

from sparsegan.errors import SparseganError
from sparsegan.methods import Requests
from sparsegan.settings.config import Config
from sparsegan.train.launch import reduced
from sparsegan.train.learning_rate import learning_rate

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class DivergedError(SparseganError):
    """Losses or gradients are not finite: the run cannot go on with these settings and seed."""


class Learner:
    """Steps a network on the mean loss of its micro-batches.

    Args:
        name: `generator` or `discriminator`.
        network: The plain module.
        optimiser: Its optimiser.
        config: Resolved settings.
        fabric: Launched.
        requests: Says what the method asks for in the step at hand.

    Attributes:
        wrapped: The module to call in `loss_of`: it averages gradients over processes.
    """

    def __init__(
        self,
        name: str,
        network: nn.Module,
        optimiser: optim.Optimizer,
        config: Config,
        fabric: "Fabric",
        requests: Callable[[], Requests] = Requests,
    ) -> None:
        self.name, self.network, self.optimiser = name, network, optimiser
        self.config, self.fabric, self._requests = config, fabric, requests
        self.wrapped, _ = fabric.setup(network, optimiser)

    def step(self, number: int, loss_of: Callable[[int], Tensor]) -> Tensor:
        """One step of the optimiser on a loss of this network's; see `step_together`."""
        return step_together([self], number, loss_of)

    def take(self, number: int) -> None:
        """Have the optimiser step on the gradients at hand, which are not scaled."""
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.config, self.name, number, self._requests())
        self.optimiser.step()

    def gradient_norm(self) -> float:
        """Euclidean norm of the gradients at hand."""
        held = (p for group in self.optimiser.param_groups for p in group["params"])
        gradients = [parameter.grad for parameter in held if parameter.grad is not None]
        return float(torch.nn.utils.get_total_norm(gradients))


def step_together(
    learners: Sequence[Learner], number: int, loss_of: Callable[[int], Tensor]
) -> Tensor:
    """One step of every optimiser on the mean loss of all micro-batches, which is returned.

    Args:
        learners: Of one run, whose networks the loss depends on.
        number: The generator step (from 1) that this is a part of.
        loss_of: The mean loss of a micro-batch, of `config.accumulate` equal ones (from 0).
            May be asked again, where 16-bit gradients overflow.

    Raises:
        DivergedError: Loss or gradient is not finite; nothing has been updated.
    """
    fabric = learners[0].fabric
    scaler = getattr(fabric.strategy.precision, "scaler", None)
    while True:
        loss = _accumulate(learners, loss_of)
        for learner in learners:
            fabric.strategy.precision.unscale_gradients(learner.optimiser)
        value, norms = float(loss), [learner.gradient_norm() for learner in learners]
        if math.isfinite(value + sum(norms)):
            break
        # The gradient is the same on every rank, a rank's own loss is not.
        if math.isfinite(sum(norms)) or not _may_try_again(fabric, scaler, value):
            odd = next((i for i, norm in enumerate(norms) if not math.isfinite(norm)), 0)
            name = learners[odd].name
            raise DivergedError(
                f"the {name} diverged at step {number}: its loss is {value:.3g} and the "
                f"norm of its gradient {norms[odd]:.3g}; lower optimiser.{name}.lr, or choose "
                "another loss or seed"
            )
    for learner in learners:
        learner.take(number)
    if scaler is not None:  # only now: it forgets whose gradients it has unscaled
        scaler.update()
    return loss


def _accumulate(learners: Sequence[Learner], loss_of: Callable[[int], Tensor]) -> Tensor:
    config, fabric = learners[0].config, learners[0].fabric
    for learner in learners:
        learner.optimiser.zero_grad()
    parts, total = config.accumulate, torch.zeros((), device=fabric.device)
    for part in range(parts):
        with ExitStack() as stack:
            for learner in learners:
                stack.enter_context(
                    fabric.no_backward_sync(learner.wrapped, enabled=part < parts - 1)
                )
            loss = loss_of(part) / parts
            fabric.backward(loss)
        total = total + loss.detach()
    return total


def _may_try_again(fabric: "Fabric", scaler: torch.amp.GradScaler | None, value: float) -> bool:
    """Whether only the scaled gradient is not finite; if so, its scale is smaller afterwards."""
    if scaler is None or reduced(fabric, float(not math.isfinite(value)), "max"):
        return False
    before = scaler.get_scale()
    scaler.update()
    return bool(1 <= scaler.get_scale() < before)
