"""What is wrong is said once each time that it goes wrong, for each game."""

from health_events import progress
from sparsegan.health import Health

GOOD = [progress(50 * n, g=1.0 + n % 3) for n in range(1, 9)]
DEAD = [progress(50 * n, g=0.0) for n in range(9, 13)]
BACK = [progress(50 * n, g=1.0) for n in range(13, 17)]


def names(health, events):
    return [(event.step, finding.name) for event in events for finding in health.follow(event)]


def test_a_finding_is_new_once_and_again_after_it_had_gone():
    health = Health(1000)
    assert names(health, GOOD) == []
    assert names(health, DEAD) == [(550, "vanished")]
    assert names(health, BACK) == []
    again = [progress(50 * n, g=0.0) for n in range(17, 21)]
    assert names(health, again) == [(950, "vanished")]


def test_what_was_said_before_a_stop_is_not_said_again():
    for cut in range(len(GOOD) + len(DEAD) + 1):
        events = GOOD + DEAD
        health = Health(1000, events[:cut])
        expected = [(550, "vanished")] if cut < len(GOOD) + 3 else []
        assert names(health, events[cut:]) == expected


def test_games_have_a_health_of_their_own():
    health = Health(1000)
    for event in GOOD + DEAD[:2]:
        assert not list(health.follow(event))
    assert not list(health.follow(progress(550, g=0.0, game="b_to_a")))
    assert names(health, DEAD[2:3]) == [(550, "vanished")]
    assert all(
        finding.failing for event in [progress(600, g=0.0)] for finding in health.follow(event)
    )
