from sparsegan.study import load
from sparsegan.study.report.compare import verdict
from sparsegan.study.report.groups import groups
from sparsegan.study.report.words import answer, progress, spread_text
from study_of_seconds import write_cell


def said(table):
    made = groups(table)
    return answer(verdict(made), made, "kid-x")


def test_the_lowest_that_is_inside_the_noise_is_not_called_the_best(ended):
    first, price, second = said(ended)
    assert first == (
        "adapt has the lowest kid-x, 0.310 ± 0.0092, but inside the noise of 2 to 3 seeds it "
        "cannot be told from static."
    )
    assert price == (
        "adapt costs 70 generator weights (100.0\xa0% of dense), 1.01 × 10⁹ operations (25.2\xa0%) "
        "and 10.0 seconds of training (50.0\xa0%)."
    )
    assert second.startswith(
        "Of those that cannot be told from it static takes the fewest operations, with kid-x 0.800"
    )
    assert progress(ended) == "8 of 9 cells finished, 1 diverged."


def test_the_best_is_called_so_with_the_next_and_the_interval(of):
    for seed in range(3):
        for arm, value in (("dense", 0.5), ("static", 0.8), ("adapt", 0.3)):
            write_cell(of, f"{arm}/seed={seed}", [value + 0.001 * seed * (arm != "dense")] * 3)
    table = load(of.origin)
    first = said(table)[0]
    assert first == (
        "adapt is the best: kid-x 0.301 ± 0.0010, better than every other beyond the noise; dense, "
        "which comes next, is worse by 0.199 (0.197 to 0.201 at 95 %, 3 seeds)."
    )
    assert progress(table) == ""


def test_one_seed_says_nothing_of_the_noise(of):
    write_cell(of, "dense/seed=0", [0.5] * 3)
    write_cell(of, "adapt/seed=0", [0.3] * 3)
    first = said(load(of.origin))[0]
    assert first == (
        "adapt has the lowest kid-x, 0.300, but one seed says nothing of the noise: it "
        "cannot be told from dense, and 7 cells have not ended."
    )


def test_cells_that_were_lost_are_said(of):
    write_cell(of, "dense/seed=0", [0.5] * 3)
    write_cell(of, "adapt/seed=0", [0.3] * 3)
    write_cell(of, "adapt/seed=1", [], diverged="no")
    assert "but 1 of its 3 cells diverged" in said(load(of.origin))[0]


def test_nothing_is_said_before_there_is_anything(of):
    assert said(load(of.origin)) == ["No cell has finished: there is nothing to compare yet."]
    write_cell(of, "dense/seed=0", [0.5] * 3)
    assert said(load(of.origin))[0] == "dense alone has values: kid-x 0.500."


def test_a_spread_needs_two_seeds(ended):
    dense, static, _ = groups(ended)
    assert spread_text(static) == "0.800 ± 0.14"
    assert spread_text(dense, "nothing") == "–"
