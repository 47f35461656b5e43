"""At which length, rate and size clips from several folders are compared: what the real clips have in common.

Where there are no real clips, what the generated ones have.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import TypeVar

from cmmd_bench.errors import UserError
from cmmd_bench.media import MediaInfo
from cmmd_bench.types import ClipSpec

T = TypeVar("T")

NO_PICTURE = (Fraction(10), (64, 64))
"""Stands in a specification for sets without pictures; nothing is ever converted to it."""
NO_SOUND = 16_000


def common_spec(
    clips: Sequence[MediaInfo],
    *,
    kind: str = "real",
    seconds: float | None = None,
    fps: Fraction | None = None,
    size: tuple[int, int] | None = None,
    sample_rate: int | None = None,
) -> ClipSpec:
    """The specification that most clips have, where the caller did not choose. kind: what messages call them.

    Lengths must agree within 0.1 s; UserError otherwise, since nobody but the user knows which part to compare.
    """
    if seconds is None:
        seconds = _common_length([info.seconds for info in clips], kind)
    if fps is None:
        fps = _most(info.fps for info in clips if info.fps) or NO_PICTURE[0]
    if size is None:
        size = _most((i.height, i.width) for i in clips if i.height and i.width) or NO_PICTURE[1]
    if sample_rate is None:
        sample_rate = _most(info.sample_rate for info in clips if info.sample_rate) or NO_SOUND
    try:
        return ClipSpec(seconds, fps, size[0], size[1], sample_rate)
    except ValueError as error:
        raise UserError(f"clips cannot be compared like this: {error}.") from None


def conversions(infos: Iterable[MediaInfo], spec: ClipSpec) -> list[str]:
    """What is converted on reading, counted: "3 clips from 25 to 10 fps"."""
    counts: Counter[str] = Counter()
    for info in infos:
        if info.fps and info.fps != spec.fps:
            counts[f"from {float(info.fps):g} to {float(spec.fps):g} fps"] += 1
        if info.height and info.width and (info.height, info.width) != (spec.height, spec.width):
            counts[f"from {info.width}x{info.height} to {spec.width}x{spec.height} pixels"] += 1
        if info.sample_rate and info.sample_rate != spec.sample_rate:
            counts[f"from {info.sample_rate} to {spec.sample_rate} Hz"] += 1
        if info.seconds > spec.seconds + 0.1:
            counts[f"cut to their first {spec.seconds:g} s"] += 1
    return [f"{count} clips {what}" for what, count in sorted(counts.items())]


def _common_length(lengths: Sequence[float], kind: str) -> float:
    shortest, longest = min(lengths), max(lengths)
    if longest - shortest > 0.1:
        raise UserError(
            f"{kind} clips last from {shortest:.2f} to {longest:.2f} s. Say how much of each to take with --seconds, "
            f"such as --seconds {shortest:.2f}."
        )
    return round(shortest, 3)


def _most(values: Iterable[T]) -> T | None:
    counts = Counter(values)
    # Of equally frequent values the smallest in text, so that the order of files decides nothing.
    return min(counts, key=lambda value: (-counts[value], str(value)), default=None)
