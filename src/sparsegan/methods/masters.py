"""Every masked weight has one master: one network, one optimiser, and training itself."""

from collections.abc import Mapping, Sequence

from torch import optim

from sparsegan.errors import SparseganError
from sparsegan.sparsity.maskable import MaskableLayer

Layers = Mapping[str, Sequence[MaskableLayer]]
NETWORKS = ("generator", "discriminator")


def require_one_master(layers: Layers, optimisers: Mapping[str, optim.Optimizer]) -> None:
    """Refuse masked weights that both networks have or that the other's optimiser holds too.

    Two masks, or one mask and an optimiser that knows nothing of it, would fight over them.

    Args:
        layers: The masked layers of generator and discriminator.
        optimisers: PyTorch's own, by the same names.

    Raises:
        SparseganError: Naming the first such weight.
    """
    owners = {id(layer.parameter): layer.name for layer in layers["generator"]}
    for layer in layers["discriminator"]:
        if id(layer.parameter) in owners:
            name = owners[id(layer.parameter)]
            as_other = "" if name == layer.name else f" ({layer.name} in the discriminator)"
            raise SparseganError(
                f"generator and discriminator share the weight of {name}{as_other}: leave it out "
                "of both with include=, or give each network a layer of its own"
            )
    for network, other in (NETWORKS, NETWORKS[::-1]):
        held = {id(p) for group in optimisers[network].param_groups for p in group["params"]}
        for layer in layers[other]:
            if id(layer.parameter) in held:
                raise SparseganError(
                    f"the {network}'s optimiser holds the {other}'s weight of {layer.name}: build "
                    f"each optimiser from the parameters of its own network"
                )


def require_trainable(name: str, layers: Sequence[MaskableLayer], density: float) -> list[str]:
    """Refuse to mask single layers that are frozen: nothing would train what masks leave of them.

    A network that is frozen as a whole is another matter: loops freeze one network while they train
    the other, and may stand anywhere in that.

    Args:
        name: Of the network.
        layers: Its masked layers.
        density: Of its masks.

    Returns:
        Sentences worth showing: one where the whole network is frozen.

    Raises:
        SparseganError: Naming the frozen layers and how many of their weights are not zero.
    """
    frozen = [layer for layer in layers if not layer.parameter.requires_grad]
    if not frozen or density == 1:
        return []
    if len(frozen) == len(layers):
        return [
            f"all masked layers of the {name} are frozen (requires_grad is False) as the method is "
            "attached: they are masked all the same, as of a network that is frozen in turns"
        ]
    weights = sum(int((layer.parameter != 0).sum()) for layer in frozen)
    names = ", ".join(layer.name for layer in frozen[:3])
    more = f" and {len(frozen) - 3} more" if len(frozen) > 3 else ""
    raise SparseganError(
        f"layers of the {name} are frozen ({names}{more}: requires_grad is False), and masks would "
        f"set most of their {weights:,} weights to zero with nothing to train the rest: leave them "
        "out with include=, or unfreeze them before the method is attached"
    )
