"""The report of a run: says what the numbers say, the same to the byte, and refuses what it cannot be made of."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from reported import csv_rows, scored_run
from typer.testing import CliRunner

from cmmd_bench.cli import app
from cmmd_bench.errors import UserError
from cmmd_bench.scoring.comparisons import compare_models
from cmmd_bench.scoring.index import read_index
from cmmd_report.report import Written, write_report


class Page(HTMLParser):
    """Tags with their attributes, cells of tables, and all text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags, self.text = [], []
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def written(made, session_cache, tmp_path_factory) -> Written:
    """The report of `made` with its study, once for all tests that only read it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CMMD_BENCH_CACHE", str(session_cache))
        return write_report([made.run], out=tmp_path_factory.mktemp("written"), study=made.study, clips=4)


def test_two_renders_are_the_same_bytes(made, written, tmp_path):
    again = write_report([made.run], out=tmp_path, study=made.study, clips=4)
    assert written.page.read_bytes() == again.page.read_bytes()
    first = written.page.parent
    others = [path.relative_to(first) for path in first.glob("*/*")]
    assert {path.suffix for path in others} == {".csv", ".tex", ".md", ".pdf", ".png"}
    for path in others:
        assert (first / path).read_bytes() == (tmp_path / path).read_bytes(), path


def test_the_answer_counts_the_comparisons_that_survive(made, written):
    found = compare_models(read_index(made.run))
    wins = {model: sum(c.better == model for c in found) for model in ("High", "Low")}
    said, people = written.answer
    first, second = sorted(wins, key=lambda model: -wins[model])
    assert wins[first] > 0
    assert f"{first} is better than {second} in {wins[first]} of {len(found)} metrics" in said
    if wins[second]:
        assert f"is worse than {second} in {wins[second]}" in said
    assert people.startswith("6 raters were asked")
    finding = json.loads((made.study / "analysis.json").read_text())["results"]["findings"][0]
    assert f"{finding['tests'][0]['difference']:+.2f}" in people


def test_every_number_of_the_table_is_the_results(made, written):
    results = json.loads((made.run / "results.json").read_text())["results"]
    shown = [float(a["data-value"]) for a in Page(written.page).all("td") if a.get("data-value")]
    assert sorted(shown) == sorted(r["value"] for r in results if r["value"] is not None)
    rows = csv_rows(written.page.parent / "tables" / "results.csv")
    assert [row["value"] for row in rows] == ["" if r["value"] is None else repr(r["value"]) for r in results]


def test_nothing_is_asked_of_the_network(written):
    page = Page(written.page)
    for _, attributes in page.tags:
        for name in ("src", "href", "poster"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:", "tables/", "figures/", "#")), value
    assert len(page.all("video")) == 8 * 5


def test_agreement_is_on_the_page_and_its_clips_can_be_played(written):
    text = written.page.read_text()
    assert "Which metric says what people say" in text
    anchors = re.findall(r'<a href="#(clips-\d+)">', text)
    assert anchors
    assert all(f'id="{anchor}"' in text for anchor in anchors)


def test_clips_beside_the_page(made, tmp_path):
    written = write_report([made.run], out=tmp_path, clips=2, embed=False)
    addresses = [attributes["src"] for attributes in Page(written.page).all("video")]
    assert addresses
    assert all((tmp_path / address).is_file() for address in addresses)
    assert "data:video" not in written.page.read_text()
    assert written.page.stat().st_size < 500_000


def test_names_are_text_and_no_markup(tmp_path, session_cache):
    folder = scored_run(tmp_path / "<b>run & %_$", {"voices:Failing": {}}, session_cache)
    page = write_report([folder], out=tmp_path / "out", clips=1).page
    text = page.read_text()
    assert "<b>no luck" not in text
    assert "&lt;b&gt;no luck&lt;/b&gt;" in text
    latex = (tmp_path / "out" / "tables" / "v2a.tex").read_text()
    label = re.search(r"\\label\{(.*)\}", latex)
    assert label is not None
    assert re.fullmatch(r"[\w:.-]+", label[1])


def test_one_model_stands_against_the_built_in_rows(tmp_path, session_cache):
    folder = scored_run(tmp_path / "run", {"voices:Low": {}}, session_cache)
    said, people = write_report([folder], out=tmp_path / "out", clips=0).answer
    assert "Low" in said
    assert "noise" in said
    assert people.startswith("No person was asked")


def test_a_run_without_sound(tmp_path, session_cache):
    folder = scored_run(tmp_path / "run", {"voices:Silenced": {}}, session_cache)
    write_report([folder], out=tmp_path / "out", clips=1)
    text = (tmp_path / "out" / "report.html").read_text()
    assert "Silenced" in text


def test_scores_of_folders(made, tmp_path):
    """What `score --out` leaves: two rows, no ceiling and no floor, and no clips to play."""
    for name in ("High", "Low", "ground-truth"):
        for clip in sorted((made.run / "samples" / name).glob("v2a-*-0.mkv")):
            place = tmp_path / name / clip.name
            place.parent.mkdir(exist_ok=True)
            shutil.copy(clip, place)
    generated = {name: tmp_path / name for name in ("High", "Low")}
    words = [f"--generated={name}={folder}" for name, folder in generated.items()]
    words += ["--reference", str(tmp_path / "ground-truth"), "--out", str(tmp_path / "scores"), "-q"]
    assert CliRunner().invoke(app, ["score", *words, "--metric", "fad[logmel-stats]"]).exit_code == 0
    written = write_report([tmp_path / "scores"], out=tmp_path / "out")
    assert written.answer[0].startswith("On these clips, ")
    assert "without a row of real clips or of noise" in written.answer[1]
    text = written.page.read_text()
    assert "ground-truth" not in text
    assert "a folder of scores does not hold the clips" in text
    assert "clips a row were scored against 4 real clips" in text


def test_missing_and_damaged_media_are_said_and_cost_nothing_else(made, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(made.run, folder)
    clips = sorted((folder / "samples" / "High").glob("v2a-*"))
    clips[0].unlink()
    clips[2].write_bytes(b"no clip")
    text = write_report([folder], out=tmp_path / "out", clips=4).page.read_text()
    assert text.count("not playable: ") == 2
    assert "player of High" in text


def test_comparisons_that_need_a_lost_cache_are_said(made, tmp_path, monkeypatch):
    monkeypatch.setenv("CMMD_BENCH_CACHE", str(tmp_path / "empty"))
    written = write_report([made.run], out=tmp_path / "out", clips=0)
    assert written.answer[0].startswith("No comparison could be made")
    assert "the feature cache no longer holds" in written.page.read_text()


def test_unfinished_newer_and_foreign_folders(made, tmp_path):
    def refused(change, match, study=None):
        folder = tmp_path / match.replace(" ", "-")[:20]
        shutil.copytree(made.run, folder)
        change(folder)
        with pytest.raises(UserError, match=match):
            write_report([folder], out=tmp_path / "out", study=study)
        assert not (tmp_path / "out" / "report.html").exists()

    refused(lambda folder: _edit(folder / "run.json", status="running"), "is unfinished. Run its command again")
    refused(lambda folder: (folder / "results.json").unlink(), "is unfinished")
    refused(lambda folder: _edit(folder / "run.json", schema=99), "was written with schema 99")
    refused(lambda folder: _edit(folder / "results.json", schema=99), "has schema 99")
    refused(lambda folder: _edit(folder / "results.json", results=[]), "holds no result")
    refused(lambda folder: _edit(folder / "results.json", results=[{"model": "x"}]), "is no table of results")
    refused(lambda folder: _edit(folder / "results.json", results=[{"of": 1}]), "unexpected keyword argument 'of'")
    with pytest.raises(UserError, match="is not a run folder"):
        write_report([tmp_path], out=tmp_path / "out")


def test_a_study_of_another_run(made, tmp_path):
    rows = (made.study / "ratings.csv").read_text()
    shutil.copytree(made.study, tmp_path / "clips")
    (tmp_path / "clips" / "ratings.csv").write_text(rows.replace("beatdance", "otherdance"))
    with pytest.raises(UserError, match="is not a study of .*: it rates otherdance"):
        write_report([made.run], out=tmp_path / "out", study=tmp_path / "clips")
    shutil.copytree(made.study, tmp_path / "systems")
    (tmp_path / "systems" / "ratings.csv").write_text(rows.replace("Low", "somebody"))
    with pytest.raises(UserError, match="it rates somebody; the run has the rows"):
        write_report([made.run], out=tmp_path / "out", study=tmp_path / "systems")
    with pytest.raises(UserError, match=r"has no ratings.csv of a study. Make it with: cmmd-bench study export"):
        write_report([made.run], out=tmp_path / "out", study=tmp_path)


def _edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
