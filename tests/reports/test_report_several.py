"""Several runs: one table where nothing that makes the numbers differs, and the reasons where something does."""

import json
import shutil
from pathlib import Path

import pytest
from reported import scored_run
from typer.testing import CliRunner

from cmmd_bench.cli import app
from cmmd_bench.errors import UserError
from cmmd_bench.scoring.comparisons import compare_models
from cmmd_report.comparing import compare
from cmmd_report.figures.drawing import NotDrawn
from cmmd_report.figures.sweep import sweep, sweep_axis
from cmmd_report.joining import joined, why_apart
from cmmd_report.overview import across
from cmmd_report.reading import read_run
from cmmd_report.report import write_report


@pytest.fixture(scope="module")
def alone(tmp_path_factory, session_cache) -> list[Path]:
    """The voices of `made`, each in a run of its own."""
    folder = tmp_path_factory.mktemp("alone")
    return [scored_run(folder / name, {f"voices:{name}": {}}, session_cache) for name in ("High", "Low")]


@pytest.fixture(scope="module")
def pitches(tmp_path_factory, session_cache) -> list[Path]:
    folder = tmp_path_factory.mktemp("pitches")
    return [
        scored_run(folder / f"p{pitch}", {"voices:Pitched": {"pitch": pitch}}, session_cache)
        for pitch in (900, 200, 400)
    ]


def test_two_runs_are_the_run_of_both(made, alone):
    (one,) = joined([read_run(folder) for folder in alone])
    whole = read_run(made.run)
    assert {(r.model, r.task, r.metric): r.value for r in one.scores.results} == {
        (r.model, r.task, r.metric): r.value for r in whole.scores.results
    }
    assert list(compare(one).comparisons) == compare_models(whole.index())
    assert {(s.model, s.id) for s in one.samples} == {(s.model, s.id) for s in whole.samples}


def test_rows_of_equal_names_are_told_apart_and_keep_their_clips(pitches, tmp_path):
    (one,) = joined([read_run(folder) for folder in pitches])
    assert list(one.scores.protocol["models"]) == ["Pitched@p900", "Pitched@p200", "Pitched@p400"]
    for sample in one.samples:
        assert sample.file.is_file()
        if sample.model == "Pitched@p400":
            assert sample.file.is_relative_to(pitches[2])
    pairs = {(c.a, c.b) for c in compare(one).done}
    assert ("Pitched@p900", "Pitched@p400") in pairs
    page = write_report(pitches, out=tmp_path, clips=1).page.read_text()
    assert "Pitched@p200" in page
    assert "Metrics along pitch" in page
    assert "command of p400" in page


def test_a_sweep_goes_along_the_option_that_differs(pitches, alone):
    (one,) = joined([read_run(folder) for folder in pitches])
    axis = sweep_axis(one)
    assert (axis.name, list(axis.rows.values())) == ("pitch", [200.0, 400.0, 900.0])
    values = {r.model: r.value for r in one.results("v2a") if r.metric == "fad[logmel-stats]"}
    line = sweep(one).figure.axes[0].lines[0]
    assert line.get_ydata().tolist() == [values[row] for row in axis.rows]
    with pytest.raises(NotDrawn, match="in 3 settings"):
        sweep(joined([read_run(folder) for folder in alone])[0])


def test_the_same_run_twice_is_two_rows(alone):
    (one,) = joined([read_run(alone[0]), read_run(alone[0])])
    assert list(one.scores.protocol["models"]) == ["High@High", "High@High-2"]


def changed(folder: Path, to: Path, change) -> Path:
    shutil.copytree(folder, to)
    table = json.loads((to / "results.json").read_text())
    change(table["protocol"])
    (to / "results.json").write_text(json.dumps(table))
    return to


CHANGES = {
    "data.conditions: 4 there, 9 now": lambda p: p["suite"]["data"].update(conditions=9),
    "items: ": lambda p: p.update(items="other"),
    "extractors.logmel-stats: 'logmel-stats/1/' there, 'logmel-stats/2/' now": lambda p: p["extractors"].update(
        {"logmel-stats": "logmel-stats/2/"}
    ),
    "samples: 1 there, None now": lambda p: p["suite"]["metrics"][1].update(samples=None),
}


@pytest.mark.parametrize("reason", CHANGES)
def test_what_differs_is_refused_one_column_and_said(alone, tmp_path, reason):
    other = changed(alone[1], tmp_path / "other", CHANGES[reason])
    runs = [read_run(alone[0]), read_run(other)]
    assert len(joined(runs)) == 2
    assert any(reason in one for one in why_apart(*runs))
    written = write_report([alone[0], other], out=tmp_path / "out", clips=0)
    text = written.page.read_text()
    assert "Why these are 2 tables" in text
    assert len(written.answer) == 2
    for place, name in enumerate(("small", "small"), 1):
        assert f'href="{place}-{name}/report.html"' in text
        assert (tmp_path / "out" / f"{place}-{name}" / "report.html").is_file()


def test_another_metric_or_name_is_no_reason_to_stand_apart(alone, tmp_path):
    def drop(protocol):
        protocol["suite"]["metrics"].pop()
        protocol["suite"]["name"] = "smaller"
        protocol["seed"] = 7

    other = changed(alone[1], tmp_path / "other", drop)
    assert len(joined([read_run(alone[0]), read_run(other)])) == 1


def test_models_over_suites_stand_side_by_side(alone, tmp_path):
    other = changed(alone[1], tmp_path / "other", CHANGES["items: "])
    runs = joined([read_run(alone[0]), read_run(other)])
    table = next(one for one in across(runs) if "fad[" in one.title)
    cells = {model: [cell.result and cell.result.value for cell in cells] for model, cells in table.rows}
    assert cells["High"][1] is None
    assert cells["Low"][0] is None
    assert None not in cells["ground-truth"]


def test_a_study_of_one_of_several_runs(made, alone, tmp_path):
    """Its systems are the rows of its run."""
    written = write_report([made.run, alone[0]], out=tmp_path, study=made.study, clips=0)
    assert written.answer[1].startswith("6 raters were asked")
    assert "Which metric says what people say" in written.page.read_text()
    with pytest.raises(UserError, match="is not a study of"):
        write_report([alone[0], alone[1]], out=tmp_path / "none", study=made.study)


def test_typed_numbers_join_nothing(made, tmp_path):
    typed = read_run(Path(__file__).parents[1] / "data" / "reports" / "paper")
    assert why_apart(read_run(made.run), typed)
    assert why_apart(typed, typed) == ["a table was typed in, and does not say which items and features it is of"]
    assert len(joined([typed, typed, read_run(made.run)])) == 3


def test_several_runs_need_a_folder(alone):
    done = CliRunner().invoke(app, ["report", *map(str, alone)])
    assert isinstance(done.exception, UserError)
    assert "--out" in str(done.exception)
