"""Measures cases one after the other, each in a process of its own, whatever becomes of it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from cmmd_gen.speed.cases import Case
from cmmd_gen.speed.networks import Kind
from cmmd_gen.speed.timing import Repeat
from cmmd_gen.speed.worker import How, Order, ways


@dataclass(frozen=True, slots=True)
class Measurement:
    """What `kind` of evaluation took, run in the way `how`; without repeats, `why`.

    gflop: of one clip, those of the forward pass included; None where operations cannot be seen
    peak_bytes: of the process on a CPU, of torch's allocations on a card; None where it was not measured alone
    """

    kind: Kind
    how: How
    repeats: tuple[Repeat, ...] = ()
    gflop: float | None = None
    peak_bytes: int | None = None
    why: str | None = None

    @property
    def seconds(self) -> float | None:
        """Median of an evaluation."""
        return median(repeat.seconds for repeat in self.repeats) if self.repeats else None


@dataclass(frozen=True, slots=True)
class Result:
    """A case and all that is known of it; None is what its process did not come to."""

    case: Case
    measurements: tuple[Measurement, ...]
    parameters: int | None = None
    baseline_bytes: int | None = None
    """Memory in use before the network was made."""
    limit_gflops: float | None = None
    """GFLOP per second of a large matrix product in the same precision."""

    def of(self, kind: Kind, how: How) -> Measurement | None:
        """The measurement of this kind and way, if there was one."""
        return next((m for m in self.measurements if (m.kind, m.how) == (kind, how)), None)

    def gflop(self, kind: Kind) -> float | None:
        """Arithmetic of one clip, however it is run."""
        eager = self.of(kind, "eager")
        return None if eager is None else eager.gflop

    def of_limit(self, measurement: Measurement) -> float | None:
        """The part of the arithmetic limit that was reached, 1 being all of it."""
        gflop = self.gflop(measurement.kind)
        if measurement.seconds is None or gflop is None or self.limit_gflops is None:
            return None
        return gflop * self.case.batch / measurement.seconds / self.limit_gflops


def measure(
    cases: Sequence[Case], *, repeats: int, threads: int, compiled: bool = False, tell: Callable[[str], None]
) -> list[Result]:
    """Results in the order of `cases`; `tell` is given a line before each case and after each measurement."""
    results = []
    for index, case in enumerate(cases):
        tell(f"[{index + 1}/{len(cases)}] {case}")
        results.append(_measured(Order(case, repeats, threads, compiled), tell))
    return results


def cause_of_death(code: int, stderr: str) -> str:
    """Why a process ended with a code other than 0."""
    if code == -signal.SIGKILL:
        return "killed: most often for lack of memory; a smaller --batch or another preset needs less"
    last = (stderr.strip().splitlines() or ["no message"])[-1]
    return f"ended with code {code}: {last}"


def _measured(order: Order, tell: Callable[[str], None]) -> Result:
    facts: dict[str, Any] = {}
    found: list[Measurement] = []
    environment = {**os.environ, "OMP_NUM_THREADS": str(order.threads), "MKL_NUM_THREADS": str(order.threads)}
    command = [sys.executable, "-m", "cmmd_gen.speed.worker", json.dumps(order._asdict())]
    with (
        tempfile.TemporaryFile("w+") as stderr,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment) as process,
    ):
        try:
            for line in process.stdout or ():
                told = json.loads(line)
                if "kind" in told:
                    found.append(_measurement(told))
                    tell(f"    {_said(found[-1])}")
                else:
                    facts |= told
        except BaseException:
            process.kill()
            raise
        code = process.wait()
        stderr.seek(0)
        why = cause_of_death(code, stderr.read()) if code else None
    for kind, how in ways(order.case.device, compiled=order.compiled)[len(found) :]:
        found.append(Measurement(kind, how, why=why))
        tell(f"    {_said(found[-1])}")
    return Result(order.case, tuple(found), **facts)


def _measurement(told: dict[str, Any]) -> Measurement:
    repeats = tuple(Repeat(*pair) for pair in told.pop("repeats", ()))
    return Measurement(**told, repeats=repeats)


def _said(measurement: Measurement) -> str:
    seconds = measurement.seconds
    result = measurement.why if seconds is None else f"{1000 * seconds:.1f} ms"
    return f"{measurement.kind}, {measurement.how}: {result}"
