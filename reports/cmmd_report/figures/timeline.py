"""Clips of one condition under each other along one axis of time: what figures of single clips are made of."""

from collections.abc import Iterator, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cmmd_bench.errors import UserError
from cmmd_bench.media.read import read_clip
from cmmd_bench.plugins import RESERVED
from cmmd_bench.types import Audio, Clip, Task, Video
from cmmd_report.pictures import spectrogram, strip
from cmmd_report.types import Run, Sample

FRAMES, HEIGHT = 9, 96
"""Frames of a strip, and their pixels from top to bottom at most."""
WIDTH = 5.5
"""Inches of a row."""
MOST_ROWS = 6
"""Models that are shown beside the real clip."""


def answers(run: Run, task: Task) -> Iterator[tuple[str, dict[str, Sample]]]:
    """Conditions that every model of the task answered, in their order: the real clip's row first, up to six models."""
    by_condition: dict[str, dict[str, Sample]] = {}
    for sample in run.samples:
        if sample.task == task and sample.index == 0 and sample.file is not None and sample.file.is_file():
            by_condition.setdefault(sample.condition, {})[sample.model] = sample
    does = dict.fromkeys(sample.model for sample in run.samples if sample.task == task)
    models = [name for name in does if name not in RESERVED][:MOST_ROWS]
    rows = ["ground-truth", *models]
    for condition, found in sorted(by_condition.items()):
        if all(row in found for row in rows):
            yield condition, {row: found[row] for row in rows}


def clips_of(samples: dict[str, Sample]) -> dict[str, Clip]:
    """What the files hold; those that cannot be read are left out."""
    clips = {}
    for row, sample in samples.items():
        try:
            assert sample.file is not None
            clips[row] = read_clip(sample.file)
        except UserError:
            continue
    return clips


def stack(heights: Sequence[float], *, beside: float = 0.9) -> tuple[Figure, list[Axes]]:
    """A figure of rows under each other, each `heights` inches, that share the axis of time.

    beside: inches for what stands above and below the rows
    """
    figure = Figure(figsize=(WIDTH + 1.1, sum(heights) + beside), layout="constrained")
    grid = figure.subplots(len(heights), 1, squeeze=False, sharex=True, gridspec_kw={"height_ratios": list(heights)})
    rows = list(grid[:, 0])
    for axes in rows[:-1]:
        axes.tick_params(bottom=False)
    return figure, rows


def strip_height(video: Video) -> float:
    """Inches at which frames of a strip keep their shape, if these are few."""
    height, width = int(video.shape[1]), int(video.shape[2])
    return min(WIDTH / FRAMES * height / width, 1.2)


def draw_sound(axes: Axes, audio: Audio, sample_rate: int) -> None:
    """The spectrogram, low pitches at the bottom, 1 being the top."""
    picture = spectrogram(audio, sample_rate)
    seconds = len(audio) / sample_rate
    extent = (0.0, seconds, 0.0, 1.0)
    # Pixels as they are, here and below: drawn finer, a page would carry each of them many times.
    axes.imshow(
        picture,
        origin="lower",
        aspect="auto",
        cmap="cividis",
        vmin=0,
        vmax=1,
        extent=extent,
        interpolation="none",
    )
    axes.set_xlim(0, seconds)
    axes.set_ylim(0, 1)
    axes.set_yticks([])


def draw_frames(axes: Axes, video: Video, seconds: float) -> None:
    """Frames from first to last, each where its time is."""
    axes.imshow(strip(video, FRAMES, HEIGHT), aspect="auto", extent=(0.0, seconds, 0.0, 1.0), interpolation="none")
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    axes.spines[["left", "bottom"]].set_visible(False)


def name_row(axes: Axes, name: str) -> None:
    """The name left of a row."""
    axes.set_ylabel(name, rotation=0, ha="right", va="center", labelpad=6)
