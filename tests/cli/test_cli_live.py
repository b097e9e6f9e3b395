import fcntl
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import termios
import time
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml

from command_line import TINY, environment, refused
from sparsegan import cli
from sparsegan.cli import live
from sparsegan.record.run import RunDirectory
from tiny_run import differences


@pytest.fixture
def tiny():
    settings = yaml.safe_dump(TINY | {"log_every": 1, "checkpoint": {"every": 2}})
    Path("tiny.yaml").write_text(settings)
    return "tiny.yaml"


def test_training_is_the_same_to_the_bit_and_ends_where_nobody_watches(tiny, capfd):
    for flags in ([], ["--live"]):
        directory = ["--run.directory", "live" if flags else "plain"]
        assert cli.main(["train", "--config", tiny, *directory, *flags]) == 0
    printed = capfd.readouterr().out
    (address,) = re.findall(r"live page: (http://127\.0\.0\.1:\d+/)", printed)
    assert "the live page ends with this command" in printed
    with pytest.raises(OSError, match="refused"):
        urlopen(address, timeout=5)
    runs = [RunDirectory(Path(name)) for name in ("plain", "live")]
    assert differences(*(run.load() for run in runs)) == []
    logs = [re.sub(r'"[a-z_]*seconds[a-z_]*": [^,}]+|"steps_per_second": [^,}]+', "",
                   run.metrics.read_text()) for run in runs]  # fmt: skip
    decided = [[line for line in log.splitlines() if '"engine"' not in line] for log in logs]
    assert decided[0] == decided[1]


def test_a_resumed_run_has_a_page_and_a_finished_one_says_how_to_have_one(tiny, capfd):
    assert cli.main(["train", "--config", tiny, "--run.directory", "run"]) == 0
    assert cli.main(["resume", "run", "--live"]) == 0
    assert "`sparsegan report run --live`" in capfd.readouterr().out
    assert cli.main(["resume", "run", "--checkpoint", "4", "--live"]) == 0
    assert "live page: http://127.0.0.1:" in capfd.readouterr().out


def test_wrong_use_is_one_sentence(tiny, trained, capsys):
    run, _ = trained
    assert "add --live" in refused(capsys, "train", "--config", tiny, "--port", "8000")
    assert "add --live" in refused(capsys, "train", "--config", tiny, "--port", "8000", "--dry_run")
    assert "--port" in refused(capsys, "report", run, "--port", "x", "--live")
    assert "leave out --output" in refused(capsys, "report", run, "--live", "--output", "a.html")
    assert "is not a run" in refused(capsys, "report", ".", "--live")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        sentence = refused(capsys, "train", "--config", tiny, "--live", "--port", port)
    assert f"port {port}" in sentence


class Page:
    serves, address, waited, closed = True, "http://127.0.0.1:1/", False, False

    def wait(self):
        self.waited = True
        raise KeyboardInterrupt

    def close(self, *, at_once):
        self.closed = at_once


@pytest.mark.parametrize("attended", [True, False])
def test_it_stays_where_somebody_can_end_it(attended, monkeypatch, capsys):
    monkeypatch.setattr(live, "is_attended", lambda: attended)
    page = Page()
    assert live.stay(page, 0) == 0
    assert page.waited == page.closed == attended
    assert ("Ctrl-C ends it" in capsys.readouterr().out) == attended
    page = Page()
    assert live.stay(page, 130) == 130
    assert not page.waited


def test_at_a_terminal_a_report_is_served_until_an_interrupt(trained):
    run, _ = trained
    ours, theirs = pty.openpty()

    def own_terminal():
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # what runs in the background ignores it
        os.setsid()
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    command = [sys.executable, "-m", "sparsegan", "report", str(run), "--live"]
    with subprocess.Popen(
        command,
        stdin=theirs,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
        preexec_fn=own_terminal,
    ) as process:
        try:
            said = process.stdout.readline()
            assert said.endswith("(Ctrl-C ends it)\n")
            address = re.search(r"http://\S+", said)[0]
            with urlopen(address, timeout=20) as answer:
                assert b"sparsegan live" in answer.read()
            time.sleep(0.2)
            os.write(ours, b"\x03")
            assert process.wait(20) == 0
        finally:
            process.kill()
    os.close(ours)
    os.close(theirs)
