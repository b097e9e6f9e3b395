import json
import math
from pathlib import Path

import pytest

from sparsegan.errors import SparseganError
from sparsegan.files import WriteError
from sparsegan.record.events import Data, Event, Notice
from sparsegan.record.metrics_log import (
    MetricsLog,
    finite,
    history,
    line,
    read_events,
    readable_history,
)

NOTICE = Notice(step=1, message="a word")


def test_lines_are_in_the_file_at_once(tmp_path):
    path = tmp_path / "metrics.jsonl"
    with MetricsLog(path) as log:
        log.write(Data(step=3, split="test", images=1, held_out="", warnings=("a",), skipped=()))
        assert json.loads(path.read_text()) == {
            "kind": "data",
            "step": 3,
            "split": "test",
            "images": 1,
            "held_out": "",
            "warnings": ["a"],
            "skipped": [],
        }
        assert log.offset() == path.stat().st_size


def test_numbers_that_json_lacks_become_null():
    value = {"a": math.nan, "b": [math.inf, 1.0, (-math.inf,)], "c": True, "d": None, "e": "nan"}
    expected = {"a": None, "b": [None, 1.0, [None]], "c": True, "d": None, "e": "nan"}
    assert finite(value) == expected
    json.dumps(finite(value), allow_nan=False)


def test_reading_leaves_out_a_last_line_that_is_not_whole(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"kind": "a", "step": 0}\n{"kind": "b", "step": 1}\n{"ki')
    assert [event["kind"] for event in read_events(path)] == ["a", "b"]
    assert readable_history(path) == list(history(path)) == [Event(step=0), Event(step=1)]


def test_reading_names_what_is_wrong(tmp_path):
    path = tmp_path / "metrics.jsonl"
    with pytest.raises(SparseganError, match="is missing"):
        list(read_events(path))
    assert readable_history(path) == []
    path.write_text('{"kind": "a", "step": 0}\nnonsense\n{"kind": "b", "step": 0}\n')
    with pytest.raises(SparseganError, match=r"line 2 .* --repair"):
        list(read_events(path))
    assert readable_history(path) == [Event(step=0), Event(step=0)]
    assert readable_history(path, Notice) == []
    path.unlink()
    path.mkdir()
    with pytest.raises(SparseganError, match="cannot read"):
        list(read_events(path))


def test_lines_of_before_are_taken_over_to_the_byte(tmp_path):
    with MetricsLog(tmp_path / "metrics.jsonl") as log:
        log.extend(line(NOTICE))
        log.write(NOTICE)
    first, second, rest = (tmp_path / "metrics.jsonl").read_bytes().split(b"\n")
    assert first == second
    assert not rest


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_told_with_the_path():
    log = MetricsLog(Path("/dev/full"))
    with pytest.raises(WriteError, match=r"cannot write /dev/full \(No space left on device\)"):
        log.write(NOTICE)
    with pytest.raises(WriteError):
        log.close()
    log.close()


def test_a_log_that_has_vanished_is_noticed_before_a_checkpoint_relies_on_it(tmp_path):
    path = tmp_path / "metrics.jsonl"
    with MetricsLog(path) as log:
        log.write(NOTICE)
        path.rename(tmp_path / "elsewhere")
        with pytest.raises(WriteError, match="No such file"):
            log.offset()
        path.touch()
        with pytest.raises(WriteError, match="another file"):
            log.offset()
