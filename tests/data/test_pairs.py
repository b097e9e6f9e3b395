import pytest
from official_sets import png, write_folder, write_zip

from sparsegan.data import load_pair
from sparsegan.data.pairs import has_test_images
from sparsegan.errors import SparseganError

pytestmark = pytest.mark.usefixtures("cache")
FILES = {
    f"{split}{side}/{i}.png": png(i)
    for split in ("train", "test")
    for side in "AB"
    for i in range({"A": 3, "B": 5}[side])
}


@pytest.mark.parametrize("packed", [False, True])
def test_two_sets(tmp_path, packed):
    files = {f"horse2zebra/{name}": content for name, content in FILES.items()}
    write = write_zip if packed else write_folder
    a, b = load_pair(write(tmp_path / "set", files), image_size=16)
    assert (a.pixels.shape, b.pixels.shape) == ((3, 3, 16, 16), (5, 3, 16, 16))
    assert a.pixels[:, 0, 0, 0].tolist() == [0, 1, 2]
    assert (a.labels, a.class_names) == (None, ())
    assert (a.name, b.name) == ("set trainA", "set trainB")
    test = load_pair(tmp_path / "set", split="test")
    assert [len(side) for side in test] == [3, 5]


def test_channels_are_the_same_on_both_sides(tmp_path):
    grey = {f"trainA/{i}.png": png(i, mode="L") for i in range(3)}
    sets = write_folder(tmp_path / "mixed", FILES | grey)
    assert [side.pixels.shape[1] for side in load_pair(sets)] == [3, 3]
    assert [side.pixels.shape[1] for side in load_pair(sets, channels=1)] == [1, 1]
    both = grey | {f"trainB/{i}.png": png(i, mode="L") for i in range(3)}
    grey_sets = write_folder(tmp_path / "grey", both)
    assert [side.pixels.shape[1] for side in load_pair(grey_sets)] == [1, 1]


def test_missing_side_is_named(tmp_path):
    sets = write_folder(tmp_path, {"trainA/1.png": png(1), "trainB/1.png": png(1)})
    with pytest.raises(SparseganError, match="folder testA"):
        load_pair(sets, split="test")
    with pytest.raises(SparseganError, match="folder trainA"):
        load_pair(write_folder(tmp_path / "empty", {"x.txt": b""}))
    with pytest.raises(SparseganError, match="split"):
        load_pair(sets, split="trainA")


def test_test_images_are_found_on_either_side(tmp_path):
    train = {name: content for name, content in FILES.items() if name.startswith("train")}
    assert not has_test_images(write_folder(tmp_path / "none", train))
    assert not has_test_images(write_folder(tmp_path / "empty", {"x.txt": b""}))
    assert has_test_images(write_folder(tmp_path / "one", train | {"testB/1.png": png(1)}))
    assert has_test_images(write_zip(tmp_path / "set", {f"a/{n}": c for n, c in FILES.items()}))
