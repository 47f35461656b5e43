"""Negative samples for the joint contrastive objective: windows that almost, partly or not at all belong together.

A source is a stretch of video and its sound, longer than a training window of F frames by twice a margin of 4 frames,
so that a shifted window is cut from it as any other: never rolled, never padded, without a seam that would give the
negative away. Video is cut by whole frames (frames or their latents, as the autoencoder works frame by frame), sound
by samples of the waveform, before any mel: frame i starts at sample i * samples_per_frame.

Three kinds, drawn with equal chances for each side of each positive (paper section 2.2; the amounts of shift from B.2):

shift   the same source k frames earlier or later, k from {2, 3, 4}, the direction at random among those that fit
splice  cut at frame p from {1, ..., F - 1}; one of the two parts comes from a window of another source
swap    a window of another source

Another source is one of another group: clips of one group may match each other. Where a negative would equal its
positive, as a shift does in silence, another swap is drawn until one differs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from cmmd_bench.errors import UserError

Kind = Literal["shift", "splice", "swap"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SHIFTS = (2, 3, 4)
"""How many frames a shift may move: 200 to 400 ms at 10 frames a second."""
MARGIN = max(SHIFTS)
"""Frames a source must have on either side of a window."""

_Side = Literal["video", "audio"]
_TRIES = 64


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A stretch that windows are cut from.

    id: names it in errors
    group: sources of one group may match each other, so none is the other's negative
    video: (n, ...) frames or latents
    audio: (T,), T at least n times the samples of a frame
    """

    id: str
    group: str
    video: Tensor
    audio: Tensor


class Windows(NamedTuple):
    """A batch cut from sources: video (B, F, ...) and the waveforms of the same frames (B, F * samples_per_frame)."""

    video: Tensor
    audio: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Negatives:
    """A video that does not go with each positive's sound, a sound that does not go with its video, and their kinds.

    video: (B, F, ...); audio: (B, F * samples_per_frame); the kinds, B of either, are those that were used in the end
    """

    video: Tensor
    audio: Tensor
    video_kinds: tuple[Kind, ...]
    audio_kinds: tuple[Kind, ...]


def check_sources(sources: Sequence[Source], *, frames: int, samples_per_frame: int, negatives: bool = True) -> None:
    """Raise a UserError unless windows of `frames` frames, and `negatives` of them, can be drawn from `sources`."""
    for source in sources:
        _room(source, frames)
        if len(source.audio) < len(source.video) * samples_per_frame:
            raise UserError(
                f"clip {source.id!r} has {len(source.audio)} samples of sound for {len(source.video)} frames, which "
                f"need {len(source.video) * samples_per_frame}; prepare the data with sound as long as the picture."
            )
    if not sources or (negatives and len({source.group for source in sources}) < 2):
        raise _one_group(sources)


def draw_positives(
    sources: Sequence[Source], batch: int, *, frames: int, generator: torch.Generator
) -> list[tuple[int, int]]:
    """`batch` windows as (index of the source, first frame): any source, and in it any place, with equal chances."""
    chosen = [_below(len(sources), generator) for _ in range(batch)]
    return [(index, _below(_room(sources[index], frames) + 1, generator)) for index in chosen]


def cut_windows(
    sources: Sequence[Source], places: Sequence[tuple[int, int]], *, frames: int, samples_per_frame: int
) -> Windows:
    """Video and sound of windows given as (index of the source, first frame)."""
    video = [_cut(sources[index], "video", start, frames, 1) for index, start in places]
    audio = [_cut(sources[index], "audio", start, frames, samples_per_frame) for index, start in places]
    return Windows(torch.stack(video), torch.stack(audio))


def draw_negatives(
    sources: Sequence[Source],
    positives: Sequence[tuple[int, int]],
    *,
    frames: int,
    samples_per_frame: int,
    generator: torch.Generator,
) -> Negatives:
    """One negative video and one negative sound for each positive.

    Args:
        sources: what to cut from; `check_sources` accepts them.
        positives: index of the source and first frame of each window.
        frames: F, length of a window, at least 2.
        samples_per_frame: samples of sound from one frame to the next, a whole number.
        generator: all draws come from it, on the CPU.

    Raises:
        UserError: a source that is too short, a single group, or sources of other groups that all equal the positive.
    """
    video = [_negative(sources, place, "video", frames, 1, generator) for place in positives]
    audio = [_negative(sources, place, "audio", frames, samples_per_frame, generator) for place in positives]
    return Negatives(
        video=torch.stack([window for _, window in video]),
        audio=torch.stack([window for _, window in audio]),
        video_kinds=tuple(kind for kind, _ in video),
        audio_kinds=tuple(kind for kind, _ in audio),
    )


def _negative(
    sources: Sequence[Source],
    place: tuple[int, int],
    side: _Side,
    frames: int,
    unit: int,
    generator: torch.Generator,
) -> tuple[Kind, Tensor]:
    index, start = place
    source = sources[index]
    positive = _cut(source, side, start, frames, unit)
    kind = KINDS[_below(len(KINDS), generator)]
    for _ in range(_TRIES):
        if kind == "shift":
            window = _cut(source, side, start + _shift(start, _room(source, frames), generator), frames, unit)
        else:
            donor = _other(sources, source.group, generator)
            window = _cut(donor, side, _below(_room(donor, frames) + 1, generator), frames, unit)
            if kind == "splice":
                split = unit * (1 + _below(frames - 1, generator))
                first, last = (window, positive) if _below(2, generator) else (positive, window)
                window = torch.cat([first[:split], last[split:]])
        if not torch.equal(window, positive):
            return kind, window
        kind = "swap"
    raise UserError(
        f"the {side} of clip {source.id!r} from frame {start} equals that of {_TRIES - 1} windows of other groups, so "
        f"it has no negatives; take clips that are silent or black throughout out of the training data."
    )


def _shift(start: int, room: int, generator: torch.Generator) -> int:
    amount = SHIFTS[_below(len(SHIFTS), generator)]
    fitting = [shift for shift in (-amount, amount) if 0 <= start + shift <= room]
    return fitting[_below(len(fitting), generator)]


def _other(sources: Sequence[Source], group: str, generator: torch.Generator) -> Source:
    """A source of another group, each with the same chance."""
    for _ in range(_TRIES):
        source = sources[_below(len(sources), generator)]
        if source.group != group:
            return source
    # Only where one group owns nearly all: a look at every source costs too much to do at each draw.
    others = [source for source in sources if source.group != group]
    if not others:
        raise _one_group(sources)
    return others[_below(len(others), generator)]


def _cut(source: Source, side: _Side, start: int, frames: int, unit: int) -> Tensor:
    whole = source.video if side == "video" else source.audio
    return whole[start * unit : (start + frames) * unit]


def _room(source: Source, frames: int) -> int:
    """The last frame at which a window may start."""
    needed = frames + 2 * MARGIN
    if len(source.video) < needed:
        raise UserError(
            f"clip {source.id!r} has {len(source.video)} frames; training on windows of {frames} needs at least "
            f"{needed}, so that windows shifted by {MARGIN} frames, cmmd's negatives, lie inside; take longer clips."
        )
    return len(source.video) - frames


def _one_group(sources: Sequence[Source]) -> UserError:
    groups = f"all of one group ({sources[0].group!r})" if sources else "of no group"
    return UserError(
        f"there are {len(sources)} training clips, {groups}; negatives are taken from another group, as clips of one "
        "group may match each other. Add clips of other recordings, or train ncmmd, which needs no negatives."
    )


def _below(high: int, generator: torch.Generator) -> int:
    return int(torch.randint(high, (), generator=generator))
