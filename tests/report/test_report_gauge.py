import re

import pytest

from sparsegan.record import events
from sparsegan.report.gauge import gauge
from sparsegan.report.read import RunRecord
from well_formed import check


def needle(drawn):
    return float(re.search(r'class="needle" style="left:([\d.]+)%', drawn)[1])


def record(path, value, band=(0.45, 0.55), **start):
    fields = {"kind": "start", "step": 0, "band": list(band), "method": "adapt", **start}
    run = RunRecord(path, "a", start=events.read(fields))
    run.curves["balance_ratio"] = [(10, None), (20, 0.2), (30, value)]
    return run


@pytest.mark.parametrize(
    ("value", "where", "left"),
    [
        (0.5, "in", 50),
        (0.1, "below", 10),
        (0.8, "above", 80),
        (7.0, "above", 100),
        (-1, "below", 0),
    ],
)
def test_the_needle_stands_at_the_last_value(tmp_path, value, where, left):
    drawn = gauge(record(tmp_path, value))
    assert needle(drawn) == pytest.approx(left)
    assert f", {where} the band of 0.45 to 0.55" in check(drawn).text
    assert drawn.count('class="past"') == 1


def test_a_band_of_another_signal_is_not_the_ratio_s(tmp_path):
    drawn = gauge(record(tmp_path, 0.5, signal="sign"))
    assert "zone" not in drawn
    assert "band" not in check(drawn).text


def test_no_value_no_gauge(bare):
    assert gauge(bare) == ""
