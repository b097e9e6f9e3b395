import pytest

from sparsegan.errors import SparseganError, printable, require_positive


def test_what_moves_a_terminal_is_spelt_out_and_nothing_else():
    assert printable("a\x1b]0;title\x07\x9b2J\r\n\u202eb\ud800") == (
        r"a\x1b]0;title\x07\x9b2J\x0d\x0a\x202eb\xd800"
    )
    assert printable("Fréchet – 日本 [x] 5 %") == "Fréchet – 日本 [x] 5 %"


def test_numbers_below_one_are_refused_by_name():
    require_positive(count=1, columns=None)
    with pytest.raises(SparseganError, match=r"^columns is -1: it must be at least 1$"):
        require_positive(count=1, columns=-1)
