"""The command line: parses and prints; everything that is decided is decided elsewhere.

Heavy modules are imported by the commands that need them, so that help comes at once.
"""

import logging
import os
import sys
from collections.abc import Callable, Sequence

from sparsegan.cli.cost import cost
from sparsegan.cli.evaluate import evaluate
from sparsegan.cli.export import export
from sparsegan.cli.recipes import list_recipes
from sparsegan.cli.report import report
from sparsegan.cli.resume import resume
from sparsegan.cli.sample import sample
from sparsegan.cli.study import study
from sparsegan.cli.train import train
from sparsegan.errors import SparseganError, printable, tell
from sparsegan.nearest import did_you_mean


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Without the program's name; None takes them from the command line.

    Returns:
        The exit code: 0, 2 for wrong use or bad input, 3 where another process of the run was lost,
        128 + signal for a stop.
    """
    logging.getLogger("sparsegan").addFilter(_spelt_out)
    try:
        code = _dispatch(list(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
        return code
    except SparseganError as error:
        if not error.reported:
            tell(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        print("sparsegan: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        _drop_output()  # the reader of a pipe has seen enough
        return 0
    except MemoryError as error:
        tell(f"there is not enough memory ({error}): lower data.image_size, batches or widths")
        return 2
    except OSError as error:
        # What the system refuses outside of `files.writing` is no defect of ours either.
        tell(f"{error.filename or 'output'}: {error.strerror or error}")
        if error.filename is None:
            _drop_output()
        return 2


def _drop_output() -> None:
    """Have Python not complain again when it flushes at its end what could not be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _spelt_out(record: logging.LogRecord) -> bool:
    record.msg, record.args = printable(" ".join(record.getMessage().split())), None
    return True


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_overview())
        return 0
    if arguments[0] == "--version":
        import sparsegan

        print(f"sparsegan {sparsegan.__version__}")
        return 0
    if arguments[0] not in _COMMANDS:
        known = f"known: {', '.join(_COMMANDS)}"
        hint = did_you_mean(arguments[0], _COMMANDS, known, cutoff=0.5)
        raise SparseganError(f"unknown command {arguments[0]}: {hint}")
    return _COMMANDS[arguments[0]][0](arguments[1:])


def _overview() -> str:
    commands = "\n".join(f"  {name:<10}{text}" for name, (_, text) in _COMMANDS.items())
    return f"""usage: sparsegan COMMAND ...

Train generative adversarial networks sparse from the first step to the last, in balance.

commands:
{commands}

  sparsegan COMMAND --help   tells more, with examples
  sparsegan --version        the version

a first run:
  sparsegan train                                      (Fashion-MNIST, minutes on a CPU)
  sparsegan sample runs/fashion-mnist-adapt-1 --grid samples.png"""


_COMMANDS: dict[str, tuple[Callable[[list[str]], int], str]] = {
    "train": (train, "train a sparse GAN on images"),
    "resume": (resume, "go on with a run that was stopped"),
    "study": (study, "compare: arms, axes and seeds out of one file"),
    "sample": (sample, "draw images, walks and sheets from a run"),
    "evaluate": (evaluate, "compare a run's images with real ones"),
    "export": (export, "write a run's generator to a file: small, a page that draws, ONNX"),
    "report": (report, "write an HTML page on one run or several, or serve one that grows"),
    "recipes": (list_recipes, "list the published settings, or show one with its sources"),
    "cost": (cost, "count weights and operations of a run, or of one to come"),
}
