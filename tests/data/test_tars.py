import contextlib
import gzip
import io
import random
import tarfile
import time

import pytest
from official_sets import png, write_tar

from sparsegan.data.paths import Paths
from sparsegan.data.safety import reading
from sparsegan.data.tars import TarArchive
from sparsegan.errors import SparseganError


def read(path):
    archive = TarArchive(path)
    wanted = Paths.sort(name for name, _ in archive.entries(lambda name: True))
    with reading(path):
        return {wanted[source]: file.read() for source, file in archive.contents(wanted)}


def entry(kind, **facts):
    info = tarfile.TarInfo("entry")
    info.type = kind
    for name, value in facts.items():
        setattr(info, name, value)
    return info


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_contents(tmp_path, mode, form):
    long = "/".join(["folder" * 5] * 7) + "/x.png"
    with tarfile.open(tmp_path / "a", mode, format=form) as archive:
        archive.addfile(entry(tarfile.DIRTYPE))
        for name in ("./b.png", long):
            archive.addfile(entry(tarfile.REGTYPE, name=name, size=len(png(1))), io.BytesIO(png(1)))
    assert read(tmp_path / "a") == {"b.png": png(1), long: png(1)}


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, b"Z"],
)
def test_links_devices_and_the_unknown(tmp_path, kind):
    info = entry(kind, linkname="/etc/passwd")
    with pytest.raises(SparseganError, match="'entry' is a link, a device"):
        read(write_tar(tmp_path / "a.tar", {"ok.png": b"", "entry": info}))


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_endless_header_is_not_read_into_memory(tmp_path, kind):
    header = entry(kind, size=2**30).tobuf(tarfile.GNU_FORMAT)
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(header + bytes(2**21)))
    with pytest.raises(SparseganError, match="announces 1073741824 bytes"):
        read(path)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("size", [2**40, 2**63])
def test_a_size_that_cannot_be_is_refused_at_the_header(tmp_path, pack, form, size):
    path = tmp_path / "a.tar"
    path.write_bytes(pack(entry(tarfile.REGTYPE, size=size).tobuf(form) + bytes(512)))
    start = time.perf_counter()
    with pytest.raises(SparseganError, match=f"announces {size} bytes|unpacks to more than"):
        list(TarArchive(path).entries(lambda name: False))
    assert time.perf_counter() - start < 2


def test_headers_without_end(tmp_path):
    block = entry(tarfile.XHDTYPE, size=0).tobuf(tarfile.GNU_FORMAT)
    (tmp_path / "a.tar").write_bytes(block * 3000)
    with pytest.raises(SparseganError, match=r"a\.tar cannot be read"):
        read(tmp_path / "a.tar")


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("level", [0, 1])
def test_an_end_has_to_be_there(tmp_path, form, level):
    """Cut between two entries, nothing is missing but the end and what lies before it."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w", format=form) as archive:
        for name in ("a" * 90 + "/" + "b" * 60 + ".png", "b.png"):
            archive.addfile(entry(tarfile.REGTYPE, name=name, size=len(png(1))), io.BytesIO(png(1)))
    length = len(whole.getvalue().rstrip(b"\0"))
    end = length + -length % 512
    for cut in range(512, end + 1, 512):
        content = whole.getvalue()[:cut]
        (tmp_path / "a").write_bytes(gzip.compress(content) if level else content)
        with pytest.raises(SparseganError, match="cannot be read"):
            read(tmp_path / "a")
    for zeros in (512, 700, 1024, 10240):
        content = whole.getvalue()[:end] + bytes(zeros)
        (tmp_path / "a").write_bytes(gzip.compress(content) if level else content)
        assert len(read(tmp_path / "a")) == 2


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_archives_joined_one_behind_the_other(tmp_path, pack):
    first = write_tar(tmp_path / "a.tar", {"a.png": png(1)}).read_bytes()
    second = write_tar(tmp_path / "b.tar", {"b.png": png(2)}).read_bytes()
    (tmp_path / "both.tar").write_bytes(pack(first) + pack(second))
    assert read(tmp_path / "both.tar") == {"a.png": png(1), "b.png": png(2)}
    (tmp_path / "both.tar").write_bytes(pack(first) + pack(b"what is this" * 100))
    with pytest.raises(SparseganError, match="cannot be read"):
        read(tmp_path / "both.tar")


def test_a_header_of_zeros_hides_no_entry(tmp_path):
    path = write_tar(tmp_path / "a.tar", {f"{i}.png": png(i) for i in range(3)})
    content = bytearray(path.read_bytes())
    content[1024:1536] = bytes(512)
    path.write_bytes(content)
    with pytest.raises(SparseganError, match="cut short or damaged"):
        read(path)


@pytest.mark.parametrize("size", ["-1", "٣", "1" * 5000, "x"])
def test_absurd_sizes_in_an_extended_header(tmp_path, size):
    info = entry(tarfile.REGTYPE)
    info.pax_headers = {"size": size}
    path = tmp_path / "a.tar"
    path.write_bytes(info.tobuf(tarfile.PAX_FORMAT) + bytes(1024))
    with pytest.raises(SparseganError, match="announces"):
        read(path)


def test_names_that_are_no_utf8_come_through(tmp_path):
    name = b"caf\xe9.png".decode("utf-8", "surrogateescape")
    path = write_tar(tmp_path / "a.tar", {name: png(1)})
    assert read(path) == {name: png(1)}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_cut_anywhere_is_noticed(tmp_path, mode):
    path = write_tar(tmp_path / "a", {f"{i}.png": png(i) for i in range(3)}, mode)
    whole = path.read_bytes()
    # The zeros behind the last file of a plain tar say nothing.
    end = len(whole.rstrip(b"\0")) if mode == "w" else len(whole) - 1
    for cut in {*range(0, end, 97), *range(0, end, 512), end}:
        path.write_bytes(whole[:cut])
        with pytest.raises(SparseganError):
            read(path)


def test_damage_anywhere_is_one_sentence(tmp_path):
    path = write_tar(tmp_path / "a.tar", {"a.png": png(1), "b.png": png(2)})
    whole, draw = path.read_bytes()[:3072], random.Random(0)
    for _ in range(150):
        content = bytearray(whole + bytes(1024))
        content[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
        path.write_bytes(content)
        # Any other exception is a failure.
        with contextlib.suppress(SparseganError):
            actual = read(path)
            # A tar has no checksum of contents, but none of its files may vanish.
            assert len(actual) == 2
