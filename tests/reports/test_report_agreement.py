"""Agreement of metrics with opinions: known orders give known coefficients, and too little gives a reason."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from cmmd_bench.scoring.results import PerClip, Result, Scores
from cmmd_report.agreement import agreement, disagreements
from cmmd_report.types import Rating, Run, Sample, Study

CLIPS = [f"c{place}" for place in range(8)]


def result(model: str, metric: str, value: float, direction: str = "higher") -> Result:
    return Result(model, "v2a", metric, value, direction, "share", 8, 8, 8)


def a_run(values: dict[str, np.ndarray], *, direction: str = "higher") -> Run:
    """One task; a per-clip metric `m` with the given values by model, and a set metric `s`."""
    samples = [Sample(m, "v2a", f"{m}-{c}", c, 0) for m in values for c in CLIPS]
    clips = [
        PerClip(m, f"{m}-{c}", "m", float(v)) for m, row in values.items() for c, v in zip(CLIPS, row, strict=True)
    ]
    table = [result(m, "m", float(row.mean()), direction) for m, row in values.items()]
    table += [result(m, "s", float(row.mean()), direction) for m, row in values.items()]
    return Run("run", [], Scores({}, table, clips, (), ()), samples)


def a_study(opinions: dict[str, np.ndarray], *, raters: int = 4, noise: float = 0.0, section: str = "any") -> Study:
    random = np.random.default_rng(1)
    ratings = [
        Rating(f"r{r}", section, c, m, 0, "q", float(v + noise * random.normal()), 1.0, 5.0)
        for r in range(raters)
        for m, row in opinions.items()
        for c, v in zip(CLIPS, row, strict=True)
    ]
    return Study(Path("study"), ratings, {"references": {section: "ground-truth"}})


@pytest.fixture
def truth() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {m: random.uniform(1, 5, len(CLIPS)) + place for place, m in enumerate(("a", "b", "c"))}


def one(pairs, metric):
    (pair,) = [pair for pair in pairs if pair.metric == metric]
    return pair


@pytest.mark.parametrize("direction", ["higher", "lower"])
def test_a_metric_that_is_the_opinion(truth, direction):
    sign = 1 if direction == "higher" else -1
    run = a_run({m: sign * row for m, row in truth.items()}, direction=direction)
    pair = one(agreement(run, a_study(truth)), "m")
    assert pair.by_clip.spearman.value == pytest.approx(1)
    assert pair.by_system.pearson.value == pytest.approx(1)
    assert {point.gap for point in pair.points} == {0.0}
    assert one(agreement(run, a_study(truth)), "s").by_system.spearman.value == pytest.approx(1)


def test_coefficients_are_those_of_scipy(truth):
    random = np.random.default_rng(2)
    values = {m: row + random.normal(0, 1.5, len(row)) for m, row in truth.items()}
    study = a_study(truth, noise=0.4)
    pair = one(agreement(a_run(values), study), "m")
    x = np.concatenate([values[m] for m in truth])
    means = {
        m: [np.mean([r.score for r in study.ratings if (r.system, r.clip) == (m, c)]) for c in CLIPS] for m in truth
    }
    y = np.concatenate([means[m] for m in truth])
    assert pair.by_clip.pearson.value == pytest.approx(stats.pearsonr(x, y).statistic)
    assert pair.by_clip.kendall.value == pytest.approx(stats.kendalltau(x, y).statistic)
    assert 0.8 < pair.ceiling.ceiling <= 1


def test_the_reference_takes_no_part(truth):
    opinions = {**truth, "ground-truth": np.full(len(CLIPS), 5.0)}
    values = {**truth, "ground-truth": np.full(len(CLIPS), -100.0)}
    pair = one(agreement(a_run(values), a_study(opinions)), "m")
    assert pair.by_clip.pearson.value == pytest.approx(1)
    assert {point.system for point in pair.points} == set(truth)


def test_where_they_disagree_most(truth):
    values = {m: row.copy() for m, row in truth.items()}
    values["a"][3] = 1000.0
    found = disagreements(agreement(a_run(values), a_study(truth)))
    assert len(found) == 10
    assert (found[0][1].clip, found[0][1].system) == ("c3", "a")
    assert found[0][1].gap > 0.3


def test_too_little_has_a_reason(truth):
    two = {m: truth[m] for m in ("a", "b")}
    pairs = agreement(a_run(two), a_study(two))
    assert one(pairs, "m").by_system is None
    assert "at least 3" in one(pairs, "m").why_system
    assert one(pairs, "s").by_clip is None
    assert one(pairs, "s").why_clip == "s is a number of whole sets"
    constant = one(agreement(a_run({m: np.ones(len(CLIPS)) for m in truth}), a_study(truth)), "m")
    assert constant.by_clip.pearson.value is None
    assert constant.by_clip.pearson.reason


def test_a_section_belongs_to_the_task_that_its_codebook_or_name_says(truth):
    run = a_run(truth)
    a2v = [Result(m, "a2v", "m", 1.0, "higher", "share", 8, 8, 8) for m in truth]
    both = Run("run", [], Scores({}, [*run.scores.results, *a2v], run.scores.per_clip, (), ()), run.samples)
    pairs = agreement(both, a_study(truth, section="aist-v2a"))
    assert {pair.task for pair in pairs} == {"v2a"}
    named = replace(a_study(truth, section="dance"), tasks={"dance": "a2v"})
    assert {pair.task for pair in agreement(both, named)} == {"a2v"}
