"""What is known of a stopped run without training; whole resumed runs are in the loop's tests."""

import os
from dataclasses import replace

import pytest

from sparsegan.errors import SparseganError
from sparsegan.record import events, metrics_log
from sparsegan.record.metrics_log import read_events
from sparsegan.record.run import RunDirectory
from sparsegan.settings import parse
from sparsegan.train import resumption
from tiny_run import config

NETWORKS = {"generator": [], "discriminator": []}


def line(kind, step, **fields):
    return metrics_log.line(events.read({"kind": kind, "step": step, **fields}))


EVENTS = [line("start", 0, networks=NETWORKS), line("balance", 3), line("end", 14)]


@pytest.fixture
def run(tmp_path):
    """A directory that has everything of a finished run but checkpoints."""
    run = RunDirectory(tmp_path)
    parse.write(run.config, config(tmp_path), ["a note"])
    run.metrics.write_bytes(b"".join(EVENTS))
    run.cost.write_text("{}")
    run.report.write_text("report")
    os.utime(run.metrics, ns=(0, 0))
    return run


def test_a_run_is_complete_with_its_end_and_a_newer_report(run):
    assert resumption.is_complete(run)
    os.utime(run.report, ns=(0, 0))
    os.utime(run.metrics, ns=(9, 9))
    assert not resumption.is_complete(run), "the report is older than what it is on"
    run.report.unlink()
    assert not resumption.is_complete(run)


def test_a_run_that_was_made_longer_is_not_complete(run):
    text = run.config.read_text()
    run.config.write_text(text.replace("steps: 14", "steps: 20", 1))
    assert not resumption.is_complete(run)


@pytest.mark.parametrize(
    ("lines", "begun"), [([], False), (EVENTS[:1], False), (EVENTS[:2], True), (None, False)]
)
def test_a_run_has_begun_with_its_first_step(run, lines, begun):
    run.metrics.unlink()
    if lines is not None:
        run.metrics.write_bytes(b"".join(lines))
    assert resumption.has_begun(run) is begun
    run.checkpoints.mkdir()
    run.checkpoint(0).touch()
    assert resumption.has_begun(run)


def test_completing_writes_the_report_anew_and_leaves_events_alone(run):
    before = run.metrics.read_bytes()
    resumption.complete(run, repair_log=True)
    assert "<html" in run.report.read_text()
    assert run.metrics.read_bytes() == before


def test_completing_leaves_rubbish_out_where_that_is_wanted(run):
    run.metrics.write_bytes(b"".join([EVENTS[0], b"[]\n", *EVENTS]))
    with_rubbish = run.metrics.read_bytes()
    resumption.complete(run, repair_log=False)
    assert run.metrics.read_bytes() == with_rubbish
    resumption.complete(run, repair_log=True)
    *past, repaired = read_events(run.metrics)
    assert [event["kind"] for event in past] == ["start", "balance", "end"]
    assert (repaired["kind"], repaired["step"]) == ("repair", 14)


def test_another_length_is_written_beside_the_notes(run):
    settings = parse.read(run.config)
    resumption.rewrite(run, config(run.path, "--steps", "99"))
    assert "# a note" in run.config.read_text()
    assert parse.read(run.config) == replace(settings, steps=99) != settings


@pytest.mark.parametrize(
    ("steps", "done", "sentence"),
    [
        (3, 5, "has done 5 steps and cannot end after 3: choose more, or go on from an earlier"),
        (20, 5, r"done 5 of its 14 steps and cannot become a run of 20: .* --from .* --steps 15"),
    ],
)
def test_a_length_that_its_past_does_not_allow_is_refused(run, steps, done, sentence):
    with pytest.raises(SparseganError, match=sentence):
        resumption._require_length(run, config(run.path), steps, done)


def test_a_run_without_a_checkpoint_is_told_how_to_begin(run):
    with pytest.raises(SparseganError, match="no checkpoint yet: begin again"):
        resumption.read(run)
