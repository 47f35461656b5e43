"""Table 3 of the paper, and the same figures from here.

The paper's are milliseconds per function evaluation on an RTX Titan with a batch of one, averaged over 100 steps of
video to audio, MM-Diffusion with gradient caching (section B.1); whether they include the gradient of guidance it does
not say. Milliseconds of one machine say nothing about another's: ratios are what can be set side by side, and they too
depend on whether a machine is held up by arithmetic or by starting kernels.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from cmmd_gen.cmmd.config import PRESETS as CMMD
from cmmd_gen.speed.cases import LARGE, Network
from cmmd_gen.speed.measure import Result

COLUMNS = ("MM-Diffusion", f"CMMD {LARGE}x{LARGE}", "CMMD 16x16")
"""Networks of the table, by the size of the latents."""

PAPER: Mapping[str, float] = MappingProxyType(dict(zip(COLUMNS, (721.0, 299.0, 136.0), strict=True)))
"""Milliseconds per function evaluation."""

PAPER_PARAMETERS: Mapping[str, str] = MappingProxyType(dict(zip(COLUMNS, ("133M", "106M", "106M"), strict=True)))


class Row(NamedTuple):
    """Milliseconds of the networks of the table, None for what is not known."""

    who: str
    milliseconds: tuple[float | None, ...]

    @property
    def ratios(self) -> tuple[float | None, ...]:
        """Each in units of the last."""
        last = self.milliseconds[-1]
        return tuple(None if one is None or last is None else one / last for one in self.milliseconds)


def rows(results: Sequence[Result]) -> list[Row]:
    """The paper's row, then one for each precision, kind and way in which any of its networks was measured alone."""
    here: dict[str, dict[str, float]] = {}
    for result in results:
        column = _column(result.case.network)
        if column is None or result.case.batch != 1:
            continue
        for measurement in result.measurements:
            if measurement.seconds is not None:
                who = f"here, {result.case.device}, {result.case.precision}, {measurement.kind}, {measurement.how}"
                here.setdefault(who, {})[column] = 1000 * measurement.seconds
    paper = Row("paper, RTX Titan", tuple(PAPER.values()))
    return [paper, *(Row(who, tuple(found.get(column) for column in COLUMNS)) for who, found in here.items())]


def _column(network: Network) -> str | None:
    if network.preset != "paper":
        return None
    if network.model == "mmdiff":
        return COLUMNS[0]
    if network.frames != CMMD["paper"].frames:
        return None
    return COLUMNS[1] if network.size == LARGE else COLUMNS[2]
