"""From a table to findings: R's numbers end to end, plans, exclusions, incomplete studies, tiny ones, the commands."""

import csv
import json
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from cmmd_bench.errors import UserError
from cmmd_study.analysis import analyse
from cmmd_study.analysis.contrasts import CROSSED, MIXED
from cmmd_study.analysis.figure import draw
from cmmd_study.analysis.report_tables import tables
from cmmd_study.cli import analyse as commands
from cmmd_study.specification import Contrast, Plan
from cmmd_study.tables.long_table import Rated, read_long_table, write_long_table

DATA = Path(__file__).resolve().parents[1] / "data" / "studies"
NAMES = {"section": "task", "clip": "item", "score": "rating"}
REFERENCES = dict.fromkeys(("aist_v2a", "aist_a2v", "epic_v2a"), "gt")
SYNC = ("aist_v2a", "temporal_sync")
RULES = ("straight",)


def contrast(section, question, b, a="cmmd"):
    return Contrast(section=section, question=question, a=a, b=b)


GOLDEN = contrast(*SYNC, "ncmmd")


@pytest.fixture(scope="module")
def paperlike():
    return read_long_table(DATA / "paperlike_ratings.csv", names=NAMES)


@pytest.fixture(scope="module")
def in_r():
    with (DATA / "paperlike_expected_rater_wilcoxon_R.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def study(raters=8, clips=4, systems=("gt", "ours", "theirs"), means=(5, 4, 2), seed=1, **more):
    """A complete small study with a little noise."""
    rng = random.Random(seed)
    return [
        Rated(
            rater=f"r{r}",
            section="a",
            clip=f"c{c}",
            system=system,
            question="q",
            score=min(5, max(1, mean + rng.choice((-1, 0, 0, 1)))),
            **more,
        )
        for r in range(raters)
        for c in range(clips)
        for system, mean in zip(systems, means, strict=True)
    ]


def plan(**more):
    return Plan(contrasts=(contrast("a", "q", "theirs", a="ours"),), **more)


def only(found):
    (finding,) = found.results.findings
    return finding


def test_every_contrast_of_the_paper_shaped_study_is_as_r_has_it(paperlike, in_r):
    planned = Plan(family="study", contrasts=tuple(contrast(row["task"], row["question"], row["vs"]) for row in in_r))
    found = analyse(paperlike, planned, REFERENCES)
    assert found.kind == "confirmatory"
    assert len(found.results.findings) == len(in_r) == 13
    for finding, row in zip(found.results.findings, in_r, strict=True):
        test = finding.of("these clips")
        assert test.p == pytest.approx(float(row["p_rater_exact_pratt"]), rel=1e-9)
        assert test.adjusted == pytest.approx(float(row["p_holm"]), rel=1e-9)
        assert test.difference == pytest.approx(float(row["mean_diff"]), abs=1e-9)
        assert (test.details.n, test.details.zeros) == (int(row["n"]), int(row["zeros"]))
        assert finding.primary.claim == "clips like these"


def test_golden_numbers_of_one_question(paperlike):
    rows = [row for row in paperlike if (row.section, row.question) == SYNC]
    found = analyse(rows, Plan(contrasts=(GOLDEN, contrast(*SYNC, "mmd"))), REFERENCES)
    golden, other = found.results.findings
    crossed = golden.primary
    assert (crossed.method, golden.complete, golden.n_raters, golden.n_clips) == (CROSSED, True, 14, 5)
    assert crossed.p == pytest.approx(0.061148, abs=5e-7)
    assert (crossed.low, crossed.high) == pytest.approx((-0.022021, 0.736307), abs=5e-7)
    assert crossed.details.df == pytest.approx(6.854, abs=5e-4)
    assert other.primary.p == pytest.approx(0.023874, abs=5e-7)
    # Holm over two: the smaller p doubles, the other one stays above it.
    assert other.primary.adjusted == pytest.approx(2 * other.primary.p)
    assert crossed.adjusted == crossed.p
    mos = {row.system: row for _, row in found.results.mos}
    assert mos["cmmd"].mean == pytest.approx(3.114, abs=5e-4)
    assert mos["cmmd"].independent.half_width == pytest.approx(0.160, abs=5e-4)
    assert mos["cmmd"].by_raters.half_width == pytest.approx(0.314, abs=5e-4)
    (agreed,) = found.results.agreement
    assert agreed.single.value == pytest.approx(0.415089, abs=5e-7)
    assert agreed.panel.value == pytest.approx(0.908553, abs=5e-7)
    assert agreed.alpha.value == pytest.approx(0.379714, abs=5e-7)
    assert (golden.bootstrap.low, golden.bootstrap.high) == pytest.approx((0.03, 0.70), abs=0.02)
    assert [check.contrast.b for check in found.results.checks] == ["cmmd", "mmd", "ncmmd"]
    assert all(check.primary.adjusted is None and check.primary.difference > 0 for check in found.results.checks)


@pytest.mark.parametrize(
    ("pairing", "pairs", "p"),
    [("rater_item", 70, 0.0001195997), ("rater", 14, 0.0087890625), ("item", 5, None), ("rating", 140, ...)],
)
def test_paper_mode_names_its_pairing(paperlike, pairing, pairs, p):
    found = analyse(paperlike, Plan(contrasts=(GOLDEN, contrast(*SYNC, "mmd"))), REFERENCES, paper=pairing)
    golden, other = found.results.paper
    assert (golden.test.pairing, golden.test.n) == (pairing, pairs)
    if p is None:
        assert golden.test.p is None
        assert golden.adjusted is None
        assert "can never be significant" in golden.reason
    elif p is ...:
        # Two samples against one have no pairs.
        assert other.test is None
        assert "needs the same samples" in other.reason
        assert golden.adjusted == pytest.approx(min(1, 2 * golden.test.p))
    else:
        assert golden.test.p == pytest.approx(p, abs=5e-11)
        assert golden.adjusted >= golden.test.p


def test_all_pairs_without_a_plan_are_exploratory_and_say_so(paperlike):
    found = analyse(paperlike, references=REFERENCES)
    assert found.kind == "exploratory"
    assert "no plan was frozen" in found.notes[0].lower()
    by_section = Counter(finding.contrast.section for finding in found.results.findings)
    assert by_section == {"aist_v2a": 9, "aist_a2v": 6, "epic_v2a": 3}
    assert len(found.paragraphs) == 8
    assert all("leads for a study that plans for them" in words for words in found.paragraphs)
    assert len(analyse([row for row in paperlike if row.section == "epic_v2a"]).results.findings) == 9
    empty = analyse(paperlike, Plan(), REFERENCES)
    assert (empty.kind, len(empty.results.findings)) == ("exploratory", 18)
    assert "names no contrast" in empty.notes[0]


def test_the_order_of_rows_changes_nothing(paperlike):
    rows = [row for row in paperlike if row.section == "epic_v2a"]
    shuffled = sorted(rows, key=lambda row: (row.question, row.score, row.clip, row.rater, row.sample, row.system))
    here, there = analyse(rows, references=REFERENCES), analyse(shuffled, references=REFERENCES)
    key = lambda finding: str(finding.contrast)  # noqa: E731
    for one, other in zip(sorted(here.results.findings, key=key), sorted(there.results.findings, key=key), strict=True):
        assert one.primary.p == pytest.approx(other.primary.p, rel=1e-12)
        assert one.of("these clips").p == other.of("these clips").p
        assert one.shares == other.shares


def test_the_plan_chooses_the_primary_claim_family_and_correction():
    rows = study() + [replace(row, section="b") for row in study(seed=2)]
    both = (contrast("a", "q", "theirs", a="ours"), contrast("b", "q", "theirs", a="ours"))
    found = analyse(rows, Plan(claim="these clips", contrasts=both)).results.findings
    assert [test.claim for test in found[0].tests] == ["these clips", "clips like these"]
    assert found[0].primary.adjusted == found[0].primary.p
    whole = analyse(rows, Plan(contrasts=both, family="study")).results.findings
    assert max(finding.primary.adjusted / finding.primary.p for finding in whole) == pytest.approx(2)
    raw = analyse(rows, Plan(contrasts=both, family="study", correction="none")).results.findings
    assert [finding.primary.adjusted for finding in raw] == [finding.primary.p for finding in raw]


def test_intervals_go_with_the_plans_alpha():
    narrow = only(analyse(study(), plan(alpha=0.3))).primary
    wide = only(analyse(study(), plan(alpha=0.001))).primary
    assert wide.low < narrow.low < narrow.difference < narrow.high < wide.high


def straight(rows, rater="dull"):
    return rows + [replace(row, rater=rater, score=3.0) for row in rows if row.rater == "r0"]


def test_a_rater_who_stands_out_is_reported_and_left_out_by_the_plan_only():
    rows = straight(study())
    reported = analyse(rows, plan())
    assert {found.rater for found in reported.screening.broken} == {"dull"}
    assert "straight" in [found.rule for found in reported.screening.broken]
    assert not any(found.applied for found in reported.screening.broken)
    assert reported.screening.excluded == ()
    assert reported.everybody is None
    assert "dull" in reported.results.raters
    applied = analyse(rows, plan(exclusions=RULES))
    assert applied.screening.excluded == ("dull",)
    assert [found.rule for found in applied.screening.broken if found.applied] == ["straight"]
    assert "dull" not in applied.results.raters
    assert "dull" in applied.everybody.raters
    assert only(applied).primary.difference > applied.everybody.findings[0].primary.difference
    assert applied.everybody.findings == reported.results.findings
    assert applied.results.findings == analyse(study(), plan()).results.findings
    assert any("Contrasts with the raters" in title for title, *_ in tables(applied))


def test_words_say_whether_the_raters_left_out_would_change_the_outcome():
    many = straight(study(12, 8))
    (alike,) = analyse(many, plan(exclusions=RULES)).paragraphs
    assert alike.endswith("The plan left out 1 rater; with them the primary tests come out alike.")
    # Six of six raters differ: p is 2/64. With a seventh, who has the scale upside down, it is not below 0.05.
    upside_down = [replace(row, rater="odd", score=6 - row.score) for row in study(1, seed=5)]
    planned = plan(claim="these clips", exclusions=("reference",))
    found = analyse(study(6) + upside_down, planned, {"a": "gt"})
    assert found.screening.excluded == ("odd",)
    assert only(found).primary.p == pytest.approx(2 / 2**6)
    assert found.everybody.findings[0].primary.p > 0.05
    assert found.paragraphs[0].endswith("the primary test comes out differently for ours against theirs.")


def test_a_rater_out_in_one_section_is_out_in_all():
    rows = straight(study()) + [replace(row, section="b") for row in straight(study(seed=3))]
    lively = [replace(row, score=row.score if row.clip != "c1" else 1.0) if row.section == "b" else row for row in rows]
    found = analyse(lively, Plan(exclusions=RULES))
    assert {(one.rater, one.section) for one in found.screening.broken if one.applied} == {("dull", "a")}
    assert "dull" not in found.results.raters
    assert all(finding.n_raters == 8 for finding in found.results.findings)


def test_gold_and_playback_count_for_the_whole_study_and_practice_for_nothing():
    rows = study(seconds=2.0, played_share=1.0, viewing_seconds=2.1, plays=1)
    gold = [
        Rated(rater="r1", section="a", clip=f"g{i}", system="gold", question="q", score=1, role="gold", passed=False)
        for i in range(2)
    ]
    practice = [replace(row, role="practice", played_share=0.0, score=1.0) for row in rows]
    skipped = [replace(row, played_share=0.5) if row.rater == "r2" else row for row in rows]
    found = analyse(skipped + gold + practice, plan(exclusions=("checks", "played")))
    assert {(one.rater, one.section, one.rule) for one in found.screening.broken} == {
        ("r1", None, "checks"),
        ("r2", None, "played"),
    }
    assert found.screening.excluded == ("r1", "r2")
    assert found.results.n_ratings == 6 * 4 * 3
    one_wrong = analyse([*rows, gold[0]], plan(exclusions=("checks",)))
    assert one_wrong.screening.excluded == ()


def test_repeats_tell_how_far_raters_agree_with_themselves_and_enter_nothing_else():
    rows = study()
    again = [replace(row, role="repeat", place=99) for row in rows[:6]]
    again[0] = replace(again[0], score=again[0].score - 1)
    found = analyse(rows + again, plan())
    (agreed,) = found.results.agreement
    assert (agreed.repeats.n_pairs, agreed.repeats.exact) == (6, pytest.approx(5 / 6))
    assert found.results.findings == analyse(rows, plan()).results.findings
    (alone,) = analyse(rows, plan()).results.agreement
    assert alone.repeats is None
    assert "shown to a rater twice" in alone.reasons["repeats"]


@pytest.mark.parametrize("missing", ["cells", "samples"])
def test_an_incomplete_design_goes_to_the_mixed_model(paperlike, missing):
    rows = [row for row in paperlike if (row.section, row.question) == SYNC]
    if missing == "cells":
        kept = [row for row in rows if not (row.rater == "r01" and row.clip.endswith("c1"))]
    else:
        kept = [row for row in rows if not (row.rater == "r01" and row.clip.endswith("c1") and row.sample == "2")]
    finding = only(analyse(kept, Plan(contrasts=(GOLDEN,)), REFERENCES))
    assert (finding.complete, finding.primary.method) == (False, MIXED)
    # Next to the complete study's, by R's lmerTest: p 0.060, df 6.03.
    assert finding.primary.p == pytest.approx(0.060, abs=0.015)
    assert finding.primary.details.df == pytest.approx(6.03, abs=0.75)
    (agreed,) = analyse(kept, Plan(contrasts=(GOLDEN,)), REFERENCES).results.agreement
    assert agreed.single is None
    assert "no missing cell" in agreed.reasons["icc"]
    assert agreed.alpha.value == pytest.approx(0.38, abs=0.01)


def test_raters_who_share_no_clip_of_both_systems():
    rows = [row for row in study() if (row.system == "ours") == (row.clip in ("c0", "c1"))]
    finding = only(analyse(rows, plan()))
    assert finding.of("these clips").p is None
    assert "no rater rated both" in finding.of("these clips").note
    assert (finding.hodges_lehmann, finding.rank_biserial, finding.shares) == (None, None, None)


def test_what_nobody_rated_is_said_and_still_counts_in_the_family():
    rows = study()
    absent = contrast("a", "q", "nobody", a="ours")
    found = analyse(rows, Plan(contrasts=(plan().contrasts[0], absent)))
    there, missing = found.results.findings
    assert (missing.primary.p, missing.primary.note) == (None, "nobody rated nobody")
    assert there.primary.adjusted == pytest.approx(2 * there.primary.p)
    assert "could not be tested: nobody rated nobody" in found.paragraphs[0]
    elsewhere = analyse(rows, Plan(contrasts=(contrast("b", "q", "theirs", a="ours"),)))
    assert only(elsewhere).primary.note == "nobody rated ours and theirs"


def test_perfect_and_equal_answers():
    apart = study(means=(5, 5, 1))
    apart = [replace(row, score=5.0 if row.system != "theirs" else 1.0) for row in apart]
    finding = only(analyse(apart, plan()))
    assert finding.primary.difference == 4
    assert finding.primary.p is None
    assert "no variation" in finding.primary.note
    assert finding.of("these clips").p == pytest.approx(2 / 2**8)
    assert (finding.rank_biserial, finding.shares.better) == (1, 1)
    equal = only(analyse([replace(row, score=3.0) for row in apart], plan()))
    assert [test.p for test in equal.tests] == [1, 1]
    assert equal.shares.tie == 1


@pytest.mark.parametrize(("raters", "clips"), [(1, 4), (8, 1), (2, 2), (1, 1)])
def test_very_small_studies_give_reasons_and_no_crash(raters, clips):
    found = analyse(study(raters, clips), plan(), {"a": "gt"}, paper="rater_item")
    finding = only(found)
    assert finding.primary.p is not None or finding.primary.note
    if raters < 6:
        assert "cannot give a p below" in finding.of("these clips").note
    assert found.paragraphs[0].startswith(f"a, q: {raters} rater")
    json.dumps(found.to_json(), allow_nan=False)
    assert list(tables(found))


def test_a_reference_that_is_not_the_best_is_told():
    good = analyse(study(means=(5, 3, 2)), plan(), {"a": "gt"}).paragraphs[0]
    assert "the reference gt was rated clearly above every system" in good
    poor = analyse(study(means=(2, 4, 1)), plan(), {"a": "gt"}).paragraphs[0]
    assert "gt was not rated clearly above ours" in poor
    with pytest.raises(UserError, match="no rated system named 'gtt'. Did you mean 'gt'"):
        analyse(study(), plan(), {"a": "gtt"})


def test_late_unfinished_and_deviations_are_told():
    rows = [replace(row, late=row.rater == "r1", finished=row.rater != "r2") for row in study()]
    found = analyse(rows, plan(), deviations=["alpha was 0.05, is 0.1."])
    assert found.notes == (
        "Given after the study was closed, and counted: 12 ratings.",
        "Not finished, and counted as far as they came: 1 rater.",
        "alpha was 0.05, is 0.1.",
    )


def test_nothing_to_analyse():
    with pytest.raises(UserError, match="none of the 0 rows"):
        analyse([])
    with pytest.raises(UserError, match="none of the 96 rows"):
        analyse(study(role="practice"))
    with pytest.raises(UserError, match="leave no rater"):
        analyse([replace(row, score=3.0) for row in study()], Plan(exclusions=RULES))


def test_words_agree_with_the_numbers(paperlike):
    rows = [row for row in paperlike if (row.section, row.question) == SYNC]
    (words,) = analyse(rows, Plan(contrasts=(GOLDEN,)), REFERENCES).paragraphs
    assert "14 raters rated 5 clips" in words
    assert "cmmd was rated 0.36 points higher than ncmmd (95% interval of the difference -0.02 to 0.74" in words
    assert "clips like these (the primary claim) that is not significant: p = 0.061, 0.061 after Holm" in words
    assert "these very clips that is significant: p = 0.0088" in words
    assert "Not significant does not mean equal." in words
    assert "not planned" not in words


def test_the_figure_prints_means_and_is_the_same_each_time(paperlike, tmp_path):
    rows = [row for row in paperlike if row.section == "aist_v2a"]
    for kind, magic in (("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")):
        for name in ("a", "b"):
            draw(rows, tmp_path / f"{name}.{kind}", REFERENCES)
        drawn = (tmp_path / f"a.{kind}").read_bytes()
        assert drawn.startswith(magic)
        assert drawn == (tmp_path / f"b.{kind}").read_bytes()
    svg = (tmp_path / "a.svg").read_text()
    assert "<!-- 3.11 -->" in svg
    assert "<!-- musical_quality -->" in svg
    with pytest.raises(UserError, match=r"written as \.png, \.svg or \.pdf"):
        draw(paperlike, tmp_path / "a.gif")
    with pytest.raises(UserError, match="nothing to draw"):
        draw(study(role="gold"), tmp_path / "none.png")


@pytest.fixture
def run():
    app = typer.Typer()
    app.command("analyse")(commands.analyse)
    app.command("import")(commands.import_)

    def call(*arguments):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


def test_analyse_command_on_a_table(run, tmp_path):
    columns = [option for ours, theirs in NAMES.items() for option in ("--column", f"{ours}={theirs}")]
    table = (DATA / "paperlike_ratings.csv", *columns, "--reference", "gt")
    shown = run("analyse", *table, "--paper", "rater_item", "--out", tmp_path, "--figure", tmp_path / "f.png")
    assert shown.exit_code == 0
    assert "Mean opinions with 95% intervals" in shown.stdout
    assert "cmmd was rated 0.36 points higher than ncmmd" in shown.stdout
    assert "no plan was frozen" in shown.stderr.lower()
    stored = json.loads((tmp_path / "analysis.json").read_text())
    assert (tmp_path / "f.png").stat().st_size > 10_000
    printed = json.loads(run("analyse", *table, "--paper", "rater_item", "--json").stdout)
    assert stored == printed
    assert printed["schema"] == 1
    assert printed["kind"] == "exploratory"
    (golden,) = [one for one in printed["results"]["findings"] if one["contrast"] == GOLDEN.model_dump()]
    assert golden["tests"][0]["p"] == pytest.approx(0.061148, abs=5e-7)


def test_import_command_and_analysis_of_what_it_wrote(run, tmp_path):
    votes = ["HITId,workerid,file,short_file_name,vote"]
    votes += [f"h,{row.rater},{row.clip}_{row.system}.wav,x,{row.score:g}" for row in study()]
    (tmp_path / "votes.csv").write_text("\n".join(votes))
    pattern = ("--format", "p808", "--stimulus", "{clip}_{system}")
    done = run("import", tmp_path / "votes.csv", tmp_path / "ratings.csv", *pattern)
    assert "96 ratings of 3 systems by 8 raters" in done.stderr
    direct = run("analyse", tmp_path / "votes.csv", *pattern, "--reference", "gt", "--json").stdout
    assert json.loads(direct) == json.loads(
        run("analyse", tmp_path / "ratings.csv", "--reference", "gt", "--json").stdout
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--reference", "gtt"), "no rated system named 'gtt'. Did you mean 'gt'"),
        (("--paper", "items"), "no pairing named 'items'. Did you mean 'item'"),
        (("--format", "musrha"), "no format named 'musrha'"),
        (("--scale", "5:1"), "--scale takes LOWEST:HIGHEST"),
        (("--column", "score"), "--column takes OURS=THEIRS"),
        (("--raters", "nowhere.txt"), "nowhere.txt is not a file"),
        (("--stimulus", "{clip}_{system}"), "columns of their own"),
        (("--format", "p808", "--column", "a=b"), "--column is for long tables"),
    ],
)
def test_options_that_cannot_be_meant(run, tmp_path, options, said):
    write_long_table(tmp_path / "ratings.csv", study())
    with pytest.raises(UserError, match=said):
        run("analyse", tmp_path / "ratings.csv", *options)


def test_unknown_raters_and_folders_that_are_no_studies(run, tmp_path):
    write_long_table(tmp_path / "ratings.csv", study())
    (tmp_path / "raters.txt").write_text("r0\nr1\n\n")
    with pytest.raises(UserError, match="no rater named 'r2'"):
        run("analyse", tmp_path / "ratings.csv", "--raters", tmp_path / "raters.txt")
    with pytest.raises(UserError, match="is not a study: it has no study.toml"):
        run("analyse", tmp_path)
