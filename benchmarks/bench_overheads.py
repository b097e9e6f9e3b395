"""What sparse training adds to a run: rewiring, measuring the balance ratio, deciding.

ADAPT at its published intervals on SNGAN: both masks rewired every 500 generator steps, the balance
ratio measured every 10, D's density decided on every 2000. A rewiring's cost includes the new plans
of the kernels and the dense weight gradients of the step before it. Shares are of the time of plain
iterations of the same networks. What happens inside the method's call after a step is timed by
itself; what a rewiring adds to the steps around it is a small difference of large numbers, and on a
busy machine a noisy one.

    python benchmarks/bench_overheads.py
"""

import statistics
import time
from collections.abc import Callable

import torch
from torch import nn

from contestants import DISCRIMINATOR_STEPS, pair
from harness import headline, parser, save
from sparsegan.methods import Adapt
from sparsegan.train.losses import adversarial_loss


class Run:
    """An ADAPT run of which each step's seconds can be had."""

    def __init__(self, width: int, batch: int, density: float, now: Callable[[], float]) -> None:
        self.now = now
        self.G, self.D = pair(width)
        self.batch = batch
        self.optimisers = [
            torch.optim.Adam(network.parameters(), 2e-4, betas=(0.0, 0.9))
            for network in (self.G, self.D)
        ]
        self.method = Adapt(
            self.G, self.D, *self.optimisers, steps=100_000, engine="native",
            generator_density=density, ema_decay=None,
        )  # fmt: skip
        self.loss = adversarial_loss("hinge")

    def step(self) -> tuple[float, float]:
        """Seconds of the training steps of an iteration, and of the method's call after them."""
        begin = self.now()
        for _ in range(DISCRIMINATOR_STEPS):
            real = torch.rand(self.batch, 3, 32, 32) * 2 - 1
            with torch.no_grad():
                fake = self.G(torch.randn(self.batch, 128))
            self._descend(self.D, 1, lambda: self.loss.discriminator(self.D(real), self.D(fake)))  # noqa: B023
        z = torch.randn(self.batch, 128)
        kept: list[torch.Tensor] = []

        def loss() -> torch.Tensor:
            kept.append(self.D(self.G(z)))
            return self.loss.generator(kept[0])

        self._descend(self.G, 0, loss)
        trained = self.now()
        self.method.after_generator_step(kept[0].detach(), z=z, real=real)
        return trained - begin, self.now() - trained

    def before(self, step: int) -> None:
        """Makes the next step the one of this number."""
        self.method.step = step - 1

    def _descend(self, network: nn.Module, which: int, loss: Callable[[], torch.Tensor]) -> None:
        self.optimisers[which].zero_grad(set_to_none=True)
        other = self.D if network is self.G else self.G
        for parameter in other.parameters():
            parameter.requires_grad_(False)
        loss().backward()
        for parameter in other.parameters():
            parameter.requires_grad_(True)
        self.optimisers[which].step()


def main() -> None:
    """Prints the shares and writes them as JSON."""
    options = parser(__doc__, rounds=3)
    options.add_argument("--width", type=int, default=256)
    options.add_argument("--batch", type=int, default=64)
    options.add_argument("--sparsity", type=float, default=0.9)
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    print(headline())
    now = time.process_time if arguments.cpu_time else time.perf_counter
    run = Run(arguments.width, arguments.batch, 1 - arguments.sparsity, now)
    settings = run.method.settings
    run.before(1), run.step()
    times: dict[str, list[float]] = {"plain": [], "balance": [], "rewiring": []}
    for turn in range(arguments.rounds):
        first = 10_000 + settings.interval * (turn + 1)
        run.before(first + 1)
        trained, after = run.step()
        times["plain"].append(trained + after)
        run.before(first + settings.balance_every)
        times["balance"].append(run.step()[1] - after)
        # A rewiring falls on a step that measures too; the step after it builds the plans.
        run.before(first + settings.interval)
        steps = [run.step(), run.step()]
        of_method = steps[0][1] - times["balance"][-1]
        around = sum(seconds for seconds, _ in steps) - 2 * trained
        times["rewiring"].append(of_method + max(0.0, around))
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    plain, balance, rewiring = (medians[name] for name in times)
    shares = {
        "balance": balance / plain / settings.balance_every,
        "rewiring and control": rewiring / plain / settings.interval,
    }
    print(f"SNGAN, width {arguments.width}, batch {arguments.batch}, {arguments.sparsity:.0%}")
    print(f"  plain iteration          {plain:8.3f} s")
    print(f"  one balance measurement  {balance:8.3f} s  every {settings.balance_every} steps")
    print(f"  one rewiring of both     {rewiring:8.3f} s  every {settings.interval} steps")
    for name, share in {**shares, "together": sum(shares.values())}.items():
        print(f"  {name:24}{share:9.3%} of a run")
    save(__file__, arguments, {"seconds": medians, "shares": shares, "times": times})


if __name__ == "__main__":
    main()
