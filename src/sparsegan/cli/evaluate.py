"""`sparsegan evaluate`: a run's images beside real ones."""

import json
from pathlib import Path

from sparsegan.cli.parser import Parser, add_run_options, positive


def evaluate(arguments: list[str]) -> int:
    """Compare a run's images with real ones."""
    parser = Parser(
        "evaluate",
        "Compare a run's images with real ones: distances and shares, with those of real images.\n"
        "What comes out is kept in the run, in evaluations.jsonl, and its report shows it.",
        "examples:\n"
        "  sparsegan evaluate runs/fashion-mnist-adapt-1 --images 5000 --metrics kid,prdc\n"
        "  sparsegan evaluate runs/fashion-mnist-adapt-1 --checkpoint best --fresh\n"
        "  sparsegan evaluate runs/fashion-mnist-adapt-1 --json",
    )
    parser.add_argument(
        "--images",
        type=positive,
        help="generated images, and real ones as far as there are so many (default: as the run "
        "did)",
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
    parser.add_argument(
        "--json", action="store_true", help="print each evaluation as it is kept, as JSON"
    )
    add_run_options(parser)
    options = parser.parse_args(arguments)
    from sparsegan.record.metrics_log import finite
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
        keep=True,
        trust_code=options.trust_code,
    )
    if options.json:
        print(json.dumps([finite(event.to_json()) for event in evaluations], indent=2))
        return 0
    for event in evaluations:
        print(f"{label(f'step {event.step}', event.game)}: {sentence(event)}")
        for line in in_words(event):
            print(line)
    return 0
