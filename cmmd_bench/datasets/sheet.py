"""A contact sheet: for each clip a strip of frames over the spectrogram of its sound, one time axis for both."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cmmd_bench.atomic import replacing
from cmmd_bench.embedders.logmel_stats import FLOOR_DB, RATE, log_mel
from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_bench.types import Clip, Item

FRAMES, GUTTER = 9, 3
"""Frames shown of each clip, evenly spread, and white pixels between them."""
BANDS, HOP = 64, 64
"""Finer than what the embedder hears: a person looks at it."""


def save_sheet(path: Path, clips: Sequence[tuple[Item, Clip]], *, columns: int = 2) -> None:
    """Draw `clips` with their known beats (lines) and events (bars) to a PNG."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UserError(
            "drawing needs matplotlib. Install it with: pip install 'cmmd-bench[report]'", exit_code=ENVIRONMENT
        ) from None
    rows = -(-len(clips) // columns)
    figure = Figure(figsize=(7.2 * columns, 2.3 * rows), layout="constrained")
    grid = figure.subplots(2 * rows, columns, squeeze=False, gridspec_kw={"height_ratios": [1, 1.4] * rows})
    for axes in grid.flat:
        axes.set_axis_off()
    for position, (item, clip) in enumerate(clips):
        row, column = divmod(position, columns)
        _draw_frames(grid[2 * row, column], clip)
        _draw_sound(grid[2 * row + 1, column], clip)
        _draw_truth(grid[2 * row + 1, column], item)
        grid[2 * row, column].set_title(item.id, fontsize=8, loc="left")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png")


def _draw_frames(axes: Any, clip: Clip) -> None:
    if clip.video is None:
        return
    chosen = np.linspace(0, len(clip.video) - 1, min(FRAMES, len(clip.video))).round().astype(int)
    framed = np.pad(clip.video[chosen], ((0, 0), (0, 0), (0, GUTTER), (0, 0)), constant_values=255)
    axes.imshow(np.concatenate(list(framed), axis=1), aspect="auto", extent=(0, clip.video_seconds, 0, 1))


def _draw_sound(axes: Any, clip: Clip) -> None:
    if clip.audio is None:
        return
    import soxr

    audio = clip.audio if clip.sample_rate == RATE else soxr.resample(clip.audio, clip.sample_rate, RATE)
    decibel = log_mel(audio, bands=BANDS, hop=HOP)
    axes.set_axis_on()
    axes.imshow(
        decibel.T,
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=FLOOR_DB,
        vmax=-10,
        extent=(0, len(decibel) * HOP / RATE, 0, 1),
    )
    axes.set_yticks([])
    axes.set_xlim(0, clip.seconds)
    axes.tick_params(labelsize=6)
    axes.set_xlabel("seconds", fontsize=6, labelpad=1)


def _draw_truth(axes: Any, item: Item) -> None:
    for beat in item.truth.beats or ():
        axes.axvline(beat, color="white", linewidth=0.8, alpha=0.8, linestyle=":")
    named = ""
    for event in item.truth.events or ():
        axes.axvspan(event.start, max(event.end, event.start + 0.02), ymin=0.93, color="cyan", alpha=0.8)
        # A label stands once for a run of equal events: repeated it would cover itself.
        if event.label != named:
            axes.text(event.start + 0.01, 0.9, event.label, color="white", fontsize=6, va="top", clip_on=True)
            named = event.label
