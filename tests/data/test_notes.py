from sparsegan.data.notes import NO_NOTES, Notes


def test_come_back_from_their_text():
    notes = Notes("some", ("a word",), ("x.png: \udcff",))
    assert Notes.from_json(notes.to_json()) == notes


def test_add_up():
    one, other = Notes(warnings=("a",)), Notes("some", ("b",), ("c",))
    assert one + other == Notes("some", ("a", "b"), ("c",))
    assert one + NO_NOTES == one
