import pytest

from sparsegan.words import counted


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0 cells"), (1, "1 cell"), (0.6, "1 cell"), (1.6, "2 cells"), (12345, "12,345 cells")],
)
def test_one_is_one_and_others_are_several(number, said):
    assert counted(number, "cell") == said
