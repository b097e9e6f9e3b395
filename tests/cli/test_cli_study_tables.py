import io

import pytest
from rich.console import Console

from sparsegan.cli import study_tables
from sparsegan.study import load
from sparsegan.study.progress import Progress
from sparsegan.study.standing import Standing
from study_of_seconds import study


@pytest.fixture
def of(tmp_path):
    return study(tmp_path)


def progress(of, *statuses):
    return [
        Progress(cell, Standing(status, "why" if status == "failed" else "", 1, ()), 7, 2.0, 0.5)
        for cell, status in zip(of.cells, statuses, strict=True)
    ]


def test_the_live_table_has_every_cell_and_few_ones_where_there_is_little_room(of):
    for height, expected in ((40, 4), (6, 4), (3, 4)):
        stream = io.StringIO()
        console = Console(file=stream, force_terminal=True, width=100, height=height)
        cells = progress(of, "running", "waiting", "failed", "finished")
        with study_tables.Display(console, progress(of, *["waiting"] * 4)) as display:
            display.show(cells)
            display._live.refresh()
        said = stream.getvalue()
        assert sum(cell.name in said for cell in of.cells) == expected
        assert "1 running, 1 failed, 1 waiting, 1 finished" in said
        assert "7/14" in said
        assert "0:04" in said  # 7 steps at 2 a second
        assert "adapt/seed=0: failed, why" in said


def test_values_that_are_not_known_are_dashes(of):
    stream = io.StringIO()
    Console(file=stream, width=120).print(study_tables.outcome(load(of.origin)))
    assert "0 of 2" in stream.getvalue()
    assert "–" in stream.getvalue()
