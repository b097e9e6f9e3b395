"""Which parameter a tensor was made of, for weights that are used outside of their layer's call."""

from collections.abc import Iterable

import torch
from torch import Tensor


class Origins:
    """Follows parameters through views, scalings and copies.

    Modulated or normalised weights (`weight * style`) have the origin of the weight: what is zero
    in it stays zero. A tensor that something of its own size went into has none.

    Args:
        parameters: To be followed.
    """

    def __init__(self, parameters: Iterable[Tensor]) -> None:
        # Tensors are held so that no other gets their id; there are as many as the weights have.
        self._known: dict[int, tuple[Tensor, Tensor]] = {id(p): (p, p) for p in parameters}

    def of(self, tensor: Tensor) -> Tensor | None:
        """The parameter that a tensor was made of, if it was made of one."""
        return self._known.get(id(tensor), (tensor, None))[1]

    def follow(self, inputs: Iterable[Tensor], made: Iterable[Tensor]) -> None:
        """Note what an operator has made of its inputs."""
        tensors = list(inputs)
        sources = [t for t in tensors if self.of(t) is not None]
        if len({id(self.of(t)) for t in sources}) != 1:
            return
        source = max(sources, key=Tensor.numel)
        origin = self.of(source)
        assert origin is not None
        scaled = all(t.numel() < source.numel() for t in tensors if self.of(t) is None)
        for tensor in made:
            copies = bool(tensor.numel()) and tensor.numel() % origin.numel() == 0
            if same_memory(tensor, source) or (scaled and copies):
                self._known[id(tensor)] = (tensor, origin)


def same_memory(one: Tensor, other: Tensor) -> bool:
    """Whether a tensor is a view of the other, or both of a third."""
    if one.layout is not torch.strided:  # sparse tensors have no storage
        return False
    # By the storage object: tensors of the meta device all have the address 0.
    return bool(one.untyped_storage()._cdata == other.untyped_storage()._cdata)
