"""What a model sounds at against what should sound, on the spectrograms of one clip: the CMMD paper's Fig. 2."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from cmmd_bench.errors import UserError
from cmmd_bench.metrics import matched_events
from cmmd_bench.scoring.alignment import compared_events, event_seconds
from cmmd_bench.scoring.index import Scored
from cmmd_bench.suites.metrics import BeatHit, OnsetScore
from cmmd_bench.types import Clip
from cmmd_report.figures.drawing import Drawing, NotDrawn
from cmmd_report.figures.style import legend_below, styled
from cmmd_report.figures.timeline import answers, clips_of, draw_frames, draw_sound, name_row, stack, strip_height
from cmmd_report.types import Run

HITS, BESIDE, MISSED = ("o", "#009E73", "white"), ("X", "#D55E00", "white"), ("^", "white", "#D55E00")
"""Marker, colour and colour of the edge."""
HEARD, AIM = 0.9, 0.1
"""Heights of the marks: what is heard above, what is missed below."""


@dataclass(frozen=True, slots=True)
class Matches:
    """Seconds of one clip: matched and wrong of what is heard, missed of what should be heard."""

    matched: Sequence[float]
    wrong: Sequence[float]
    missed: Sequence[float]


def event_matches(run: Run) -> Drawing:
    """The first condition with two events to hit, all models under the real clip; NotDrawn where there is none."""
    try:
        scored = run.index()
        metric = _metric(scored)
        condition, clips, found = _condition(run, scored, metric)
    except UserError as error:
        raise NotDrawn(f"no spectrogram with matches: {error}") from None
    real = clips["ground-truth"]
    with styled():
        above = [] if real.video is None else [strip_height(real.video)]
        figure, rows = stack([*above, *[0.85] * len(found)], beside=1.3)
        if real.video is not None:
            draw_frames(rows[0], real.video, real.seconds)
            name_row(rows[0], "given")
        for axes, (row, matches) in zip(rows[-len(found) :], found.items(), strict=True):
            _draw(axes, clips[row], matches)
            name_row(axes, row)
        rows[-1].set_xlabel("seconds")
        rows[0].set_title(f"{condition}, {metric.label}")
        figure.legend(handles=_marks(metric), loc="outside upper center", ncols=3, frameon=False)
        legend_below(figure, f"Events are matched one to one within ± {metric.tolerance_ms:g} ms. One clip of many.")
    said = "; ".join(
        f"{row} {len(m.matched)} matched, {len(m.wrong)} unmatched, {len(m.missed)} missed" for row, m in found.items()
    )
    return Drawing(figure, f"Events of {condition}, matched and missed", f"{metric.label}: {said}")


def matches_of(scored: Scored, metric: BeatHit | OnsetScore, condition: str) -> dict[str, Matches]:
    """Events of the first answer to `condition` by row, matched as the metric does; rows not heard are left out."""
    found = {}
    for row in scored.rows:
        for sample in row.samples:
            if row.task == metric.task and sample.condition == condition and sample.index == 0:
                events = compared_events(metric, sample, scored.scorer.views)
                if events is not None:
                    aims, heard = (event_seconds(times).tolist() for times in events)
                    found[row.model] = _matches(aims, heard, metric.tolerance_ms / 1000)
    return found


def _matches(aims: Sequence[float], heard: Sequence[float], window: float) -> Matches:
    pairs = matched_events(aims, heard, window)
    hit, used = {i for i, _ in pairs}, {j for _, j in pairs}
    return Matches(
        [float(time) for j, time in enumerate(heard) if j in used],
        [float(time) for j, time in enumerate(heard) if j not in used],
        [float(time) for i, time in enumerate(aims) if i not in hit],
    )


def _metric(scored: Scored) -> BeatHit | OnsetScore:
    """The strictest of those that match events with the real sound's, else with the truth."""
    kinds = [m for m in scored.metrics if isinstance(m, BeatHit | OnsetScore) and m.task in ("v2a", "joint")]
    if not kinds:
        raise NotDrawn("no spectrogram with matches: the suite judges neither beats nor onsets of generated sound.")
    return min(kinds, key=lambda metric: (metric.against != "sound", metric.tolerance_ms))


def _condition(
    run: Run, scored: Scored, metric: BeatHit | OnsetScore
) -> tuple[str, Mapping[str, Clip], Mapping[str, Matches]]:
    for condition, samples in answers(run, metric.task):
        found = matches_of(scored, metric, condition)
        real = found.get("ground-truth")
        if real is None or len(real.matched) + len(real.missed) < 2:
            continue
        clips = {row: clip for row, clip in clips_of(samples).items() if clip.audio is not None and row in found}
        if "ground-truth" in clips and len(clips) > 1:
            return condition, clips, {row: found[row] for row in clips}
    raise NotDrawn("no spectrogram with matches: no condition with two events has playable answers of all models.")


def _draw(axes: Axes, clip: Clip, matches: Matches) -> None:
    assert clip.audio is not None
    draw_sound(axes, clip.audio, clip.sample_rate)
    for times, height, (marker, face, edge) in (
        (matches.matched, HEARD, HITS),
        (matches.wrong, HEARD, BESIDE),
        (matches.missed, AIM, MISSED),
    ):
        if not times:
            continue
        axes.vlines(times, 0, 1, color="white", linewidth=0.4, alpha=0.7)
        places = [height] * len(times)
        axes.plot(
            *(times, places),
            linestyle="none",
            marker=marker,
            color=face,
            markeredgecolor=edge,
            markersize=7,
            clip_on=False,
        )


def _marks(metric: BeatHit | OnsetScore) -> list[Line2D]:
    what = "beat" if isinstance(metric, BeatHit) else "onset"
    return [
        Line2D([], [], linestyle="none", marker=marker, color=face, markeredgecolor=edge, label=f"{what} {outcome}")
        for outcome, (marker, face, edge) in {"that hits": HITS, "beside all": BESIDE, "missed": MISSED}.items()
    ]
