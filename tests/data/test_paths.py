import tracemalloc

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sparsegan.data import paths as module
from sparsegan.data.paths import Paths

NAMES = st.lists(st.text(st.characters(exclude_categories=["Cs"]) | st.just("\udcff"), max_size=5))


@given(NAMES, st.integers(1, 4))
def test_like_a_sorted_list(names, run):
    with_runs = module._RUN
    module._RUN = run
    try:
        paths = Paths.sort(iter(names))
    finally:
        module._RUN = with_runs
    expected = sorted(names, key=lambda name: name.encode("utf-8", "surrogateescape"))
    assert list(paths) == expected
    assert len(paths) == len(names)
    assert [paths[i] for i in range(len(paths))] == expected
    for name in names:
        assert paths[paths.find(name)] == name
    assert ("absent" in names) or paths.find("absent") == -1
    repeated = paths.repeated()
    assert (repeated is None) == (len(set(names)) == len(names))
    assert repeated is None or names.count(repeated) > 1


def test_take():
    paths = Paths.sort("edcba").take(np.array([0, 2, 4]))
    assert list(paths) == ["a", "c", "e"]


def test_a_hundred_thousand_paths_are_no_hundred_thousand_objects():
    def names():
        for i in range(100_000):
            yield f"class_{i % 10}/picture_{i * 7919 % 100_000:08}.jpeg"

    length = len(next(names()))
    tracemalloc.start()
    paths = Paths.sort(names())
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(paths) == 100_000
    each = length + 8
    assert kept < 1.1 * each * 100_000
    # At the end of the sorting there are three copies, and never more than 8192 objects.
    assert peak < 3 * each * 100_000
