from dataclasses import fields

from sparsegan.engine import LayerTiming
from sparsegan.engine.timing import Fit
from sparsegan.record import events
from sparsegan.record.events import LayerSeconds, Seconds


def test_the_seconds_of_a_layer_are_what_the_engine_measures():
    for ours, theirs in ((LayerSeconds, LayerTiming), (Seconds, Fit)):
        assert [one.name for one in fields(ours)] == [one.name for one in fields(theirs)]


def test_seconds_at_a_density():
    fit = Seconds(masked=4.0, fixed=0.5, slope=2.0)
    convolution = LayerSeconds("conv", "Conv2d", fit=fit)
    assert (convolution.masked, convolution.native(0.25), convolution.native(1)) == (4.0, 1.0, 2.5)
    assert LayerSeconds("linear", "Linear", fit=fit).native(1) == 4.0
    assert LayerSeconds("unknown").masked is LayerSeconds("unknown").native(0.5) is None


def test_a_table_that_is_broken_is_none():
    line = {"kind": "engine", "step": 0, "timing": 7, "layers": [{"name": "a", "fit": {}}, 3]}
    event = events.read(line)
    assert event.layers == (LayerSeconds("a", fit=Seconds(None, None, None)),)
    assert event.timing is None
    assert event.layers[0].native(0.5) is None
