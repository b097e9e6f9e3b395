"""A run whose controller moves D's steps or its learning rate: made, counted, and gone on with."""

import itertools
import json

import pytest
from test_train_loop import events_of, last, stop_after

from sparsegan.plan import plan
from sparsegan.train import loop
from sparsegan.train.stop import Interrupted
from tiny_run import config, differences

pytestmark = pytest.mark.usefixtures("quick_runs")

# Every ratio is above the band, so that decisions, at 3, 6, 9 and 12, raise D as far as they may.
FLAGS = [
    "--method.name",
    "dda",
    "--method.low",
    "-100",
    "--method.high",
    "-99",
    "--method.control_interval",
    "3",
]
FLAGS += ["--evaluate.images", "0", "--checkpoint.every", "1", "--checkpoint.keep", "20"]
FLAGS += ["--data.source", "fashion-mnist", "--log_every", "1", "--method.steps_cap", "4"]


@pytest.mark.parametrize("lever", ["steps", "learning_rate"])
def test_a_lever_is_moved_counted_and_goes_on_after_a_stop(tmp_path, monkeypatch, lever):
    flags = [*FLAGS, "--method.lever", lever]
    run = loop.train(config(tmp_path / "whole", *flags))
    decisions = [e for e in events_of(run) if e["kind"] == "decision"]
    assert [e["step"] for e in decisions] == [3, 6, 9, 12]
    assert {e["lever"] for e in decisions} == {lever}
    counts = [run.load(step)["method"]["discriminator"]["steps"] for step in range(15)]
    made = [after - before for before, after in itertools.pairwise(counts)]
    rates = [e.get("discriminator_lr", 2e-4) for e in events_of(run) if e["kind"] == "train"]
    if lever == "steps":
        assert made == [2] * 3 + [3] * 3 + [4] * 8
        assert rates == [2e-4] * 14
        counted = json.loads(run.cost.read_text())["flops"]
        to_come = plan.outline(config(tmp_path / "plan", *flags)).cost["flops"]
        for convention, flops in counted.items():
            assert flops["run"] == pytest.approx(to_come[convention]["highest"])
            assert flops["dense"] == pytest.approx(to_come[convention]["dense"])
    else:
        assert made == [2] * 14
        factors = [1.25 ** min(4, step // 3) for step in range(14)]
        assert rates == pytest.approx([2e-4 * factor for factor in factors])
    with monkeypatch.context() as context:
        stop_after(context, 7)
        with pytest.raises(Interrupted):
            loop.train(config(tmp_path / "stopped", *flags))
    resumed = loop.resume(tmp_path / "stopped")
    assert differences(last(resumed), last(run)) == []
    assert events_of(resumed) == events_of(run)
