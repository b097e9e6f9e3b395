import contextlib
import random
import zipfile

import pytest
from official_sets import png, write_zip

from sparsegan.data.paths import Paths
from sparsegan.data.safety import reading
from sparsegan.data.zips import ZipArchive
from sparsegan.errors import SparseganError


def read(path):
    archive = ZipArchive(path)
    wanted = Paths.sort(name for name, _ in archive.entries(lambda name: True))
    with reading(path):
        return {wanted[source]: file.read() for source, file in archive.contents(wanted)}


@pytest.mark.parametrize("kind", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_contents(tmp_path, kind):
    files = {"b/x.png": png(1), "a.txt": b"text" * 99, "./c//d": b"", "win\\dows": b"w"}
    write_zip(tmp_path / "a", [*files.items(), ("folder/", b"")], kind)
    assert read(tmp_path / "a") == {
        "b/x.png": png(1),
        "a.txt": b"text" * 99,
        "c/d": b"",
        "win/dows": b"w",
    }


@pytest.mark.parametrize("kind", [0o120777, 0o060600, 0o020600, 0o010600, 0o140600])
def test_links_and_devices(tmp_path, kind):
    info = zipfile.ZipInfo("entry")
    info.external_attr = kind << 16
    with pytest.raises(SparseganError, match="link or a device"):
        read(write_zip(tmp_path / "a.zip", [(info, "/etc/passwd")]))


def test_encrypted(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"x.png": png(1)})
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(SparseganError, match="encrypted"):
        read(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["x.png", "./x.png", "a/../x.png"])
def test_two_entries_of_one_name(tmp_path, second):
    path = write_zip(tmp_path / "a.zip", [("x.png", b"1"), (second, b"2")])
    with pytest.raises(SparseganError, match=r"two entries|leads out"):
        read(path)


def test_entry_that_is_longer_than_it_says(tmp_path):
    path = write_zip(tmp_path / "z.zip", {"z": bytes(10**5)}, zipfile.ZIP_DEFLATED)
    content = bytearray(path.read_bytes())
    for at in (content.index(b"PK\x01\x02") + 24, 22):
        content[at : at + 4] = (1000).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(SparseganError, match=r"z\.zip cannot be read"):
        read(path)


def test_damage_anywhere_is_one_sentence(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"a.png": png(1), "b.png": png(2)}, zipfile.ZIP_DEFLATED)
    whole, draw = path.read_bytes(), random.Random(0)
    sound = read(path)
    for _ in range(300):
        content = bytearray(whole)
        if draw.random() < 0.3:
            del content[draw.randrange(len(content)) :]
        else:
            content[draw.randrange(len(content))] = draw.randrange(256)
        path.write_bytes(content)
        # Any other exception is a failure.
        with contextlib.suppress(SparseganError):
            actual = read(path)
            # A changed name or date is no damage that a checksum covers.
            assert set(actual.values()) <= set(sound.values())
