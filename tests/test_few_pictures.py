"""The page of few pictures says what its files hold."""

import csv
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "docs" / "results"


def rows(name):
    with (FOLDER / "few-pictures" / name).open() as file:
        return list(csv.DictReader(file))


RUNS = rows("runs.csv")


def in_page(run):
    """A run's row as the page shows it."""
    kid, best, coverage, real, copies = (
        float(run[key]) for key in ("kid_last", "kid_best", "coverage", "coverage_real", "copies")
    )
    cells = [
        f"{run['set']}, {int(run['pictures']):,}",
        run["side"],
        run["seed"],
        f"{kid:.1f}" + (f" (best {best:.1f})" if best < kid else ""),
        f"{coverage:.2f} / {real:.2f}",
        f"{copies:.0%}",
        f"{float(run['discriminator_density']):.0%}",
        f"{float(run['operations']):.0%}",
        f"{int(run['seconds']):,}",
    ]
    return f"| {' | '.join(cells)} |"


def test_the_page_has_a_row_for_every_whole_run():
    page = (FOLDER / "few-pictures.md").read_text()
    assert [line for line in page.splitlines() if line in map(in_page, RUNS)] == [
        in_page(run) for run in RUNS
    ]


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run["run"])
def test_a_runs_numbers_are_those_of_its_evaluations(run):
    own = [row for row in rows("evaluations.csv") if row["run"] == run["run"]]
    last = own[-1]
    assert last["step"] == run["steps"]
    assert (last["kid"], last["coverage"], last["copies"], last["diversity"]) == (
        run["kid_last"],
        run["coverage"],
        run["copies"],
        run["diversity"],
    )
    assert float(run["kid_best"]) == min(float(row["kid"]) for row in own)
