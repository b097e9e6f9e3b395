"""Settings that follow from others."""

from sparsegan.settings import parse, recipes
from sparsegan.settings.adjust import Adjusting, Adjustment


def adjusting(*kept):
    return Adjusting(parse.parse(recipes.layers("small")), kept)


def test_a_change_is_in_the_settings_and_has_its_reason():
    changing = adjusting()
    assert changing.put("steps", 7, "a test") == 7
    assert changing.put("augment", ["color"], "a test") == ["color"]
    assert changing.put("method.interval", 9, "a test") == 9
    result = changing.result()
    assert (result.steps, result.augment, result.method.settings.interval) == (7, ("color",), 9)
    assert str(changing.adjustments[0]) == "steps 3000 -> 7: a test"


def test_what_is_kept_equal_or_not_there_does_not_change():
    changing = adjusting("steps")
    assert changing.put("steps", 7, "") == 3000
    assert changing.put("batch_size", 32, "") == 32
    assert changing.put("method.none", 1, "") is None
    assert changing.at_most("method.interval", 60, "") == 50
    assert not changing.adjustments


def test_a_change_can_be_stated_on_a_command_line():
    change = Adjustment("augment", [], ["color", "translation"], "")
    assert change.flag == "--augment '[color, translation]'"
    assert Adjustment("steps", 1, 2, "").flag == "--steps 2"
