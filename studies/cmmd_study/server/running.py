"""What this process serves: one study. Pages and routes share it; it is set before the server starts."""

from dataclasses import dataclass, field
from functools import cached_property

from cmmd_bench.errors import UserError
from cmmd_study.folder import StudyFolder
from cmmd_study.frozen import Frozen, load
from cmmd_study.server.addresses import BEEPS
from cmmd_study.server.guards import Pace
from cmmd_study.server.preflight import preflight_clip
from cmmd_study.store.database import Database
from cmmd_study.store.studies import first_order, read_state


@dataclass
class Running:
    """preview: the database is a copy that is thrown away."""

    folder: StudyFolder
    database: Database
    frozen: Frozen
    admin_token: str
    preview: bool = False
    pace: Pace = field(default_factory=Pace)

    @property
    def language(self) -> str:
        """What is spoken before a rater has chosen."""
        languages = sorted(self.frozen.specification.title.languages)
        return "en" if "en" in languages else languages[0]

    @cached_property
    def length(self) -> tuple[int, int]:
        """Clips that one rater sees, and minutes that it takes."""
        with self.database.reading() as connection:
            shown = first_order(connection)
        stimuli, asked = self.frozen.stimuli, self.frozen.questionnaires
        seconds = sum(
            stimuli[name].seconds
            + len(asked[stimuli[name].stimulus.section].questions) * self.frozen.specification.seconds_per_answer
            for name in shown
        )
        return len(shown), max(1, round(seconds / 60))

    def refreshed(self) -> Frozen:
        """What was frozen, with the study's state of now: it may have been closed by a command."""
        with self.database.reading() as connection:
            state = read_state(connection)
        if state != (self.frozen.study.state, self.frozen.study.closed_at):
            self.frozen = load(self.database)
        return self.frozen

    @cached_property
    def preflight(self) -> dict[int, bytes]:
        """The flash-and-beep clip, by its number of beeps."""
        return {count: preflight_clip(count) for count in BEEPS}


_running: list[Running] = []


def serve_this(running: Running) -> None:
    """Set what the process serves."""
    _running[:] = [running]


def running() -> Running:
    """What the process serves."""
    if not _running:
        raise UserError("no study is being served. Start it with `cmmd-bench study serve STUDY`.")
    return _running[0]
