"""The whole page: sections in their order, style and script inlined, nothing fetched."""

from collections import Counter
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from sparsegan.errors import SparseganError
from sparsegan.files import atomic_write_text
from sparsegan.report.curves import (
    balance_section,
    masks_section,
    quality_section,
    training_section,
)
from sparsegan.report.kernels import kernels_section
from sparsegan.report.layers import layers_section
from sparsegan.report.markup import escape
from sparsegan.report.opening import comparison_section, opening
from sparsegan.report.pictures import pictures_section
from sparsegan.report.read import RunRecord, distinct, read_run
from sparsegan.report.tables import (
    configuration_section,
    cost_section,
    decisions_section,
    evaluations_section,
    machine_section,
    trainings_section,
    warnings_section,
)

_SECTIONS = (
    comparison_section,
    pictures_section,
    quality_section,
    evaluations_section,
    balance_section,
    decisions_section,
    trainings_section,
    training_section,
    masks_section,
    layers_section,
    cost_section,
    kernels_section,
    warnings_section,
    configuration_section,
    machine_section,
)

# The page may show what it carries and run its own script; it may fetch nothing from anywhere.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def write(run_dirs: Sequence[Path], output: Path) -> Path:
    """Writes the report of one run, or of several side by side, as one HTML file.

    The games of a run that has several stand side by side, too.

    Only config.yaml, metrics.jsonl, evaluations.jsonl, cost.json and the pictures in samples/ and
    nearest/ of the run directories are read; what is missing in an unfinished run is left out.

    Args:
        run_dirs: one or more run directories.
        output: the HTML file to write, atomically.

    Returns:
        The path written.

    Raises:
        SparseganError: no run is named, or a directory is no run.
    """
    if not run_dirs:
        raise SparseganError("A report needs a run: name at least one run directory.")
    output = Path(output)
    atomic_write_text(output, html(read_runs(run_dirs)))
    return output


def read_runs(run_dirs: Sequence[Path]) -> list[RunRecord]:
    """The records of runs, each under a label that tells it from the others.

    Raises:
        SparseganError: A directory is no run.
    """
    paths = [Path(path) for path in run_dirs]
    labelled = zip(paths, _labels(paths), strict=True)
    return [record for path, label in labelled for record in read_run(path, label)]


def html(runs: Sequence[RunRecord]) -> str:
    """The page as text."""
    names = [run.name for run in distinct(runs)]
    title = names[0] if len(names) == 1 else f"{len(names)} runs"
    parts = [opening(runs), *(section(runs) for section in _SECTIONS)]
    return document(f"{title} – sparsegan report", parts, several=len(runs) > 1)


def document(
    title: str,
    parts: Sequence[str],
    *,
    several: bool = False,
    head: str = "",
    script: str = "",
    policy: str = _POLICY,
) -> str:
    """A whole page of parts that are safe markup, with its style and script.

    Args:
        title: What the window is called.
        parts: The page from top to bottom; empty ones are left out.
        several: Whether its small charts are of several runs, whose names stand elsewhere.
        head: Safe markup at the end of the head.
        script: What runs after the page's own.
        policy: What the page may load.
    """
    kind = ' class="several"' if several else ""
    body = "\n".join(part for part in parts if part)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<style>
{_packaged("style.css")}</style>
{head}</head>
<body>
<main{kind}>
{body}
</main>
<script>
{_packaged("hover.js")}{script}</script>
</body>
</html>
"""


def _packaged(name: str) -> str:
    return resources.files("sparsegan.report").joinpath(name).read_text(encoding="utf-8")


def _labels(paths: Sequence[Path]) -> list[str]:
    """The directories' names, with their parents' or a number where these are the same."""
    resolved = [path.resolve() for path in paths]
    labels = [path.name for path in resolved]
    if len(set(labels)) < len(labels):
        labels = [f"{path.parent.name}/{path.name}" for path in resolved]
    repeated = {label for label, times in Counter(labels).items() if times > 1}
    return [
        f"{label} ({index})" if label in repeated else label
        for index, label in enumerate(labels, start=1)
    ]
