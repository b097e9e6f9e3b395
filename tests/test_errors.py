from sparsegan.errors import printable


def test_what_moves_a_terminal_is_spelt_out_and_nothing_else():
    assert printable("a\x1b]0;title\x07\x9b2J\r\n\u202eb\ud800") == (
        r"a\x1b]0;title\x07\x9b2J\x0d\x0a\x202eb\xd800"
    )
    assert printable("Fréchet – 日本 [x] 5 %") == "Fréchet – 日本 [x] 5 %"
