from hypothesis import given
from hypothesis import strategies as st

from sparsegan.report.markup import Raw, escape, fold, section, table
from well_formed import check


@given(st.text())
def test_escaped_text_is_read_back_as_text(text):
    page = check(f'<p title="{escape(text)}">{escape(text)}</p>')
    assert [tag for tag, _ in page.elements] == ["p"]
    assert "<" not in escape(text)
    assert '"' not in escape(text)


def test_undecodable_bytes_of_a_path_can_be_written():
    assert escape("run-\udcff").encode("utf-8")


def test_a_table_escapes_all_but_raw_cells_and_scrolls_by_itself():
    drawn = table(["a", "b"], [["<i>", Raw("<b>bold</b>")]])
    page = check(drawn)
    assert "&lt;i&gt;" in drawn
    assert ("b", {}) in page.elements
    assert page.elements[0][1]["class"] == "scroll"


def test_nothing_stands_for_what_is_empty():
    assert table(["a"], []) == ""
    assert section("Title", "", "") == ""


def test_a_fold_holds_its_body():
    assert check(fold("more <", "<p>body</p>")).text == "more < body"
