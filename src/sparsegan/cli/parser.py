"""The parser of a command that takes no settings of a run."""

import argparse
from typing import NoReturn

from sparsegan.errors import SparseganError


def add_trust(parser: "argparse._ActionsContainer") -> None:
    """The flag of every command that reads a file which may name code."""
    parser.add_argument(
        "--trust_code",
        action="store_true",
        help="run the code that config.yaml names: what was run here before is trusted without it, "
        "as long as its files are unchanged",
    )


class Parser(argparse.ArgumentParser):
    """A parser of one command whose complaints are SparseganErrors."""

    def __init__(self, command: str, description: str, examples: str = "") -> None:
        super().__init__(
            prog=f"sparsegan {command}",
            description=description,
            epilog=examples,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """Raise the complaint as a SparseganError of one sentence."""
        if message.startswith("unrecognized arguments: "):
            from sparsegan.settings.names import unknown

            flags = [flag for action in self._actions for flag in action.option_strings]
            raise SparseganError(unknown("option", message.split()[2].split("=")[0], flags))
        raise SparseganError(f"{message} (see `{self.prog} --help`)")
