"""The live page in a real browser, while its run grows."""

import html
import json
import re
import subprocess
import threading

import pytest
from synthetic_run import write_run

from browser import arguments
from sparsegan.live import site
from sparsegan.live.server import Server, address, listen
from sparsegan.live.site import Site

# The page of itself tells after some updates what it shows, in an attribute.
WATCH = """
const begun = document.querySelector("#balance svg").outerHTML;
const plot = document.querySelector("#training .plot");
setInterval(() => {
  const root = document.documentElement;
  document.body.dataset.seen = JSON.stringify({
    grown: document.querySelector("#balance svg").outerHTML !== begun,
    kept: document.querySelector("#training .plot") === plot,
    frames: document.querySelectorAll("#samples .film button").length,
    status: document.querySelector("#status p b").textContent,
    wide: root.scrollWidth - root.clientWidth,
    wired: document.querySelector("#balance .plot").getAttribute("role"),
    link: document.querySelector("#link").className,
    updates: Number(document.body.dataset.updates || 0),
  });
}, 100);
"""


CHOICE = """
document.querySelector("#samples .film button").click();
setInterval(() => {
  document.body.dataset.seen = JSON.stringify(
    [...document.querySelectorAll("#samples .samples")].map((samples) =>
      [samples.querySelectorAll(".film button").length,
       samples.querySelector(".film [aria-current] span").textContent]));
}, 100);
"""
"""Somebody brings up the first frame of the first run."""


@pytest.fixture
def at_once(monkeypatch):
    """A site that looks whenever it is asked."""
    monkeypatch.setattr(site, "_AT_LEAST", 0.0)
    monkeypatch.setattr(site, "_SHARE", 1.0)


def shown(tmp_path, monkeypatch, runs, grow, width=1280):
    """What Chromium makes of the page of runs, which have grown when it asks a second time.

    Returns:
        What the page says in the end that it shows, and the finished process.
    """
    server = Server(Site(runs), listen())
    threading.Thread(target=server.serve_forever).start()
    asked, states = threading.Event(), []
    plain_state = server.site.state

    def state():
        states.append(plain_state())
        if len(states) == 2:  # nothing was new at the first
            grow()
        if len(states) == 5:
            asked.set()
        return states[-1]

    monkeypatch.setattr(server.site, "state", state)
    threading.Thread(target=lambda: (asked.wait(60), server.end())).start()
    command = [*arguments(tmp_path, width), "--virtual-time-budget=60000", "--dump-dom"]
    done = subprocess.run(
        [*command, address(server.socket)], capture_output=True, text=True, timeout=120, check=True
    )
    asked.set()
    return json.loads(html.unescape(re.search(r'data-seen="([^"]*)"', done.stdout)[1])), done


@pytest.mark.full("chromium")
def test_each_filmstrip_keeps_its_own_frame(tmp_path, monkeypatch, at_once):
    monkeypatch.setattr("sparsegan.live.page._packaged", lambda name: watched(name, CHOICE))
    runs = [tmp_path / name for name in "ab"]
    for run in runs:
        write_run(run, steps=2000, grids=3, cell=8)
    (runs[1] / "samples" / "step-00001000.png").rename(tmp_path / "later.png")

    def grow():
        (tmp_path / "later.png").rename(runs[1] / "samples" / "step-00001000.png")

    ((_, first), (count, second)), _ = shown(tmp_path, monkeypatch, runs, grow)
    assert count == 3
    assert "step 0" in first
    assert "step 2,000" in second


@pytest.mark.full("chromium")
@pytest.mark.parametrize("width", [1280, 500])
def test_the_page_grows_with_its_run_and_outlives_it(tmp_path, monkeypatch, at_once, width):
    monkeypatch.setattr("sparsegan.live.page._packaged", watched)
    whole = write_run(tmp_path / "whole", steps=2000, grids=3, cell=8)
    lines = (whole / "metrics.jsonl").read_text().splitlines(keepends=True)
    run = tmp_path / "run"
    write_run(run, steps=2000, grids=2, cell=8)
    (run / "metrics.jsonl").write_text("".join(lines[: len(lines) // 2]))

    def grow():
        (run / "metrics.jsonl").write_text("".join(lines))
        (whole / "samples" / "step-00001000.png").rename(run / "samples" / "step-00001000.png")

    seen, done = shown(tmp_path, monkeypatch, [run], grow, width)
    assert seen["grown"]
    assert seen["frames"] == 3
    assert seen["status"] == "finished"
    assert seen["wide"] == 0
    assert seen["wired"] == "slider"
    # The server has gone, and the page is there.
    assert seen["link"] == "lost"
    assert "no longer served" in done.stdout
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert all("ERR_CONNECTION" in line for line in console)


def watched(name, watch=WATCH):
    from importlib import resources

    text = resources.files("sparsegan.live").joinpath(name).read_text(encoding="utf-8")
    # Browsers' virtual time does not wait for answers: real seconds are what it takes.
    return text + watch if name == "live.js" else text
