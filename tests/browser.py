"""A page in a real browser, without a window."""

import subprocess

# What a person would see wrong: something wider than the window, or a chart without marks.
LOOK = """<script>
addEventListener("load", () => {
  const root = document.documentElement;
  document.body.dataset.overflow = root.scrollWidth - root.clientWidth;
  document.body.dataset.charts = [...document.querySelectorAll("svg")]
    .filter(svg => svg.getBoundingClientRect().width > 0).length;
});
</script>"""


def arguments(folder, width):
    """The command of a browser without a window, with a profile in a folder."""
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    command += ["--disable-quic", "--disable-background-networking", "--disable-sync"]
    command += ["--disable-component-update", f"--user-data-dir={folder}/profile{width}"]
    return [*command, "--enable-logging=stderr", f"--window-size={width},900"]


def seen(page, folder, width):
    """The page as the browser leaves it, and what the browser's console says."""
    done = subprocess.run(
        [*arguments(folder, width), "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]
