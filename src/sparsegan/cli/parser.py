"""The parser of a command that takes no settings of a run."""

import argparse
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from sparsegan.errors import SparseganError

OWNERS = {
    **dict.fromkeys(("--grid", "--folder", "--walk", "--over_time", "--nearest"), "sample"),
    "--to": "export",
    **dict.fromkeys(("--workers", "--on", "--slurm", "--cell"), "study"),
    **dict.fromkeys(("--dry_run", "--print_config", "--recipe", "--config", "--scale"), "train"),
    **dict.fromkeys(("--quality", "--match", "--match_to", "--from"), "train"),
}
"""Options of one command that may be tried with another."""


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

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str], namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """As argparse does, but an unknown option is named before one that is missing."""
        self._require_known(args)
        return super().parse_args(args, namespace)

    def parse_intermixed_args(  # type: ignore[override]
        self, args: Sequence[str], namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """Likewise, with options among the arguments that have none."""
        self._require_known(args)
        return super().parse_intermixed_args(args, namespace)

    def _require_known(self, args: Sequence[str]) -> None:
        known = [flag for action in self._actions for flag in action.option_strings]
        for text in itertools.takewhile(lambda text: text != "--", args):
            name = text.partition("=")[0]
            if name.startswith("--") and name not in known:
                raise SparseganError(unknown_option(name, known, self.prog.split()[-1]))

    def error(self, message: str) -> NoReturn:
        """Raise the complaint as a SparseganError of one sentence."""
        if message.startswith("unrecognized arguments: "):
            rest = message.partition(": ")[2]
            raise SparseganError(f"{rest} belongs to no option (see `{self.prog} --help`)")
        raise SparseganError(f"{message} (see `{self.prog} --help`)")


def unknown_option(name: str, known: Sequence[str], command: str) -> str:
    """A sentence on an option that a command does not have: another one's, or misspelt.

    Args:
        name: With its dashes.
        known: Options of the command.
        command: Its name.
    """
    from sparsegan.settings.names import nearest, unknown
    from sparsegan.settings.options import is_setting

    if owner := OWNERS.get(name):
        return f"{name} is an option of `sparsegan {owner}`"
    if not is_setting(name.removeprefix("--")) or nearest(name, known):
        return unknown("option", name, known)
    begin = f": `sparsegan train --from RUN {name} ...` begins a new run with RUN's weights"
    return f"{name} is an option of `sparsegan train`{begin if command == 'resume' else ''}"


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
