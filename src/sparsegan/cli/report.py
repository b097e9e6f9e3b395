"""`sparsegan report`: one page on runs."""

from pathlib import Path

from sparsegan.cli.parser import Parser


def report(arguments: list[str]) -> int:
    """Write one page on one run or several."""
    parser = Parser(
        "report",
        "Write one HTML page on a run, or on several side by side; it needs no network.",
        "example:\n  sparsegan report runs/adapt-1 runs/static-1 --output compare.html",
    )
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="run directories")
    parser.add_argument(
        "--output", type=Path, help="default: report.html, in the run if there is only one"
    )
    options = parser.parse_args(arguments)
    from sparsegan import report

    alone = options.runs[0] / "report.html" if len(options.runs) == 1 else Path("report.html")
    print(report.write(options.runs, options.output or alone))
    return 0
