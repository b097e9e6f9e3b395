"""What a step says that begins a training anew."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rewinding:
    """Both networks begin a training anew; their masks stay.

    Attributes:
        to: The generator step whose weights, buffers and optimiser state are there again; 0 is the
            start. None where they are those of now.
        weights: ``rewound``, ``inherited`` (of now) or ``drawn``.
    """

    to: int | None
    weights: str

    def __str__(self) -> str:
        if self.to is None:
            return f"a training begins anew with the {self.weights} weights"
        where = f"of step {self.to}" if self.to else "of the start"
        return f"a training begins anew with the weights {where}" + (
            ", shuffled" if self.weights == "drawn" else ""
        )
