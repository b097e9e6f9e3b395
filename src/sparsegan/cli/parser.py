"""The parser of a command that takes no settings of a run."""

import argparse
from pathlib import Path
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


CHECKPOINT = "best|STEP|PATH"
"""What names a checkpoint of a run."""


def add_run_options(
    parser: argparse.ArgumentParser,
    run: str = "the run directory",
    *,
    bn: str = "as the run did",
    weights: str = "as the run did",
) -> None:
    """Options of what draws from a run: which state of it, and how."""
    parser.add_argument("run", type=Path, metavar="RUN", help=run)
    parser.add_argument(
        "--checkpoint", metavar=CHECKPOINT, help="not the newest checkpoint but this one"
    )
    parser.add_argument(
        "--bn",
        choices=("standing", "stored", "batch"),
        help="normalise by statistics estimated anew, by those that training has stored, or by "
        f"each batch's own (default: {bn})",
    )
    parser.add_argument(
        "--weights",
        choices=("ema", "live"),
        help=f"the average of the weights, or the weights of the last step (default: {weights})",
    )
    add_trust(parser)


def positive(text: str) -> int:
    """An option's whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of at least 1")
    return int(text)
