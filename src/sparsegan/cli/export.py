"""`sparsegan export`: a generator as a file or folder."""

from pathlib import Path

from sparsegan.cli.parser import CHECKPOINT, Parser, add_trust


def export(arguments: list[str]) -> int:
    """Write a run's generator to a file or folder."""
    parser = Parser(
        "export",
        "Write a run's averaged generator, with the statistics that it is drawn by, to a file.",
        "examples:\n"
        "  sparsegan export runs/fashion-mnist-adapt-1 --to packed\n"
        "      a small file of the active weights; draw from it with `sparsegan sample FILE`, or\n"
        "      in Python with `sparsegan.export.load(FILE)`\n"
        "  sparsegan export runs/fashion-mnist-adapt-1 --to html\n"
        "      one page that draws by itself: open it by a double click, send it to a friend\n"
        "  sparsegan export runs/fashion-mnist-adapt-1 --to hub folder\n"
        "      a folder to upload to the Hugging Face hub; `sparsegan.load` reads it from there\n"
        "  sparsegan export runs/fashion-mnist-adapt-1 --to onnx --output generator.onnx\n"
        "      a dense file for other runtimes (needs pip install 'sparsegan[export]')",
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="the run directory")
    parser.add_argument(
        "path", type=Path, metavar="PATH", nargs="?", help="the same as --output PATH"
    )
    parser.add_argument(
        "--to",
        choices=("packed", "html", "hub", "onnx"),
        required=True,
        help="a small file, a page, a folder for the hub, or a dense file",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="PATH",
        help="file or folder (default: generator.* or generator-hub, in the run directory)",
    )
    parser.add_argument(
        "--title", default="", help="of a page or card (default: what it has learnt from)"
    )
    parser.add_argument(
        "--checkpoint", metavar=CHECKPOINT, help="not the newest checkpoint but this one"
    )
    parser.add_argument(
        "--direction", choices=("a_to_b", "b_to_a"), help="of a run of cyclegan: which generator"
    )
    add_trust(parser)
    options = parser.parse_intermixed_args(arguments)
    if options.path is not None and options.output is not None:
        parser.error(f"name one output, not {options.path} and {options.output}")
    from sparsegan.export import export_run

    written = export_run(
        options.run,
        options.to,
        options.output or options.path,
        options.checkpoint,
        game=options.direction,
        title=options.title,
        trust_code=options.trust_code,
    )
    size = f"generator of step {written.step}: {written.path}, {written.bytes:,} bytes"
    if options.to == "hub":
        print(f"{size} in all")
        print(f"add a license to its README.md, then: hf upload OWNER/NAME {written.path}")
    else:
        print(f"{size}, {written.bytes / written.dense_bytes:.3f} of the dense weights")
    if written.note is not None:
        print(
            f"without a graph, so that sparsegan alone can draw from it: the runtime does not know "
            f"this generator, since {written.note}"
        )
    return 0
