"""What there is to say of a set of images besides the images."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Notes:
    """Remarks on a split, kept with its decoded images.

    Attributes:
        held_out: What is held out and why, in a sentence; empty where the source fixes it.
        warnings: Sentences on what the user may not expect.
        skipped: The files that were passed over since they cannot be read, each with the reason.
    """

    held_out: str = ""
    warnings: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()

    def __add__(self, other: "Notes") -> "Notes":
        return Notes(
            self.held_out or other.held_out,
            self.warnings + other.warnings,
            self.skipped + other.skipped,
        )

    def to_json(self) -> str:
        """As a text to keep in a file."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Notes":
        """What `to_json` wrote."""
        facts = json.loads(text)
        return cls(facts["held_out"], tuple(facts["warnings"]), tuple(facts["skipped"]))


NO_NOTES = Notes()
