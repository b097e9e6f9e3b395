"""`sparsegan resume`: a stopped run, to its end."""

from pathlib import Path

from sparsegan.cli import live
from sparsegan.cli.parser import CHECKPOINT, Parser, add_trust, positive
from sparsegan.cli.training import to_the_end


def resume(arguments: list[str]) -> int:
    """Go on with a run."""
    parser = Parser(
        "resume",
        "Go on with a run that was stopped, to the same bits as one that never stopped.",
        "examples:\n"
        "  sparsegan resume runs/fashion-mnist-adapt-1\n"
        "  sparsegan resume runs/fashion-mnist-static-1 --steps 20000\n"
        "                     (a longer run; where its schedules span all of it:\n"
        "                     sparsegan train --from runs/fashion-mnist-adapt-1)",
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="the run directory")
    parser.add_argument(
        "--checkpoint",
        metavar=CHECKPOINT,
        help="go on from this checkpoint, not from the newest; what the run did later is removed",
    )
    parser.add_argument(
        "--steps",
        type=positive,
        help="make the run longer, or shorter, where its schedules allow it: where all that it has "
        "done so far would have been the same",
    )
    parser.add_argument(
        "--track",
        type=lambda text: [] if text == "none" else text.split(","),
        metavar="tensorboard,trackio|none",
        help="show the run there from now on, with all that it has done so far",
    )
    parser.add_argument(
        "--inexact",
        action="store_true",
        help="go on although threads, PyTorch, processor, device or data are not what they were",
    )
    parser.add_argument(
        "--repair",
        action="store_true",
        help="go on with what can be read of a metrics.jsonl that is damaged or lost",
    )
    live.add_live(parser)
    add_trust(parser)
    options = parser.parse_args(arguments)
    from rich.console import Console

    from sparsegan.record.run import open_run
    from sparsegan.train import loop
    from sparsegan.train.resumption import is_complete

    asked = (options.checkpoint, options.steps, options.track, options.repair)
    plain = asked == (None, None, None, False)
    if plain and is_complete(open_run(options.run)):
        print(f"{options.run} is finished: {options.run / 'report.html'}")
        if options.live:
            print(f"`sparsegan report {options.run} --live` serves a page on it")
        return 0
    with live.page(options) as page:
        begun = live.begun(page)
        return live.stay(
            page,
            to_the_end(
                lambda: loop.resume(
                    options.run,
                    Console(),
                    checkpoint=options.checkpoint,
                    steps=options.steps,
                    track=options.track,
                    inexact=options.inexact,
                    repair=options.repair,
                    trust_code=options.trust_code,
                    begun=begun,
                )
            ),
        )
