import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsegan.data.tar_headers import entries

NAMES = st.lists(
    st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1),
    min_size=1,
    max_size=8,
).map("/".join)


@given(
    st.lists(st.tuples(NAMES, st.binary(max_size=1100)), max_size=5),
    st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
)
@settings(max_examples=50, deadline=None)
def test_entries_are_those_that_were_written(files, form):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=form) as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    packed.seek(0)
    read = [(entry.name, content.read()) for entry, content in entries(packed)]
    assert read == [(name, content) for name, content in files]


def test_what_is_not_read_of_a_content_is_passed_over():
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in "ab":
            info = tarfile.TarInfo(name)
            info.size = 700
            archive.addfile(info, io.BytesIO(name.encode() * 700))
    packed.seek(0)
    assert [content.read(3) for _, content in entries(packed)] == [b"aaa", b"bbb"]


def test_large_sizes_are_in_base_256():
    info = tarfile.TarInfo("large")
    info.size = 2**40
    stream = io.BytesIO(info.tobuf(tarfile.GNU_FORMAT))
    entry, _ = next(entries(stream))
    assert entry.size == 2**40


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (tarfile.REGTYPE, "file"),
        (tarfile.CONTTYPE, "file"),
        (tarfile.DIRTYPE, "folder"),
        (tarfile.SYMTYPE, "other"),
        (tarfile.GNUTYPE_SPARSE, "other"),
    ],
)
def test_kinds(kind, expected):
    info = tarfile.TarInfo("name")
    info.type = kind
    [(entry, _)] = entries(io.BytesIO(info.tobuf(tarfile.USTAR_FORMAT) + bytes(512)))
    assert entry.kind == expected
