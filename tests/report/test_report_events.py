import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsegan.report.events import Decision, Evaluation, Rewire, finite, layers_of

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
FIELDS = (
    *("metric", "value", "low", "high", "floor", "frechet", "frechet_floor"),
    *("action", "reason", "balance_ratio", "from_active", "to_active", "total"),
    *("network", "active", "churn", "ever_active", "layers", "nearly_empty", "networks"),
)
events = st.dictionaries(st.sampled_from(FIELDS), json_values)


@given(events)
def test_no_event_can_break_the_rows(event):
    for kind in (Decision, Evaluation, Rewire):
        assert kind.of(1, event).step == 1
    assert layers_of(event, "generator") == () or "networks" in event


@pytest.mark.parametrize("value", [None, True, "1", float("nan"), float("inf"), 10**400, 1e200, []])
def test_what_is_no_finite_number_is_none(value):
    assert finite(value) is None


def test_densities_are_shares_of_the_total():
    event = {"action": "raise", "from_active": 10, "to_active": 15, "total": 100}
    decision = Decision.of(7, event)
    assert (decision.before, decision.after) == (0.10, 0.15)


def test_a_rewiring_keeps_what_is_whole_of_its_layers():
    layers = [["a", 5, 6, 10], ["b", 5, 6], "c", ["d", 1, None, 4]]
    assert Rewire.of(0, {"layers": layers}).layers == {"a": (6, 10)}


def test_layers_without_a_mask_do_not_count():
    rows = [
        {"name": "a", "kind": "Linear", "weights": 50, "active": 50, "masked": False},
        {"name": "b", "kind": "Conv2d", "weights": 20, "active": 2, "masked": True},
    ]
    (layer,) = layers_of({"networks": {"generator": rows}}, "generator")
    assert (layer.name, layer.active) == ("b", 2)
