"""The text of a plan, and the table of a finished run's quality."""

from rich.table import Table

from sparsegan.errors import printable
from sparsegan.plan.plan import Plan
from sparsegan.record.events import Evaluation
from sparsegan.record.metrics_log import history
from sparsegan.record.run import RunDirectory
from sparsegan.settings.config import Config
from sparsegan.settings.kinds import label
from sparsegan.train import build


def plan_text(plan: Plan) -> str:
    """What a run would do, a line for each part."""
    config, settings = plan.config, plan.config.method.settings
    shown = config.steps * config.discriminator_steps * config.batch_size
    epochs = f" ({shown / plan.images:.1f} times each)" if plan.images else ""
    densities = []
    for network, layers in plan.networks.items():
        masked = [layer for layer in layers if layer.masked]
        active = sum(layer.active for layer in masked)
        weights = sum(layer.weights for layer in masked)
        densities.append(f"{network} {active / weights:.1%} of {weights:,} maskable weights")
    return "\n".join(
        printable(line)
        for line in [
            f"data      {_data(plan)}",
            *([f"held out  {plan.held_out}"] if plan.held_out else []),
            f"networks  {_networks(config)}",
            f"method    {config.method.name}, allocation {settings.allocation}, granularity "
            f"{settings.granularity}; density at the start: {', '.join(densities)}",
            f"training  {config.steps:,} steps with {config.discriminator_steps} discriminator "
            f"step(s) each; batches of {config.batch_size} and {config.generator_batch_size}; "
            f"{shown:,} real images shown{epochs}",
        ]
    )


def _data(plan: Plan) -> str:
    data = plan.config.data
    count = f"{plan.images:,} images, " if plan.images else ""
    return (
        f"{data.source}{f' {data.path}' if data.path else ''}: {count}"
        f"{data.image_size} x {data.image_size}, {data.channels} channel(s)"
    )


def _networks(config: Config) -> str:
    networks, classes = config.network, build.classes(config)
    names = (networks.generator or networks.name, networks.discriminator or networks.name)
    parts = [" and ".join(dict.fromkeys(names))]
    parts += [] if networks.latent_dim is None else [f"latent dimension {networks.latent_dim}"]
    parts += [] if classes is None else [f"{classes} classes"]
    return ", ".join(parts)


def quality_table(run: RunDirectory) -> Table | None:
    """The first and the last evaluation of a run beside the floor; None without evaluations."""
    games: dict[str | None, list[Evaluation]] = {}
    for event in history(run.metrics):
        if isinstance(event, Evaluation):
            games.setdefault(event.game, []).append(event)
    if not games:
        return None
    last = next(iter(games.values()))[-1]
    # The name of the metric stands above the columns, where 80 columns do not cut it off.
    table = Table("", title=f"{last.metric}, n = {last.n}")
    for column in ("distance", "95 % interval", "Fréchet distance"):
        table.add_column(column, justify="right")
    for game, evaluations in games.items():
        first, last = evaluations[0], evaluations[-1]
        for event in (first, last):
            row = (_number(event.value), _interval(event), _number(event.frechet))
            table.add_row(label(f"step {event.step}", game), *row)
        floor = (_number(last.floor), "", _number(last.frechet_floor))
        table.add_row("real against real", *floor)
    return table


def _interval(event: Evaluation) -> str:
    return f"[{_number(event.low)}, {_number(event.high)}]"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
