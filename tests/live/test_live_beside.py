"""The page's own process, as training starts it, to its end."""

import json
import os
import signal
import subprocess
import sys
import time
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from sparsegan.live import beside
from sparsegan.live.beside import Beside


def state(address):
    with urlopen(f"{address}state", timeout=20) as answer:
        return json.load(answer)


def test_it_serves_a_run_until_it_is_closed(run):
    with Beside() as page:
        assert not page.serves
        assert page.begin(run) == f"live page: {page.address}"
        assert set(state(page.address)["parts"]) >= {"balance", "samples"}
        assert page.serves
        child = page._process.pid
        # What is urgent comes first, on Linux to be read off.
        assert os.getpriority(os.PRIO_PROCESS, child) == 19
        # Ctrl-C in the terminal is for training.
        assert os.getpgid(child) != os.getpgid(0)
    assert not page.serves
    with pytest.raises(URLError):
        state(page.address)


def test_a_page_that_is_open_reads_the_end_before_it_ends(run):
    with Beside() as page:
        page.begin(run)
        assert state(page.address)["ending"] is False
        page._process.stdin.close()
        time.sleep(0.3)
        with (run / "metrics.jsonl").open("a") as log:
            log.write(json.dumps({"kind": "end", "step": 2000, "seconds": 1.0}) + "\n")
        assert state(page.address)["ending"] is True
        page.wait()


def test_who_has_seen_the_end_has_not_to_wait(run):
    with Beside() as page:
        page.begin(run)
        state(page.address)
        page.close(at_once=True)
        assert page._process.returncode == -signal.SIGTERM


def test_it_ends_with_the_process_that_began_it_however_that_dies(run, tmp_path):
    program = (
        "import sys, time; from pathlib import Path; from sparsegan.live.beside import Beside\n"
        "page = Beside(); page.begin(Path(sys.argv[1]))\n"
        "print(page._process.pid, page.address, flush=True); time.sleep(100)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(run)], stdout=subprocess.PIPE, text=True
    ) as parent:
        child, address = parent.stdout.readline().split()
        state(address)
        parent.send_signal(signal.SIGKILL)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            os.kill(int(child), 0)
            status = open(f"/proc/{child}/stat").read().split()[2]  # noqa: PTH123, SIM115
        except (OSError, FileNotFoundError):
            break
        if status == "Z":
            break
        time.sleep(0.1)
    with pytest.raises(URLError):
        state(address)


def test_a_process_that_cannot_be_started_stops_nothing(run, monkeypatch):
    monkeypatch.setattr(beside.sys, "executable", "/nowhere/python")
    with Beside() as page:
        assert "cannot start" in page.begin(run)
        assert not page.serves
        page.wait()
