"""Who looks at clips, by name: from a clip to an array that is cached and scored.

conv3d-random, i3d:tats, ...   an embedder (`cmmd_bench.embedders`): features (n, D)
i3d@16f64                      the same, shown the first 16 frames scaled to 64 x 64 pixels
beats:librosa                  a beat tracker (`cmmd_bench.trackers`): times (n,) in seconds
onsets:fine                    an onset detector under named settings: times in seconds and strengths (n, 2)
motion                         mean optical flow at each frame (F,)
levels                         `cmmd_bench.levels`
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import version as installed_version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmmd_bench import levels
from cmmd_bench.embedders import get_embedder, identity, names, network, split_window
from cmmd_bench.errors import UserError, unknown_name
from cmmd_bench.media.picture import fitted
from cmmd_bench.metrics.motion import flow_motion
from cmmd_bench.metrics.onset_detection import ONSET_SETTINGS, detect_onsets
from cmmd_bench.trackers import Tracker, get_tracker
from cmmd_bench.types import Clip, Embedder, Modality

Array = NDArray[Any]

MOTION_VERSION = "1"

_version = cache(installed_version)


@dataclass(frozen=True, slots=True)
class Extractor:
    """From a clip to an array; `modality` is the side it needs, None if it takes what there is.

    slow: a network that takes seconds for a clip, so that few clips are worth a process
    model: of an embedder, its identity without the device that it runs on
    """

    identity: str
    modality: Modality | None
    see: Callable[[Clip], Array]
    slow: bool = False
    model: str = ""


def get_extractor(name: str) -> Extractor:
    """The extractor called `name`; UserError with the nearest name if there is none."""
    if name == "levels":
        return Extractor(f"levels/{levels.VERSION}", None, levels.levels)
    if name.startswith("beats:"):
        tracker = get_tracker(name.removeprefix("beats:"))
        return Extractor(f"{name}/{tracker.source}", "audio", partial(_track, tracker))
    if name.startswith("onsets:"):
        settings = name.removeprefix("onsets:")
        if settings not in ONSET_SETTINGS:
            raise unknown_name("onset detector", settings, ONSET_SETTINGS)
        written = f"{ONSET_SETTINGS[settings]}/{_version('librosa')}"
        return Extractor(f"{name}/{written}", "audio", partial(_detect, settings))
    if name == "motion":
        return Extractor(f"motion/{MOTION_VERSION}/{_version('opencv-python-headless')}", "video", _move)
    base, window = split_window(name)
    embedder, slow = get_embedder(base), base not in names()
    if window is None:
        return Extractor(identity(embedder), embedder.modality, embedder.embed, slow, network(embedder))
    if embedder.modality != "video":
        raise UserError(f"{name} asks for frames, but {embedder.name} looks at {embedder.modality}. Leave them out.")
    frames, size = window
    shown = f"@{frames}f{size}"
    see = partial(_embed_window, embedder, frames, size)
    return Extractor(identity(embedder) + shown, "video", see, slow, network(embedder) + shown)


def _track(tracker: Tracker, clip: Clip) -> Array:
    if clip.audio is None:
        raise ValueError("beats need audio, found a clip without it")
    return tracker(clip.audio, clip.sample_rate)


def _detect(settings: str, clip: Clip) -> Array:
    if clip.audio is None:
        raise ValueError("onsets need audio, found a clip without it")
    return detect_onsets(clip.audio, clip.sample_rate, settings=settings)


def _move(clip: Clip) -> Array:
    if clip.video is None:
        raise ValueError("motion needs video, found a clip without it")
    return flow_motion(clip.video)


def _embed_window(embedder: Embedder, frames: int, size: int, clip: Clip) -> Array:
    if clip.video is None or len(clip.video) < frames:
        found = "a clip without video" if clip.video is None else f"{len(clip.video)}"
        raise ValueError(f"{embedder.name} was asked to see {frames} frames, found {found}")
    picture = np.stack([fitted(frame, (size, size)) for frame in clip.video[:frames]])
    return embedder.embed(Clip(video=picture, fps=clip.fps))
