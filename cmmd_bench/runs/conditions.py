"""The real clips of a run: stored once, lossless, and read by every model, by the baselines and by scoring."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial

from cmmd_bench.baselines import Noise, Replay
from cmmd_bench.errors import UserError
from cmmd_bench.media import read_clip, write_clip
from cmmd_bench.parallel import in_order, workers_for
from cmmd_bench.runs.folder import RunFolder
from cmmd_bench.runs.plan import Plan, Planned, partners
from cmmd_bench.types import Clip, ClipSpec, Dataset, Generator, Item, Request


@dataclass(frozen=True)
class Conditions:
    """Access to the stored clips; `unreadable` maps an item that could not be stored to the reason."""

    folder: RunFolder
    unreadable: dict[str, str] = field(default_factory=dict)

    def store(self, dataset: Dataset, items: Sequence[Item], *, workers: int, advance: Callable[[], None]) -> None:
        """Decode or render `items` into the run folder, those that are there already excepted."""
        todo = [item for item in items if not self.folder.condition(item.id).is_file()]
        for _ in range(len(items) - len(todo)):
            advance()
        reasons = in_order(partial(_store, dataset, self.folder), todo, workers_for(len(todo), workers))
        for item, reason in zip(todo, reasons, strict=True):
            if reason is not None:
                self.unreadable[item.id] = reason
            advance()

    def real(self, item: Item) -> Clip:
        """The whole real clip of an item; UserError if its file could not be read."""
        if item.id in self.unreadable:
            raise UserError(self.unreadable[item.id])
        return read_clip(self.folder.condition(item.id))

    def given(self, planned: Planned) -> Clip | None:
        """The side that a request gives; None for joint. Read anew at each call."""
        if planned.task == "joint":
            return None
        clip = self.real(planned.item)
        side = "video" if planned.task == "v2a" else "audio"
        if getattr(clip, side) is None:
            raise UserError(f"{planned.item.id} has no {side}, which {planned.task} needs as its condition.")
        return clip.only_video() if planned.task == "v2a" else clip.only_audio()


def baselines(plan: Plan, conditions: Conditions, spec: ClipSpec) -> dict[str, Generator]:
    """The ceiling and the floors of this run, by name."""
    by_id: Mapping[str, Planned] = {planned.id: planned for planned in plan.requests}
    partners_of = cache(partial(partners, plan.conditions))

    def own(request: Request) -> Clip:
        return conditions.real(by_id[request.id].item)

    def other(request: Request) -> Clip:
        planned = by_id[request.id]
        return conditions.real(partners_of(planned.sample)[planned.item.id])

    def other_unless_joint(request: Request) -> Clip:
        # In a joint sample one side must stay, so that the pair is broken and not merely another pair.
        return own(request) if request.task == "joint" else other(request)

    return {
        "ground-truth": Replay(video=own, audio=own),
        "shuffled": Replay(video=other_unless_joint, audio=other),
        "noise": Noise(spec),
    }


def items_needed(plan: Plan, requests: Sequence[Planned]) -> list[Item]:
    """The items whose clips these requests touch: their own, and their partners' for the floor `shuffled`."""
    needed: dict[str, Item] = {}
    for planned in requests:
        for item in (planned.item, partners(plan.conditions, planned.sample)[planned.item.id]):
            needed[item.id] = item
    return [needed[name] for name in sorted(needed)]


def _store(dataset: Dataset, folder: RunFolder, item: Item) -> str | None:
    try:
        clip = dataset.load(item)
    except (UserError, ValueError) as error:
        return str(error)
    write_clip(folder.condition(item.id), clip)
    return None
