"""The catalogue of faults: what is done to real clips, in which steps, and which side of a clip it touches.

Levels go from hardly noticeable to ruined. A metric that is worth its name falls with the level of the faults it is
meant to see; one that does not move is blind to them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cmmd_bench.types import Audio, Video
from cmmd_bench.validation import picture_faults, sound_faults

Kind = Literal["picture", "sound", "shift", "swap"]

PictureFault = Callable[[Video, float, np.random.Generator], Video]
SoundFault = Callable[[Audio, int, float, np.random.Generator], Audio]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault in growing levels.

    kind: what it touches; a shift moves the sound in time, a swap takes the sound of another clip
    unit: of the levels, as people read it; version: to be raised whenever `apply` gives other samples
    """

    name: str
    kind: Kind
    unit: str
    levels: tuple[float, ...]
    apply: PictureFault | SoundFault | None = None
    version: str = "1"


FAULTS = (
    Fault("blur", "picture", "pixels at 64", (0.5, 1, 2, 4), picture_faults.blurred),
    Fault("picture-noise", "picture", "grey levels", (4, 8, 16, 32), picture_faults.noisy),
    Fault("freeze", "picture", "share of frames", (0.125, 0.25, 0.5, 1), picture_faults.frozen),
    Fault("frame-shuffle", "picture", "neighbours", (2, 4, 8, 64), picture_faults.shuffled),
    Fault("frame-drop", "picture", "share of frames", (0.125, 0.25, 0.5, 0.75), picture_faults.dropped),
    Fault("picture-codec", "picture", "H.264 rate factor", (28, 36, 44, 51), picture_faults.compressed, "3"),
    Fault("sound-noise", "sound", "dB above 40 dB SNR", (10, 20, 30, 40), sound_faults.noisy),
    Fault("low-pass", "sound", "octaves", (1, 2, 3, 4), sound_faults.lowpassed),
    Fault("gain", "sound", "dB", (3, 6, 12, 24), sound_faults.quieter),
    Fault("silence", "sound", "share of the clip", (0.125, 0.25, 0.5, 1), sound_faults.muted),
    Fault("sound-codec", "sound", "halvings of 64 kbit/s", (0, 1, 2, 3), sound_faults.compressed, "2"),
    Fault("sound-late", "shift", "seconds", (0.04, 0.1, 0.2, 0.4, 1.0)),
    Fault("sound-early", "shift", "seconds", (-0.04, -0.1, -0.2, -0.4, -1.0)),
    Fault("sound-swap", "swap", "share of the clips", (0.25, 0.5, 0.75, 1)),
)
