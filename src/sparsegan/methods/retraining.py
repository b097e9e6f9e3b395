"""Going back to earlier weights: what methods share that train more than once."""

import functools
from collections.abc import Iterable, Mapping
from typing import Any

from sparsegan.hooks import Hook
from sparsegan.methods.pruning import Pruning
from sparsegan.modules import unwrap
from sparsegan.sparsity import SparseNetwork
from sparsegan.sparsity.snapshot import Snapshot


class Retraining(Pruning):
    """A method that keeps networks and optimisers of certain steps, to begin anew with.

    The start is what networks are before their optimisers' first steps: weights are taken then,
    whatever was done to them after the method was built; buffers when it is built or when weights
    are loaded, since the very first forward changes them.
    """

    def prepare(self) -> None:
        """Keep the start, where it is gone back to."""
        self.snapshots: dict[int, dict[str, Snapshot]] = {}
        self._handles = []
        if 0 in self.kept_steps():
            self.keep(0)
            for name, network in self.networks.items():
                before = functools.partial(self._before_first_step, name, network)
                network.before_step = before
                loaded = Hook(functools.partial(self._after_loading, name, network))
                module = unwrap(network.module)
                self._handles.append(
                    module.register_load_state_dict_post_hook(loaded)  # type: ignore[no-untyped-call]
                )

    def kept_steps(self) -> Iterable[int]:
        """The steps that are gone back to; 0 is the start."""
        return ()

    def keep(self, step: int) -> None:
        """Keep both networks and optimisers as they are."""
        self.snapshots[step] = {name: network.snapshot() for name, network in self.networks.items()}

    def rewind(self, to: Mapping[str, Snapshot]) -> None:
        """Put both networks and optimisers back under the masks of now."""
        for name, network in self.networks.items():
            network.rewind(to[name])

    def begin_anew(self) -> None:
        """Forget what was measured and averaged in the training before."""
        self.balance.clear()
        if self.ema is not None:
            self.ema.restart(None)

    def detach(self) -> None:
        """Take all hooks off."""
        super().detach()
        for handle in self._handles:
            handle.remove()

    def state_dict(self) -> dict[str, Any]:
        """As the base class's, with the networks to go back to."""
        kept = {
            str(step): {name: snapshot.state_dict() for name, snapshot in networks.items()}
            for step, networks in self.snapshots.items()
        }
        return {**super().state_dict(), "snapshots": kept}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a saved state."""
        super().load_state_dict(state)
        self.snapshots = {
            int(step): {
                name: Snapshot.loaded(saved, self.networks[name].module)
                for name, saved in networks.items()
            }
            for step, networks in state["snapshots"].items()
        }

    def _before_first_step(self, name: str, network: SparseNetwork) -> None:
        if network.steps == 0 and 0 in self.snapshots:
            now = network.snapshot()
            before = self.snapshots[0][name]
            self.snapshots[0][name] = Snapshot(now.weights, before.buffers, now.optimiser)

    def _after_loading(self, name: str, network: SparseNetwork, *_: Any) -> None:
        if network.steps == 0 and 0 in self.snapshots:
            self.snapshots[0][name] = network.snapshot()
