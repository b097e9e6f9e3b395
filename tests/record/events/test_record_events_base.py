import math

from sparsegan.record.events import Event, Notice, Rewiring
from sparsegan.record.events.base import is_count, is_number, is_share, share


def test_a_line_begins_with_kind_and_step_and_the_game_where_it_has_a_name():
    assert list(Notice(step=3, message="a").to_json()) == ["kind", "step", "message"]
    line = Notice(step=3, game="a_to_b", message="a").to_json()
    assert list(line) == ["kind", "step", "pair", "message"]
    assert (line["kind"], line["pair"]) == ("warning", "a_to_b")


def test_a_field_with_a_default_is_left_out_while_it_has_it():
    change = dict.fromkeys(("dropped", "grown", "active", "total", "churn", "ever_active"))
    change |= {"step": 1, "network": "generator", "reason": "rewire"}
    change |= {"layers": (), "nearly_empty": ()}
    assert "resurrected" not in Rewiring(**change).to_json()
    assert Rewiring(**change, resurrected=0).to_json()["resurrected"] == 0
    assert Rewiring(**change).to_json()["churn"] is None


def test_an_event_of_no_known_kind_is_sound():
    assert Event.is_sound({})


def test_what_can_be_counted_on():
    assert [is_count(value) for value in (0, 5, -1, 1.0, True, 10**16)] == [True, True] + [
        False
    ] * 4
    assert [is_share(*pair) for pair in ((0, 1), (2, 2), (3, 2), (0, 0))] == [
        True,
        True,
        False,
        False,
    ]
    assert is_number(None)
    assert not any(map(is_number, (math.nan, math.inf, "1", False)))
    assert (share(1, 4), share(None, 4), share(1, 0)) == (0.25, None, None)
