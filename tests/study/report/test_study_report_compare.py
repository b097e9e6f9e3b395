import pytest

from sparsegan.study import load
from sparsegan.study.report.compare import difference, ranks, verdict
from sparsegan.study.report.groups import groups
from study_of_seconds import study, write_cell


def test_differences_are_over_the_seeds_in_common(ended):
    dense, static, adapt = groups(ended)
    gap = difference(dense, adapt)
    # 0.200, 0.202, 0.198: mean 0.2, standard deviation 0.002.
    assert gap.interval.mean == pytest.approx(0.2)
    half = 4.3027 * 0.002 / 3**0.5
    assert (gap.interval.low, gap.interval.high) == pytest.approx((0.2 - half, 0.2 + half), 1e-4)
    assert (gap.seeds, gap.clear) == ((0, 1, 2), True)
    assert difference(static, adapt).seeds == (0, 1)


def test_what_is_clear_is_so_for_all_pairs_at_once(of):
    for seed, (dense, adapt) in enumerate([(0.50, 0.30), (0.44, 0.36), (0.57, 0.30)]):
        write_cell(of, f"dense/seed={seed}", [dense] * 3)
        write_cell(of, f"adapt/seed={seed}", [adapt] * 3)
    dense, _, adapt = groups(load(of.origin))
    # 0.20, 0.08, 0.27: t = 0.1833 / 0.0555 = 3.3.
    assert not difference(dense, adapt).clear
    assert not difference(dense, adapt).interval.excludes_zero


def test_no_winner_is_named_inside_the_noise(ended):
    said = verdict(groups(ended))
    assert said.leader.name == "adapt"
    # static has two seeds: 0.6 and 0.382, t = 0.491 / 0.109 = 4.5 of 12.7.
    assert [each.name for each in said.rivals] == ["static"]
    assert not said.winner
    assert said.cheapest.name == "static"


def test_a_winner_is_better_than_all_others(of):
    for seed in range(3):
        for arm, value in (("dense", 0.5), ("static", 0.8), ("adapt", 0.3)):
            write_cell(of, f"{arm}/seed={seed}", [value + 0.001 * seed * (arm != "dense")] * 3)
    said = verdict(groups(load(of.origin)))
    assert (said.leader.name, said.winner, said.rivals) == ("adapt", True, ())
    assert said.cheapest is said.leader


def test_who_has_lost_a_cell_or_waits_for_one_is_no_winner(of):
    for seed in range(3):
        for arm, value in (("dense", 0.5), ("static", 0.8), ("adapt", 0.3)):
            if (arm, seed) != ("static", 2):
                write_cell(of, f"{arm}/seed={seed}", [value + 0.001 * seed * (arm != "dense")] * 3)
    assert not verdict(groups(load(of.origin))).winner
    write_cell(of, "static/seed=2", [], diverged="no")
    said = verdict(groups(load(of.origin)))
    assert not said.rivals or [each.name for each in said.rivals] == ["static"]
    write_cell(of, "adapt/seed=2", [], diverged="no")
    assert not verdict(groups(load(of.origin))).winner


def test_nothing_finished_has_no_leader(of):
    assert verdict(groups(load(of.origin))).leader is None


def test_ranks_are_means_over_blocks_and_divergence_is_last(ended):
    mean_ranks = {each.name: (each.mean, each.blocks) for each in ranks(ended, groups(ended))}
    assert mean_ranks == {"dense": (2, 3), "static": (3, 3), "adapt": (1, 3)}


def test_ties_share_places_and_unfinished_blocks_are_left_out(of):
    for seed in (0, 1):
        for arm, value in (("dense", 0.5), ("static", 0.5), ("adapt", 0.3 if seed else 0.9)):
            write_cell(of, f"{arm}/seed={seed}", [value] * 3)
    table = load(of.origin)
    mean_ranks = {each.name: (each.mean, each.blocks) for each in ranks(table, groups(table))}
    assert mean_ranks == {"dense": (2.0, 2), "static": (2.0, 2), "adapt": (2.0, 2)}


def test_an_arm_without_an_axis_is_at_all_its_points(tmp_path):
    of = study(tmp_path, axes={"method.interval": [2, 4]}, seeds=[0])
    for name, value in (
        ("dense", 0.5),
        ("adapt,method.interval=2", 0.4),
        ("adapt,method.interval=4", 0.6),
    ):
        write_cell(of, f"{name}/seed=0", [value] * 3)
    table = load(of.origin)
    mean_ranks = {each.name: (each.mean, each.blocks) for each in ranks(table, groups(table))}
    assert mean_ranks == {"dense": (1.5, 2), "adapt": (1.5, 2)}


def test_one_arm_has_its_points_ranked(tmp_path):
    of = study(tmp_path, arms={"adapt": {}}, axes={"method.interval": [2, 4]}, seeds=[0])
    for interval in (2, 4):
        write_cell(of, f"adapt,method.interval={interval}/seed=0", [interval / 10] * 3)
    table = load(of.origin)
    mean_ranks = {each.name: each.mean for each in ranks(table, groups(table))}
    assert mean_ranks == {"adapt interval=2": 1, "adapt interval=4": 2}


def test_a_cell_at_two_points_of_the_axes_is_in_one_block(tmp_path):
    axes = {"method.name": ["static", "dense"], "method.generator_density": [0.1, 0.2]}
    of = study(tmp_path, axes=axes, arms={"a": {}, "b": {"batch_size": 16}}, seeds=[0])
    for cell in of.cells:
        write_cell(of, cell.name, [0.1 if cell.arm == "a" else 0.2] * 3)
    table = load(of.origin)
    # Static training at two densities, and dense training, which has none.
    assert [rank.blocks for rank in ranks(table, groups(table))] == [3, 3]


def test_axes_are_known_where_a_cells_name_had_to_be_cut(tmp_path):
    axes = {"network.generator_width": [2, 3], "data.path": ["x" * 90], "start.run": ["y" * 90]}
    axes |= {"method.generator_density": [0.1, 0.2]}
    of = study(tmp_path, axes=axes, arms={"a": {"method.name": "static"}}, seeds=[0])
    assert all("generator_density" not in cell.name for cell in of.cells)
    table = load(of.origin)
    assert len({group.name for group in groups(table)}) == 4
