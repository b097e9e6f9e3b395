"""What the health of a run is told, and where what it says goes."""

from typing import TYPE_CHECKING

from sparsegan.errors import SparseganError
from sparsegan.health import Health
from sparsegan.record.events import Event, Notice
from sparsegan.record.journal import Journal
from sparsegan.settings.config import Config
from sparsegan.settings.kinds import label
from sparsegan.train.progress import ProgressDisplay

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class FailingError(SparseganError):
    """A run was stopped because it does not learn any more; its state is saved."""


class Watching:
    """Follows what a journal writes; says, records and remembers what is wrong.

    Args:
        config: `when_failing` says what is done about a run that has failed.
        journal: Followed from now on; what it has written before a stop is known.
        display: Where findings are shown.
    """

    def __init__(self, config: Config, journal: Journal, display: ProgressDisplay) -> None:
        self._health = Health(config.steps, journal.past())
        self._stops = config.when_failing != "warn"
        self._journal, self._display = journal, display
        self._failing = ""
        journal.listener = self._follow

    def _follow(self, event: Event) -> None:
        for finding in self._health.follow(event):
            self._journal.write(Notice(step=event.step, game=event.game, message=finding.sentence))
            self._display.say(f"{label(f'step {event.step}', event.game)}: {finding.sentence}")
            if finding.failing:
                self._failing = finding.sentence

    def gives_up(self, fabric: "Fabric") -> str:
        """Why the run is to be stopped, the same on every process; empty where it is not."""
        if not self._stops:
            return ""
        return str(fabric.broadcast(self._failing)) if fabric.world_size > 1 else self._failing
