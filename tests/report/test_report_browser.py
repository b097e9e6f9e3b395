"""The report in a real browser, at the width of a desktop and of a phone."""

import html
import json
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


LOOK_CLOSER = """<script>
addEventListener("load", () => {
  const press = (plot, key) =>
    plot.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  const plot = document.querySelector(".plot:not(.still)"), read = plot.querySelector(".read");
  const said = () => plot.getAttribute("aria-valuetext");
  press(plot, "End");
  const last = said();
  press(plot, "ArrowLeft");
  const before = said(), shown = !read.hidden;
  press(plot, "Home");
  const first = said();
  press(plot, "Escape");
  const seen = { last, before, first, shown, hidden: read.hidden, focus: plot.tabIndex };
  seen.folds = [...document.querySelectorAll("details:not([open]) > :not(summary)")]
    .map(inner => inner.checkVisibility({ contentVisibilityAuto: true }));
  document.body.dataset.seen = JSON.stringify(seen);
});
</script>"""


def looked_at(page, folder):
    document, console = seen(page, folder, 1280)
    assert not console
    return json.loads(html.unescape(re.search(r'data-seen="([^"]*)"', document)[1]))


@pytest.mark.full("chromium")
def test_read_outs_are_had_by_keyboard_and_paper_has_what_is_folded(tmp_path, run_path):
    page = tmp_path / "report.html"
    report.write([run_path], page)
    text = page.read_text().replace("</body>", f"{LOOK_CLOSER}</body>")
    page.write_text(text)
    screen = looked_at(page, tmp_path)
    assert screen["last"].startswith("step 20,000, value ")
    assert screen["before"].startswith("step 19,000, value ")
    assert screen["first"].startswith("step 0, value ")
    assert (screen["shown"], screen["hidden"], screen["focus"]) == (True, True, 0)
    assert len(screen["folds"]) >= 3
    assert not any(screen["folds"])
    # What holds on paper, on the screen: a headless browser tells nothing of the former.
    page.write_text(text.replace("@media print", "@media screen"))
    own = tmp_path / "paper"  # the first browser may not have let go of its profile yet
    own.mkdir()
    assert all(looked_at(page, own)["folds"])
