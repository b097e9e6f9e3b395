"""`sparsegan export`: a generator as one file."""

from pathlib import Path

from sparsegan.cli.parser import CHECKPOINT, Parser, add_trust


def export(arguments: list[str]) -> int:
    """Write a run's generator to one file."""
    parser = Parser(
        "export",
        "Write a run's averaged generator, with the statistics that it is drawn by, to one file.",
        "examples:\n"
        "  sparsegan export runs/fashion-mnist-adapt-1 --to packed\n"
        "      a small file of the active weights; draw from it with `sparsegan sample FILE`, or\n"
        "      in Python with `sparsegan.export.load(FILE)`\n"
        "  sparsegan export runs/fashion-mnist-adapt-1 --to onnx --output generator.onnx\n"
        "      a dense file for other runtimes (needs pip install 'sparsegan[export]')",
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="the run directory")
    parser.add_argument("--to", choices=("packed", "onnx"), required=True, help="kind of file")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="default: generator.*, in the run directory"
    )
    parser.add_argument(
        "--checkpoint", metavar=CHECKPOINT, help="not the newest checkpoint but this one"
    )
    parser.add_argument(
        "--direction", choices=("a_to_b", "b_to_a"), help="of a run of cyclegan: which generator"
    )
    add_trust(parser)
    options = parser.parse_args(arguments)
    from sparsegan.export import export_run

    written = export_run(
        options.run,
        options.to,
        options.output,
        options.checkpoint,
        game=options.direction,
        trust_code=options.trust_code,
    )
    print(
        f"generator of step {written.step}: {written.path}, {written.bytes:,} bytes, "
        f"{written.bytes / written.dense_bytes:.3f} of the dense weights"
    )
    if written.note is not None:
        print(
            f"without a graph, so that sparsegan alone can draw from it: the runtime does not know "
            f"this generator, since {written.note}"
        )
    return 0
