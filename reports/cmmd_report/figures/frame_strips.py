"""Frames that models made for one sound, under its spectrogram: the CMMD paper's Fig. 3."""

from cmmd_report.figures.drawing import Drawing, NotDrawn
from cmmd_report.figures.style import legend_below, styled
from cmmd_report.figures.timeline import (
    FRAMES,
    answers,
    clips_of,
    draw_frames,
    draw_sound,
    name_row,
    stack,
    strip_height,
)
from cmmd_report.types import Run


def frame_strips(run: Run) -> Drawing:
    """The first condition that all models answered with pictures; NotDrawn where there is none."""
    for condition, samples in answers(run, "a2v"):
        clips = clips_of(samples)
        shown = {row: clip.video for row, clip in clips.items() if clip.video is not None}
        real = clips.get("ground-truth")
        if real is None or real.audio is None or len(shown) < 2:
            continue
        with styled():
            figure, rows = stack([0.7, *(strip_height(video) for video in shown.values())])
            draw_sound(rows[0], real.audio, real.sample_rate)
            rows[0].set_title(condition)
            name_row(rows[0], "given")
            for axes, (row, video) in zip(rows[1:], shown.items(), strict=True):
                draw_frames(axes, video, real.seconds)
                name_row(axes, row)
            rows[-1].set_xlabel("seconds")
            legend_below(figure, f"{FRAMES} frames from first to last. One clip of many.")
        said = f"{', '.join(shown)}: {FRAMES} frames each, under the spectrogram of the sound that was given"
        return Drawing(figure, f"Pictures made for the sound of {condition}", said)
    raise NotDrawn("no strip of frames: no condition of a2v has playable answers of all models.")
