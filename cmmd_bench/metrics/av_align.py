"""AV-Align: do the onsets of a clip's sound fall on the peaks of its motion (Yariv et al. 2024, "TempoTokens")?

Audio peaks are onsets (settings `av-align` of `onset_detection`), video peaks the strict local maxima of the optical
flow (`motion`) of at least 0.1 pixels a frame. The two match when less than one frame apart, 1/fps, and

    score = matches / (audio peaks + video peaks - matches)        intersection over union; higher is better

With the sound of 40 beatdance clips at 10 fps moved by 0, 40, 100, 200, 400 and 1000 ms, the score is 0.65, 0.60, 0.42,
0.26, 0.36 and 0.41 (chance 0.39); of 43 kitchen clips with separate contacts 0.38, 0.35, 0.20, 0.13, 0.19 and 0.22
(chance 0.22). At this frame rate it hardly sees 40 ms.

No reference clip is needed. The window is one frame, so scores at 10 and at 24 fps are different measurements: state
the frame rate, and compare at one only. What density alone earns is in `chance`: the mean score with the audio peaks
shifted round the clip. corrected = (score - chance) / (1 - chance). Ways to count, by name:

one-to-one      the default: a largest one-to-one matching, so 0..1 and no matter of order
tempotokens     TempoTokens since 2025: each audio peak in turn takes the first free video peak in reach
tempotokens-v1  its first release: every audio peak with some video peak in reach counts, without the floor of 0.1. One
                video peak may be counted many times, and the score may exceed 1
javisbench      JavisBench: as `tempotokens-v1`, with 1e-6 in the denominator

With peaks on neither side the score is undefined, None, and the clip is left out of all averages, counted and listed
(TempoTokens stops with a division by zero; `javisbench` scores it 0, and so does that dialect here). With peaks on one
side only it is 0. Nothing is ever NaN.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal, get_args

import numpy as np

from cmmd_bench.metrics.checks import check_finite, check_positive, describe, event_times
from cmmd_bench.metrics.events import SLACK, EventTimes, check_within, corrected, match_events, shifted_events
from cmmd_bench.metrics.motion import Motion
from cmmd_bench.types import Times

Dialect = Literal["one-to-one", "tempotokens", "tempotokens-v1", "javisbench"]
DIALECTS: tuple[Dialect, ...] = get_args(Dialect)

FLOOR = 0.1
"""Pixels a frame: weaker maxima of motion are no peaks."""

FLOORS: dict[Dialect, float] = {"one-to-one": FLOOR, "tempotokens": FLOOR, "tempotokens-v1": 0.0, "javisbench": 0.0}
"""The floor that goes with each dialect."""

SHIFTS = 100


@dataclass(frozen=True, slots=True)
class AvAlignment:
    """One clip: peaks on either side, matches by the rule of `dialect`, score, and mean score over circular shifts.

    score, chance: None where the dialect leaves them undefined
    """

    dialect: Dialect
    fps: float
    n_audio: int
    n_video: int
    matches: int
    score: float | None
    chance: float | None

    @property
    def corrected(self) -> float | None:
        """Score above chance; None where it is undefined or chance is 1 or more."""
        return corrected(self.score, self.chance)


@dataclass(frozen=True, slots=True)
class AvAlignSummary:
    """Means over clips, as published, and `corrected` from the two. undefined: positions of clips without any peak."""

    dialect: Dialect
    fps: float
    n_clips: int
    undefined: tuple[int, ...]
    score: float | None
    chance: float | None
    corrected: float | None


def video_peaks(motion: Motion, fps: float, *, floor: float = FLOOR) -> Times:
    """Times in seconds of the strict local maxima of `motion` (F,) that reach `floor`; never the first or last frame.

    A plateau, two equal frames at the top, is no peak (the reference's rule). Raises ValueError for `motion` that is
    not finite, of another shape, or an fps that is not above 0.
    """
    check_positive(fps, "fps")
    trajectory = np.asarray(motion)
    if trajectory.ndim != 1 or trajectory.dtype.kind not in "fiu":
        raise ValueError(f"motion must be a real array of shape (F,), found {describe(trajectory)}")
    check_finite(trajectory, "motion")
    middle = trajectory[1:-1]
    peaks = (middle > trajectory[:-2]) & (middle > trajectory[2:]) & (middle >= floor)
    return (np.flatnonzero(peaks) + 1) / fps


def av_align(
    audio_peaks: EventTimes,
    video_peaks: EventTimes,
    fps: float,
    *,
    duration: float,
    dialect: Dialect = "one-to-one",
    shifts: int = SHIFTS,
) -> AvAlignment:
    """AV-Align of one clip from the times of its peaks, in increasing seconds within 0..`duration`.

    Pass the video peaks that belong to the dialect: `video_peaks(motion, fps, floor=FLOORS[dialect])`. Raises
    ValueError for times that decrease or lie outside the clip, an fps not above 0, or an unknown dialect.
    """
    matches, score = av_align_score(audio_peaks, video_peaks, fps, dialect=dialect)
    video = event_times(video_peaks, "video_peaks")
    check_within(video, "video_peaks", duration)
    rows = np.sort(shifted_events(audio_peaks, "audio_peaks", duration=duration, shifts=shifts), axis=1)
    by_chance = [av_align_score(row, video, fps, dialect=dialect)[1] for row in rows]
    levels = [level for level in by_chance if level is not None]
    return AvAlignment(
        dialect=dialect,
        fps=float(fps),
        n_audio=len(audio_peaks),
        n_video=len(video_peaks),
        matches=matches,
        score=score,
        chance=fmean(levels) if levels else None,
    )


def av_align_score(
    audio_peaks: EventTimes, video_peaks: EventTimes, fps: float, *, dialect: Dialect = "one-to-one"
) -> tuple[int, float | None]:
    """Matches and score of two lists of peaks in seconds, without a chance level; None where undefined.

    The order of the lists matters to `tempotokens` alone, which takes peaks as they come.
    """
    check_positive(fps, "fps")
    if dialect not in DIALECTS:
        raise ValueError(f"dialect must be one of {', '.join(DIALECTS)}, found {dialect!r}")
    audio, video = _finite(audio_peaks, "audio_peaks"), _finite(video_peaks, "video_peaks")
    matches = _MATCHES[dialect](audio, video, 1 / fps)
    union = len(audio) + len(video) - matches
    if dialect == "javisbench":
        return matches, matches / (union + 1e-6)
    if not audio and not video:
        return 0, None
    return matches, matches / union


def summarise_av_align(clips: Sequence[AvAlignment]) -> AvAlignSummary:
    """Means over clips scored in one dialect at one frame rate; ValueError for no clip or mixed ones."""
    kinds = sorted({(clip.dialect, clip.fps) for clip in clips})
    if len(kinds) != 1:
        raise ValueError(f"clips must be at least one, of one dialect and one fps, found {kinds}")
    defined = [(clip.score, clip.chance) for clip in clips if clip.score is not None and clip.chance is not None]
    score = fmean(value for value, _ in defined) if defined else None
    chance = fmean(level for _, level in defined) if defined else None
    return AvAlignSummary(
        dialect=kinds[0][0],
        fps=kinds[0][1],
        n_clips=len(clips),
        undefined=tuple(index for index, clip in enumerate(clips) if clip.score is None),
        score=score,
        chance=chance,
        corrected=corrected(score, chance),
    )


def _one_to_one(audio: list[float], video: list[float], frame: float) -> int:
    # Exactly one frame apart is no match, as in the reference; `match_events` alone would count it.
    return match_events(sorted(audio), sorted(video), frame - 2 * SLACK)


def _greedy(audio: list[float], video: list[float], frame: float) -> int:
    free = list(video)
    matches = 0
    for peak in audio:
        taken = next((place for place, other in enumerate(free) if other - frame < peak < other + frame), None)
        if taken is not None:
            del free[taken]
            matches += 1
    return matches


def _any(audio: list[float], video: list[float], frame: float) -> int:
    return sum(any(other - frame < peak < other + frame for other in video) for peak in audio)


_MATCHES: dict[Dialect, Callable[[list[float], list[float], float], int]] = {
    "one-to-one": _one_to_one,
    "tempotokens": _greedy,
    "tempotokens-v1": _any,
    "javisbench": _any,
}


def _finite(peaks: EventTimes, name: str) -> list[float]:
    array = np.asarray(peaks, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise ValueError(f"{name} must be a list of finite times in seconds, found {describe(array)}")
    seconds: list[float] = array.tolist()
    return seconds
