"""The settings of a run as a command line gives them: a recipe, files, flags and a scale."""

import argparse
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from sparsegan.cli.live import add_live
from sparsegan.cli.parser import OWNERS, add_trust
from sparsegan.errors import SparseganError
from sparsegan.files import expanded
from sparsegan.settings.names import DEFAULT_RECIPE
from sparsegan.words import counted

if TYPE_CHECKING:
    from sparsegan.plan.match import Match
    from sparsegan.settings.adjust import Adjustment
    from sparsegan.settings.config import Config

SHORT = (DEFAULT_RECIPE, "fashion-mnist")
"""Recipes whose length --quality sets."""

HELPS = ("-h", "--help", "--help_all")

EXAMPLES = {
    "train": """
examples:
  sparsegan train                                    Fashion-MNIST, minutes on a CPU
  sparsegan train --data.path photos/                a folder of images
  sparsegan train --data.path photos/ --quality quick
                                                     a first look; `best`, two to four times as long
                                                     as without
  sparsegan train --data.path photos/ --generator my_networks:G --discriminator my_networks:D
                                                     networks of your own, classes or functions
  sparsegan train --recipe fashion-mnist --method.generator_density 0.2
  sparsegan train --recipe adapt/sngan-cifar10       as published; `sparsegan recipes` lists all
  sparsegan train --recipe adapt/sngan-cifar10 --scale small
  sparsegan train --config mine.yaml --seed 1 --run.directory runs/second
  sparsegan train --recipe fashion-mnist --match weights
                                                     its dense equal: narrower networks of as many
                                                     weights
  sparsegan train --data.path photos/ --live         with a page of curves and samples that grow
  sparsegan train --recipe small --dry_run           what would be trained, at what cost
  sparsegan train --recipe small --print_config > mine.yaml
  sparsegan train --from runs/folder-adapt-1 --data.path others/
                                                     a new run with another's settings, which
                                                     begins with its weights, masks and averages

Settings come from the recipe, then from the files of --config, then from flags; later ones win.
Without --recipe and --config the recipe `small` is used, or with --from the other run's settings.
--help_all shows every setting, in the group `method` those of the method named: `sparsegan train
--method.name stu-gan --help_all` shows STU-GAN's. The defaults in this help are those of the recipe
and the files that were named with it.
""",
    "cost": """
examples:
  sparsegan cost runs/fashion-mnist-adapt-1          what a run has cost
  sparsegan cost --recipe adapt/sngan-cifar10 --method.generator_density 0.2
                                                     what a run would cost (options as for train);
                                                     of official data sets no image is needed
  sparsegan cost --recipe dense/sngan-stl10 --json   everything, to the last digit
  sparsegan cost --recipe small --measure            what the networks and each of their layers
                                                     take on this machine, dense and native
""",
}


@dataclass(frozen=True)
class Request:
    """What a command line asks for.

    Attributes:
        config: The settings, at their scale.
        scaled: What the scale has changed.
        recipe: The recipe that the settings began with, if there was one.
        options: The command's own options.
        matches: The widths that were set to match another run, if they were.
        caution: A sentence on what files of settings leave open; mostly empty.
        suited: What follows from the quality that is wanted and from the pictures at hand, by what
            it follows from.
    """

    config: "Config"
    scaled: "Sequence[Adjustment]"
    recipe: str | None
    options: argparse.Namespace
    matches: "Sequence[Match]" = ()
    suited: "Mapping[str, Sequence[Adjustment]]" = field(default_factory=dict)
    caution: str = ""

    @property
    def notes(self) -> list[str]:
        """Lines on where the settings are from."""
        scale = f" --scale {self.options.scale}" if self.options.scale else ""
        lines = [f"--recipe {self.recipe}{scale}"] if self.recipe else []
        lines += [str(adjustment) for adjustment in chain(*self.suited.values(), self.scaled)]
        if self.matches:
            to = f" --match_to {self.options.match_to}" if self.options.match_to else ""
            lines.append(f"--match {self.options.match}{to}")
        return lines + [str(match) for match in self.matches]


def read(arguments: Sequence[str], command: str, description: str) -> Request:
    """The configuration that recipe, files, flags and scale add up to, and what to do with it.

    Raises:
        SparseganError: An option or a setting is unknown, or not of its type or in its range.
    """
    own = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    _add_own_options(own, command)
    try:
        options, flags = own.parse_known_args(arguments)
    except argparse.ArgumentError as error:
        raise SparseganError(f"{error} (see `sparsegan {command} --help`)") from None
    from sparsegan.settings import recipes, scale, trust
    from sparsegan.settings.options import is_setting
    from sparsegan.settings.parse import check, dotted, parse, read_layer
    from sparsegan.settings.pictures import left_open
    from sparsegan.train import start

    for flag in flags:
        name = flag.partition("=")[0]
        if name in OWNERS and not is_setting(name.removeprefix("--")):
            raise SparseganError(
                f"{name} is an option of `sparsegan {OWNERS[name]}`, not of {command}"
            )
    files = [read_layer(Path(path)) for path in options.config]
    layers = list(files)
    origin = " and ".join(options.config)
    begun = None if layers or options.recipe else _flag(flags, "--from", "--start.run")
    if begun is not None:  # a run with its weights has its settings, unless others are named
        layers = [start.settings_of(expanded(begun), flags)]
        origin = layers[0].origin
    recipe = options.recipe or (None if layers else DEFAULT_RECIPE)
    if recipe is not None:
        layers = [*recipes.layers(recipe), *layers]
    if helps := [flag for flag in flags if flag in HELPS]:
        from sparsegan.cli import settings_help

        others = [flag for flag in flags if flag not in HELPS]
        print(
            settings_help.of(
                command,
                parse(layers, others),
                lambda group: _add_own_options(group, command),
                description=description,
                examples=EXAMPLES[command],
                every="--help_all" in helps,
            ),
            end="",
        )
        raise SystemExit(0)
    config = parse(
        layers, flags, [flag for action in own._actions for flag in action.option_strings]
    )
    if not (command == "train" and options.print_config):
        named = {text for flag in flags for text in (flag, flag.partition("=")[2])}
        trust.require(
            config,
            origin,
            trust_code=options.trust_code,
            named=named,
            settings=trust.NETWORKS if command == "cost" else trust.CODE,
        )
    flagged = {flag.removeprefix("--").partition("=")[0] for flag in flags if flag.startswith("--")}
    kept = flagged | {key for layer in files for key, _ in dotted(layer.values)}
    caution = ""
    unscaled = recipe is None and options.scale is None  # a scale says what it makes of it
    if unscaled and options.config and (still := left_open(config, kept)):
        caution = (
            f"{origin} names no recipe, so that what it does not say is as published ({still}): "
            f"--recipe {DEFAULT_RECIPE} --config {' --config '.join(options.config)} begins with "
            "settings for a CPU"
        )
    elif begun is not None and "data.path" in kept:
        caution = _of_other_pictures(config, origin, kept)
    request = _suited(Request(config, [], recipe, options, caution=caution), kept)
    if options.scale is not None:
        config = request.config
        config, adjustments = scale.small(config, kept)
        check(config)
        request = replace(request, config=config, scaled=adjustments)
    return _matched(request)


def _suited(request: Request, kept: Collection[str]) -> Request:
    """The request at the quality that is wanted, and with what suits pictures of one's own."""
    from sparsegan.settings.parse import check
    from sparsegan.settings.pictures import are_own, suited

    options, config = request.options, request.config
    suiting: dict[str, Sequence[Adjustment]] = {}
    if options.quality is not None:
        if request.recipe not in SHORT or options.config or options.scale:
            raise SparseganError(
                f"--quality is a length for the recipes {' and '.join(SHORT)}: other settings have "
                "one of their own (--steps changes it, --scale small makes a long run short)"
            )
        from sparsegan.settings.quality import of_quality

        config, adjustments = of_quality(config, options.quality, kept)
        suiting[f"--quality {options.quality}"] = adjustments
    if (
        request.recipe == DEFAULT_RECIPE
        and are_own(config)
        and not (
            # Settings can be printed before there are pictures.
            getattr(options, "print_config", False) and not expanded(str(config.data.path)).exists()
        )
    ):
        from sparsegan.train import build

        check(config)
        images = len(build.load_images(config))
        config, adjustments = suited(config, images, kept)
        changed = {adjustment.key for adjustment in adjustments}
        # Of a setting that follows from both, the pictures have the last word.
        suiting = {
            what: [one for one in made if one.key not in changed] for what, made in suiting.items()
        }
        suiting[counted(images, "picture")] = adjustments
    made = {what: adjustments for what, adjustments in suiting.items() if adjustments}
    return replace(request, config=config, suited=made)


def _of_other_pictures(config: "Config", origin: str, kept: Collection[str]) -> str:
    """What those at hand would have by themselves where the settings are another run's."""
    from sparsegan.settings import recipes
    from sparsegan.settings.parse import check, parse
    from sparsegan.settings.pictures import are_own, unsuited
    from sparsegan.train import build

    small = parse(recipes.layers(DEFAULT_RECIPE), [])
    there = expanded(str(config.data.path)).exists()
    if not (are_own(config) and config.network.name == small.network.name and there):
        return ""
    check(config)
    images = len(build.load_images(config))
    differing = unsuited(config, small, images, kept)
    if not differing:
        return ""
    return (
        f"settings stay those of {origin}; {counted(images, 'picture')} by themselves would have "
        f"{' '.join(one.flag for one in differing)}"
    )


def _matched(request: Request) -> Request:
    """The request with the widths and the dense method that `--match` asks for."""
    options = request.options
    if options.match is None:
        if options.match_to is not None:
            raise SparseganError(
                "--match_to names the run to match: say with --match weights or --match flops what "
                "is to be equal"
            )
        return request
    from sparsegan.plan import match
    from sparsegan.plan.plan import cost_of_run, outline

    reference = None
    if options.match_to is not None:
        reference = cost_of_run(options.match_to, trust_code=options.trust_code)
    resolved = outline(request.config).config
    config, matches = match.small_dense(request.config, resolved, options.match, reference)
    return replace(request, config=config, matches=matches)


def _flag(flags: Sequence[str], *names: str) -> str | None:
    """The last value of a flag under any of its names."""
    value = None
    for flag, following in zip_longest(flags, flags[1:]):
        name, equals, rest = flag.partition("=")
        if name in names:
            value = rest if equals else following
    return value


def _add_own_options(parser: "argparse._ActionsContainer", command: str) -> None:
    parser.add_argument(
        "--recipe",
        metavar="NAME",
        help="settings of the package, see `sparsegan recipes`; without it and --config, "
        f"{DEFAULT_RECIPE}",
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        action="append",
        default=[],
        help="a YAML file of settings; may be repeated",
    )
    parser.add_argument(
        "--scale",
        choices=("small",),
        help="make a long run one of minutes on a CPU, and say what was changed; flags stay as "
        "they are given",
    )
    parser.add_argument(
        "--quality",
        choices=("quick", "good", "best"),
        help="how long a small run is: quick, a look in a minute or three; good, as the recipe "
        "has it, some minutes; best, two to four times as long",
    )
    parser.add_argument(
        "--match",
        choices=("weights", "flops"),
        help="not these networks sparse but the same ones dense and narrower, with as many weights "
        "or operations a step as these settings, or the run of --match_to, would have",
    )
    parser.add_argument(
        "--match_to",
        metavar="RUN",
        type=Path,
        help="the run directory whose averages over time --match is to match",
    )
    add_trust(parser)
    if command == "cost":
        add_cost_options(parser)
        return
    parser.add_argument(
        "--print_config", action="store_true", help="print all settings as YAML and stop"
    )
    parser.add_argument(
        "--dry_run",
        action="store_true",
        help="say what would be trained, at what cost, and stop",
    )
    add_live(parser)


def add_cost_options(parser: "argparse._ActionsContainer") -> None:
    """What `cost` can be asked for besides, for a run as for settings."""
    parser.add_argument("--json", action="store_true", help="print all figures as JSON")
    parser.add_argument(
        "--measure",
        action="store_true",
        help="time the networks and each of their layers on this machine's dense and native "
        "kernels, and say what a run takes and why",
    )
