"""`sparsegan evaluate`: a run's images beside real ones."""

from sparsegan.cli.parser import Parser, add_run_options, positive


def evaluate(arguments: list[str]) -> int:
    """Compare a run's images with real ones."""
    parser = Parser(
        "evaluate",
        "Compare a run's images with real ones: kernel and Fréchet distance, with their floors.",
        "example:\n  sparsegan evaluate runs/fashion-mnist-adapt-1 --images 5000",
    )
    parser.add_argument(
        "--images", type=positive, help="images on either side (default: as the run did)"
    )
    parser.add_argument(
        "--features", help="feature network, or my.module:Class (default: as the run did)"
    )
    add_run_options(parser)
    options = parser.parse_args(arguments)
    from sparsegan.settings.kinds import label
    from sparsegan.train.evaluate import sentence
    from sparsegan.train.evaluate_run import evaluate_run

    evaluations = evaluate_run(
        options.run,
        checkpoint=options.checkpoint,
        bn=options.bn,
        weights=options.weights,
        images=options.images,
        features=options.features,
        trust_code=options.trust_code,
    )
    for game, fields in evaluations.items():
        where = label(f"step {fields['step']}", game)
        print(f"{where}: {sentence(fields)}")
        print(
            f"Fréchet distance on the same features {fields['frechet']:.4g}, "
            f"real against real {fields['frechet_floor']:.4g}"
        )
    return 0
