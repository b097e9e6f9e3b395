"""Which images are held out, by the names of their folders.

Images that somebody has set apart to judge by must not be trained on without a word, wherever in
the tree and however their folder is called.
"""

import functools
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparsegan.data.notes import NO_NOTES, Notes
from sparsegan.errors import SparseganError

TENTH = "tenth"
"""As the folder to hold out: none, but a tenth of all images, whatever folders are called."""
ELSEWHERE = ""
"""As the folder to hold out: none, since the images to judge by are not among these."""
TRAIN, TEST, UNUSED = 0, 1, 2
# The words that split folders are called by. The first of several held-out splits is used.
_WORDS = {
    "train": ("train", "training", "trn", "traina", "trainb"),
    "test": ("test", "tests", "testing", "tst", "testa", "testb"),
    "holdout": ("holdout",),
    "validation": ("val", "valid", "validation"),
    "eval": ("eval", "evaluation"),
    "dev": ("dev",),
}
_HELD_OUT = tuple(_WORDS)[1:]
# What stands beside the word in names such as test_set, seg_train and images-val.
_FILLERS = {"", "set", "sets", "data", "split", "seg", "img", "imgs", "image", "images", "pictures"}
_DEEPEST = 3
_OVERRULE = (
    f"overrule it by --data.held_out and a folder, or {TENTH} for a tenth of all images, "
    "whatever folders are called"
)


@dataclass(frozen=True)
class Splits:
    """The splits of a list of images.

    Attributes:
        of_image: uint8 ``(N,)``: `TRAIN`, `TEST` or `UNUSED`.
        within: Takes the path of an image to what is left of it without the split's folder.
        notes: What is held out and why.
        paired: Whether all splits have folders named like splits, and so classes of one kind.
    """

    of_image: NDArray[np.uint8]
    within: Callable[[str], str]
    notes: Notes
    paired: bool = False


@functools.cache
def split_of(folder: str) -> str | None:
    """The kind of split that a folder is named like; None for any other name.

    Example:
        >>> split_of("Val"), split_of("held-out"), split_of("train2017"), split_of("trains")
        ('validation', 'holdout', 'train', None)
    """
    text = re.sub(r"h[eo]ld[\W_]*out", "holdout", folder.lower())
    words = [word.removesuffix("set").removesuffix("data") for word in re.split("[^a-z]+", text)]
    names = [word for word in words if word not in _FILLERS]
    if len(names) != 1:
        return None
    return next((kind for kind, known in _WORDS.items() if names[0] in known), None)


def find_splits(names: Callable[[], Iterable[str]], held_out: str | None) -> Splits:
    """The splits of images, by the folders that they are in.

    Folders named like a training and a held-out split side by side, at the same depth, are splits.
    Folders named like a held-out split, with none named like training beside them, are held out
    with a warning. Where there are none, a tenth of the images, at least one, is held out as a
    function of the paths alone.

    Args:
        names: Gives the paths, each time that it is called.
        held_out: A folder on the paths that is held out whatever its name; `TENTH`: look for none.

    Raises:
        SparseganError: Every folder is named like a held-out one, or the folder is not there.
    """
    depth, paired = (None, False) if held_out == TENTH else _depth(names())
    prefix = None if held_out in (None, TENTH, ELSEWHERE) else f"{str(held_out).strip('/')}/"
    tallies: dict[str, Counter[str]] = {kind: Counter() for kind in (*_WORDS, "other", "named")}

    def kind(name: str) -> str:
        if prefix is not None and name.startswith(prefix):
            tallies["named"][prefix[:-1]] += 1
            return "named"
        folders = name.split("/")[:-1]
        if depth is not None and len(folders) > depth and (known := split_of(folders[depth])):
            tallies[known][folders[depth]] += 1
            return known
        tallies["other"][folders[0] if folders else "no folder"] += 1
        return "other"

    kinds = [kind(name) for name in names()]
    if depth is None and prefix is None:
        if held_out == ELSEWHERE:
            return Splits(np.zeros(len(kinds), np.uint8), lambda name: name, NO_NOTES)
        of_image = held_out_tenth(names()).astype(np.uint8)
        why = "as asked for" if held_out == TENTH else "since no folder is named like a split"
        count = f"{int(of_image.sum()):,} image(s), a tenth of all, drawn by their names"
        return Splits(of_image, lambda name: name, Notes(f"{count}, {why}"))
    first = next(kind for kind in (*_HELD_OUT, "named") if tallies[kind] or kind == "named")
    best = "named" if prefix or held_out == ELSEWHERE else first
    status = dict.fromkeys(tallies, UNUSED)
    status[best], status["train"] = TEST, TRAIN
    # Beside the folder train, other folders are nobody's; among the classes they are one's own.
    status["other"] = UNUSED if paired and depth == 0 else TRAIN
    of_image = np.array([status[kind] for kind in kinds], np.uint8)
    if prefix and not tallies[best]:
        there = ", ".join(sorted({name.partition("/")[0] for name in names() if "/" in name})[:9])
        raise SparseganError(
            f"data.held_out is {held_out}, and there are no images in a folder of that path: "
            f"name one of those that are there ({there or 'none'}), or another folder or archive"
        )
    if not (of_image == TRAIN).any():
        named = _folders(sum(tallies.values(), Counter()))
        raise SparseganError(
            f"there is nothing to train on, since every image is in a folder that is held out or "
            f"named so ({named}): add others, or say --data.held_out {TENTH} to "
            f"train on all but a tenth, whatever folders are called"
        )
    notes = _notes(tallies, best, status, paired, depth)
    return Splits(of_image, _within(depth, prefix), notes, paired and prefix is None)


def held_out_tenth(names: Iterable[str]) -> NDArray[np.bool_]:
    """Which are the test split: a tenth, at least one, as a function of the paths alone."""

    def ranks() -> Iterator[int]:
        for name in names:
            hashed = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
            yield int.from_bytes(hashed[:8], "big")

    order = np.argsort(np.fromiter(ranks(), dtype=np.uint64), kind="stable")
    held_out = np.zeros(len(order), dtype=np.bool_)
    held_out[order[: max(1, len(order) // 10)]] = True
    return held_out


def _depth(names: Iterable[str]) -> tuple[int | None, bool]:
    """How many folders are before those of the splits, and whether training's are among them."""
    kinds: list[set[str | None]] = [set() for _ in range(_DEEPEST)]
    for name in names:
        for depth, folder in enumerate(name.split("/")[:-1][:_DEEPEST]):
            kinds[depth].add(split_of(folder))
    held_out = [depth for depth, known in enumerate(kinds) if known.intersection(_HELD_OUT)]
    for depth in held_out:
        if "train" in kinds[depth]:
            return depth, True
    return (held_out[0] if held_out else None), False


def _within(depth: int | None, prefix: str | None) -> Callable[[str], str]:
    def within(name: str) -> str:
        if prefix is not None and prefix.count("/") == 1 and name.startswith(prefix):
            return name[len(prefix) :]
        parts = name.split("/")
        if depth is not None and len(parts) > depth + 1 and split_of(parts[depth]):
            del parts[depth]
        return "/".join(parts)

    return within


def _notes(
    tallies: dict[str, Counter[str]],
    best: str,
    status: dict[str, int],
    paired: bool,
    depth: int | None,
) -> Notes:
    why = "as asked for" if best == "named" else "by the name"
    held_out = ""
    if tallies[best]:
        held_out = f"{tallies[best].total():,} image(s) in {_folders(tallies[best])}, {why}"
    unused = [own for kind, own in tallies.items() if status[kind] == UNUSED and own]
    if unused:
        together = sum(unused, Counter())
        others = f"{together.total():,} image(s) in {_folders(together)} are not used"
        held_out = f"{held_out}; {others}" if held_out else others
    warnings = []
    if best != "named" and not paired:
        warnings.append(
            f"{_folders(tallies[best])} is named like held-out images, and no folder like images "
            f"to train on: it is held out and no class; {_OVERRULE}"
        )
    if paired and depth and tallies["other"]:
        warnings.append(
            f"{tallies['other'].total():,} image(s) are in no folder of a split, and are trained "
            f"on; {_OVERRULE}"
        )
    if paired and depth == 0 and tallies["other"]:
        warnings.append(
            f"{tallies['other'].total():,} image(s) beside the folders of the splits are not used "
            f"({_folders(tallies['other'])}); {_OVERRULE}"
        )
    return Notes(held_out, tuple(warnings))


def _folders(tally: Counter[str]) -> str:
    names = [name for name, _ in tally.most_common(5)]
    return ", ".join(names) + (", …" if len(tally) > 5 else "")
