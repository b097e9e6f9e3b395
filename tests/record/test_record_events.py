import json
import subprocess
import sys
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import project_script
from sparsegan.methods.requests import Requests
from sparsegan.record import events
from sparsegan.record.events import checked

LAYER = {"name": "conv", "masked": True, "active": 3, "weights": 9}
WHOLE = [
    {"kind": "end", "step": 5},
    {"kind": "of a later version", "step": 5, "anything": [1, {"a": None}]},
    {"kind": "start", "step": 0, "networks": {"generator": [LAYER], "discriminator": []}},
    {"kind": "rewire", "step": 4, "network": "generator", "layers": [["conv", 3, 4, 9]]},
    {"kind": "evaluate", "step": 4, "value": None, "low": 0.5, "high": 1, "pair": "a_to_b"},
    {"kind": "engine", "step": 0, "network": "generator", "kernels": "native"},
    {"kind": "request", "step": 3, **Requests().state_dict()},
    {"kind": "request", "step": 3, **Requests(2, 0.5).state_dict(), "schedule": [4, 9]},
]


@pytest.mark.parametrize("written", WHOLE, ids=str)
def test_what_a_run_writes_is_an_event(written):
    assert checked(json.dumps(written).encode()) == written


@pytest.mark.parametrize(
    "line",
    [
        b"", b"{}", b"[]", b"null", b"7", b'"kind"', b"\xff\xfe", b"[" * 100_000, b"9" * 5000,
        b'{"kind": 1, "step": 0}', b'{"kind": "end"}', b'{"kind": "end", "step": -1}',
        b'{"kind": "end", "step": 1.5}', b'{"kind": "end", "step": true}',
        b'{"kind": "end", "step": 1e400}', b'{"kind": "end", "step": 99999999999999999999}',
        b'{"kind": "end", "step": 1, "pair": 3}', b'{"kind": "start", "step": 0}',
        b'{"kind": "start", "step": 0, "networks": {"generator": [], "discriminator": [{}]}}',
        b'{"kind": "rewire", "step": 0, "network": "other", "layers": []}',
        b'{"kind": "rewire", "step": 0, "network": "generator", "layers": [["a", 0, 1]]}',
        b'{"kind": "rewire", "step": 0, "network": "generator", "layers": [["a", 0, 1, 0]]}',
        b'{"kind": "rewire", "step": 0, "network": "generator", "layers": [["a", 0, 9, 4]]}',
        b'{"kind": "rewire", "step": 0, "network": [], "layers": []}',
        b'{"kind": "evaluate", "step": 0}', b'{"kind": "evaluate", "step": 0, "value": "low"}',
        b'{"kind": "evaluate", "step": 0, "value": NaN}',
        b'{"kind": "engine", "step": 0, "network": "generator"}',
        b'{"kind": "request", "step": 0}',
        b'{"kind": "request", "step": 0, "discriminator_steps": 0, "discriminator_rate": 1, '
        b'"schedule": null}',
        b'{"kind": "request", "step": 0, "discriminator_steps": null, "discriminator_rate": null, '
        b'"schedule": null}',
        b'{"kind": "request", "step": 0, "discriminator_steps": null, "discriminator_rate": 1, '
        b'"schedule": [0, 3]}',
    ],
)  # fmt: skip
def test_what_is_none_is_none(line):
    assert checked(line) is None


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(WHOLE), st.data())
def test_any_value_anywhere_is_an_event_or_none(written, data):
    key = data.draw(st.sampled_from(sorted(written)))
    changed = {**written, key: data.draw(values)}
    assert checked(json.dumps(changed).encode()) in (None, json.loads(json.dumps(changed)), changed)


@given(st.sampled_from(WHOLE), st.data())
def test_what_counts_can_be_read_and_what_does_not_breaks_nothing(line, data):
    key = data.draw(st.sampled_from(sorted(line)))
    changed = json.loads(json.dumps({**line, key: data.draw(values)}))
    event = events.read(changed)
    if checked(json.dumps(changed).encode()) is not None:
        assert event.step == changed["step"]
        assert type(event) is events.KINDS.get(changed["kind"], events.Event)


def test_the_report_needs_no_heavy_import():
    code = "import sys, sparsegan.record.events; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_documentations_table_is_made_out_of_the_records():
    script = project_script.script("event_table")
    page = script.PAGE.read_text()
    assert script.with_table(page) == page, "run python scripts/event_table.py"


@pytest.mark.parametrize("kind", events.KINDS)
def test_each_field_is_described(kind):
    rows = [
        row
        for row in project_script.script("event_table").table().splitlines()
        if row.startswith(f"| `{kind}` |")
    ]
    assert len(rows) == 1
    for field in fields(events.KINDS[kind]):
        assert field.name in ("step", "game") or f"`{field.name}`: " in rows[0]
