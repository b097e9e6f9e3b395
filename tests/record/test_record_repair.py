"""What a run goes on with of a log that is whole, cut, damaged or written twice."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsegan.errors import SparseganError
from sparsegan.record import events, metrics_log, repair


def line(kind, step, **fields):
    return metrics_log.line(events.read({"kind": kind, "step": step, **fields}))


BEFORE = [line("balance", 1), line("balance", 2), line("train", 2, generator_loss=0.5)]
AFTER = [line("evaluate", 2, value=0.25), line("balance", 3), line("end", 3)]
OFFSET = len(b"".join(BEFORE))


def past(tmp_path, lines, *, mend=False, evaluated=True):
    path = tmp_path / "metrics.jsonl"
    if lines is not None:
        path.write_bytes(b"".join(lines))
    before = path.read_bytes() if lines is not None else None
    try:
        return repair.past(path, OFFSET, 2, repair=mend, evaluated=evaluated)
    finally:
        assert (path.read_bytes() if path.exists() else None) == before, "it is only read"


@pytest.mark.parametrize("mend", [False, True])
def test_a_whole_log_is_gone_on_after_what_the_checkpoint_knew(tmp_path, mend):
    assert past(tmp_path, BEFORE + AFTER, mend=mend, evaluated=False) == b"".join(BEFORE)


@pytest.mark.parametrize("mend", [False, True])
def test_the_evaluation_of_the_checkpoints_own_step_belongs_to_its_past(tmp_path, mend):
    assert past(tmp_path, BEFORE + AFTER, mend=mend) == b"".join([*BEFORE, AFTER[0]])
    assert past(tmp_path, BEFORE, mend=mend) == b"".join(BEFORE), "there is none"


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (None, r"metrics\.jsonl is missing, and the checkpoint was written after"),
        (BEFORE[:2], r"has \d+ bytes, and the checkpoint was written after"),
        ([BEFORE[0], b"[]\n", *BEFORE[1:]], "written in the middle of a line"),
        ([BEFORE[0], b"x" * (len(BEFORE[1]) - 1) + b"\n", *BEFORE[2:]], r"line 2 of .* no event"),
    ],
)
def test_a_log_that_is_not_what_it_was_is_named_with_the_remedy(tmp_path, lines, sentence):
    with pytest.raises(SparseganError, match=rf"{sentence}.*--checkpoint STEP.*--repair"):
        past(tmp_path, lines)


def test_of_a_log_that_is_gone_nothing_is_kept(tmp_path):
    assert past(tmp_path, None, mend=True) == b""


pieces = st.lists(
    st.one_of(
        st.sampled_from([*BEFORE, *AFTER]), st.sampled_from([b"[]\n", b"\xff{\n", b"\n", b"{}\n"])
    ),
    max_size=12,
)


@settings(max_examples=60)
@given(pieces, st.binary(max_size=6).filter(lambda end: b"\n" not in end), st.booleans())
def test_what_is_kept_of_any_log_are_its_events_until_the_step_each_once(
    tmp_path_factory, lines, end, evaluated
):
    # Of these lines none is wrong up to the offset only where the log is whole.
    kept = past(
        tmp_path_factory.mktemp("log"), [b"", b"x\n", *lines, end], mend=True, evaluated=evaluated
    )
    belongs = {*BEFORE, *([AFTER[0]] if evaluated else [])}
    assert kept == b"".join(each for each in dict.fromkeys(lines) if each in belongs)


def test_a_log_without_rubbish_is_left_alone(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b"".join(BEFORE))
    assert repair.without_rubbish(path) is None
    path.write_bytes(b"".join([BEFORE[0], b"[]\n", *BEFORE, b"{"]))
    assert repair.without_rubbish(path) == b"".join(BEFORE)
