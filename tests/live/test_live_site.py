import json
import os
import time

import pytest

from sparsegan.errors import SparseganError
from sparsegan.live import site as module
from sparsegan.live.site import Site
from sparsegan.locks import FileLock


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(module, "_AT_LEAST", 0.0)
    monkeypatch.setattr(module, "_SHARE", 1.0)


def parts(site):
    return json.loads(site.state())["parts"]


def append(run, **event):
    with (run / "metrics.jsonl").open("a") as log:
        log.write(json.dumps(event) + "\n")


def test_what_changes_on_the_disk_changes_its_part_alone(run):
    site = Site([run])
    before = parts(site)
    assert parts(site) == before
    append(run, kind="warning", step=2000, message="a sentence that is new")
    after = parts(site)
    assert {name for name in before if before[name] != after[name]} == {"warnings"}
    markup, digest = site.part("warnings")
    assert "a sentence that is new" in markup
    assert digest == after["warnings"]
    (run / "samples" / "step-00002000.png").rename(run / "samples" / "step-00002001.png")
    assert parts(site)["samples"] != after["samples"]
    assert site.part("nowhere") is None


def test_the_report_shows_what_was_evaluated_since(run):
    site = Site([run])
    before = site.report()
    assert site.report() == before
    line = next(x for x in (run / "metrics.jsonl").open() if json.loads(x)["kind"] == "evaluate")
    event = {**json.loads(line), "value": 77.125, "low": 77.0, "high": 77.25}
    (run / "evaluations.jsonl").write_text(json.dumps(event) + "\n")
    assert site.report() != before


def test_a_lock_says_whether_a_run_is_trained(run):
    site = Site([run])
    assert not json.loads(site.state())["training"]
    lock = FileLock(run / ".lock")
    assert lock.acquire()
    assert json.loads(site.state())["training"]
    assert "training" in site.part("status")[0]
    # Where nobody can lock, one that is there and a log that has just grown say the same.
    lock.release()
    assert not json.loads(site.state())["training"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "is_held", lambda path: False)
        (run / ".lock").touch()
        os.utime(run / "metrics.jsonl")
        assert json.loads(site.state())["training"]
        long_ago = time.time() - 1000
        os.utime(run / "metrics.jsonl", (long_ago, long_ago))
        assert not json.loads(site.state())["training"]


def test_a_look_is_rare_where_looks_take_long(run, monkeypatch):
    monkeypatch.setattr(module, "_AT_LEAST", 1000.0)
    site = Site([run])
    before = parts(site)
    append(run, kind="warning", step=2000, message="new")
    assert parts(site) == before
    site.look()
    assert parts(site) != before


def test_it_reads_nothing_into_the_run(run):
    before = sorted(path.relative_to(run) for path in run.rglob("*"))
    site = Site([run])
    site.page()
    site.report()
    site.state()
    assert sorted(path.relative_to(run) for path in run.rglob("*")) == before


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(SparseganError, match="is not a run"):
        Site([tmp_path])
