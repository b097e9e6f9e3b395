import io
from dataclasses import replace
from datetime import timedelta

import pytest
from rich.console import Console

from sparsegan.record import events
from sparsegan.record.run import RunDirectory
from sparsegan.train.progress import ProgressDisplay, display_on, duration

EVENT = events.read(
    {
        "kind": "train",
        "step": 40,
        "steps_per_second": 4.0,
        "generator_loss": 1.234,
        "discriminator_loss": 0.5,
        "balance_ratio": 0.4567,
        "generator_density": 0.1,
        "discriminator_density": 0.35,
    }
)
STATE = "loss G 1.23 D 0.50  BR 0.457  density G 10% D 35%"


def shown(*games, width=40, **options):
    output = io.StringIO()
    with ProgressDisplay(Console(file=output, width=width, **options), 100, 0) as display:
        display.advance(40)
        display.show(games)
        display.say("[a line] of its own")
    return output.getvalue().splitlines()


def test_elsewhere_than_on_a_terminal_each_state_is_a_line():
    # 60 steps are left, at 4 a second.
    assert shown(EVENT) == [
        f"step 40/100  4.0 steps/s  {STATE}  0:15 left",
        "[a line] of its own",
    ]


def test_games_of_a_run_stand_side_by_side_by_their_names():
    (line, _) = shown(
        replace(EVENT, game="a_to_b"), replace(EVENT, game="b_to_a", balance_ratio=None)
    )
    second = STATE.replace("0.457", "–")
    assert f"4.0 steps/s  a_to_b  {STATE}  b_to_a  {second}  " in line


def test_a_terminal_has_a_bar_that_ends_where_the_run_is():
    text = "\n".join(shown(EVENT, width=150, force_terminal=True))
    assert "40/100" in text
    assert "[a line] of its own" in text
    assert "left" not in text


def test_without_a_console_nothing_is_shown(capsys):
    with ProgressDisplay(None, 100, 0) as display:
        display.advance(3)
        display.show([EVENT])
        display.say("nothing")
    assert capsys.readouterr() == ("", "")


def test_before_anything_is_timed_no_time_is_left():
    assert shown(replace(EVENT, steps_per_second=0.0))[0].endswith("  0:00 left")


@pytest.mark.parametrize("seconds", [0, 59, 60, 61.4, 3599, 3600, 3661, 86399])
def test_durations_are_those_of_the_library_without_leading_zeros(seconds):
    text = str(timedelta(seconds=round(seconds)))
    assert duration(seconds) == (
        text.removeprefix("0:").removeprefix("0") if seconds < 3600 else text
    )


def test_a_run_is_shown_on_a_console_or_on_a_display_of_its_own(tmp_path):
    run = RunDirectory(tmp_path)
    console = Console(file=io.StringIO())
    assert display_on(console, run, 100, 7).console is console
    assert display_on(None, run, 100, 7).console is None

    class Own(ProgressDisplay):
        def __init__(self, run, steps, done):
            super().__init__(None, steps, done)
            self.run = run

    own = display_on(Own, run, 100, 7)
    assert (own.run, own.steps, own.done) == (run, 100, 7)
