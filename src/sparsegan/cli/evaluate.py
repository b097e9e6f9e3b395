"""`sparsegan evaluate`: a run's images beside real ones."""

from pathlib import Path

from sparsegan.cli.parser import Parser, add_run_options, positive


def evaluate(arguments: list[str]) -> int:
    """Compare a run's images with real ones."""
    parser = Parser(
        "evaluate",
        "Compare a run's images with real ones: distances and shares, with those of real images.",
        "examples:\n"
        "  sparsegan evaluate runs/fashion-mnist-adapt-1 --images 5000 --metrics kid,prdc\n"
        "  sparsegan evaluate runs/fashion-mnist-adapt-1 --checkpoint best --fresh",
    )
    parser.add_argument(
        "--images", type=positive, help="images on either side (default: as the run did)"
    )
    parser.add_argument(
        "--features", help="feature network, or my.module:Class (default: as the run did)"
    )
    parser.add_argument(
        "--metrics",
        type=lambda text: text.split(","),
        metavar="kid,...",
        help="numbers: kid, frechet, prdc (precision, recall, density and coverage), classes "
        "(default: as the run did)",
    )
    parser.add_argument(
        "--inception",
        type=Path,
        metavar="FILE",
        help="the Inception weights of 2015, pt_inception-2015-12-05-6726825d.pth, for an FID",
    )
    parser.add_argument(
        "--fresh",
        action="store_true",
        help="draw other images than the run was evaluated by, as the best of a run needs",
    )
    add_run_options(parser)
    options = parser.parse_args(arguments)
    from sparsegan.settings.kinds import label
    from sparsegan.train.beside import in_words
    from sparsegan.train.evaluate import sentence
    from sparsegan.train.evaluate_run import evaluate_run

    evaluations = evaluate_run(
        options.run,
        checkpoint=options.checkpoint,
        bn=options.bn,
        weights=options.weights,
        images=options.images,
        features=options.features,
        numbers=options.metrics,
        inception=options.inception,
        fresh=options.fresh,
        trust_code=options.trust_code,
    )
    for event in evaluations:
        print(f"{label(f'step {event.step}', event.game)}: {sentence(event)}")
        for line in in_words(event):
            print(line)
    return 0
