"""`sparsegan train`: a run from settings."""

from sparsegan.cli import live, settings
from sparsegan.cli.cost import print_adjusted, print_dry_run
from sparsegan.cli.training import to_the_end


def train(arguments: list[str]) -> int:
    """Train a run, or show what it would be."""
    wanted = settings.read(
        arguments, "train", "Train a sparse GAN and write it, with a report, to a run directory."
    )
    if wanted.options.print_config:
        from sparsegan.settings.parse import to_yaml

        print(to_yaml(wanted.config, wanted.notes), end="")
        return 0
    live.asked(wanted.options)
    print_adjusted(wanted)
    if wanted.options.dry_run:
        from sparsegan.plan import pilot
        from sparsegan.plan.plan import plan

        print_dry_run(plan(wanted.config), lambda: pilot.takes(wanted.config))
        return 0
    from rich.console import Console

    from sparsegan.train import loop

    with live.page(wanted.options) as page:
        begun = live.begun(page)
        return live.stay(
            page,
            to_the_end(
                lambda: loop.train(wanted.config, Console(), notes=wanted.notes, begun=begun)
            ),
        )
