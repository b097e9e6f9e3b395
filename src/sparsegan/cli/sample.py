"""`sparsegan sample`: images out of a generator."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sparsegan.cli.parser import Parser, add_run_options, positive
from sparsegan.errors import SparseganError

if TYPE_CHECKING:
    from torch import nn

    from sparsegan.train.trained import Trained


def sample(arguments: list[str]) -> int:
    """Draw a grid or a folder of images."""
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
        type=positive,
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
    add_run_options(
        parser,
        "the run directory, or a file that `export --to packed` has written",
        bn="stored if the run was evaluated so, else estimated anew",
        weights="the average",
    )
    options = parser.parse_args(arguments)
    from sparsegan.draw import drawing

    target, count = options.grid or options.folder, options.count
    with _generator(options) as (generator, name, trained):
        if not generator.latent_dim:
            count = _translate(options, generator, trained)
        elif options.images is not None:
            raise SparseganError(f"{options.run} makes images out of noise: leave out --images")
        else:
            count = count or 64
            save = drawing.save_grid if options.grid else drawing.save_folder
            save(generator, target, count, seed=options.seed or 0, only=options.only)
    of_class = "" if options.only is None else f", class {options.only}"
    print(f"{count} images of {name}{of_class}: {target}")
    return 0


def _translate(
    options: argparse.Namespace, generator: "nn.Module", trained: "Trained | None"
) -> int:
    """Save translations of the images that are arguments, or of the run's own; how many."""
    if options.seed is not None or options.only is not None:
        raise SparseganError(
            f"{options.run} makes images out of images: leave out --seed and --class"
        )
    from sparsegan.train.cycle import translation

    if options.images is not None:
        sources = translation.sources_in(options.images, generator)
    elif trained is not None:
        sources = translation.own_sources(trained.config, options.direction)
    else:
        raise SparseganError(
            f"{options.run} translates images: name a folder of them with --images"
        )
    if options.grid:
        return translation.save_grid(generator, sources.at_most(options.count or 64), options.grid)
    return translation.save_folder(generator, sources.at_most(options.count), options.folder)


@contextmanager
def _generator(
    options: argparse.Namespace,
) -> "Iterator[tuple[nn.Module, str, Trained | None]]":
    """The generator to draw from, of a run or of an exported file, and its name."""
    if options.run.suffix == ".safetensors" or options.run.is_file():
        if (options.checkpoint, options.bn, options.weights) != (None, None, None):
            raise SparseganError(
                f"{options.run} has averaged weights and one kind of statistics and nothing else: "
                "leave out --checkpoint, --bn and --weights, or name the run directory"
            )
        if options.direction is not None:
            raise SparseganError(f"{options.run} has one generator: leave out --direction")
        from sparsegan import export

        yield export.load(options.run, generator=options.generator), str(options.run), None
        return
    if options.generator is not None:
        raise SparseganError(
            f"{options.run} is a run, whose config.yaml names its generator: leave out --generator"
        )
    from sparsegan.draw import sampling
    from sparsegan.train.trained import open_trained

    trained = open_trained(options.run, options.checkpoint, trust_code=options.trust_code)
    method = trained.method_of(options.direction)
    bn = options.bn or sampling.lasting(trained.config.evaluate.bn, method.settings)
    with sampling.sampled(method, bn=bn, weights=options.weights or "ema") as generator:
        yield generator, f"step {trained.step}", trained
