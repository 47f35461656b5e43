"""All shared types: read this file and you know what moves through the system.

Vocabulary of shapes: F frames, H height, W width, T audio samples, N items, D features.
Times are seconds, counted from the first instant of the clip they belong to.

Ground truth that a dataset knows (beat times, event times) travels beside a clip, in `Truth`, never inside it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, Protocol, get_args, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Video = NDArray[np.uint8]
Audio = NDArray[np.float32]
Features = NDArray[np.float32]
Times = NDArray[np.float64]

Task = Literal["v2a", "a2v", "joint"]
"""v2a: video given, audio generated. a2v: audio given, video generated. joint: nothing given."""
TASKS: tuple[Task, ...] = get_args(Task)

Modality = Literal["video", "audio"]

Direction = Literal["lower", "higher", "towards 1"]
"""Which way a metric is better."""


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """One audio-video sample; a missing side is None.

    video: (F, H, W, 3) uint8 RGB, F >= 1, played at `fps` frames per second
    audio: (T,) float32 mono in [-1, 1], T >= 1, at `sample_rate` Hz

    `fps` may be given as int, float, str ("30000/1001") or Fraction and is kept as an exact fraction.
    Raises ValueError naming the argument, the rule and the value found.
    """

    video: Video | None = None
    fps: Fraction = Fraction(0)
    audio: Audio | None = None
    sample_rate: int = 0

    def __post_init__(self) -> None:
        if self.video is None and self.audio is None:
            raise ValueError("a clip needs video, audio or both; found neither")
        if self.video is not None:
            object.__setattr__(self, "fps", exact_rate(self.fps))
            _check_video(self.video, self.fps)
        else:
            object.__setattr__(self, "fps", Fraction(0))
        if self.audio is not None:
            _check_audio(self.audio, self.sample_rate)
            object.__setattr__(self, "sample_rate", int(self.sample_rate))
        else:
            object.__setattr__(self, "sample_rate", 0)

    @property
    def video_seconds(self) -> float:
        """Length of the picture, 0.0 without one."""
        return 0.0 if self.video is None else float(len(self.video) / self.fps)

    @property
    def audio_seconds(self) -> float:
        """Length of the sound, 0.0 without one."""
        return 0.0 if self.audio is None else len(self.audio) / self.sample_rate

    @property
    def seconds(self) -> float:
        """Length of the longer side."""
        return max(self.video_seconds, self.audio_seconds)

    def only_video(self) -> "Clip":
        """The same clip without its sound."""
        return Clip(video=self.video, fps=self.fps)

    def only_audio(self) -> "Clip":
        """The same clip without its picture."""
        return Clip(audio=self.audio, sample_rate=self.sample_rate)


@dataclass(frozen=True, slots=True)
class ClipSpec:
    """What every clip of a suite looks like: length in seconds, frames a second, size in pixels, samples a second."""

    seconds: float
    fps: Fraction
    height: int
    width: int
    sample_rate: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "fps", exact_rate(self.fps))
        for name in ("seconds", "fps", "height", "width", "sample_rate"):
            value = getattr(self, name)
            if not value > 0:
                raise ValueError(f"{name} must be above 0, found {value}")
        if self.frames < 1:
            raise ValueError(f"{self.seconds} s at {self.fps} fps is less than one frame")

    @property
    def frames(self) -> int:
        """F, the number of frames of such a clip."""
        return round(self.seconds * self.fps)

    @property
    def samples(self) -> int:
        """T, the number of audio samples of such a clip."""
        return round(self.seconds * self.sample_rate)

    def __str__(self) -> str:
        return f"{self.seconds:g}s-{self.fps}fps-{self.width}x{self.height}-{self.sample_rate}Hz"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that is seen and heard: when it starts and ends (seconds), and what it is."""

    start: float
    end: float
    label: str


@dataclass(frozen=True, slots=True)
class Truth:
    """What a dataset knows about a clip; None means that the dataset does not know."""

    beats: tuple[float, ...] | None = None
    events: tuple[Event, ...] | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One clip of a dataset, not yet decoded.

    id: stable and safe in a file name
    group: items of one group may match each other's sound (same song, same take), so they are never swapped
    truth: what the dataset knows beyond the clip itself
    """

    id: str
    group: str
    truth: Truth = field(default_factory=Truth)


class Dataset(Protocol):
    """Clips of one `ClipSpec`, loaded one at a time. Picklable, so that worker processes can load items."""

    name: str
    spec: ClipSpec

    def items(self) -> Sequence[Item]:
        """All items, in a stable order."""
        ...

    def fingerprint(self, item: Item) -> str:
        """Identity of the item's content: a string that changes whenever the clip from `load` would change."""
        ...

    def load(self, item: Item) -> Clip:
        """Decode or render one item, exactly `spec.frames` frames and `spec.samples` samples long."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """One clip that a generator is asked for.

    id: stable; names the output file
    seed: derived from (run seed, id) alone, so it is the same on any machine, shard and worker
    condition: the given side, as a clip with the other side missing; None for joint
    """

    id: str
    task: Task
    seed: int
    seconds: float
    condition: Clip | None = None


@runtime_checkable
class Generator(Protocol):
    """What a model has to offer to be benchmarked; see `cmmd_bench.testing.check_generator`.

    `generate` yields one clip per request, in the order of the requests. A yielded clip carries the generated
    side; the given side may be left out. Optional attributes: `batch_size` (int, requests per call, default 8),
    `describe()` (JSON-serialisable dict for the run's manifest), and `one_per_core` (bool, default False): the model
    is small enough that copies of it, each in a process with one thread, are faster than one with many.
    """

    tasks: frozenset[Task]

    def generate(self, requests: Sequence[Request]) -> Iterator[Clip]:
        """Yield one clip per request, in order."""
        ...


class Embedder(Protocol):
    """A network or fixed transform from a clip to feature vectors.

    `name`, `version` and `digest` (SHA-256 of the weights) identify its features: they name results and key the cache.
    """

    name: str
    version: str
    digest: str
    modality: Modality

    def embed(self, clip: Clip) -> Features:
        """Features of one clip, (n, D) float32 with n >= 1."""
        ...


def exact_rate(rate: Fraction | float | str) -> Fraction:
    """A frame rate as an exact fraction; 29.97 stays 2997/100, "30000/1001" stays itself."""
    try:
        # NumPy's own numbers are no rationals to the standard library.
        fraction = Fraction(rate.item() if isinstance(rate, np.generic) else rate)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        raise ValueError(f"fps must be a number or a fraction, found {rate!r}") from None
    return fraction.limit_denominator(100_000)


def _check_video(video: Video, fps: Fraction) -> None:
    if not isinstance(video, np.ndarray) or video.ndim != 4 or video.shape[-1] != 3:
        raise ValueError(f"video must be an array of shape (F, H, W, 3), found {_describe(video)}")
    if video.dtype != np.uint8:
        raise ValueError(f"video must be uint8 RGB in 0..255, found {_describe(video)}")
    if 0 in video.shape:
        raise ValueError(f"video must hold at least one frame of at least one pixel, found shape {video.shape}")
    if fps <= 0:
        raise ValueError(f"fps must be above 0 when there is video, found {fps}")


def _check_audio(audio: Audio, sample_rate: int) -> None:
    if not isinstance(audio, np.ndarray) or audio.ndim != 1:
        raise ValueError(f"audio must be a mono array of shape (T,), found {_describe(audio)}")
    if audio.dtype != np.float32:
        raise ValueError(f"audio must be float32 in [-1, 1], found {_describe(audio)}")
    if len(audio) == 0:
        raise ValueError("audio must hold at least one sample, found none")
    if isinstance(sample_rate, bool) or not isinstance(sample_rate, int | np.integer) or sample_rate <= 0:
        raise ValueError(f"sample_rate must be a whole number of Hz above 0, found {sample_rate!r}")
    # One pass decides: NaN fails the comparison as well as values out of range.
    peak = float(np.max(np.abs(audio)))
    if not peak <= 1.0:
        bad = int(np.count_nonzero(~np.isfinite(audio)))
        found = f"{bad} samples that are NaN or infinite" if bad else f"a peak of {peak:.4g}"
        raise ValueError(f"audio must be finite and within [-1, 1], found {found}")


def _describe(array: object) -> str:
    if isinstance(array, np.ndarray):
        return f"shape {array.shape} of {array.dtype}"
    return type(array).__name__
