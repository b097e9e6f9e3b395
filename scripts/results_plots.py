"""Plots of docs/results/: every run's number, and how quality comes with the seconds."""

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

if TYPE_CHECKING:
    from results import Study


def plot_runs(study: "Study", path: Path) -> None:
    """Every run's number, by arm."""
    with _drawing(study, path, max(5, 0.75 * len(study.arms))) as axes:
        for column, arm in enumerate(study.arms.values()):
            values = list(arm.numbers("primary").values())
            if not values:
                continue
            axes.plot([column] * len(values), values, "o", color="#1f6f8b", alpha=0.6, ms=5)
            mean = statistics.fmean(values)
            axes.plot([column - 0.3, column + 0.3], [mean, mean], color="#c1440e", lw=2)
        names = [arm.replace(",", "\n") for arm in study.arms]
        axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
        axes.set_ylim(bottom=0)


def plot_curves(study: "Study", path: Path) -> None:
    """Every run's evaluations over the seconds that it had trained by then."""
    with _drawing(study, path, 7) as axes:
        for number, (name, curves) in enumerate(study.curves.items()):
            for i, points in enumerate(curves.values()):
                seconds, kids = zip(*points, strict=True)
                label = name if i == 0 else None
                axes.plot(seconds, kids, ".-", color=f"C{number}", lw=1.3, ms=4, label=label)
        axes.set_yscale("log")
        axes.set_yticks([0.5, 1, 2, 5, 10], ["0.5", "1", "2", "5", "10"])
        axes.minorticks_off()
        axes.set_xlabel("seconds of training")
        axes.legend(frameon=False, ncols=2)


@contextmanager
def _drawing(study: "Study", path: Path, width: float) -> Iterator[Axes]:
    """Axes for KID; the same numbers give the same file."""
    style = {"svg.hashsalt": study.name, "svg.fonttype": "none", "font.size": 9}
    with mpl.rc_context(style):
        figure, axes = plt.subplots(figsize=(width, 3.4))
        axes.set_ylabel("KID")
        axes.spines[["top", "right"]].set_visible(False)
        yield axes
        figure.tight_layout()
        figure.savefig(path, format="svg", metadata={"Date": None})
        plt.close(figure)
