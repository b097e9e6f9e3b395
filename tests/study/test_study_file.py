import pytest
import yaml

from sparsegan.errors import SparseganError
from sparsegan.study import file

STUDY = {
    "about": "a test",
    "base": {"steps": 10},
    "arms": {"dense": {"method.name": "dense"}, "adapt": None},
    "axes": {"batch_size": [2, 4]},
    "seeds": [0, 5],
}


def written(folder, **changes):
    content = {**STUDY, **changes}
    path = folder / "mine.yaml"
    content = {key: value for key, value in content.items() if value is not ...}
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def test_a_file_is_read_whole(tmp_path):
    study = file.read(written(tmp_path))
    assert (study.name, study.about, str(study.directory)) == ("mine", "a test", "studies/mine")
    assert (study.arms, study.axes, study.seeds) == (("dense", "adapt"), ("batch_size",), (0, 5))
    assert len(study.cells) == 8
    assert study.cell("adapt,batch_size=4/seed=5").config.batch_size == 4


def test_without_axes_and_seeds_there_is_a_cell_for_each_arm(tmp_path):
    study = file.read(written(tmp_path, axes=..., seeds=...))
    assert [cell.name for cell in study.cells] == ["dense/seed=0", "adapt/seed=0"]


def test_axes_may_be_groups(tmp_path):
    study = file.read(written(tmp_path, axes={"optimiser": {"generator.lr": [0.1]}}))
    assert study.axes == ("optimiser.generator.lr",)


def test_a_folder_is_read_by_its_copy(tmp_path):
    study = file.read(written(tmp_path, directory=str(tmp_path / "there")))
    study.write_copy()
    again = file.read(tmp_path / "there")
    assert again.directory == tmp_path / "there"
    assert (again.name, again.cells) == (study.name, study.cells)
    before = again.copy.read_bytes()
    again.write_copy()
    assert again.copy.read_bytes() == before


def test_what_is_of_no_study_is_not_written_over(tmp_path):
    there = tmp_path / "there"
    there.mkdir()
    (there / "index.html").write_text("somebody's")
    with pytest.raises(SparseganError, match=r"holds index\.html, which is of no study"):
        file.read(written(tmp_path, directory=str(there))).write_copy()
    assert [path.name for path in there.iterdir()] == ["index.html"]


@pytest.mark.parametrize("name", file.shipped())
def test_the_studies_of_the_package_are_found_by_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = file.read(name)
    assert study.name == name
    assert study.about
    assert len(study.cells) >= len(study.arms) * len(study.seeds)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"arm": {}}, "unknown key arm: did you mean arms"),
        ({"steps": 5}, "steps is a setting and no part of a study: write it below `base`"),
        ({"arms": ...}, "has no arms"),
        ({"arms": []}, "has no arms"),
        ({"arms": {"a/b": {}}}, "an arm of .* is 'a/b': it names a folder"),
        ({"arms": {"a": {"metod.name": "dense"}}}, r"did you mean method.* \(in arm a of"),
        ({"arms": {"a": {"method": {"intervall": 5}}}}, r"did you mean method.interval"),
        ({"arms": {"a": {"recipe": "fashon-mnist"}}}, "did you mean fashion-mnist"),
        ({"arms": {"a": 5}}, "arm a of .* holds 5"),
        ({"base": {"scale": "tiny"}}, "scale is tiny"),
        ({"base": {"seed": 5}}, "has seed, which is the study's own: list seeds below `seeds`"),
        ({"base": {"run": {"directory": "x"}}}, "has run, which is the study's own"),
        ({"base": {"steps": "many"}}, "steps is 'many': it must be a whole number"),
        ({"axes": {"batch_size": 4}}, r"batch_size is 4 .*: an axis is a list, \[4\]"),
        ({"axes": {"batch_size": []}}, "batch_size has no value"),
        ({"axes": {"seed": [1]}}, "has seed"),
        ({"axes": [1]}, "write `key: "),
        (
            {"axes": {"batch_size": list(range(1, 102)), "steps": list(range(1, 102))}},
            "40,804 cells",
        ),
        ({"seeds": []}, "list different numbers"),
        ({"seeds": [1, 1]}, "list different numbers"),
        ({"seeds": [-1]}, "list different numbers"),
        ({"seeds": "x"}, "seeds is 'x': it must be a list"),
        ({"name": "../x"}, "it names a folder"),
        ({"directory": [1]}, "directory is"),
    ],
)
def test_a_file_is_read_strictly(changes, sentence, tmp_path):
    with pytest.raises(SparseganError, match=sentence):
        file.read(written(tmp_path, **changes))


def test_what_is_no_study_is_refused(tmp_path):
    with pytest.raises(SparseganError, match="did you mean fashion-mnist"):
        file.read("fashion-mnst")
    with pytest.raises(SparseganError, match="holds no study"):
        file.read(tmp_path)
    empty = tmp_path / "empty.yaml"
    empty.write_text("")
    with pytest.raises(SparseganError, match="holds nothing"):
        file.read(empty)


def test_a_file_of_the_users_own_is_never_written_over(tmp_path):
    own = written(tmp_path, directory=str(tmp_path)).rename(tmp_path / "study.yaml")
    before = own.read_bytes()
    file.read(own).write_copy()  # it is its own copy
    assert own.read_bytes() == before
    with pytest.raises(SparseganError, match="and is not one: choose another directory"):
        file.read(written(tmp_path, directory=str(tmp_path))).write_copy()
    assert own.read_bytes() == before
