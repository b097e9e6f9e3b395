"""The report in a real browser, at the width of a desktop and of a phone."""

import re
import subprocess

import pytest

from sparsegan import report

# What a person would see wrong: something wider than the window, or a chart without marks.
LOOK = """<script>
addEventListener("load", () => {
  const root = document.documentElement;
  document.body.dataset.overflow = root.scrollWidth - root.clientWidth;
  document.body.dataset.charts = [...document.querySelectorAll("svg")]
    .filter(svg => svg.getBoundingClientRect().width > 0).length;
});
</script>"""


def seen(page, folder, width):
    """The page as the browser leaves it, and what the browser's console says."""
    arguments = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    arguments += ["--disable-quic", "--disable-background-networking", "--disable-sync"]
    arguments += ["--disable-component-update", f"--user-data-dir={folder}/profile{width}"]
    arguments += ["--enable-logging=stderr", f"--window-size={width},900", "--dump-dom"]
    done = subprocess.run(
        [*arguments, page.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


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
