"""`sparsegan sample`: images out of a generator, still and moving."""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sparsegan.cli.parser import Parser, add_run_options, positive
from sparsegan.errors import SparseganError

if TYPE_CHECKING:
    from torch import nn

    from sparsegan.train.trained import Trained


def sample(arguments: list[str]) -> int:
    """Draw a grid or a folder of images, an animation, or a sheet of how samples came to be."""
    options = _parser().parse_args(arguments)
    _check(options)
    if options.over_time is not None:
        return _over_time(options)
    from sparsegan.draw import drawing

    target, count = options.grid or options.folder or options.walk, options.count
    what = "images"
    with _generator(options) as (generator, name, trained):
        several = options.walk is not None
        classes = [] if options.only is None else _classes(generator, options.only, several)
        if not generator.latent_dim:
            count = _translate(options, generator, trained)
        elif options.images is not None:
            raise SparseganError(f"{options.run} makes images out of noise: leave out --images")
        elif options.walk is not None:
            count = count or 16
            frames = drawing.save_walk(
                generator,
                target,
                count,
                seed=options.seed or 0,
                frames=options.frames,
                stops=options.stops,
                size=options.size,
                rate=options.rate,
                only=classes,
            )
            what = f"walks of {frames} frames"
        elif options.nearest:
            count = count or 32
            _beside_nearest(options, generator, trained, count, classes)
            what = "images, each beside its nearest training image,"
        else:
            count = count or 64
            save = drawing.save_grid if options.grid else drawing.save_folder
            only = classes[0] if classes else None
            save(generator, target, count, seed=options.seed or 0, only=only)
    of_class = f", class {', '.join(classes)}" if classes else ""
    print(f"{count} {what} of {name}{of_class}: {target}")
    return 0


def _parser() -> Parser:
    parser = Parser(
        "sample",
        "Draw images from the generator of a run, or of an exported file, without truncation.",
        "examples:\n"
        "  sparsegan sample runs/fashion-mnist-adapt-1 --grid samples.png --count 64\n"
        "  sparsegan sample runs/fashion-mnist-adapt-1 --folder images --count 10000 --seed 1\n"
        "  sparsegan sample runs/fashion-mnist-adapt-1 --walk walk.webp\n"
        "  sparsegan sample runs/fashion-mnist-adapt-1 --grid beside.png --nearest\n"
        "  sparsegan sample runs/fashion-mnist-adapt-1 --over_time sheet.png\n"
        "  sparsegan sample runs/cifar10-adapt-1 --grid cats.png --class cat\n"
        "  sparsegan sample runs/cifar10-adapt-1 --walk morph.gif --class cat,dog,horse\n"
        "  sparsegan sample generator.safetensors --grid samples.png\n"
        "  sparsegan sample runs/horses --direction a_to_b --images photos --folder zebras\n\n"
        "Of a run that has learnt classes, every row of a grid shows one, in order and in turns,\n"
        "and a folder has a sub-folder for each. A run of cyclegan translates images: a grid\n"
        "shows each with its translation, a folder has the translations alone.\n\n"
        "A walk goes through the noise from stop to stop and ends where it begins; where several\n"
        "classes are known, the images morph from class to class instead, unless --class names\n"
        "one.",
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--grid", type=Path, metavar="PNG", help="one picture of all images")
    where.add_argument("--folder", type=Path, help="a new folder with a PNG for each image")
    where.add_argument(
        "--walk",
        type=Path,
        metavar="GIF|WEBP",
        help="an animation without end or seam; a GIF is three to six times as large as a WebP",
    )
    where.add_argument(
        "--over_time",
        type=Path,
        metavar="PNG",
        help="the same samples at each grid that the run has left, side by side",
    )
    parser.add_argument(
        "--count",
        type=positive,
        help="images (default: 64; of a walk 16, beside training images 32, over time 8; "
        "translations in a folder: as many as there are images)",
    )
    parser.add_argument("--seed", type=int, help="of the noise (default: 0)")
    parser.add_argument(
        "--class",
        dest="only",
        metavar="CLASS",
        help="draw this class alone, by name or by number from 0 (default: every class); of a walk "
        "a list, cat,dog,horse",
    )
    parser.add_argument(
        "--nearest",
        action="store_true",
        help="in a grid, the training image nearest to each sample beside it, in the features that "
        "the run was evaluated by; of many images this takes minutes the first time",
    )
    parser.add_argument(
        "--frames", type=positive, help="of a walk (default: 12 for each stop or class)"
    )
    parser.add_argument("--stops", type=positive, help="samples on the way of a walk (default: 4)")
    parser.add_argument(
        "--size",
        type=positive,
        metavar="PIXELS",
        help="side of an image of a walk, to the nearest whole multiple (default: that of a whole "
        "of about 384)",
    )
    parser.add_argument(
        "--rate", type=_rate, metavar="FPS", help="frames a second of a walk (default: 16)"
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
    return parser


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0.1 <= rate <= 50:
        raise argparse.ArgumentTypeError(f"{text} is no number of frames a second from 0.1 to 50")
    return rate


def _classes(generator: "nn.Module", wanted: str, several: bool) -> list[str]:
    """The classes that are wanted: one whose name may have commas, or else those of a comma list.

    Raises:
        SparseganError: There is none, or there are several where one alone can be drawn.
    """
    if not getattr(generator, "classes", None) or wanted in getattr(generator, "class_names", ()):
        return [wanted]  # what has learnt no classes refuses it in its own words
    classes = [name.strip() for name in wanted.split(",") if name.strip()]
    if not classes:
        raise SparseganError(f"--class {wanted!r} names no class: name one, or leave it out")
    if len(classes) > 1 and not several:
        raise SparseganError(
            f"--class {wanted} names {len(classes)} classes, and one alone can be drawn so: name "
            "one, leave it out for every class, or choose --walk FILE, which goes through several"
        )
    return classes


def _check(options: argparse.Namespace) -> None:
    """Refuse options that the wanted picture has no use for.

    Raises:
        SparseganError: There are such.
    """
    of_a_walk = {name: getattr(options, name) for name in ("frames", "stops", "size", "rate")}
    named = [f"--{name}" for name, value in of_a_walk.items() if value is not None]
    if options.walk is None and named:
        raise SparseganError(f"{named[0]} is of a walk: add --walk FILE, or leave it out")
    options.rate = options.rate or 16.0
    if options.nearest and options.grid is None:
        raise SparseganError("--nearest is of a grid: name it with --grid PNG")
    from sparsegan.draw import pictures

    # Before anything is drawn, which may take minutes.
    for picture in filter(None, (options.grid, options.over_time)):
        pictures.require_png(picture)
    if options.folder is not None:
        pictures.require_new(options.folder)
    if options.walk is not None:
        pictures.require_animation(options.walk)
        if options.bn == "batch":
            raise SparseganError(
                "statistics of each batch would have the frames of a walk flicker: leave out --bn "
                "or choose --bn standing"
            )
        if options.frames is not None and options.frames < 2:
            raise SparseganError("a walk has two frames at least: choose a larger --frames")
        if options.stops is not None and options.stops < 2:
            raise SparseganError("a walk has two stops at least: choose a larger --stops")
    if options.over_time is not None:
        others = ("seed", "only", "images", "direction", "generator", "checkpoint", "bn", "weights")
        for name in others:
            if getattr(options, name) is not None:
                flag = "class" if name == "only" else name
                raise SparseganError(
                    f"--over_time shows what the run has left of its own: leave out --{flag}"
                )


def _over_time(options: argparse.Namespace) -> int:
    from sparsegan.draw import over_time
    from sparsegan.record.run import open_run
    from sparsegan.settings import kinds, parse

    run = open_run(options.run)
    config = parse.read(run.config)
    if kinds.of(config.network.name) is kinds.IMAGE_TO_IMAGE or config.data.image_size is None:
        raise SparseganError(
            f"{options.run} translates images: its grids in {run.samples} show each beside its "
            "translation, and there is no other sheet of them"
        )
    steps = over_time.save_over_time(
        run.grids(), options.over_time, options.count or 8, side=config.data.image_size
    )
    shown = ", ".join(map(str, steps))
    print(f"the same samples after {shown} steps: {options.over_time}")
    return 0


def _beside_nearest(
    options: argparse.Namespace,
    generator: "nn.Module",
    trained: "Trained | None",
    count: int,
    classes: Sequence[str],
) -> None:
    """Write a grid of samples, each beside the training image nearest to it."""
    if trained is None:
        raise SparseganError(
            f"{options.run} is an exported file, and does not know its training images: name the "
            "run directory"
        )
    from sparsegan.draw import drawing
    from sparsegan.train.neighbours import of_run

    only = classes[0] if classes else None
    drawn = drawing.draw(generator, count, seed=options.seed or 0, only=only)
    of_run(trained.config).save(options.grid, drawn)


def _translate(
    options: argparse.Namespace, generator: "nn.Module", trained: "Trained | None"
) -> int:
    """Save translations of the images that are arguments, or of the run's own; how many."""
    if options.seed is not None or options.only is not None:
        raise SparseganError(
            f"{options.run} makes images out of images: leave out --seed and --class"
        )
    if options.walk is not None or options.nearest:
        raise SparseganError(
            f"{options.run} makes images out of images: there is no noise to walk through, and "
            "each is already beside its original; name --grid or --folder alone"
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
