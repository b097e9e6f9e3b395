import json
import shutil
from dataclasses import replace

import pytest
from synthetic_run import join_games, write_run

from sparsegan.errors import SparseganError
from sparsegan.report.read import _grids, _text, read_run


def write_events(path, *lines):
    (path / "metrics.jsonl").write_text("\n".join(lines))
    (record,) = read_run(path)
    return record


def test_a_whole_run(run):
    assert run.label == "garments-adapt-1"
    assert (run.method, run.planned_steps, run.last_step) == ("adapt", 20_000, 20_000)
    assert run.finished
    assert run.band == (0.45, 0.55)
    assert len(run.curves["generator_loss"]) == 200
    assert len(run.balance) == 2000
    assert len(run.evaluations) == 12
    assert run.evaluations[-1].floor == 0.0012
    assert len(run.decisions) == 20
    assert run.seconds == pytest.approx(620)
    assert run.cost_of("flops", "published", "dense") == 2.4e17
    assert run.cost_of("seconds", "dense") is None
    assert run.cost_of("no", "such") is None
    assert [(grid.step, grid.width) for grid in run.grids] == [(0, 82), (20_000, 82)]
    assert run.config["optimiser.generator.lr"] == 0.0002
    assert run.unreadable == 0


def test_invalid_measurements_and_nan_are_gaps(run):
    assert any(value is None for _, value in run.balance)
    assert run.curves["discriminator_gradient_norm"][1] == (200, None)


def test_density_starts_with_the_masks_and_follows_every_change(run):
    points = run.density("discriminator")
    assert points[0] == (0, pytest.approx(0.1, abs=1e-4))
    assert points[-1][1] == pytest.approx(run.decisions[-1].after)
    assert [step for step, _ in points] == sorted(step for step, _ in points)


def test_a_directory_that_is_no_run_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(SparseganError, match="is not a run"):
            read_run(path)


def test_a_last_line_cut_off_is_left_out_silently(tmp_path):
    record = write_events(tmp_path, '{"kind": "end", "step": 5}', '{"kind": "train", "st')
    assert record.finished
    assert record.unreadable == 0


def test_other_broken_lines_are_counted(tmp_path):
    record = write_events(
        tmp_path, "not json", "[1]", '{"kind": "end"}', "", '{"kind": "train", "step": 3}', ""
    )
    assert record.unreadable == 3
    assert record.last_step == 3


def test_a_line_separator_inside_a_message_does_not_end_the_line(tmp_path):
    message = "one\u2028two"
    event = json.dumps({"kind": "warning", "step": 1, "message": message}, ensure_ascii=False)
    assert write_events(tmp_path, event, "").warnings == [(1, message)]


@pytest.mark.parametrize("content", ["a: [", "- 1", "!!python/object:os.system {}", ""])
def test_a_configuration_that_is_no_mapping_stays_text(tmp_path, content):
    (tmp_path / "config.yaml").write_text(content)
    (record,) = read_run(tmp_path)
    assert record.config == {}
    assert record.config_text == content


def test_unknown_kinds_broken_cost_and_pictures_that_are_none_are_passed_over(tmp_path):
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "step-00000001.png").write_bytes(b"GIF89a" + bytes(30))
    (tmp_path / "cost.json").write_text("{")
    record = write_events(tmp_path, '{"kind": "future", "step": 9}', "")
    assert record.last_step == 9
    assert record.grids == ()
    assert record.cost == {}


def test_every_game_has_a_record(tmp_path):
    there = write_run(tmp_path / "there", steps=2000, grids=2, cell=2)
    back = write_run(tmp_path / "back", steps=2000, grids=1, cell=2, seed=1)
    alone = [read_run(path)[0] for path in (there, back)]
    records = read_run(join_games(tmp_path / "horses", a_to_b=there, b_to_a=back))
    assert [record.label for record in records] == ["horses a_to_b", "horses b_to_a"]
    assert [record.name for record in records] == ["horses", "horses"]
    for record, own in zip(records, alone, strict=True):
        assert record.curves == own.curves
        assert record.balance == own.balance
        of_game = [replace(decision, game=record.game) for decision in own.decisions]
        assert record.decisions == of_game
        assert record.layers("generator") == own.layers("generator")
        assert record.finished
        assert len(record.grids) == len(own.grids)
        for keys in (("flops", "published", "run"), ("seconds", "run")):
            assert record.cost_of(*keys) == own.cost_of(*keys)
    assert records[0].curves != records[1].curves


def test_a_game_that_is_no_name_leads_nowhere(tmp_path):
    record = write_events(tmp_path, '{"kind": "start", "step": 0, "pair": "../.."}')
    assert record.games == []


def test_links_that_lead_out_of_the_run_are_left_out_and_the_run_itself_may_be_one(run, tmp_path):
    copy, secret = tmp_path / "copy", tmp_path / "secret"
    shutil.copytree(run.path, copy)
    secret.mkdir()
    shutil.move(copy / "samples" / "step-00020000.png", secret / "step-00020000.png")
    (copy / "samples" / "step-00020000.png").symlink_to(secret / "step-00020000.png")
    shutil.move(copy / "config.yaml", secret / "config.yaml")
    (copy / "config.yaml").symlink_to("../secret/config.yaml")
    (tmp_path / "link").symlink_to(copy)
    (record,) = read_run(tmp_path / "link")
    assert record.config_text == ""
    assert [grid.step for grid in record.grids] == [0]
    assert record.last_step == run.last_step
    shutil.rmtree(copy / "samples")
    (copy / "samples").symlink_to(secret)
    assert read_run(copy)[0].grids == ()


def test_a_picture_that_goes_away_while_it_is_read_is_none(run, monkeypatch):
    def gone(path, folder):
        path.unlink()
        return False

    monkeypatch.setattr("sparsegan.report.read.leads_out", gone)
    assert list(_grids(run.path / "samples")) == []
    assert _text(run.path / "metrics.jsonl") == ""
