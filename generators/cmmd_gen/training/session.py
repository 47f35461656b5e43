"""One training in a folder: the same command goes on where it stopped, and gives the same weights as if it had not.

<out>/plan.json           what decides the numbers (`Plan`); another plan in the same folder is refused
<out>/state.pt            weights, averages and optimisers at a step, and the plan's config; plain values, no code
<out>/state-N.pt          the same, kept every `keep_every` steps, for trainings that start from there
<out>/model.safetensors   the averaged weights of the first learner with their card: what `--checkpoint` takes
<out>/losses.csv, .png    one row per step
<out>/samples/step-N/     a sheet of frames and spectrograms, and playable clips

Every draw of a step comes from (seed, step, rank) alone, so nothing else has to be remembered. Each file is written
whole; rows come before the state that counts them, and the model is made again from the state.
"""

import hashlib
import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor

from cmmd_bench.atomic import replacing
from cmmd_bench.claims import claim
from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_bench.types import Clip, Item
from cmmd_gen.checkpoint import Card, read_card, save
from cmmd_gen.training.alarms import rising
from cmmd_gen.training.learner import Learner
from cmmd_gen.training.log import PNG, Log, draw
from cmmd_gen.training.plan import FREE, Plan
from cmmd_gen.training.processes import Processes

Samples = Callable[[int], Sequence[tuple[Item, Clip]]]
"""Validation clips at a step, made with the averaged weights."""

PLAN, STATE, MODEL = "plan.json", "state.pt", "model.safetensors"
SKIPS = 10
"""Updates in a row without a finite gradient before training stops."""

_log = logging.getLogger(__name__)


class Session:
    """`with Session(...) as session: for step in session.steps(): ...`; see the loops for its use.

    learners: by name; the first is the model
    device: "cpu", or what accelerate finds ("cuda", "mps"); under torchrun one process per device, each with its share
        of the plan's batch (`batch`) and a log of its own share alone, of which the first one's is kept
    start: a state of another training of the same learners to go on from, its step included
    watch: recorded values that should never rise for long; the log warns of one that does
    advance: called once per step done
    """

    def __init__(
        self,
        out: Path,
        plan: Plan,
        learners: Mapping[str, Learner],
        *,
        device: str = "cpu",
        start: Path | None = None,
        samples: Samples | None = None,
        watch: Sequence[str] = (),
        advance: Callable[[], None] = lambda: None,
    ) -> None:
        self.out, self.plan, self.learners = out, plan, dict(learners)
        self.accelerator = _accelerator(device)
        self.device = self.accelerator.device
        processes = Processes(self.accelerator.process_index, self.accelerator.num_processes)
        self.batch = processes.share(plan.batch)
        self.generator = torch.Generator()
        self._start, self._samples, self._watch, self._advance = start, samples, tuple(watch), advance
        self._main = processes.first
        self._skipped = dict.fromkeys(self.learners, 0)
        self._row: dict[str, float] = {}
        self._saved = 0

    def __enter__(self) -> Self:
        if self._main:
            _claim(self.out / PLAN, self.plan)
        for learner in self.learners.values():
            learner.module.to(self.device).train()
            if learner.averaged is not None:
                learner.averaged.to(self.device)
        self.step = self._resume()
        self.models = {name: self.accelerator.prepare_model(each.module) for name, each in self.learners.items()}
        self.log = Log(self.out, step=self.step) if self._main else None
        if self._main and self.step and not self._exported():
            self._export()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.log is not None:
            self.log.close()
        if error is not None and _is_out_of_memory(error):
            raise UserError(
                f"memory ran out at step {self.step} with batches of {self.plan.batch}. Lower --batch, or use "
                f"--precision bf16; training goes on from the last save in {self.out}.",
                exit_code=ENVIRONMENT,
            ) from error

    def steps(self) -> Iterator[int]:
        """The steps still to do, each with its own random numbers; saves, logs and samples between them."""
        while self.step < self.plan.steps:
            seed = step_seed(self.plan.seed, self.step, self.accelerator.process_index)
            torch.manual_seed(seed)
            self.generator.manual_seed(seed)
            # A learner that is not updated at some steps has its columns all the same.
            self._row = {column: math.nan for name in self.learners for column in self._columns(name)}
            began = time.monotonic()
            yield self.step
            self._finish(time.monotonic() - began)

    def autocast(self) -> AbstractContextManager[Any]:
        """Where the networks run in the plan's precision; losses belong outside, in float32."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.plan.precision == "bf16")

    def update(self, name: str, loss: Tensor) -> float:
        """One optimiser step of a learner; returns the norm of its gradient.

        A gradient that is not finite is skipped. Raises UserError for a loss that is not finite, and for too many skips
        in a row: the last save is good.
        """
        learner = self.learners[name]
        if not torch.isfinite(loss):
            raise self._diverged(f"the loss of {name} is {_number(loss)}")
        # Before, not after: another learner's loss may have left gradients here.
        learner.optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        norm = learner.step(self.step)
        self._skipped[name] = 0 if math.isfinite(norm) else self._skipped[name] + 1
        if self._skipped[name] == SKIPS:
            raise self._diverged(f"the gradient of {name} was not finite {SKIPS} times in a row")
        self._row |= zip(self._columns(name), (norm, learner.rate(self.step)), strict=True)
        return norm

    def record(self, **values: float | Tensor) -> None:
        """Values of this step for losses.csv; the same names at every step."""
        self._row = {**{name: _number(value) for name, value in values.items()}, **self._row}

    def _columns(self, name: str) -> tuple[str, str]:
        prefix = "" if len(self.learners) == 1 else f"{name} "
        return f"{prefix}gradient", f"{prefix}rate"

    def _finish(self, seconds: float) -> None:
        row = {"step": float(self.step), **self._row, "seconds": round(seconds, 4)}
        self.step += 1
        self._row = {}
        if self.log is not None:
            last = self.step == self.plan.steps
            self.log.append(row)
            if last or self.step % self.plan.save_every == 0:
                self._save(self.log)
            every = self.plan.sample_every
            if last or (every and self.step % every == 0):
                draw(self.log.rows, self.out / PNG)
                if every:
                    self._show()
        self._advance()

    def _save(self, log: Log) -> None:
        state = {
            "step": self.step,
            "learners": {name: learner.state() for name, learner in self.learners.items()},
            "config": json.loads(json.dumps(self.plan.config)),
        }
        kept = self.plan.keep_every and self.step % self.plan.keep_every == 0
        for name in [*([f"state-{self.step:07d}.pt"] if kept else []), STATE]:
            with replacing(self.out / name) as temporary:
                torch.save(state, temporary)
        self._saved = self.step
        self._export()
        for name in self._watch:
            above = rising(log.column(name))
            if above is not None:
                _log.warning("step %d: %s is %.0f %% above its lowest level", self.step, name, 100 * above)

    def _show(self) -> None:
        if self._samples is None:
            return
        from cmmd_bench.datasets.sheet import save_sheet
        from cmmd_bench.media import write_preview

        best = next(iter(self.learners.values())).best
        learning = best.training
        best.eval()
        with torch.no_grad():
            clips = self._samples(self.step)
        best.train(learning)
        folder = self.out / "samples" / f"step-{self.step:07d}"
        for item, clip in clips:
            write_preview(folder / f"{item.id}.mp4", clip)
        save_sheet(folder / "sheet.png", clips)

    def _export(self) -> None:
        model = next(iter(self.learners.values()))
        plan = self.plan
        recent = self.log.rows[-200:] if self.log is not None else []
        # From the rows, which are there after a kill as well.
        own = {"step", "seconds", *(column for name in self.learners for column in self._columns(name))}
        names = [name for name in recent[0] if name not in own] if recent else []
        columns = {name: [row[name] for row in recent if math.isfinite(row[name])] for name in names}
        losses = {name: round(sum(values) / len(values), 5) for name, values in columns.items() if values}
        training = {"steps": plan.steps, "batch": plan.batch, "seed": plan.seed, "precision": plan.precision}
        card = Card(plan.model, plan.preset, plan.config, self.step, {**training, **plan.settings, "losses": losses})
        save(self.out / MODEL, model.best.state_dict(), card)

    def _exported(self) -> bool:
        try:
            return read_card(self.out / MODEL).step == self.step
        except UserError:
            return False

    def _resume(self) -> int:
        own = self.out / STATE
        path = own if own.is_file() else self._start
        if path is None:
            return 0
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            for name, learner in self.learners.items():
                learner.restore(state["learners"][name])
            step = int(state["step"])
            self._saved = step if path == own else 0
            return step
        except Exception as error:  # what a damaged file can raise is not for us to foresee
            reason = str(error).splitlines()[0]
            raise UserError(
                f"training cannot go on from {path}: {type(error).__name__}: {reason}. Give a state of the same model "
                "and preset, or train in another --out.",
                exit_code=ENVIRONMENT,
            ) from error

    def _diverged(self, finding: str) -> UserError:
        saved = self._saved
        kept = f"{self.out} holds the good weights of step {saved}" if saved else f"nothing was saved yet in {self.out}"
        return UserError(
            f"training stopped at step {self.step}: {finding}; {kept}. Lower the learning rate or eta, or use fp32.",
            exit_code=1,
        )


def config_of(state: Path) -> dict[str, Any] | None:
    """The config of the plan that wrote a state.pt; None for one of an earlier version, or one that cannot be read."""
    try:
        config = torch.load(state, map_location="cpu", weights_only=True, mmap=True).get("config")
    except Exception:  # what is wrong with the file is told where its weights are read
        return None
    return config if isinstance(config, dict) else None


def _claim(path: Path, plan: Plan) -> None:
    try:
        present = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        present = {}
    # Earlier versions wrote down what may change, too.
    free = {name: present[name] for name in FREE if name in present}
    settings = {name: value for name, value in asdict(plan).items() if name not in FREE}
    claim(path, settings | free, instead="repeat them to resume, or choose another --out")


def _number(value: float | Tensor) -> float:
    return float(value.detach()) if isinstance(value, Tensor) else float(value)


def step_seed(seed: int, step: int, rank: int = 0) -> int:
    """The seed of a step's draws on one process, 63 bits."""
    digest = hashlib.sha256(f"{seed}/{step}/{rank}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def _accelerator(device: str) -> Any:
    try:
        from accelerate import Accelerator
    except ImportError:
        raise UserError(
            "training needs accelerate. Install it with: pip install 'cmmd-bench[train]'", exit_code=ENVIRONMENT
        ) from None
    return Accelerator(cpu=device == "cpu")


def _is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )
