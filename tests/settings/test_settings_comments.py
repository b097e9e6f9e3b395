from sparsegan.settings.comments import comments


def test_comments_are_those_at_the_end_of_a_settings_line():
    text = (
        "# of the file\n"
        "steps: 5  # of steps\n"
        "seed: 1\n"
        "group:  # of the group\n"
        "  a: 'text # and no comment'\n"
        "  b: 2  # of b\n"
        "  inner:\n"
        "    c: [1,\n"
        "        2]  # of c\n"
        "flow: {d: 1, e: [2, 3]}  # of flow\n"
    )
    assert comments(text) == {
        "steps": "of steps",
        "group.a": "of the group",
        "group.b": "of b",
        "group.inner.c": "of c",
        "flow.d": "of flow",
        "flow.e": "of flow",
    }


def test_a_file_without_settings_has_no_comments_beside_them():
    assert comments("# nothing\n") == {}
