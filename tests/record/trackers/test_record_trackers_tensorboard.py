import pytest
from PIL import Image

from sparsegan.errors import SparseganError
from sparsegan.record.run import RunDirectory, create
from sparsegan.record.trackers.tensorboard import TensorBoard
from sparsegan.train import loop
from tiny_run import config


def read(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(
        str(run.path / "tensorboard"), size_guidance={"images": 0}, purge_orphaned_data=False
    )
    events.Reload()
    return events


def scalars(run):
    events = read(run)
    return {
        name: [(event.step, event.value) for event in events.Scalars(name)]
        for name in events.Tags()["scalars"]
    }


def test_a_folder_elsewhere_is_not_emptied(tmp_path):
    run = create(tmp_path / "run")
    (tmp_path / "others").mkdir()
    (run.path / "tensorboard").symlink_to(tmp_path / "others")
    with pytest.raises(SparseganError, match="tensorboard is a link to "):
        TensorBoard(run, config("unused"))


@pytest.mark.full("tensorboard")
def test_event_files_hold_numbers_pictures_and_settings(tmp_path):
    run = create(tmp_path / "run")
    Image.new("L", (4, 3), 200).save(run.sample(7))
    board = TensorBoard(run, config("unused", "--seed", "123"))
    board.numbers(5, {"loss/generator": 0.5, "balance_ratio": 0.75})
    board.numbers(7, {"loss/generator": 0.25})
    board.picture(7, "samples", run.sample(7))
    board.close()
    assert scalars(run) == {
        "loss/generator": [(5, 0.5), (7, 0.25)],
        "balance_ratio": [(5, 0.75)],
    }
    events = read(run)
    [picture] = events.Images("samples")
    assert (picture.step, picture.width, picture.height) == (7, 4, 3)
    [settings] = events.Tensors("settings/text_summary")
    assert b"seed: 123\n" in settings.tensor_proto.string_val[0]
    TensorBoard(run, config("unused")).close()
    assert scalars(run) == {}


@pytest.mark.full("tensorboard")
def test_a_run_that_was_killed_and_goes_on_has_every_step_once(tmp_path, monkeypatch):
    flags = ("--log_every", "1", "--checkpoint.every", "4", "--track", "tensorboard")
    settings = config(tmp_path / "run", *flags, "--engine", "masked", "--steps", "8")
    followed = loop.Games.after_generator_step

    def killed_at_six(games, *arguments):
        if games.step == 5:
            raise KeyboardInterrupt
        return followed(games, *arguments)

    monkeypatch.setattr(loop.Games, "after_generator_step", killed_at_six)
    with pytest.raises(KeyboardInterrupt):
        loop.train(settings)
    assert [step for step, _ in scalars(RunDirectory(tmp_path / "run"))["loss/generator"]] == [
        1,
        2,
        3,
        4,
        5,
    ]
    monkeypatch.setattr(loop.Games, "after_generator_step", followed)
    run = loop.resume(tmp_path / "run")
    shown = scalars(run)
    assert [step for step, _ in shown["loss/generator"]] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [step for step, _ in shown["density/discriminator"]] == list(range(1, 9))
    assert [step for step, _ in shown["quality/kid-patches"]] == [0, 5, 8]
    assert [picture.step for picture in read(run).Images("samples")] == [0, 5, 8]
