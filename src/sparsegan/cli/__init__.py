"""The command line: parses and prints; everything that is decided is decided elsewhere.

Heavy modules are imported by the commands that need them, so that help comes at once.
"""

import argparse
import difflib
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sparsegan.cli import cost as cli_cost
from sparsegan.cli import settings as cli_settings
from sparsegan.cli.parser import Parser, add_trust
from sparsegan.errors import SparseganError, printable, tell

CHECKPOINT = "best|STEP|PATH"
"""What names a checkpoint of a run."""

if TYPE_CHECKING:
    from torch import nn

    from sparsegan.record.run import RunDirectory
    from sparsegan.train.trained import Trained


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Without the program's name; None takes them from the command line.

    Returns:
        The exit code: 0, 2 for wrong use or bad input, 3 where another process of the run was lost,
        128 + signal for a stop.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    logging.getLogger("sparsegan").addFilter(_spelt_out)
    try:
        code = _dispatch(given)
        sys.stdout.flush()
        return code
    except SparseganError as error:
        if not error.told:
            tell(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        print("sparsegan: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        _drop_output()  # the reader of a pipe has seen enough
        return 0
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


def _dispatch(given: list[str]) -> int:
    if not given or given[0] in ("-h", "--help"):
        print(_overview())
        return 0
    if given[0] == "--version":
        import sparsegan

        print(f"sparsegan {sparsegan.__version__}")
        return 0
    if given[0] not in _COMMANDS:
        near = difflib.get_close_matches(given[0], _COMMANDS, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(_COMMANDS)}"
        raise SparseganError(f"unknown command {given[0]}: {hint}")
    return _COMMANDS[given[0]][0](given[1:])


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


# ---- train, resume


def _train(given: list[str]) -> int:
    wanted = cli_settings.read(
        given, "train", "Train a sparse GAN and write it, with a report, to a run directory."
    )
    if wanted.options.print_config:
        from sparsegan.settings.parse import to_yaml

        print(to_yaml(wanted.config, wanted.notes), end="")
        return 0
    cli_cost.print_scaled(wanted.scaled, wanted.config)
    if wanted.options.dry_run:
        from sparsegan.plan.plan import plan

        cli_cost.print_cost(plan(wanted.config), to_come=True)
        return 0
    from rich.console import Console

    from sparsegan.train.loop import train

    return _to_the_end(lambda: train(wanted.config, Console(), notes=wanted.notes))


def _resume(given: list[str]) -> int:
    parser = Parser(
        "resume",
        "Go on with a run that was stopped, to the same bits as one that never stopped.",
        "examples:\n"
        "  sparsegan resume runs/fashion-mnist-adapt-1\n"
        "  sparsegan resume runs/fashion-mnist-static-1 --steps 20000\n"
        "                     (a longer run; where its schedules span all of it:\n"
        "                     sparsegan train --from runs/fashion-mnist-adapt-1)",
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="the run directory")
    parser.add_argument(
        "--checkpoint",
        metavar=CHECKPOINT,
        help="go on from this checkpoint, not from the newest; what the run did later is removed",
    )
    parser.add_argument(
        "--steps",
        type=_positive,
        help="make the run longer, or shorter, where its schedules allow it: where all that it has "
        "done so far would have been the same",
    )
    parser.add_argument(
        "--inexact",
        action="store_true",
        help="go on although threads, PyTorch, processor, device or data are not what they were",
    )
    parser.add_argument(
        "--repair",
        action="store_true",
        help="go on with what can be read of a metrics.jsonl that is damaged or lost",
    )
    add_trust(parser)
    chosen = parser.parse_args(given)
    from rich.console import Console

    from sparsegan.record.run import open_run
    from sparsegan.train.loop import resume
    from sparsegan.train.resumption import is_complete

    plain = (chosen.checkpoint, chosen.steps, chosen.repair) == (None, None, False)
    if plain and is_complete(open_run(chosen.run)):
        print(f"{chosen.run} is finished: {chosen.run / 'report.html'}")
        return 0
    return _to_the_end(
        lambda: resume(
            chosen.run,
            Console(),
            checkpoint=chosen.checkpoint,
            steps=chosen.steps,
            inexact=chosen.inexact,
            repair=chosen.repair,
            trust_code=chosen.trust_code,
        )
    )


def _to_the_end(work: "Callable[[], RunDirectory]") -> int:
    """Train, then print what came of it, or how to go on."""
    from rich.console import Console

    from sparsegan.cli.cost_tables import cost_table
    from sparsegan.cli.run_tables import quality_table
    from sparsegan.plan.plan import cost_of_run
    from sparsegan.train.launch import process_rank
    from sparsegan.train.stop import Interrupted

    try:
        run = work()
    except Interrupted as stop:
        # A launched process must not end with an error, or its parent is killed for it.
        if process_rank() > 0:
            return 0
        print(f"{stop}; go on with `sparsegan resume {stop.run}`", file=sys.stderr)
        return 128 + stop.signal
    if process_rank() == 0:
        console = Console(markup=False)
        quality = quality_table(run)
        if quality is not None:
            console.print(quality)
        counted = cost_of_run(run.path, trust_code=True)  # it has just been run
        console.print(cost_table(counted.cost, counted.config.steps))
        console.print(f"report: {run.report}", soft_wrap=True, highlight=False)
    return 0


# ---- sample, evaluate


def _sample(given: list[str]) -> int:
    parser = Parser(
        "sample",
        "Draw images from the generator of a run, or of an exported file, without truncation.",
        "examples:\n"
        "  sparsegan sample runs/fashion-mnist-adapt-1 --grid samples.png --count 64\n"
        "  sparsegan sample runs/fashion-mnist-adapt-1 --folder images --count 10000 --seed 1\n"
        "  sparsegan sample runs/cifar10-adapt-1 --grid cats.png --class cat\n"
        "  sparsegan sample generator.safetensors --grid samples.png\n"
        "  sparsegan sample runs/horses --direction a_to_b --images photos --folder zebras\n\n"
        "Of a run that has learnt classes, every row of a grid shows one, in order and in turns,\n"
        "and a folder has a sub-folder for each. A run of cyclegan translates images: a grid\n"
        "shows each with its translation, a folder has the translations alone.",
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--grid", type=Path, metavar="PNG", help="one picture of all images")
    where.add_argument("--folder", type=Path, help="a new folder with a PNG for each image")
    parser.add_argument(
        "--count",
        type=_positive,
        help="images (default: 64; translations in a folder: as many as there are images)",
    )
    parser.add_argument("--seed", type=int, help="of the noise (default: 0)")
    parser.add_argument(
        "--class",
        dest="only",
        metavar="CLASS",
        help="draw this class alone, by name or by number from 0 (default: every class)",
    )
    parser.add_argument(
        "--direction", choices=("a_to_b", "b_to_a"), help="which way a run of cyclegan translates"
    )
    parser.add_argument(
        "--images",
        type=Path,
        help="folder or archive of images to translate (default: the test images of the run)",
    )
    parser.add_argument(
        "--generator",
        metavar="NAME",
        help="my.module:Class or path/to/file.py:Class, for an exported file of a generator of "
        "your own",
    )
    _add_run_options(
        parser,
        "the run directory, or a file that `export --to packed` has written",
        bn="stored if the run was evaluated so, else estimated anew",
        weights="the average",
    )
    chosen = parser.parse_args(given)
    from sparsegan.draw import drawing

    place, count = chosen.grid or chosen.folder, chosen.count
    with _generator(chosen) as (generator, whose, trained):
        if not generator.latent_dim:
            count = _translate(chosen, generator, trained)
        elif chosen.images is not None:
            raise SparseganError(f"{chosen.run} makes images out of noise: leave out --images")
        else:
            count = count or 64
            save = drawing.save_grid if chosen.grid else drawing.save_folder
            save(generator, place, count, seed=chosen.seed or 0, only=chosen.only)
    of_class = "" if chosen.only is None else f", class {chosen.only}"
    print(f"{count} images of {whose}{of_class}: {place}")
    return 0


def _translate(
    chosen: argparse.Namespace, generator: "nn.Module", trained: "Trained | None"
) -> int:
    """Save translations of the images that are given, or of the run's own; how many."""
    if chosen.seed is not None or chosen.only is not None:
        raise SparseganError(
            f"{chosen.run} makes images out of images: leave out --seed and --class"
        )
    from sparsegan.train.cycle import translation

    if chosen.images is not None:
        sources = translation.sources_in(chosen.images, generator)
    elif trained is not None:
        sources = translation.own_sources(trained.config, chosen.direction)
    else:
        raise SparseganError(f"{chosen.run} translates images: name a folder of them with --images")
    if chosen.grid:
        return translation.save_grid(generator, sources.at_most(chosen.count or 64), chosen.grid)
    return translation.save_folder(generator, sources.at_most(chosen.count), chosen.folder)


@contextmanager
def _generator(
    chosen: argparse.Namespace,
) -> "Iterator[tuple[nn.Module, str, Trained | None]]":
    """The generator to draw from, of a run or of an exported file, and whose it is."""
    if chosen.run.suffix == ".safetensors" or chosen.run.is_file():
        if (chosen.checkpoint, chosen.bn, chosen.weights) != (None, None, None):
            raise SparseganError(
                f"{chosen.run} has averaged weights and one kind of statistics and nothing else: "
                "leave out --checkpoint, --bn and --weights, or name the run directory"
            )
        if chosen.direction is not None:
            raise SparseganError(f"{chosen.run} has one generator: leave out --direction")
        from sparsegan import export

        yield export.load(chosen.run, generator=chosen.generator), str(chosen.run), None
        return
    if chosen.generator is not None:
        raise SparseganError(
            f"{chosen.run} is a run, whose config.yaml names its generator: leave out --generator"
        )
    from sparsegan.draw import sampling
    from sparsegan.train.trained import open_trained

    trained = open_trained(chosen.run, chosen.checkpoint, trust_code=chosen.trust_code)
    method = trained.method_of(chosen.direction)
    bn = chosen.bn or sampling.lasting(trained.config.evaluate.bn, method.settings)
    with sampling.sampled(method, bn=bn, weights=chosen.weights or "ema") as generator:
        yield generator, f"step {trained.step}", trained


def _evaluate(given: list[str]) -> int:
    parser = Parser(
        "evaluate",
        "Compare a run's images with real ones: kernel and Fréchet distance, with their floors.",
        "example:\n  sparsegan evaluate runs/fashion-mnist-adapt-1 --images 5000",
    )
    parser.add_argument(
        "--images", type=_positive, help="images on either side (default: as the run did)"
    )
    parser.add_argument(
        "--features", help="feature network, or my.module:Class (default: as the run did)"
    )
    _add_run_options(parser)
    chosen = parser.parse_args(given)
    from sparsegan.settings.kinds import label
    from sparsegan.train.evaluate import sentence
    from sparsegan.train.evaluate_run import evaluate_run

    found = evaluate_run(
        chosen.run,
        checkpoint=chosen.checkpoint,
        bn=chosen.bn,
        weights=chosen.weights,
        images=chosen.images,
        features=chosen.features,
        trust_code=chosen.trust_code,
    )
    for game, fields in found.items():
        where = label(f"step {fields['step']}", game)
        print(f"{where}: {sentence(fields)}")
        print(
            f"Fréchet distance on the same features {fields['frechet']:.4g}, "
            f"real against real {fields['frechet_floor']:.4g}"
        )
    return 0


def _add_run_options(
    parser: argparse.ArgumentParser,
    run: str = "the run directory",
    *,
    bn: str = "as the run did",
    weights: str = "as the run did",
) -> None:
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


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of at least 1")
    return int(text)


# ---- export


def _export(given: list[str]) -> int:
    parser = Parser(
        "export",
        "Write a run's averaged generator, with the statistics that it is drawn by, to one file.",
        "examples:\n"
        "  sparsegan export runs/fashion-mnist-adapt-1 --to packed\n"
        "      a small file of the active weights; draw from it with `sparsegan sample FILE`, or\n"
        "      in Python with `sparsegan.export.load(FILE)`\n"
        "  sparsegan export runs/fashion-mnist-adapt-1 --to onnx --output generator.onnx\n"
        "      a dense file for other runtimes (needs pip install 'sparsegan[export]')",
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="the run directory")
    parser.add_argument("--to", choices=("packed", "onnx"), required=True, help="kind of file")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="default: generator.*, in the run directory"
    )
    parser.add_argument(
        "--checkpoint", metavar=CHECKPOINT, help="not the newest checkpoint but this one"
    )
    parser.add_argument(
        "--direction", choices=("a_to_b", "b_to_a"), help="of a run of cyclegan: which generator"
    )
    add_trust(parser)
    chosen = parser.parse_args(given)
    from sparsegan.export import export_run

    written = export_run(
        chosen.run,
        chosen.to,
        chosen.output,
        chosen.checkpoint,
        pair=chosen.direction,
        trust_code=chosen.trust_code,
    )
    print(
        f"generator of step {written.step}: {written.path}, {written.bytes:,} bytes, "
        f"{written.bytes / written.dense_bytes:.3f} of the dense weights"
    )
    return 0


# ---- report


def _report(given: list[str]) -> int:
    parser = Parser(
        "report",
        "Write one HTML page on a run, or on several side by side; it needs no network.",
        "example:\n  sparsegan report runs/adapt-1 runs/static-1 --output compare.html",
    )
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="run directories")
    parser.add_argument(
        "--output", type=Path, help="default: report.html, in the run if there is only one"
    )
    chosen = parser.parse_args(given)
    from sparsegan import report

    alone = chosen.runs[0] / "report.html" if len(chosen.runs) == 1 else Path("report.html")
    print(report.write(chosen.runs, chosen.output or alone))
    return 0


_COMMANDS: dict[str, tuple[Callable[[list[str]], int], str]] = {
    "train": (_train, "train a sparse GAN on images"),
    "resume": (_resume, "go on with a run that was stopped"),
    "sample": (_sample, "draw images from a run's generator"),
    "evaluate": (_evaluate, "compare a run's images with real ones"),
    "export": (_export, "write a run's generator to one file: small, or ONNX"),
    "report": (_report, "write an HTML page on one run or several"),
    "recipes": (cli_cost.list_recipes, "list the published settings, or show one with its sources"),
    "cost": (cli_cost.cost, "count weights and operations of a run, or of one to come"),
}
