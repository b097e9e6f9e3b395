from difflib import SequenceMatcher

import pytest

from sparsegan.nearest import did_you_mean, nearest_name

NAMES = ["train", "resume", "sample", "evaluate"]


@pytest.mark.parametrize("name", ["trian", "rsume", "evluate", "x", ""])
@pytest.mark.parametrize("cutoff", [0.0, 0.5, 0.9])
def test_the_nearest_name_has_the_most_letters_in_common(name, cutoff):
    ratios = {known: SequenceMatcher(None, known, name).ratio() for known in NAMES}
    near = nearest_name(name, NAMES, cutoff=cutoff)
    if max(ratios.values()) < cutoff:
        assert near is None
    else:
        assert ratios[near] == max(ratios.values())


def test_a_name_is_near_to_none_where_none_is_known():
    assert nearest_name("train", [], cutoff=0.0) is None


def test_a_remedy_is_a_question_or_what_is_said_otherwise():
    assert did_you_mean("trian", NAMES, "see --help") == "did you mean train?"
    assert did_you_mean("zzz", iter(NAMES), "see --help") == "see --help"
