"""Dense training: no weight is masked; the balance ratio is measured all the same."""

from dataclasses import dataclass

from sparsegan.methods.keywords.dense import DenseKeywords
from sparsegan.methods.settings import Settings


@dataclass(frozen=True, kw_only=True)
class DenseSettings(Settings):
    """Settings of dense training: those of every method."""


class Dense(DenseKeywords):
    """The dense baseline, in the same loop and with the same measurements as the sparse methods."""

    Settings = DenseSettings
