from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsegan.record.fields import finite, reader


class Pair(NamedTuple):
    name: str
    count: int


@dataclass(frozen=True)
class Row:
    name: str
    count: int


@dataclass(frozen=True)
class Whole:
    text: str
    flag: bool
    number: float | None
    row: Row | None
    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...]
    ends: tuple[float, float] | None
    by_name: Mapping[str, tuple[Row, ...]]
    anything: Mapping[str, Any]


LINE = {
    "text": "a",
    "flag": False,
    "number": 2,
    "row": {"name": "r", "count": 1},
    "rows": [{"name": "r", "count": 1}],
    "pairs": [["p", 2]],
    "ends": [0.5, 1],
    "by_name": {"x": [{"name": "r", "count": 1}]},
    "anything": {"y": [1, None]},
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


def test_a_whole_object_is_read_by_the_types_of_its_fields():
    row = Row("r", 1)
    assert reader(Whole)(LINE) == Whole(
        "a", False, 2.0, row, (row,), (Pair("p", 2),), (0.5, 1.0), {"x": (row,)}, {"y": [1, None]}
    )


def test_of_what_is_missing_nothing_is_known():
    assert reader(Whole)({}) == Whole("", True, None, None, (), (), None, {}, {})


def test_an_object_that_cannot_do_without_a_number_is_left_out():
    rows = [{"name": "a"}, {"name": "b", "count": 3, "more": 1}, 7, {"count": "many"}]
    assert reader(Whole)({"rows": rows}).rows == (Row("b", 3),)
    assert reader(Whole)({"pairs": [["a", 1, 2], ["b", None], "c", ["d", 4]]}).pairs == (
        Pair("d", 4),
    )


@given(st.dictionaries(st.sampled_from(sorted(LINE)), json_values))
def test_no_value_breaks_it(line):
    assert isinstance(reader(Whole)(LINE | line), Whole)


@pytest.mark.parametrize("value", [None, True, "1", float("nan"), float("inf"), 10**400, 1e200, []])
def test_what_is_no_finite_number_is_none(value):
    assert finite(value) is None


def test_other_types_are_refused():
    with pytest.raises(TypeError, match="set"):
        reader(set)
