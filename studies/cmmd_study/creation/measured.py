"""What can be measured of a finished stimulus and of its source, as plain values: the lines of audit.json.

Levels are None for silence and where there is no sound; sizes are texts such as 480x480.
"""

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from cmmd_bench.media import read_clip
from cmmd_bench.media.opening import open_container
from cmmd_study.creation.alike import Seen
from cmmd_study.creation.loudness import loudness, sample_peak, true_peak

Value = str | int | float | None
_SMALL = (16, 16)


@dataclass(frozen=True, slots=True)
class Measured:
    """One stimulus. written: what its file is after decoding. source: what it was made from. target: LUFS aimed at.

    gain: dB that its sound was raised by
    """

    id: str
    section: str
    system: str
    role: str
    written: dict[str, Value]
    source: dict[str, Value]
    gain: float
    target: float | None


def written_values(path: Path, drawn: tuple[int, int]) -> dict[str, Value]:
    """Read a finished file back: what its header declares, and the levels of its sound once decoded."""
    values: dict[str, Value] = {}
    with open_container(path) as container:
        values["container"] = container.format.name
        values["stream count"] = len(container.streams)
        tags = [f"{key}={value}" for key, value in container.metadata.items()]
        for stream in container.streams:
            tags += [f"{stream.type}: {key}={value}" for key, value in stream.metadata.items()]
        values["metadata"] = "; ".join(sorted(tags))
        for picture in container.streams.video:
            context = picture.codec_context
            values["video codec"] = f"{context.name} {context.profile} {context.pix_fmt}"
            values["size"] = f"{context.width}x{context.height}"
            values["frame rate"] = str(picture.average_rate)
            values["frame count"] = picture.frames
            values["picture on canvas"] = f"{drawn[0]}x{drawn[1]}"
        for sound in container.streams.audio:
            values["audio codec"] = f"{sound.codec_context.name} {sound.codec_context.profile}"
            values["sample rate"] = sound.codec_context.sample_rate
            values["channel count"] = sound.codec_context.layout.nb_channels
        values["duration"] = round((container.duration or 0) / av.time_base, 3)
    clip = read_clip(path, size=_SMALL)
    if clip.audio is not None:
        values["loudness"] = _rounded(loudness(clip.audio, clip.sample_rate))
        values["sample peak"] = _rounded(sample_peak(clip.audio))
        values["true peak"] = _rounded(true_peak(clip.audio, clip.sample_rate))
    values["file size"] = path.stat().st_size
    return values


def source_values(seen: Seen, made: tuple[str, ...]) -> dict[str, Value]:
    """What a source was before it was made alike."""
    values: dict[str, Value] = {"duration": round(float(seen.seconds), 3)}
    if seen.aspect:
        values["size"] = f"{seen.width}x{seen.height}"
        values["frame rate"] = str(seen.fps)
    if seen.sample_rate:
        values["sample rate"] = seen.sample_rate
        values["loudness"] = _rounded(seen.loudness)
    values["made at"] = ", ".join(made)
    return values


def _rounded(level: float | None) -> float | None:
    return None if level is None or not np.isfinite(level) else round(level, 2)
