"""Reports on raters: which rules fire on whom, in which words, and that nothing is left out of anything."""

from pathlib import Path

import numpy as np
import pytest

from cmmd_bench.metrics.opinion.ratings import Ratings, select
from cmmd_bench.metrics.opinion.reliability import leave_one_out
from cmmd_bench.metrics.opinion.screening import Check, Playback, screen

DATA = Path(__file__).resolve().parents[2] / "data" / "studies"


def table(values, **columns):
    """Ratings of an (R, I) matrix: one clip for each item unless `columns` says otherwise."""
    rater, item = np.nonzero(~np.isnan(values))
    named = {name: np.asarray(labels)[item] for name, labels in columns.items()}
    clip = named.pop("clip", [f"c{i:02d}" for i in item])
    system = named.pop("system", ["s"] * len(item))
    raters = [f"r{r:02d}" for r in rater]
    return Ratings.from_columns(rater=raters, system=system, clip=clip, score=values[rater, item], **named)


@pytest.fixture(scope="module")
def planted():
    """30 clips by 24 raters, of whom 22 answers at random and 23 reads the scale upside down."""
    return np.genfromtxt(DATA / "screening_matrix.csv", delimiter=",").T


def test_the_planted_raters_are_found_and_nobody_else(planted):
    reports = screen(table(planted))
    assert [report.rater for report in reports] == [f"r{r:02d}" for r in range(24)]
    assert {report.rater: report.flags for report in reports if report.flags} == {
        "r22": ("bt500", "p910"),
        "r23": ("bt500", "p910"),
    }
    random, inverted = reports[22:]
    assert random.inconsistency == pytest.approx(1.6373, abs=1e-4)
    assert inverted.inconsistency == pytest.approx(2.0149, abs=1e-4)
    assert max(report.inconsistency for report in reports[:22]) <= 0.81
    assert random.reasons[0] == "often far off, in both directions: 4 ratings above and 5 below, of 30"
    assert inverted.correlation.value < -0.5
    for report, correlation in zip(reports, leave_one_out(planted), strict=True):
        assert report.correlation == correlation
        mine = planted[int(report.rater[1:])]
        assert report.n_ratings == (~np.isnan(mine)).sum()
        assert report.variance == pytest.approx(np.nanvar(mine, ddof=1))


def test_a_straight_line_is_one_for_each_question_too():
    rng = np.random.default_rng(1)
    values = rng.integers(1, 6, size=(4, 20)).astype(float)
    values[0] = np.repeat([2.0, 5.0], 10)
    reports = screen(table(values, question=np.repeat(["image", "sound"], 10), clip=np.tile(np.arange(10), 2)))
    assert reports[0].variance == 0
    assert "straight" in reports[0].flags
    assert "ratings hardly vary: variance 0.000, below 0.15" in reports[0].reasons
    assert not any("straight" in report.flags for report in reports[1:])
    assert screen(table(np.array([[3.0]])))[0].variance is None


def test_the_reference_below_the_worst_system():
    systems, clips = np.repeat(["gt", "good", "bad"], 2), np.tile(["x", "y"], 3)
    values = np.array([[5, 5, 4, 4, 1, 2], [1, 2, 4, 4, 2, 2], [2, 2, 2, 2, 3, 3.0]])
    reports = screen(table(values, system=systems, clip=clips), reference="gt")
    assert ["reference" in report.flags for report in reports] == [False, True, False]
    assert (reports[1].reference_mean, reports[1].worst_mean, reports[1].worst_system) == (1.5, 2, "bad")
    assert "rated the reference 1.50, below every system: bad 2.00" in reports[1].reasons
    only = screen(select(table(values, system=systems, clip=clips), system="gt"), reference="gt")
    assert only[0].worst_mean is None
    with pytest.raises(ValueError, match=r"reference must be a system that was rated \(bad, good, gt\), found 'real'"):
        screen(table(values, system=systems, clip=clips), reference="real")


def test_checks_and_playback():
    values = np.random.default_rng(3).integers(1, 6, size=(4, 10)).astype(float)
    checks = [Check("r00", "press 4", True), Check("r00", "press 2", False)]
    checks += [Check("r01", "press 4", False), Check("r01", "press 2", False), Check("r99", "press 2", False)]
    plays = [Playback("r00", 10, 10, 10.4), Playback("r00", 10, 9.5), Playback("r02", 10, 10), Playback("r02", 10, 8.9)]
    plays += [Playback("r03", 10, 10, 11.0), Playback("r03", 10, 10, 12.1)]
    reports = {report.rater: report for report in screen(table(values), checks=checks, playbacks=plays)}
    assert set(reports) == {"r00", "r01", "r02", "r03"}
    assert {rater: set(report.flags) & {"checks", "played", "stalled"} for rater, report in reports.items()} == {
        "r00": set(),
        "r01": {"checks"},
        "r02": {"played"},
        "r03": {"stalled"},
    }
    assert "failed 2 of 2 check questions: press 4, press 2" in reports["r01"].reasons
    assert "played 94% of the clips' duration, below 95%" in reports["r02"].reasons
    assert reports["r00"].played_share == pytest.approx(0.975)
    assert reports["r00"].viewing_ratio == pytest.approx(1.04)
    assert reports["r01"].played_share is None
    for play in (Playback("r00", 0, 0), Playback("r00", np.nan, 1)):
        with pytest.raises(ValueError, match="duration must be above 0 s, found .* in playback 1"):
            screen(table(values), playbacks=[play])
    with pytest.raises(ValueError, match="played and viewing must be finite and not negative"):
        screen(table(values), playbacks=[Playback("r00", 5, -1)])


def test_few_raters_are_not_compared_with_a_panel():
    for n in (1, 2):
        for report in screen(table(np.random.default_rng(0).integers(1, 6, size=(n, 8)).astype(float))):
            assert report.bt500 is None
            assert report.correlation is None
            assert report.inconsistency_z is None
            assert not {"bt500", "p910"} & set(report.flags)


def test_all_ties_break_no_rule_but_the_straight_line():
    for report in screen(table(np.full((5, 6), 3.0))):
        assert report.flags == ("straight",)
        assert report.correlation.value is None
