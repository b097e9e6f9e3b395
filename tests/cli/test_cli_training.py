import signal
from pathlib import Path

import pytest

from sparsegan.cli.training import to_the_end
from sparsegan.record.run import RunDirectory
from sparsegan.train import launch
from sparsegan.train.stop import Interrupted


def stopped():
    raise Interrupted(signal.SIGTERM, 7, Path("a run"))


@pytest.mark.parametrize("rank", [0, 1])
def test_a_stop_says_how_to_go_on_once_and_only_the_first_process_ends_with_it(
    rank, capsys, monkeypatch
):
    monkeypatch.setattr(launch, "process_rank", lambda: rank)
    assert to_the_end(stopped) == (0 if rank else 128 + signal.SIGTERM)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("go on with `sparsegan resume 'a run'`") == (not rank)


@pytest.mark.parametrize("rank", [0, 1])
def test_the_first_process_alone_prints_what_came_of_a_run(trained, rank, capsys, monkeypatch):
    run, _ = trained
    monkeypatch.setattr(launch, "process_rank", lambda: rank)
    assert to_the_end(lambda: RunDirectory(run)) == 0
    printed = capsys.readouterr().out
    for said in ("result: ", "real against real", "cost: ", "next:", "sparsegan sample"):
        assert (said in printed) == (not rank)
    assert printed.endswith("" if rank else f"report: {run}/report.html\n")
