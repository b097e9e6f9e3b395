from hypothesis import given
from hypothesis import strategies as st

from sparsegan.export.page.patch import patch


def patched(old, edits):
    return b"".join(old[start:end] + bytes.fromhex(text) for start, end, text in edits)


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.data())
def test_the_edits_make_the_new_file(parts, data):
    old = b"".join(parts)
    new = b"".join(data.draw(st.permutations([*parts, b"new", bytes(20)])))
    assert patched(old, patch(old, new)) == new


def test_what_is_the_same_is_not_carried_again():
    old = bytes(i * i % 251 for i in range(10_000))
    new = old[:3000] + b"inserted" + old[3000:7000] + old[7003:]
    edits = patch(old, new)
    assert patched(old, edits) == new
    assert sum(len(text) // 2 for _, _, text in edits) < 40
