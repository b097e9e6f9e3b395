from sparsegan.study.paths import CellPaths, names


def test_everything_of_a_cell_is_beside_its_run(tmp_path):
    paths = CellPaths(tmp_path, "adapt,x=1/seed=3")
    assert paths.run.path == tmp_path / "runs" / "adapt,x=1" / "seed=3"
    for path in (paths.record, paths.lock, paths.output):
        assert path.parent == paths.run.path.parent
        assert path.name.startswith("seed=3.")
    assert len({paths.record, paths.lock, paths.output}) == 3


def test_a_run_is_put_aside_where_nothing_is(tmp_path):
    paths = CellPaths(tmp_path, "a/seed=0")
    paths.free_aside().mkdir(parents=True)
    assert paths.free_aside() == tmp_path / "set-aside" / "a" / "seed=0-2"


def test_cells_are_found_by_their_records_and_runs(tmp_path):
    assert names(tmp_path) == []
    for name in ("a/seed=0", "a/seed=1", "b/seed=0"):
        CellPaths(tmp_path, name).run.path.mkdir(parents=True)
    CellPaths(tmp_path, "a/seed=0").run.config.write_text("steps: 1")
    CellPaths(tmp_path, "a/seed=0").record.write_text("{}")
    CellPaths(tmp_path, "b/seed=0").record.write_text("{}")
    assert names(tmp_path) == ["a/seed=0", "b/seed=0"]
