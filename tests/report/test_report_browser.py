"""The report in a real browser, at the width of a desktop and of a phone."""

import re

import pytest

from browser import LOOK, seen
from sparsegan import report


@pytest.mark.full("chromium")
@pytest.mark.parametrize("width", [1280, 500])  # 500: the narrowest that headless windows can be
def test_the_report_fits_the_window_and_draws_its_charts(tmp_path, run_path, other_path, width):
    page = tmp_path / "report.html"
    report.write([run_path, other_path], page)
    charts = len(re.findall("<svg", page.read_text()))
    page.write_text(page.read_text().replace("</body>", f"{LOOK}</body>"))
    document, console = seen(page, tmp_path, width)
    assert not console
    assert re.search(r'data-overflow="(-?\d+)"', document)[1] == "0"
    assert int(re.search(r'data-charts="(\d+)"', document)[1]) > charts // 2 > 0
