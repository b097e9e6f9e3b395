"""Every network of the library learns real images, sparse and narrow, in some minutes each.

The images are a folder or an archive with class folders, evenly thinned; a network whose images are
larger than those learns them enlarged (CIFAR-10: 48 pixels and above). Each network leaves a run
with its grids and report under --out, and all but cyclegan `networks.jpg` together. What is
finished there is not trained again. Seconds are of the CPU, with evaluations.

    python benchmarks/quality_networks.py --data cifar10.tar.xz --out runs/networks
    python benchmarks/quality_networks.py --data cifar10.tar.xz --out runs/networks \
        --networks dcgan-32 biggan-64 --steps 100
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from harness import RESULTS, headline, save
from sparsegan.data.container import open_container
from sparsegan.data.listing import Listing, list_images
from sparsegan.record.metrics_log import read_events
from sparsegan.record.run import RunDirectory
from sparsegan.settings import parse

PER_CLASS = {"train": 500, "test": 100}
"""Images, at most: a small set, since it is decoded anew for every image size."""
SHOWN = 12
"""Images of each network in the picture of all."""
ROW = 64
"""Its rows' height in pixels."""
SETTINGS = [
    "network.generator_width",
    "network.discriminator_width",
    "method.name",
    "method.generator_density",
    "method.discriminator_density",
    "optimiser.generator.lr",
    "optimiser.discriminator.lr",
    "optimiser.generator.betas",
    "batch_size",
    "discriminator_steps",
    "seed",
]


@dataclass(frozen=True)
class Trial:
    """A network and how it is trained.

    Attributes:
        name: Architecture and image size.
        recipe: What its settings begin with.
        steps: Generator steps.
        flags: Further settings.
    """

    name: str
    recipe: str
    steps: int
    flags: str

    @property
    def paired(self) -> bool:
        """Whether it learns two sets of images."""
        return self.name.startswith("cyclegan")

    def command(self, arguments: argparse.Namespace, data: Path, run: Path) -> list[str]:
        """What trains it."""
        network, _, size = self.name.partition("-")
        steps = arguments.steps or self.steps
        images = PER_CLASS["test"] if self.paired else arguments.images
        return [
            *(sys.executable, "-m", "sparsegan", "train"),
            *("--recipe", self.recipe, "--scale", "small", "--steps", str(steps)),
            *("--network.name", network, "--data.image_size", size, "--data.path", str(data)),
            *("--data.flip", "true", "--sample.every", "0", "--checkpoint.every", str(steps)),
            *("--evaluate.every", "0", "--evaluate.images", str(images), "--log_every", "20"),
            *("--seed", str(arguments.seed), "--threads", str(arguments.threads)),
            *("--run.directory", str(run), *self.flags.split()),
        ]


def widths(generator: int, discriminator: int) -> str:
    """The flags of both widths."""
    return f"--network.generator_width {generator} --network.discriminator_width {discriminator} "


def rates(generator: float, discriminator: float) -> str:
    """The flags of both learning rates."""
    return f"--optimiser.generator.lr {generator} --optimiser.discriminator.lr {discriminator} "


def batches(images: int) -> str:
    """The flags of both batches."""
    return f"--batch_size {images} --generator_batch_size {images} "


NORMAL, ORTHOGONAL = "--network.initialise normal ", "--network.initialise orthogonal "
TWICE = "--discriminator_steps 2 "
# The recipe's band is of DCGAN; the ratio of these starts far below it, and D would be thinned out.
PATIENT = "--method.low 0.1 "
# From 0.1 D would be too weak to teach for half of so short a run.
STRONG = "--method.discriminator_density 0.5 "
TRIALS = (
    Trial("dcgan-32", "small", 500, widths(24, 48) + TWICE + STRONG),
    Trial("dcgan-48", "small", 300, widths(24, 32) + TWICE + STRONG),
    Trial("dcgan-64", "small", 300, widths(12, 24) + TWICE + STRONG),
    Trial("sngan-32", "small", 400, widths(32, 32) + TWICE),
    Trial("sngan-48", "small", 250, widths(8, 8) + PATIENT),
    Trial("sngan-64", "small", 250, widths(8, 8) + PATIENT),
    Trial("biggan-32", "small", 300, widths(8, 8) + NORMAL + rates(5e-4, 5e-4) + TWICE),
    Trial(
        "biggan-64",
        "small",
        500,
        widths(8, 8) + ORTHOGONAL + rates(5e-4, 1e-3) + batches(16) + PATIENT,
    ),
    # Each call of this one takes seconds: no timing of engines, no statistics over many batches.
    Trial(
        "biggan-128",
        "small",
        200,
        widths(8, 8)
        + ORTHOGONAL
        + rates(5e-4, 1e-3)
        + batches(8)
        + PATIENT
        + "--engine masked --evaluate.images 200 --evaluate.bn batch",
    ),
    Trial(
        "cyclegan-64",
        "stu-gan/cyclegan-horse2zebra",
        300,
        widths(12, 12) + "--method.generator_density 0.3 " + rates(1e-3, 5e-4),
    ),
)


def thin(listing: Listing, most: int) -> Iterator[tuple[str, str]]:
    """Every so many-th path of each class, with the class's name."""
    if listing.labels is None:
        raise SystemExit("the images are to be in class folders")
    for label, name in enumerate(listing.class_names):
        places = (listing.labels == label).nonzero()[0]
        for source in places[:: -(-len(places) // most)]:
            yield listing.files[int(source)], name


def prepare(source: Path, folder: Path, sides: Sequence[str]) -> tuple[Path, Path]:
    """Copy the images used to a folder by class, and two classes of them to one of two sides."""
    by_class, pair = folder / "classes", folder / "pair"
    if pair.exists():
        return by_class, pair
    container = open_container(source)
    for split, most in PER_CLASS.items():
        selected = dict(thin(list_images(container, split), most))
        wanted = list_images(container, split).files
        places = [wanted.find(path) for path in sorted(selected)]
        wanted = wanted.take(torch.tensor(places).numpy())
        for number, file in container.contents(wanted):
            into = by_class / split / selected[wanted[number]]
            into.mkdir(parents=True, exist_ok=True)
            name = f"{number:06d}{Path(wanted[number]).suffix}"
            (into / name).write_bytes(file.read())
    scratch = folder / "pair.tmp"
    for split in PER_CLASS:
        for side, name in zip("AB", sides, strict=True):
            shutil.copytree(by_class / split / name, scratch / f"{split}{side}", dirs_exist_ok=True)
    scratch.rename(pair)
    return by_class, pair


def outcome(run: RunDirectory, seconds: float) -> dict[str, Any]:
    """What became of a run that took so many seconds."""
    events = list(read_events(run.metrics))
    config = parse.flat(parse.read(run.config))
    looks = [event for event in events if event["kind"] == "evaluate"]
    actual: dict[str, Any] = {}
    for pair in dict.fromkeys(event.get("pair", "") for event in looks):
        first, *_, last = (event for event in looks if event.get("pair", "") == pair)
        actual[pair or "images"] = {
            "grid": last["grid"],
            "n": last["n"],
            "kid_start": first["value"],
            "kid_end": last["value"],
            "kid_end_interval": [last["low"], last["high"]],
            "kid_real_against_real": last["floor"],
        }
    settings = {key: config[key] for key in SETTINGS}
    return {"steps": config["steps"], "seconds": seconds, "settings": settings, "pairs": actual}


def cpu_seconds() -> float:
    """Of all processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def trained(trial: Trial, arguments: argparse.Namespace, data: Path) -> dict[str, Any]:
    """The outcome of a network, which is trained if it has not been yet."""
    kept, log = (arguments.out / f"{trial.name}.{ending}" for ending in ("json", "log"))
    if kept.exists():
        read: dict[str, Any] = json.loads(kept.read_text())
        return read
    run, begin = RunDirectory(arguments.out / trial.name), cpu_seconds()
    with log.open("w") as file:
        command = trial.command(arguments, data, run.path)
        if subprocess.run(command, stdout=file, stderr=subprocess.STDOUT).returncode:
            raise SystemExit(f"{trial.name} was not trained: see {log}")
    actual = outcome(run, cpu_seconds() - begin)
    kept.write_text(json.dumps(actual))
    return actual


def contact_sheet(grids: Sequence[Path], sizes: Sequence[int]) -> Image.Image:
    """The first columns of every grid, one row for each."""
    sheet = Image.new("RGB", (SHOWN * ROW, len(grids) * ROW), "white")
    for row, (path, size) in enumerate(zip(grids, sizes, strict=True)):
        with Image.open(path) as grid:
            for number in range(SHOWN):
                # A conditional network's grid has a class in each row.
                x, y = divmod(number, grid.height // size)
                box = (x * size, y * size, (x + 1) * size, (y + 1) * size)
                tile = grid.crop(box).convert("RGB").resize((ROW, ROW), Image.Resampling.BICUBIC)
                sheet.paste(tile, (number * ROW, row * ROW))
    return sheet


def main() -> None:
    """Trains what is not finished yet, prints the table, writes it as JSON, and the picture."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    names = [trial.name for trial in TRIALS]
    options.add_argument("--data", type=Path, required=True, help="folder or archive of images")
    options.add_argument("--out", type=Path, required=True, help="folder for the runs")
    options.add_argument("--networks", nargs="+", choices=names, default=names)
    options.add_argument("--steps", type=int, help="of every network; without, its own few hundred")
    options.add_argument("--images", type=int, default=1000, help="of an evaluation")
    options.add_argument(
        "--pair", nargs=2, default=["horse", "ship"], help="the classes that cyclegan learns"
    )
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--threads", type=int, default=1, help="CPU threads")
    options.add_argument("--json", type=Path, default=RESULTS / "quality_networks.json")
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    print(headline())
    by_class, pair = prepare(arguments.data, arguments.out / "data", arguments.pair)
    results: dict[str, Any] = {}
    grids, sizes = [], []
    for trial in (trial for trial in TRIALS if trial.name in arguments.networks):
        actual = trained(trial, arguments, pair if trial.paired else by_class)
        results[trial.name] = actual
        for name, row in actual["pairs"].items():
            grid = arguments.out / trial.name / row["grid"]
            # Translations stand beside the images that they are of, which are not ours to show.
            if not trial.paired:
                grids.append(grid)
                sizes.append(int(trial.name.partition("-")[2]))
            print(
                f"  {trial.name:12}{name:8} {actual['steps']:5} steps {actual['seconds']:5.0f} s  "
                f"KID {row['kid_start']:6.2f} -> {row['kid_end']:6.2f} (n = {row['n']})  "
                f"{grid}",
                flush=True,
            )
    save(__file__, arguments, results)
    if grids:
        picture = arguments.out / "networks.jpg"
        contact_sheet(grids, sizes).save(picture, quality=85)
        print(f"a row for each: {picture}")


if __name__ == "__main__":
    main()
