from sparsegan.record import events
from sparsegan.sparsity import MaskChange


def test_a_change_keeps_what_is_whole_of_its_layers():
    layers = [["a", 5, 6, 10], ["b", 5, 6], "c", ["d", 1, None, 4], ["e", 0, 0, 0]]
    event = events.read({"kind": "rewire", "step": 0, "layers": layers})
    assert event.densities == {"a": 0.6}
    assert event.density is None


def test_a_mask_change_is_written_as_it_is_and_read_as_it_was():
    change = MaskChange(
        reason="raise",
        dropped=1,
        grown=3,
        active=12,
        total=48,
        ever_active=0.5,
        layers=(("a", 10, 12, 48),),
        nearly_empty=("a",),
        network="discriminator",
    )
    event = events.Rewiring.of(7, "a_to_b", change)
    assert (event.density, event.churn, event.densities) == (0.25, 0.25, {"a": 0.25})
    line = event.to_json() | {"layers": [["a", 10, 12, 48]], "nearly_empty": ["a"]}
    assert events.read(line) == event
