"""Figures of a report: drawn numbers are the run's, bytes repeat, and words say what pictures show."""

import json
from dataclasses import replace

import pytest

from cmmd_bench.errors import UserError
from cmmd_bench.scoring.index import read_index
from cmmd_bench.suites.metrics import BeatHit
from cmmd_report.agreement import agreement
from cmmd_report.figures.drawing import NotDrawn
from cmmd_report.figures.event_matches import event_matches, matches_of
from cmmd_report.figures.fad_boxes import fad_boxes, fad_panels
from cmmd_report.figures.frame_strips import frame_strips
from cmmd_report.figures.frechet_by_clips import distances_by_clips, frechet_by_clips
from cmmd_report.figures.mos_boxes import mos_boxes, mos_panels
from cmmd_report.figures.opinion_scatter import opinion_scatter
from cmmd_report.figures.sensitivity import sensitivity
from cmmd_report.figures.style import as_svg, looks, save
from cmmd_report.figures.tolerance_curves import beat_curves, tolerance_curves
from cmmd_report.reading import read_run, read_study


@pytest.fixture
def run(made):
    return read_run(made.run)


@pytest.fixture
def study(made, run):
    return read_study(made.study, run)


def test_crosses_and_boxes_are_the_runs_numbers(run, made):
    results = json.loads((made.run / "results.json").read_text())["results"]
    sets = {r["model"]: r["value"] for r in results if r["metric"] == "fad[logmel-stats]"}
    lines = [json.loads(line) for line in (made.run / "scores.jsonl").read_text().splitlines()]
    (panel,) = fad_panels(run)
    assert panel.sets == {row: pytest.approx(sets[row]) for row in panel.sets}
    axes = fad_boxes(run).figure.axes[0]
    crosses = [line.get_ydata()[0] for line in axes.lines if line.get_marker() == "x"]
    assert crosses == [pytest.approx(sets[row]) for row in panel.clips]
    for row, values in panel.clips.items():
        mine = [x["value"] for x in lines if x["model"] == row and x["metric"].startswith("fad-clip[")]
        assert sorted(values) == sorted(value for value in mine if value is not None)


def test_means_of_opinions(study):
    for panel in mos_panels(study):
        assert next(iter(panel.scores)) == "ground-truth"
        for system, scores in panel.scores.items():
            mine = [r.score for r in study.ratings if r.system == system and r.question == panel.question]
            assert sorted(scores) == sorted(mine)
    drawing = mos_boxes(study)
    diamonds = [line.get_ydata()[0] for line in drawing.figure.axes[0].lines if line.get_marker() == "D"]
    assert diamonds == [pytest.approx(sum(s) / len(s)) for s in mos_panels(study)[0].scores.values()]


def test_curves_pass_through_the_tables_values(run, made):
    results = json.loads((made.run / "results.json").read_text())["results"]
    scored = read_index(made.run)
    hits = [metric for metric in scored.metrics if isinstance(metric, BeatHit)]
    curves = beat_curves(scored, hits)
    checked = 0
    for result in results:
        if result["metric"] == hits[0].label and result["value"] is not None:
            curve = curves[result["model"]]
            place = list(curve.tolerances).index(hits[0].tolerance_ms)
            assert curve.hits[place] == pytest.approx(result["value"])
            assert curve.chances[place] == pytest.approx(result["chance"])
            checked += 1
    assert checked >= 3
    distances = {
        metric.label: distances_by_clips(scored, metric) for metric in scored.metrics if metric.metric == "fad"
    }
    for result in results:
        if result["metric"] in distances and result["model"] in distances[result["metric"]]:
            last = distances[result["metric"]][result["model"]].mean_per_size[-1]
            assert last == pytest.approx(result["value"], rel=1e-6)


def test_a_lost_cache_is_the_reason(made, tmp_path, monkeypatch):
    monkeypatch.setenv("CMMD_BENCH_CACHE", str(tmp_path))
    run = read_run(made.run)
    for draw in (tolerance_curves, frechet_by_clips):
        with pytest.raises(NotDrawn, match="the feature cache no longer holds"):
            draw(run)


@pytest.mark.parametrize("kind", ["svg", "pdf", "png"])
def test_equal_figures_are_equal_bytes(run, kind, tmp_path):
    for name in "ab":
        save(fad_boxes(run).figure, tmp_path / f"{name}.{kind}")
    assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()
    with pytest.raises(UserError, match="are written as"):
        save(fad_boxes(run).figure, tmp_path / "a.jpg")


def test_inline_figures_have_words_and_ids_of_their_own(run, study):
    import re

    first, second = (as_svg(d.figure, d.title, d.description) for d in (fad_boxes(run), mos_boxes(study)))
    ids = [set(re.findall(r'\bid="([^"]+)"', svg)) for svg in (first, second)]
    assert not ids[0] & ids[1]
    for svg in (first, second):
        assert svg.startswith("<svg")
        assert 'role="img"' in svg
        assert "<desc" in svg
        assert all(f'id="{name}"' in svg for name in re.findall(r'(?:url\(|href=")#([^)"]+)', svg))


def test_rows_are_told_apart_without_colour():
    given = looks(["a", "b", "c", "d", "ground-truth", "noise", "shuffled"])
    for kind in ("marker", "hatch"):
        assert len({getattr(look, kind) for look in given.values()}) == len(given)


def test_nothing_to_draw_says_why(run, study):
    silent = replace(run.scores, results=[r for r in run.scores.results if not r.metric.startswith("fad-clip")])
    with pytest.raises(NotDrawn, match="the suite asks for no fad-clip"):
        fad_boxes(replace(run, scores=silent))
    with pytest.raises(NotDrawn):
        mos_boxes(replace(study, ratings=()))


def test_marks_are_the_clips_score(run, made):
    """Matched over all that should be heard is the hit rate that scoring wrote, for every clip of every row."""
    scored = read_index(made.run)
    (metric,) = [m for m in scored.metrics if isinstance(m, BeatHit)]
    lines = [json.loads(line) for line in (made.run / "scores.jsonl").read_text().splitlines()]
    values = {(one["model"], one["id"]): one["value"] for one in lines if one["metric"] == metric.label}
    checked = 0
    for row in scored.rows:
        for sample in row.samples:
            if row.task == "v2a" and sample.index == 0 and values[row.model, sample.id] is not None:
                found = matches_of(scored, metric, sample.condition)[row.model]
                aims = len(found.matched) + len(found.missed)
                assert len(found.matched) / aims == pytest.approx(values[row.model, sample.id])
                checked += 1
    assert checked >= 8


def test_a_clip_with_its_events_and_one_with_its_frames(run):
    events = event_matches(run)
    axes = events.figure.axes
    assert [one.get_ylabel() for one in axes] == ["given", "ground-truth", "High", "Low"]
    frames = frame_strips(run)
    assert [one.get_ylabel() for one in frames.figure.axes] == ["given", "ground-truth", "High", "Low"]
    assert "High" in events.description
    # A model of the other task hides nothing.
    other = [s for s in run.samples if (s.model, s.task) != ("High", "a2v")]
    assert [one.get_ylabel() for one in frame_strips(replace(run, samples=other)).figure.axes] == [
        "given",
        "ground-truth",
        "Low",
    ]
    gone = [replace(sample, file=None) for sample in run.samples]
    for draw in (event_matches, frame_strips):
        with pytest.raises(NotDrawn, match="playable answers"):
            draw(replace(run, samples=gone))


def test_every_rated_clip_is_a_mark(run, study):
    pairs = agreement(run, study)
    drawing = opinion_scatter(pairs)
    shown = {
        (across.get_xlabel(), tuple(sorted(zip(line.get_xdata(), line.get_ydata(), strict=True))))
        for across in drawing.figure.axes
        for line in across.lines
        if len(line.get_xdata())
    }
    for pair in pairs:
        for system in {point.system for point in pair.points}:
            if pair.by_clip is not None:
                mine = tuple(sorted((point.value, point.opinion) for point in pair.points if point.system == system))
                assert any(label.startswith(pair.metric) and marks == mine for label, marks in shown)
    with pytest.raises(NotDrawn, match="no metric against opinion"):
        opinion_scatter([])


def verdict(metric: str, fault: str, seen_from: float | None, **other: object) -> dict[str, object]:
    known = {"levels": 3, "steady": True, "rewards": False, "sensitivity": 4.0}
    return {"metric": metric, "fault": fault, "seen_from": seen_from, **known, **other}


def test_what_metrics_see(run):
    metric = run.scores.results[0].metric
    faults = {"gain": -12.0, "late": None, "swap": 0.25}
    validation = {
        "clips": {"scored": 24, "reference": 24},
        "curves": [{"metric": metric, "fault": fault, "unit": "steps"} for fault in faults],
        "verdicts": [verdict(metric, fault, seen, steady=fault != "swap") for fault, seen in faults.items()],
    }
    drawing = sensitivity(run, validation)
    assert [text.get_text() for text in drawing.figure.axes[0].texts] == ["≥ 12", "blind", "≥ 0.25 ~"]
    assert f"{metric} is blind to late" in drawing.description
    with pytest.raises(UserError, match="is not what `validate --out` writes"):
        sensitivity(run, {"curves": []})
    with pytest.raises(NotDrawn, match="none of them in this table"):
        sensitivity(run, {**validation, "verdicts": [verdict("other", "gain", 1.0)]})
