"""What was computed from tensors, kept as long as they are the same."""

from typing import Generic, TypeVar

from torch import Tensor

T = TypeVar("T")


class Kept(Generic[T]):
    """A value and the very tensors that it was computed from.

    Holding them keeps their memory from being another tensor's, so that address and version tell
    whether a tensor is still the one that was seen.

    Args:
        value: What was computed.
        sources: What it was computed from.
    """

    def __init__(self, value: T, *sources: Tensor | None) -> None:
        self.value = value
        self._sources = sources
        self._seen = tuple(_identity(source) for source in sources)

    def holds_for(self, *sources: Tensor | None) -> bool:
        """Whether the value follows from these tensors too, without looking at their elements."""
        return self._seen == tuple(_identity(source) for source in sources)


def _identity(source: Tensor | None) -> tuple[object, ...] | None:
    if source is None:
        return None
    # Tensors of inference mode count no versions: whoever changes them in place is not seen.
    version = -1 if source.is_inference() else source._version
    return source.data_ptr(), source.stride(), version
