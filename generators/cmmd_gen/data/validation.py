"""Validation clips of a training: the same few held-out conditions at every look, each answered by the model."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from cmmd_bench.datasets import KINDS
from cmmd_bench.types import Clip, ClipSpec, Item, Request, Task
from cmmd_gen.data.clips import TrainingSet
from cmmd_gen.training.session import Samples

CLIPS = 2
"""Conditions of each set; each is answered once per task. Also a good batch: sets and tasks are few."""


@dataclass(frozen=True)
class Validation:
    """Where the conditions come from.

    sets: the training sets; procedural ones have a split `val`, of others clips that were trained on are shown
    spec: of the training clips, of which the first `frames` are used
    """

    sets: Sequence[TrainingSet]
    spec: ClipSpec
    tasks: tuple[Task, ...]
    frames: int

    def samples(self, generate: Callable[[Sequence[Request]], Iterable[Clip]]) -> Samples:
        """A callback for `Session` that shows what was generated beside what was given."""

        def show(step: int) -> list[tuple[Item, Clip]]:  # noqa: ARG001  (the same conditions and noise at every step)
            asked = list(self._requests())
            made = generate([request for _, _, request in asked])
            return [
                (replace(item, id=request.id), _joined(truth, clip, request.task))
                for (item, truth, request), clip in zip(asked, made, strict=True)
            ]

        return show

    def _requests(self) -> Iterator[tuple[Item, Clip, Request]]:
        seconds = float(self.frames / self.spec.fps)
        clips = list(held_out(self.sets, replace(self.spec, seconds=seconds)))
        for task in self.tasks:
            for seed, (item, truth) in enumerate(clips):
                given = truth.only_video() if task == "v2a" else truth.only_audio() if task == "a2v" else None
                yield item, truth, Request(f"{item.id}-{task}", task, seed, seconds, given)


def held_out(sets: Iterable[TrainingSet], spec: ClipSpec) -> Iterator[tuple[Item, Clip]]:
    """The first clips of each set's split `val`, or of the split it trains on where it has no other."""
    for each in sets:
        procedural = KINDS[each.name].procedural
        dataset = replace(each, split="val" if procedural else each.split, count=CLIPS).open(spec)
        for item in dataset.items()[:CLIPS]:
            yield item, dataset.load(item)


def _joined(truth: Clip, made: Clip, task: Task) -> Clip:
    """What was generated, with the given side beside it."""
    if task == "v2a":
        return Clip(truth.video, truth.fps, made.audio, made.sample_rate)
    if task == "a2v":
        return Clip(made.video, made.fps, truth.audio, truth.sample_rate)
    return made
