"""Freezing, and what comes after it: nothing that was frozen can change unseen. By the commands themselves."""

import shutil
import subprocess
import uuid
from pathlib import Path

import pytest
from made import make_study
from sqlalchemy import update
from typer.testing import CliRunner

from cmmd_bench.errors import UserError
from cmmd_study.cli.app import app
from cmmd_study.exporting import export
from cmmd_study.folder import StudyFolder
from cmmd_study.frozen import deviations, freeze, load
from cmmd_study.journey import presentations
from cmmd_study.status import status
from cmmd_study.store import answers, raters
from cmmd_study.store.answers import Answer
from cmmd_study.store.backup import backup
from cmmd_study.store.database import create_database, open_database
from cmmd_study.store.studies import close_study, open_study, read_study
from cmmd_study.store.tables import answer, study

CONTRAST = '\n[[plan.contrasts]]\nsection = "acr-v2a"\nquestion = "{question}"\na = "{a}"\nb = "mmdiff"\n'


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    return make_study(tmp_path_factory.mktemp("template") / "study", clips=1, seconds=0.3).path


@pytest.fixture
def folder(template, tmp_path) -> StudyFolder:
    return StudyFolder(Path(shutil.copytree(template, tmp_path / "study")))


@pytest.fixture
def database(folder):
    freeze(folder, folder.database(), now=5)
    opened = open_database(folder.database())
    yield opened
    opened.close()


def refusal(*words: object) -> str:
    """What a command says when it refuses."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert isinstance(result.exception, UserError), result.output
    return str(result.exception)


def answered(database, count: int = 1) -> str:
    """A rater with some answers; the rater's id."""
    with database.writing() as connection:
        token = raters.invite(connection, 1, now=0)[0]
        who = raters.find(connection, token).id
        raters.agree(connection, who, language="en", consent="", device={}, now=0)
        for number, shown in enumerate(presentations(connection, load(database), who)[:count]):
            proof = {"played": 0.3, "ended": True}
            given = Answer(shown.id, "audio-quality", 4, uuid.uuid4().hex, 0, proof)
            answers.save(connection, given, now=10 + number)
    return who


def test_what_is_frozen_is_what_was_written(folder, database):
    frozen = load(database)
    assert (frozen.study.state, frozen.study.frozen_at) == ("frozen", 5)
    assert frozen.specification == folder.specification()
    assert frozen.questionnaires == folder.questionnaires(folder.specification())
    assert {known.stimulus for known in frozen.stimuli.values()} == {source.stimulus for source in folder.sources()}
    assert deviations(folder, frozen) == []


def test_the_same_files_freeze_to_the_same_digests(folder, database, tmp_path):
    again = freeze(folder, tmp_path / "again.db", now=99)
    assert again.study.plan_sha256 == load(database).study.plan_sha256
    assert again.study.secret != load(database).study.secret


def test_nothing_is_frozen_twice(folder, database):
    assert "holds a study already" in refusal("freeze", folder.path)


def test_edits_after_freezing_are_deviations(folder, database):
    path = folder.path / "study.toml"
    path.write_text(path.read_text().replace("seed = 3", "seed = 4"))
    assert deviations(folder, load(database)) == ["changed after freezing: specification.seed: 3 there, 4 now"]
    path.write_text("seed = ")
    assert "cannot be compared" in deviations(folder, load(database))[0]


@pytest.mark.parametrize(
    ("question", "a", "said"), [("loudness", "cmmd", "no question 'loudness'"), ("sync", "sora", "'sora' is not rated")]
)
def test_a_plan_that_names_what_is_not_there(folder, question, a, said):
    with (folder.path / "study.toml").open("a") as stream:
        stream.write(CONTRAST.format(question=question, a=a))
    assert said in refusal("freeze", folder.path)
    assert not (folder.path / "study.db").exists()


def test_a_stimulus_that_was_changed_or_lost(folder):
    media = sorted((folder.path / "media").iterdir())
    freeze(folder, folder.database(), now=0)
    media[0].write_bytes(media[0].read_bytes() + b"\0")
    assert f"{media[0]} is not the file that was prepared" in refusal("serve", folder.path)
    media[1].unlink()
    assert f"{media[1]} is missing" in refusal("serve", folder.path)
    assert "not the file that was prepared" in refusal("freeze", folder.path, "--database", "sqlite:///elsewhere.db")


@pytest.mark.parametrize("column", ["spec", "plan"])
def test_a_frozen_row_that_was_edited(folder, database, column):
    with database.writing() as connection:
        connection.execute(update(study).values({column: '{"plan": {}}'}))
    with pytest.raises(UserError, match="were changed in the database"):
        load(database)


def test_closed_stays_closed(folder, database):
    for now in (70, 80):
        with database.writing() as connection:
            open_study(connection)
            close_study(connection, now=now)
    with database.reading() as connection:
        found = read_study(connection)
    assert (found.state, found.closed_at) == ("closed", 70)


def test_a_study_that_is_not_frozen(folder):
    for command in (
        ["invite", folder.path, 2],
        ["status", folder.path],
        ["serve", folder.path],
        ["close", folder.path],
    ):
        assert f"cmmd-bench study freeze {folder.path}" in refusal(*command)
    assert "has no study.toml" in refusal("status", folder.path / "media")


def test_links_are_written_once_and_for_the_owner_alone(folder, database, tmp_path):
    target = tmp_path / "links.csv"
    result = CliRunner().invoke(app, ["invite", str(folder.path), "3", "--csv", str(target), "--url", "https://x.org/"])
    assert result.exit_code == 0
    assert target.stat().st_mode & 0o077 == 0
    assert target.read_text().count("https://x.org/?t=") == 3
    # The seats are there: their links must not be lost with the refusal.
    assert "https://x.org/?t=" in refusal("invite", folder.path, 1, "--csv", target, "--url", "https://x.org")


def test_a_backup_is_whole_and_tells_tampering(folder, database, tmp_path):
    answered(database, count=3)
    assert backup(folder.path / "study.db", tmp_path / "copy.db") == 3
    assert "exists already" in refusal("backup", folder.path, tmp_path / "copy.db")
    with database.writing() as connection:
        connection.execute(update(answer).where(answer.c.id == 2).values(value=1))
    assert "answer 2 is not what was committed" in refusal("backup", folder.path, tmp_path / "bad.db")
    assert not (tmp_path / "bad.db").exists()


def test_a_withdrawn_rater_leaves_a_gap(folder, database):
    who = answered(database, count=2)
    assert "no rater has the code 'nobody'" in refusal("withdraw", folder.path, "nobody")
    assert CliRunner().invoke(app, ["withdraw", str(folder.path), who]).exit_code == 0
    with database.reading() as connection:
        assert not list(answers.check_chain(connection))
        assert not answers.current(connection, who)
        found = status(connection, load(database))
    assert (found.counts["withdrawn"], found.answers) == (1, 0)


def test_a_rater_excluded_by_hand_stays_in_the_table_and_counts_nowhere(folder, database):
    out, kept = answered(database, count=2), answered(database, count=2)
    for words in (["nobody", "--reason", "x"], [out], [out, "--reason", " "], [out, "--undo", "--reason", "x"]):
        refusal("exclude", folder.path, *words)
    assert f"{out} is not excluded" in refusal("exclude", folder.path, out, "--undo")
    for reason in ("no headphones", "the sound was off."):
        words = ["exclude", str(folder.path), out, "--reason", reason]
        assert CliRunner().invoke(app, words).exit_code == 0
    found = export(folder)
    assert {row.rater for row in found.rows} == {out, kept}
    assert found.excluded == {out}
    assert f"rater {out} was excluded by hand: the sound was off." in found.remarks
    assert CliRunner().invoke(app, ["exclude", str(folder.path), out, "--undo"]).exit_code == 0
    assert export(folder).excluded == frozenset()


@pytest.fixture
def small_disk(tmp_path) -> Path:
    """A disk of 300 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(place)], capture_output=True)
    if made.returncode:
        pytest.skip("may not mount a small disk here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk(folder, small_disk):
    place = small_disk / "study.db"
    freeze(folder, place, now=0)
    database = open_database(place)
    answered(database)
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space"):
        filler.write_bytes(b"x" * 400_000)
    with pytest.raises(UserError, match="Make room on the disk") as refused:
        for _ in range(200):
            answered(database)
    assert "Nothing was changed" in str(refused.value)
    filler.unlink()
    with database.reading() as connection:
        assert not list(answers.check_chain(connection))
    answered(database)
    database.close()


def test_a_disk_without_room_for_a_study(folder, small_disk):
    (small_disk / "filler").write_bytes(b"x" * 290_000)
    with pytest.raises(UserError, match="disk"):
        create_database(small_disk / "study.db")


def test_a_read_only_disk(folder, small_disk):
    place = small_disk / "study.db"
    freeze(folder, place, now=0)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(UserError, match=r"writable|disk"):
        answered(open_database(place))
