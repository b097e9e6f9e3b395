"""`sparsegan report`: one page on runs."""

from pathlib import Path

from sparsegan.cli import live
from sparsegan.cli.parser import Parser
from sparsegan.errors import SparseganError


def report(arguments: list[str]) -> int:
    """Write one page on one run or several, or serve one that grows."""
    parser = Parser(
        "report",
        "Write one HTML page on a run, or on several side by side; it needs no network.",
        "examples:\n"
        "  sparsegan report runs/adapt-1 runs/static-1 --output compare.html\n"
        "  sparsegan report runs/adapt-1 --live      a page that grows while a run is trained,\n"
        "                                            wherever on this machine that is",
    )
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="run directories")
    parser.add_argument(
        "--output", type=Path, help="default: report.html, in the run if there is only one"
    )
    live.add_live(parser)
    options = parser.parse_args(arguments)
    if options.live and options.output is not None:
        raise SparseganError("--live serves a page and writes none: leave out --output or --live")
    if live.asked(options):
        return live.serve(options)
    from sparsegan import report

    alone = options.runs[0] / "report.html" if len(options.runs) == 1 else Path("report.html")
    print(report.write(options.runs, options.output or alone))
    return 0
