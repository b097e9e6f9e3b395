"""What comes out of a study: table.csv, table.md, results.json and a page, from its table alone."""

from pathlib import Path

from sparsegan.files import atomic_write_text
from sparsegan.study import file
from sparsegan.study.report import page, plain
from sparsegan.study.report.compare import verdict
from sparsegan.study.report.groups import groups
from sparsegan.study.table import load

__all__ = ["write"]


def write(path: str | Path, directory: str | Path | None = None) -> Path:
    """Write the outcome of a study as far as it is, into its folder; nothing is trained.

    Args:
        path: The study's folder, its file, or its name among those of the package.
        directory: Where its runs are; None: as the file says.

    Returns:
        The page, `index.html` in the study's folder; `table.csv`, `table.md` and `results.json`
        stand beside it.

    Raises:
        SparseganError: There is no such study.
    """
    table = load(path, directory)
    arms = groups(table)
    sentences = verdict(arms)
    folder = table.directory
    folder.mkdir(parents=True, exist_ok=True)
    atomic_write_text(folder / "table.csv", plain.csv_text(table))
    atomic_write_text(folder / "results.json", plain.json_text(table, arms, sentences))
    copy = folder / file.COPY
    settings = copy.read_text(encoding="utf-8", errors="replace") if copy.is_file() else ""
    atomic_write_text(folder / "index.html", page.html(table, arms, sentences, settings))
    atomic_write_text(folder / "table.md", plain.markdown(table, arms, sentences))
    return folder / "index.html"
