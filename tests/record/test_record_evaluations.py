import os

import pytest

from sparsegan.files import WriteError
from sparsegan.record import evaluations
from sparsegan.record.events import Evaluation


def evaluation(step, **fields):
    known = {"low": 0.1, "high": 0.3, "floor": 0.0, "n": 10, "seconds": 1.0, "bn": "standing"}
    known |= {"weights": "ema", "grid": None, "metric": "kid-x", "value": 0.2}
    return Evaluation(step=step, **known | fields)


def test_what_is_added_is_read_in_its_order(tmp_path):
    assert evaluations.read(tmp_path) == []
    first, second = evaluation(5), evaluation(3, fresh=True, game="a_to_b")
    evaluations.add(tmp_path, [first])
    evaluations.add(tmp_path, [second, first])
    assert evaluations.read(tmp_path) == [first, second, first]


def test_lines_that_are_no_evaluations_are_passed_over(tmp_path):
    evaluations.add(tmp_path, [evaluation(5)])
    with (tmp_path / evaluations.FILE).open("ab") as file:
        file.write(b'{"kind": "end", "step": 5}\n\xff\n{"kind": "evaluate"\n')
    assert evaluations.read(tmp_path) == [evaluation(5)]


def test_behind_a_line_that_was_cut_off_a_new_one_begins(tmp_path):
    evaluations.add(tmp_path, [evaluation(5)])
    with (tmp_path / evaluations.FILE).open("ab") as file:
        file.write(b'{"kind": "evalu')
    evaluations.add(tmp_path, [evaluation(9)])
    evaluations.add(tmp_path, [evaluation(12)])
    assert evaluations.read(tmp_path) == [evaluation(5), evaluation(9), evaluation(12)]


def test_what_the_disk_takes_in_parts_is_written_whole(tmp_path, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: write(descriptor, content[:7]))
    evaluations.add(tmp_path, [evaluation(5), evaluation(9)])
    assert evaluations.read(tmp_path) == [evaluation(5), evaluation(9)]


def test_steps_that_are_taken_again_are_forgotten(tmp_path):
    evaluations.add(tmp_path, [evaluation(step) for step in (5, 9, 2)])
    evaluations.forget_after(tmp_path, 5)
    assert [each.step for each in evaluations.read(tmp_path)] == [5, 2]
    evaluations.forget_after(tmp_path, 1)
    assert list(tmp_path.iterdir()) == []
    evaluations.forget_after(tmp_path, 0)


def test_nothing_is_written_elsewhere(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "else").write_text("")
    (tmp_path / "run" / evaluations.FILE).symlink_to(tmp_path / "else")
    with pytest.raises(WriteError):
        evaluations.add(tmp_path / "run", [evaluation(1)])
    assert (tmp_path / "else").read_text() == ""
