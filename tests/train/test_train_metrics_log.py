import json
import math

import pytest

from sparsegan.errors import SparseganError
from sparsegan.train.metrics_log import MetricsLog, finite, read_events


def test_lines_are_in_the_file_at_once(tmp_path):
    path = tmp_path / "metrics.jsonl"
    with MetricsLog(path) as log:
        log.write("train", 3, loss=0.5, layers=(("a", 1),))
        assert json.loads(path.read_text()) == {
            "kind": "train",
            "step": 3,
            "loss": 0.5,
            "layers": [["a", 1]],
        }
        assert log.offset() == path.stat().st_size


def test_numbers_that_json_lacks_become_null():
    value = {"a": math.nan, "b": [math.inf, 1.0, (-math.inf,)], "c": True, "d": None, "e": "nan"}
    expected = {"a": None, "b": [None, 1.0, [None]], "c": True, "d": None, "e": "nan"}
    assert finite(value) == expected
    json.dumps(finite(value), allow_nan=False)


def test_cutting_back_and_going_on_gives_the_same_file(tmp_path):
    path = tmp_path / "metrics.jsonl"
    with MetricsLog(path) as log:
        log.write("train", 1)
        offset = log.offset()
        log.write("train", 2)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"kind": "tra')  # a line that a kill cut off
    with MetricsLog(path, offset) as log:
        log.write("train", 2)
        assert log.offset() == len(whole)
    assert path.read_bytes() == whole


def test_a_file_shorter_than_the_checkpoint_knows_is_refused(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text("{}\n")
    with pytest.raises(SparseganError, match=r"has 3 bytes .* after 4"):
        MetricsLog(path, 4)
    assert path.read_text() == "{}\n"


def test_reading_leaves_out_a_last_line_that_is_not_whole(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"kind": "a"}\n{"kind": "b"}\n{"ki')
    assert [event["kind"] for event in read_events(path)] == ["a", "b"]


def test_reading_names_what_is_wrong(tmp_path):
    path = tmp_path / "metrics.jsonl"
    with pytest.raises(SparseganError, match="is missing"):
        list(read_events(path))
    path.write_text('{"kind": "a"}\nnonsense\n{"kind": "b"}\n')
    with pytest.raises(SparseganError, match="line 2"):
        list(read_events(path))
