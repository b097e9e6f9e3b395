"""Which files of a folder are images, of which split, and of which class."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from sparsegan.data.decode import FORMATS
from sparsegan.errors import SparseganError

# Sub-folders that are the held-out split; many public sets call it validation.
_TEST_FOLDERS = ("test", "val", "valid")
# Left beside the files by the archiver of macOS, which gives its shadow files the same endings.
_IGNORED_FOLDERS = ("__MACOSX",)


@dataclass(frozen=True)
class Listing:
    """The images of one split.

    Attributes:
        root: The folder that the paths start from.
        files: Relative paths with forward slashes, sorted.
        class_names: The classes of both splits, sorted; empty where the images have none.
    """

    root: Path
    files: tuple[str, ...]
    class_names: tuple[str, ...]

    @property
    def labels(self) -> list[int]:
        """The places in ``class_names`` of the files' classes."""
        places = {name: place for place, name in enumerate(self.class_names)}
        return [places[_first_folder(file)] for file in self.files]


def list_images(folder: Path, split: str) -> Listing:
    """Find the images of a split; the rules are those of `folder.load_folder`.

    Raises:
        SparseganError: The folder is missing, cannot be read, or has no image for the split.
    """
    if not folder.is_dir():
        raise SparseganError(f"There is no folder {folder}: check the path of the images.")
    roots = _split_folders(folder)
    if roots:
        found = {name: _walk(root) for name, root in roots.items()}
        root, every = roots[split], found["train"] + found["test"]
    else:
        root, every = folder, _walk(folder)
        found = _hold_out(every)
    if not found[split]:
        amount = f"only {len(every)} image(s)" if every else "no images"
        raise SparseganError(
            f"There are {amount} in {folder}, which leaves none for the {split} split: "
            f"add files that end in {', '.join(FORMATS)}."
        )
    classed = all("/" in file for file in every)
    names = sorted({_first_folder(file) for file in every}) if classed else []
    return Listing(root, tuple(found[split]), tuple(names))


def _split_folders(folder: Path) -> dict[str, Path]:
    """The sub-folders that are splits; none where there is an image beside them."""
    train = folder / "train"
    tests = [folder / name for name in _TEST_FOLDERS if (folder / name).is_dir()]
    if not train.is_dir() or not tests or any(_is_image(entry.name) for entry in folder.iterdir()):
        return {}
    return {"train": train, "test": tests[0]}


def _hold_out(files: list[str]) -> dict[str, list[str]]:
    """A tenth of the files, at least one, as a function of their relative paths alone."""
    ranked = sorted(files, key=lambda file: hashlib.sha256(os.fsencode(file)).digest())
    test = set(ranked[: max(1, len(files) // 10)])
    return {"train": [file for file in files if file not in test], "test": sorted(test)}


def _walk(root: Path) -> list[str]:
    """Sorted relative paths of the images below ``root``; links are followed, each folder once."""

    def refuse(error: OSError) -> None:
        raise SparseganError(f"The folder {error.filename} cannot be read: {error.strerror}.")

    seen: set[tuple[int, int]] = set()
    files = []
    for where, folders, names in os.walk(root, onerror=refuse, followlinks=True):
        status = os.stat(where)  # noqa: PTH116 - as os.walk gives strings
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(f for f in folders if f[0] != "." and f not in _IGNORED_FOLDERS)
        here = Path(where).relative_to(root)
        files += [(here / name).as_posix() for name in names if _is_image(name)]
    return sorted(files)


def _is_image(name: str) -> bool:
    return not name.startswith(".") and Path(name).suffix.lower() in FORMATS


def _first_folder(file: str) -> str:
    return file.partition("/")[0]
