"""What a user asks of `cmmd-bench train`, before a model's own defaults are filled in."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cmmd_bench.progress import Progress
from cmmd_bench.types import ClipSpec
from cmmd_gen.data.cache import Cache, Side
from cmmd_gen.data.clips import TrainingSet, open_clips
from cmmd_gen.training.plan import Plan
from cmmd_gen.training.processes import Processes


@dataclass(frozen=True)
class Order:
    """One training as asked for. None: the preset's own.

    own: options of this model alone, by name
    """

    model: str
    preset: str
    sets: tuple[TrainingSet, ...]
    out: Path
    cache: Path
    seed: int
    device: str
    precision: Literal["fp32", "bf16"]
    steps: int | None
    batch: int | None
    save_every: int
    sample_every: int
    keep_every: int | None
    workers: int
    progress: Progress
    own: Mapping[str, Any]
    processes: Processes = field(default_factory=Processes)

    def plan(self, *, steps: int, batch: int, config: dict[str, Any], **settings: Any) -> Plan:
        """The plan with the preset's `steps` and `batch` where none were asked for.

        The number of processes is part of it, as each draws its share of the batch for itself. Raises UserError where a
        batch cannot be shared out.
        """
        if self.processes.count > 1:
            settings["processes"] = self.processes.count
            self.processes.share(self.batch or batch)
        return Plan(
            model=self.model,
            preset=self.preset,
            config=config,
            steps=self.steps or steps,
            batch=self.batch or batch,
            seed=self.seed,
            precision=self.precision,
            save_every=self.save_every,
            sample_every=self.sample_every,
            keep_every=self.keep_every,
            settings={"command": self.command(), "data": [str(each) for each in self.sets], **settings},
        )

    def clips(self, source: ClipSpec, *, needs: Sequence[Side]) -> Cache:
        """The stored clips of all sets that have what the training `needs` (`open_clips`)."""
        with self.processes.first_alone():
            return open_clips(self.sets, source, self.cache, needs=needs, workers=self.workers, progress=self.progress)

    def command(self) -> str:
        """The command line that repeats the training: what decides its numbers, without folders of this machine."""
        words = ["cmmd-bench", "train", self.model, "--preset", self.preset]
        for each in self.sets:
            words += ["--data", str(each)]
        for name in ("steps", "batch"):
            if getattr(self, name):
                words += [f"--{name}", str(getattr(self, name))]
        for name, value in self.own.items():
            if value is not None:
                words += [f"--{name}", value.name if isinstance(value, Path) else str(value)]
        words += ["--seed", str(self.seed), "--precision", self.precision]
        return shlex.join(words)
