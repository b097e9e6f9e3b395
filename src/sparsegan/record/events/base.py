"""What all events share: step and game, the way to JSON, and checks of numbers."""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, ClassVar

from sparsegan.record.fields import LARGEST, key

Fields = dict[str, Any]
"""A line of metrics.jsonl as a JSON object."""

NETWORKS = ("generator", "discriminator")

_LARGEST_COUNT = 1e15  # beyond it a step or a count is no longer exact as a float


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """An event of a kind that is not known: a later version has written it.

    Attributes:
        step: Generator steps completed.
        game: The game that it is of; None where the run has one game, or where it is of the run.
    """

    kind: ClassVar[str] = ""

    step: int
    game: str | None = field(default=None, metadata={"key": "pair"})

    @classmethod
    def is_sound(cls, line: Mapping[str, Any]) -> bool:
        """Whether costs, checkpoints and a resumed run can rely on a line's fields."""
        return True

    def to_json(self) -> Fields:
        """The line as a JSON object, except that numbers may be NaN or infinite."""
        values = asdict(self)
        return {"kind": self.kind} | {
            key(each): values[each.name]
            for each in fields(self)
            if _default(each) is MISSING or values[each.name] != _default(each)
        }


def _default(each: Any) -> Any:
    return each.default if each.default_factory is MISSING else each.default_factory()


def share(active: float | None, total: float | None) -> float | None:
    """Active over total, where both are known."""
    return active / total if active is not None and total else None


def is_count(value: Any) -> bool:
    """Whether a value is a whole number of steps, weights or images."""
    return type(value) is int and 0 <= value < _LARGEST_COUNT


def is_share(active: Any, weights: Any) -> bool:
    """Whether two values are a number of active weights and the number of all."""
    return is_count(active) and is_count(weights) and 0 < weights >= active


def is_number(value: Any) -> bool:
    """Whether a value is a finite number, or null."""
    return value is None or (type(value) in (int, float) and abs(value) < LARGEST)
