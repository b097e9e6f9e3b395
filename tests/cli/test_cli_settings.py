"""Which layer of settings wins, and what a command line asks for beside them."""

from pathlib import Path

import pytest
from PIL import Image

from command_line import TINY, refused
from sparsegan.cli import settings
from sparsegan.errors import SparseganError
from sparsegan.settings import parse, recipes


def read(*arguments, command="train"):
    return settings.read(arguments, command, "")


def test_without_recipe_and_files_the_default_recipe_is_used():
    request = read("--seed", "5")
    assert request.recipe == settings.DEFAULT_RECIPE
    default = parse.parse(recipes.layers(settings.DEFAULT_RECIPE), ["--seed", "5"])
    assert request.config == default


def test_files_stand_for_the_default_recipe_and_over_a_named_one():
    Path("a.yaml").write_text("steps: 7\nseed: 1\n")
    Path("b.yaml").write_text("seed: 2\n")
    alone = read("--config", "a.yaml", "--config=b.yaml")
    assert (alone.recipe, alone.config.steps, alone.config.seed) == (None, 7, 2)
    over = read("--config", "a.yaml", "--recipe", "adapt/sngan-cifar10", "--seed=3")
    assert (over.config.steps, over.config.seed) == (7, 3)
    assert over.config.network.name == "sngan"


def test_a_scale_keeps_what_a_flag_says_and_notes_the_rest():
    request = read("--recipe", "adapt/sngan-cifar10", "--scale", "small", "--steps=700")
    assert request.config.steps == 700
    assert request.notes[0] == "--recipe adapt/sngan-cifar10 --scale small"
    assert request.notes[1:] == [str(change) for change in request.scaled]
    changed = {change.key for change in request.scaled}
    assert "network.generator_width" in changed
    assert "steps" not in changed
    assert read("--recipe", "small").notes == ["--recipe small"]


def test_a_run_to_begin_from_has_the_settings_unless_others_are_named(trained):
    run, _ = trained
    begun = read("--from", str(run))
    assert (begun.recipe, begun.config.method.settings.generator_density) == (None, 0.25)
    assert begun.config.network.generator_width == TINY["network"]["generator_width"]
    assert begun.config.start.run == str(run)
    named = read(f"--from={run}", "--recipe", "small")
    assert named.config.network == parse.parse(recipes.layers("small")).network


@pytest.mark.parametrize(
    ("flags", "value"),
    [
        (["--from", "a"], "a"),
        (["--from=a", "--seed", "3"], "a"),
        (["--start.run=a", "--from", "b"], "b"),
        (["--seed", "3"], None),
        (["--from"], None),
    ],
)
def test_of_a_flag_under_two_names_the_last_counts(flags, value):
    assert settings._flag(flags, "--from", "--start.run") == value


def test_options_are_those_of_the_command():
    assert read("--json", "--measure", command="cost").options.measure
    with pytest.raises(SparseganError, match="unknown option --json"):
        read("--json")
    assert read("--dry_run").options.dry_run
    with pytest.raises(
        SparseganError, match="--dry_run is an option of `sparsegan train`, not of cost"
    ):
        read("--dry_run", command="cost")


def test_wrong_options_point_to_the_commands_help(capsys):
    assert "(see `sparsegan cost --help`)" in refused(capsys, "cost", "--scale", "tiny")


def pictures(count):
    folder = Path("photos")
    folder.mkdir()
    for number in range(count):
        Image.new("L", (40, 32), number).save(folder / f"{number}.png")
    return str(folder)


def test_few_pictures_get_settings_that_suit_them_unless_flags_say_otherwise(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = ["--data.path", pictures(40), "--discriminator_steps", "3"]
    request = settings.read(flags, "train", "")
    assert request.config.batch_size == 16
    assert request.config.discriminator_steps == 3
    assert {one.key for one in request.suited["36 pictures"]} >= {"batch_size", "augment"}
    assert any(line.startswith("batch_size 32 -> 16") for line in request.notes)


def test_few_pictures_get_them_beside_a_file_too_where_it_says_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("own.yaml").write_text(f"data: {{path: {pictures(40)}}}\nbatch_size: 8\n")
    request = read("--recipe", "small", "--config", "own.yaml")
    assert {one.key for one in request.suited["36 pictures"]} >= {"augment", "discriminator_steps"}
    assert request.config.batch_size == 8
    assert not request.caution


def test_what_files_without_a_recipe_leave_open_is_said():
    Path("own.yaml").write_text("steps: 7\n")
    request = read("--config", "own.yaml", "--batch_size", "9")
    assert "own.yaml names no recipe" in request.caution
    assert "--recipe small --config own.yaml" in request.caution
    assert "steps" not in request.caution
    assert "batches" not in request.caution
    Path("all.yaml").write_text(parse.to_yaml(request.config))
    assert not read("--config", "all.yaml").caution
    assert not read("--recipe", "small", "--config", "own.yaml").caution
    assert not read("--config", "own.yaml", "--scale", "small").caution  # it says what it makes


def test_settings_can_be_printed_before_there_are_pictures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = ["--data.path", "photos"]
    request = settings.read([*flags, "--quality", "quick", "--print_config"], "train", "")
    assert request.config.data.path == "photos"
    assert list(request.suited) == ["--quality quick"]
    for command in ("train", "cost"):
        with pytest.raises(SparseganError, match="there is no folder photos"):
            settings.read(flags, command, "")
    pictures(40)
    assert settings.read([*flags, "--print_config"], "train", "").suited


@pytest.mark.parametrize("flags", [["--recipe", "dense"], ["--config", "mine.yaml"]])
def test_settings_that_were_named_are_not_suited(flags, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("method: {name: dense}\n")
    if flags[1] == "dense":
        flags = ["--recipe", "fashion-mnist"]
    request = settings.read([*flags, "--data.path", pictures(40)], "train", "")
    assert not request.suited


def test_a_quality_is_a_length_for_short_recipes_alone():
    assert settings.read(["--quality", "quick"], "train", "").config.steps == 1000
    with pytest.raises(SparseganError, match="--quality is a length for the recipes small and"):
        settings.read(["--recipe", "adapt/sngan-cifar10", "--quality", "best"], "train", "")


def test_of_a_setting_that_quality_and_pictures_decide_the_pictures_have_the_last_word(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    request = read("--quality", "good", "--data.path", pictures(40))
    assert list(request.suited) == ["36 pictures"]
    assert request.config.steps == 6000


def test_a_run_to_begin_from_says_what_other_pictures_would_have(trained, tmp_path, monkeypatch):
    run, _ = trained
    monkeypatch.chdir(tmp_path)
    said = read("--from", str(run), "--data.path", pictures(40), "--steps", "9").caution
    assert said.startswith(f"settings stay those of {run}")
    assert "36 pictures by themselves would have --augment '[color, translation]'" in said
    assert "--steps" not in said
    assert not read("--from", str(run)).caution
