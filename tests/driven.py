"""Debian's Chromium under playwright-core: pages that are used like a person would use them."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

MODULES = Path(sys.prefix) / "node"
"""Where `make test-all` installs what tests/package.json names."""

DESKTOP = {"viewport": {"width": 1280, "height": 860}}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "deviceScaleFactor": 2,
    "isMobile": True,
    "hasTouch": True,
}


class Browser:
    """One page at a time; `console` and `requests` are what it has said and asked for so far."""

    def __init__(self):
        script = Path(__file__).with_name("drive_browser.mjs")
        command = ["node", str(script), shutil.which("chromium"), str(MODULES)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.console, self.requests = [], []

    def open(self, url, **options):
        """A new page in a context of its own, with Playwright's options of contexts."""
        self._ask({"open": options})
        self("goto", url)

    def __call__(self, method, *arguments):
        """A method of the page, such as `keyboard.press`; what it gives."""
        return self._ask({"method": method, "arguments": arguments})

    def evaluate(self, expression):
        """The value of JavaScript in the page."""
        return self("evaluate", expression)

    def wait(self, expression):
        """Until JavaScript in the page is true; pages may forbid what Playwright waits with."""
        limit = time.monotonic() + 30
        while not self.evaluate(expression):
            assert time.monotonic() < limit, f"never: {expression}; {self.console}"
            time.sleep(0.02)

    def close(self):
        self._process.stdin.close()
        self._process.wait(timeout=30)

    def _ask(self, call):
        self._process.stdin.write(json.dumps(call) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        self.console, self.requests = answer["seen"]["console"], answer["seen"]["requests"]
        if "error" in answer:
            raise AssertionError(f"{call}: {answer['error']}")
        return answer["value"]
