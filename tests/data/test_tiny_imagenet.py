import pytest
from official_sets import tiny_imagenet, write_folder, write_zip

from sparsegan.data import load
from sparsegan.errors import SparseganError

pytestmark = pytest.mark.usefixtures("cache")
ROOT = "tiny-imagenet-200"


@pytest.mark.parametrize("packed", [True, False])
def test_official_archive_and_what_it_unpacks_to(tmp_path, packed):
    path = (write_zip if packed else write_folder)(tmp_path / f"{ROOT}.zip", tiny_imagenet())
    train = load("tiny-imagenet", path)
    assert train.pixels.shape == (6, 3, 64, 64)
    # The tens of a pixel's level are the WordNet number.
    assert train.pixels[:, 0, 0, 0].tolist() == [10, 11, 20, 21, 30, 31]
    assert train.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert train.class_names == ("crane (n01)", "goldfish", "crane (n03)")
    test = load("tiny-imagenet", path, split="test")
    assert test.pixels[:, 0, 0, 0].tolist() == [35, 15, 25]
    assert test.labels.tolist() == [2, 0, 1]
    assert test.class_names == train.class_names


def test_folder_without_the_one_around_it(tmp_path):
    write_folder(tmp_path, tiny_imagenet())
    assert len(load("tiny-imagenet", tmp_path / ROOT, image_size=32)) == 6


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("wnids.txt", b"n01\nn02", "n03_0.JPEG has no class"),
        ("wnids.txt", None, r"no wnids\.txt .* tiny-imagenet-200\.zip"),
        ("words.txt", b"n01 crane", "text file of Tiny ImageNet is damaged"),
        ("val/val_annotations.txt", b"val_0.JPEG\tn01\n", r"val_1.JPEG has no class"),
    ],
)
def test_texts_that_do_not_fit(tmp_path, file, content, message):
    files = tiny_imagenet()
    del files[f"{ROOT}/{file}"]
    if content:
        files[f"{ROOT}/{file}"] = content
    path = write_zip(tmp_path / "a.zip", files)
    split = "test" if file.startswith("val") else "train"
    with pytest.raises(SparseganError, match=message):
        load("tiny-imagenet", path, split=split)


def test_no_images(tmp_path):
    files = {name: content for name, content in tiny_imagenet().items() if "JPEG" not in name}
    with pytest.raises(SparseganError, match="no train images"):
        load("tiny-imagenet", write_zip(tmp_path / "a.zip", files))
