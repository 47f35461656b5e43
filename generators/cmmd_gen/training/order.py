"""What a user asks of `cmmd-bench train`, before a model's own defaults are filled in."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cmmd_bench.progress import Progress
from cmmd_gen.data.clips import TrainingSet
from cmmd_gen.training.plan import Plan


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

    def plan(self, *, steps: int, batch: int, config: dict[str, Any], **settings: Any) -> Plan:
        """The plan with the preset's `steps` and `batch` where none were asked for.

        Under torchrun the number of processes is part of it: each draws a batch of its own.
        """
        processes = int(os.environ.get("WORLD_SIZE", "1"))
        if processes > 1:
            settings["processes"] = processes
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
