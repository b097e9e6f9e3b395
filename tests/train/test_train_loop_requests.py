"""What a method asks the loop for, in whole runs."""

import itertools

import pytest
from test_train_loop import events_of, last, stop_after

from sparsegan.methods import METHODS, Requests, Static
from sparsegan.train import loop
from sparsegan.train.stop import Interrupted
from tiny_run import config, differences

pytestmark = pytest.mark.usefixtures("quick_runs")


class Wishing(Static):
    """Asks for other numbers of discriminator steps and learning rates as it goes."""

    WISHES = (
        Requests(3, 0.5),
        Requests(1),
        Requests(discriminator_rate=2.0, schedule=(8, 4)),
    )

    def update(self, step):
        self.requests = self.WISHES[step % 3]
        yield from ()


def test_what_a_method_asks_for_is_done_from_the_next_step_on_also_after_a_stop(
    tmp_path, monkeypatch
):
    monkeypatch.setitem(METHODS, "static", Wishing)
    flags = ["--method.name", "static", "--steps", "9"]
    flags += ["--log_every", "1", "--data.source", "fashion-mnist"]
    flags += ["--optimiser.lr_decay", "linear", "--optimiser.decay_from", "0"]
    flags += ["--evaluate.images", "0", "--checkpoint.every", "1", "--checkpoint.keep", "10"]
    whole_run = loop.train(config(tmp_path / "whole", *flags))
    counts = [
        whole_run.load(step)["method"]["discriminator"]["steps"]
        for step in whole_run.checkpoint_steps()
    ]
    # As the settings say, two, in the first step; then as asked for after each step.
    made = [2, *((3, 1, 2)[step % 3] for step in range(1, 9))]
    assert counts == list(itertools.accumulate(made, initial=0))
    lr = 2e-4
    rates = [
        (event["generator_lr"] / lr, event["discriminator_lr"] / lr)
        for event in events_of(whole_run)
        if event["kind"] == "train"
    ]
    for step, (generator, discriminator) in enumerate(rates, 1):
        wish = Requests() if step == 1 else Wishing.WISHES[(step - 1) % 3]
        left = (10 - step) / 9
        if wish.schedule:
            left = {3: 1.0, 6: 1.0, 9: 0.75}[step]  # before its schedule, and in its second step
        assert generator == pytest.approx(left), step
        assert discriminator == pytest.approx(left * wish.discriminator_rate), step
    with monkeypatch.context() as context:
        stop_after(context, 4)
        with pytest.raises(Interrupted):
            loop.train(config(tmp_path / "stopped", *flags))
    resumed = loop.resume(tmp_path / "stopped")
    assert differences(last(resumed), last(whole_run)) == []
    assert events_of(resumed) == events_of(whole_run)
