"""What is done where inactive weights of a network are found not to be zero."""

from collections.abc import Mapping

from sparsegan.errors import SparseganError
from sparsegan.sparsity import SparseNetwork

REPEATED = 3
"""Steps after which weights that are written again and again are the loop's habit, not an event."""


class Watchman:
    """Looks at both networks once for every step of the generator.

    Weights that something wrote after an optimiser's step are set to zero again, which loses
    nothing that training has made, and told of. Where that happens at several steps, part of the
    loop works against the masks, such as an optimiser around the optimiser, and it is refused: its
    network would be trained dense under a sparse network's name.

    Args:
        networks: Both, by name.

    Attributes:
        breaches: How often it has happened to each.
    """

    def __init__(self, networks: Mapping[str, SparseNetwork]) -> None:
        self._networks = networks
        self.breaches = dict.fromkeys(networks, 0)

    def look(self, step: int) -> list[str]:
        """Look at all weights, put right what is not zero, and say so.

        Args:
            step: Generator steps completed.

        Returns:
            Sentences worth showing.

        Raises:
            SparseganError: It has happened too often, or a network is not the one that was masked.
        """
        sentences = []
        for name, network in self._networks.items():
            network.promise.require_same_structure()
            for breach in network.promise.look(step):
                self.breaches[name] += 1
                said = f"{breach} of the {name} were not zero at step {breach.step}"
                if self.breaches[name] >= REPEATED:
                    raise SparseganError(
                        f"{said}, for the {_ordinal(self.breaches[name])} time: something writes "
                        "weights after the optimiser's own step, such as an optimiser wrapped "
                        "around it, an average or a projection, so that the network is not "
                        "sparse; leave that out, or have it work on active weights only"
                    )
                network.masks.apply_()
                sentences.append(
                    f"{said} and were set to zero again: something has written weights since its "
                    "optimiser's last step, and masks keep only what the optimiser trains"
                )
        return sentences


def _ordinal(number: int) -> str:
    return {3: "third"}.get(number, f"{number}th")
