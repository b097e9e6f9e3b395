"""Dense training: no weight is masked; the balance ratio is measured all the same."""

from sparsegan.methods.base import Method


class Dense(Method):
    """The dense baseline, in the same loop and with the same measurements as the sparse methods."""

    def densities(self) -> tuple[float, float]:
        """Both networks are dense."""
        return 1.0, 1.0
