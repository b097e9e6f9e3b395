"""A run's generator beside held-out pictures, where its own evaluations have training ones.

Usage: python held_out.py RUN NAME TABLE.csv
       NAME is what the table calls the run
"""

import csv
import sys
from dataclasses import replace
from pathlib import Path

from sparsegan.draw import sampling
from sparsegan.metrics import reference_images
from sparsegan.train import build
from sparsegan.train.evaluate import Evaluator
from sparsegan.train.trained import open_trained

HEADER = ("run", "n", "kid", "kid_training", "coverage", "coverage_training")
"""Of generated pictures, and, with *training*, of the training ones beside the same held-out."""


def main() -> None:
    """A row more in the table."""
    path, name, table = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    trained = open_trained(path)
    config = trained.config
    training, held_out = build.load_images(config), build.load_images(config, "test")
    chosen = reference_images(held_out, min(len(training), len(held_out)), config.seed)
    held_out = replace(held_out, pixels=held_out.pixels[chosen], labels=None)
    evaluator = Evaluator(config, held_out, training)
    with sampling.sampled(
        trained.method_of(None),
        bn=config.evaluate.bn,
        weights=config.evaluate.weights,
        seed=config.seed,
    ) as generator:
        of = evaluator(generator)
    numbers = (of["value"], of["floor"], of["coverage"], of["coverage_floor"])
    new = not table.exists()
    with table.open("a", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        if new:
            rows.writerow(HEADER)
        rows.writerow([name, of["n"], *(round(float(number), 4) for number in numbers)])


main()
