"""Dense training: no weight is masked; the balance ratio is measured all the same."""

from dataclasses import dataclass

from sparsegan.methods.base import Method
from sparsegan.methods.settings import Settings


@dataclass(frozen=True, kw_only=True)
class DenseSettings(Settings):
    """Settings of dense training: those of every method."""


class Dense(Method):
    """The dense baseline, in the same loop and with the same measurements as the sparse methods."""

    Settings = DenseSettings
