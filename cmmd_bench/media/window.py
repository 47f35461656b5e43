"""The part of a clip that is asked for, and the errors for media that do not reach its end.

Times are exact seconds from time 0 of the clip.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from cmmd_bench.errors import UserError
from cmmd_bench.media.opening import damaged
from cmmd_bench.types import Modality

_ROUNDING = Fraction(1, 10)
_NAMES: dict[Modality, str] = {"video": "picture", "audio": "sound"}


@dataclass(frozen=True, slots=True)
class Window:
    """From `start`, `seconds` long; None means up to the end of each side."""

    start: Fraction
    seconds: float | Fraction | None

    @property
    def stop(self) -> Fraction | None:
        """End of the window; None if it ends with the media."""
        return None if self.seconds is None else self.start + exact_seconds(self.seconds)

    def count(self, rate: Fraction | int, *, end: Fraction) -> int:
        """How many frames or samples it holds at `rate`; `end` of the media counts for a window without a length."""
        if self.seconds is None:
            return max(1, round((end - self.start) * rate))
        # The same product as in ClipSpec, so that both round a half the same way.
        return round(self.seconds * rate)


def exact_seconds(seconds: float | Fraction) -> Fraction:
    """Seconds as the short fraction that was meant: 0.1 is 1/10, 1001/30000 stays itself."""
    return Fraction(seconds).limit_denominator(1_000_000)


def require_reach(
    path: Path, side: Modality, window: Window, *, end: Fraction, declared: Fraction | None, tolerance: Fraction
) -> None:
    """Refuse media whose `side` ends more than `tolerance` before the window does, or before the end it declares.

    The declared end matters only to a window that asks for what lies there.
    """
    name, stop = _NAMES[side], window.stop
    short = stop is not None and end < stop - tolerance
    if declared is not None and end < declared - max(tolerance, _ROUNDING) and (short or stop is None):
        raise damaged(path, f"breaks off: its {name} ends at {_s(end)} s, its header promises {_s(declared)} s")
    if end <= window.start:
        raise UserError(
            f"{path}: the {name} is {_s(end)} s long and has nothing from {_s(window.start)} s on. "
            "Choose an earlier start."
        )
    if stop is not None and short:
        raise UserError(
            f"{path}: the {name} is {_s(end)} s long, the window {_s(window.start)}-{_s(stop)} s needs more. "
            "Choose a shorter or earlier window, or leave the file out."
        )


def _s(time: Fraction) -> str:
    return f"{float(time):.2f}"
