import errno

import pytest

from sparsegan.errors import SparseganError
from sparsegan.locks import FileLock
from sparsegan.record import events
from sparsegan.record.checkpoint import save_state
from sparsegan.record.metrics_log import MetricsLog
from sparsegan.record.run import RunDirectory, create, free_name, hold, open_run


@pytest.fixture
def run(tmp_path):
    return create(tmp_path / "run")


def fill(run, steps, values=()):
    for step in steps:
        run.checkpoint(step).write_bytes(b"")
        run.sample(step).write_bytes(b"")
    with MetricsLog(run.metrics) as log:
        for step, value in values:
            log.write(events.read({"kind": "evaluate", "step": step, "value": value}))


def test_an_empty_directory_is_taken(tmp_path):
    (tmp_path / "run").mkdir()
    run = create(tmp_path / "run")
    assert run.checkpoints.is_dir()
    assert run.samples.is_dir()


@pytest.mark.parametrize("kind", ["file", "full folder", "no parent"])
def test_what_is_there_is_never_written_over(tmp_path, kind):
    path = tmp_path / "run"
    if kind == "file":
        path.write_text("mine")
    elif kind == "full folder":
        path.mkdir()
        (path / "mine").write_text("mine")
    else:
        path.write_text("mine")
        path = path / "below"
    with pytest.raises(SparseganError, match=str(path)):
        create(path)


def test_names_that_the_run_does_not_give_are_none_of_its_files(run):
    fill(run, [0, 500])
    for name in ("step-500", "step-\u00b2", "step-copy", "step--0000001"):
        (run.checkpoints / f"{name}.safetensors").write_bytes(b"")
        (run.samples / f"{name}.png").write_bytes(b"")
    assert run.checkpoint_steps() == [0, 500]
    assert run.grids() == [(0, run.sample(0)), (500, run.sample(500))]
    run.forget_after(0)
    assert run.checkpoint_steps() == [0]
    assert [step for step, _ in run.grids()] == [0]


def test_only_a_run_is_opened(tmp_path, run):
    with pytest.raises(SparseganError, match=r"no config\.yaml"):
        open_run(run.path)
    run.config.write_text("")
    assert open_run(run.path) == run


def test_names_count_up_from_one(tmp_path):
    assert free_name("a", "b", tmp_path) == tmp_path / "a-b-1"
    (tmp_path / "a-b-1").mkdir()
    assert free_name("a", "b", tmp_path) == tmp_path / "a-b-2"


def test_a_name_is_one_folder_whatever_the_source(tmp_path):
    assert free_name("hf:owner/name", "b", tmp_path) == tmp_path / "hf-owner-name-b-1"


def test_pruning_spares_the_newest_and_the_best(run):
    fill(run, [0, 10, 20, 30, 40], [(0, 9.0), (10, 0.5), (20, 0.7), (30, None)])
    run.prune(keep=2)
    assert run.checkpoint_steps() == [10, 30, 40]
    assert run.best_step() == 10


def test_the_best_of_two_pairs_is_best_for_both_together(run):
    values = [(0, 5.0), (0, 5.0), (10, 1.0), (10, 4.0), (20, 2.0), (20, 2.5), (30, 0.1), (30, None)]
    fill(run, [0, 10, 20, 30], values)
    assert run.best_step() == 20


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "rewind", "step": 10, "to": 0, "weights": "rewound"},
        {"kind": "rewire", "step": 10, "network": "generator", "reason": "prune", "layers": []},
    ],
)
def test_what_was_before_a_pruning_or_a_new_training_is_never_the_best(run, change):
    fill(run, [0, 10], [(0, 1.0), (10, 0.1)])
    with MetricsLog(run.metrics) as log:
        log.write(events.read(change))
    assert run.best_step() is None
    fill(run, [20, 30], [(20, 3.0), (30, 2.0)])
    assert run.best_step() == 30


def test_without_evaluations_there_is_no_best(run):
    assert run.best_step() is None
    fill(run, [0], [(0, None)])
    assert run.best_step() is None


def test_forgetting_removes_later_files_and_what_kills_left(run):
    fill(run, [0, 10, 20])
    (run.checkpoints / ".step-00000030.safetensors.0123456789ab.tmp").write_bytes(b"half")
    (run.checkpoints / "notes.txt").write_text("mine")
    run.forget_after(10)
    left = sorted(path.name for path in run.checkpoints.iterdir())
    assert left == ["notes.txt", "step-00000000.safetensors", "step-00000010.safetensors"]
    assert [path.name for path in sorted(run.samples.iterdir())] == [
        "step-00000000.png",
        "step-00000010.png",
    ]


def test_forgetting_knows_the_grids_of_several_pairs(run):
    for step in (0, 20):
        grid = run.sample(step, "a_to_b")
        grid.parent.mkdir(exist_ok=True)
        grid.write_bytes(b"")
    (run.samples / "a_to_b" / ".step-00000030.png.0123456789ab.tmp").write_bytes(b"half")
    run.forget_after(10)
    left = [path.name for path in (run.samples / "a_to_b").iterdir()]
    assert left == ["step-00000000.png"]


def test_the_newest_checkpoint_is_the_latest_whole_one(run):
    with pytest.raises(SparseganError, match="no checkpoint yet"):
        run.newest_checkpoint()
    fill(run, [9, 100])
    (run.checkpoints / ".step-00000200.safetensors.0123456789ab.tmp").write_bytes(b"half")
    (run.checkpoints / "step-best.safetensors").write_bytes(b"mine")
    assert run.newest_checkpoint() == RunDirectory(run.path).checkpoint(100)


def test_a_run_is_finished_when_all_of_its_end_is_there(run):
    assert not run.is_finished()
    fill(run, [0], [(0, 1.0)])
    networks = {"generator": [], "discriminator": []}
    with MetricsLog(run.metrics) as log:
        log.write(events.read({"kind": "start", "step": 0, "networks": networks}))
        log.write(events.read({"kind": "end", "step": 5}))
    assert not run.is_finished()
    run.cost.write_text("{}")
    assert not run.is_finished()
    run.checkpoint(5).write_bytes(b"")
    assert run.end_step() == 5
    for step in (0, 5):
        run.checkpoint(step).unlink()
    assert run.is_finished()


def test_only_what_a_killed_write_left_is_forgotten(run):
    fill(run, [0])
    for name in (".mine.tmp", ".bashrc.old.tmp", ".x.0123456789AB.tmp"):
        (run.samples / name).write_text("mine")
    run.forget_after(0)
    assert len(list(run.samples.glob(".*"))) == 3


@pytest.mark.parametrize("name", ["checkpoints", "samples"])
def test_folders_that_are_elsewhere_are_not_written_in(run, tmp_path, name):
    run.require_own_folders()
    (tmp_path / "link").symlink_to(run.path)
    RunDirectory(tmp_path / "link").require_own_folders()
    (run.path / name).rename(tmp_path / "elsewhere")
    (run.path / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SparseganError, match=f"{name} is a link to .*elsewhere"):
        run.require_own_folders()


def test_checkpoints_have_names_and_numbers(run):
    fill(run, [0, 10, 20], [(0, 9.0), (10, 0.5), (20, 0.7)])
    assert run.find_checkpoint() == run.checkpoint(20)
    assert run.find_checkpoint("best") == run.checkpoint(10)
    for called in (10, "10", "00010", run.checkpoint(10), str(run.checkpoint(10))):
        assert run.find_checkpoint(called) == run.checkpoint(10)


def test_a_checkpoint_that_is_not_there_is_answered_by_those_that_are(run):
    fill(run, [0, 10])
    with pytest.raises(SparseganError, match=r"nothing has been evaluated.*steps 0, 10"):
        run.find_checkpoint("best")
    with pytest.raises(SparseganError, match=r"no checkpoint of step 12.*steps 0, 10"):
        run.find_checkpoint("12")
    with pytest.raises(SparseganError, match=r"no checkpoint bset.*steps 0, 10"):
        run.find_checkpoint("bset")
    fill(run, [], [(12, 1.0)])
    with pytest.raises(SparseganError, match=r"best checkpoint, of step 12.*steps 0, 10"):
        run.find_checkpoint("best")


def test_a_checkpoint_that_is_pruned_while_it_is_read_is_not_missed(run, monkeypatch):
    for step in (1, 2):
        save_state(run.checkpoint(step), {"step": step})
    newest = RunDirectory.newest_checkpoint
    answers = iter([run.checkpoint(0)])  # removed before it could be opened
    monkeypatch.setattr(RunDirectory, "newest_checkpoint", lambda self: next(answers, newest(self)))
    assert run.load()["step"] == 2


def test_a_run_is_held_by_one(run):
    lock = hold(run)
    with pytest.raises(SparseganError, match="is being trained by another process"):
        hold(run)
    run.config.write_text("")
    with pytest.raises(SparseganError, match="is being trained by another process"):
        create(run.path)
    lock.release()
    with pytest.raises(SparseganError, match="is not empty"):
        create(run.path)
    hold(run).release()


def test_a_file_system_without_locks_is_said(run, monkeypatch, caplog):
    def no_lock(self):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(FileLock, "acquire", no_lock)
    hold(run).release()
    assert "no locks in" in caplog.text


def test_what_a_kill_at_once_leaves_is_still_empty(tmp_path):
    run = create(tmp_path / "run")
    hold(run).release()
    (run.path / ".config.yaml.0123456789ab.tmp").write_text("ste")
    assert create(run.path) == run
    (run.samples / "step-00000000.png").write_bytes(b"")
    with pytest.raises(SparseganError, match="is not empty"):
        create(run.path)


def test_checkpoints_of_before_a_loss_of_the_events_are_kept(run):
    fill(run, [0, 10, 20, 30, 40])
    with MetricsLog(run.metrics) as log:
        log.write(events.Repair(step=20, message="lost"))
    run.prune(keep=1)
    assert run.checkpoint_steps() == [0, 10, 20, 40]


def test_what_is_no_run_is_called_what_it_is(tmp_path):
    for name in ("bags", "boots"):
        (tmp_path / name).mkdir()
        RunDirectory(tmp_path / name).config.touch()
    with pytest.raises(SparseganError, match=f"no run directory .*did you mean {tmp_path}/bags"):
        open_run(tmp_path / "bag")
    with pytest.raises(SparseganError, match="name one that `train` has made"):
        open_run(tmp_path / "quite another")
    (tmp_path / "hub").mkdir()
    with pytest.raises(SparseganError, match=r"hub is not a run directory .* has made$"):
        open_run(tmp_path / "hub")
    (tmp_path / "hub" / "generator.safetensors").touch()
    with pytest.raises(SparseganError, match=r"or a generator in it \(.*generator.safetensors\)"):
        open_run(tmp_path / "hub")
    with pytest.raises(SparseganError, match="is a file: name the directory"):
        open_run(tmp_path / "hub" / "generator.safetensors")


def test_only_a_run_is_offered_to_be_gone_on_with(tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "0.png").touch()
    with pytest.raises(SparseganError) as refusal:
        create(tmp_path / "pictures")
    assert "resume" not in str(refusal.value)
    (tmp_path / "pictures" / "config.yaml").touch()
    with pytest.raises(SparseganError, match="sparsegan resume"):
        create(tmp_path / "pictures")
