"""Which samples a study takes, and the folder that is made of them."""

import json
import tomllib
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
import typer
from clips import clip
from typer.testing import CliRunner

from cmmd_bench.content import content_digest
from cmmd_bench.errors import UserError
from cmmd_bench.media import write_clip
from cmmd_bench.progress import silent
from cmmd_study.cli import create as commands
from cmmd_study.creation import Clips, Look, Run, Selection, add, create
from cmmd_study.creation.candidates import Candidate, Candidates, shown_sides
from cmmd_study.creation.picks import pick
from cmmd_study.creation.study_text import sections_text, study_text, toml_string
from cmmd_study.folder import StudyFolder, systems_by_section
from cmmd_study.frozen import freeze
from cmmd_study.questionnaires import built_in, load_questionnaire, parse_questionnaire
from cmmd_study.specification import all_contrasts, parse_specification

SMALL = Look(height=64)
FEW = Selection(conditions=2, samples=1, practice=1)


def table(clips: int = 9, reference: str | None = "ground-truth", **samples: int) -> Candidates:
    """Nothing but names: `samples` of each system for every clip."""
    rows = [
        Candidate(f"clip-{number}", system, sample, Path(f"{system}/{number}_{sample}.mkv"), ())
        for system, count in samples.items()
        for number in range(clips)
        for sample in range(count)
    ]
    return Candidates(rows, sorted(samples), reference)


AIST = {"ground-truth": 1, "mmdiff": 2, "cmmd": 2, "ncmmd": 3, "shuffled": 2, "noise": 2}


def shape(picks, role="rated"):
    return Counter(each.candidate.system for each in picks if each.role == role)


def clips_of(picks, role="rated"):
    return list(dict.fromkeys(each.candidate.clip for each in picks if each.role == role))


def test_the_paper_s_selection_is_thirty_stimuli():
    picks = pick(table(**AIST), Selection(baselines=("mmdiff",)), section="aist-v2a", seed=0)
    assert shape(picks) == {"ground-truth": 5, "mmdiff": 5, "cmmd": 10, "ncmmd": 10}
    assert len(clips_of(picks)) == 5
    treatments = {(each.candidate.system, each.candidate.sample) for each in picks if each.role == "rated"}
    assert len(treatments) * 5 == sum(shape(picks).values())


def test_practice_and_gold_are_of_clips_that_are_not_rated():
    picks = pick(table(**AIST), Selection(practice=2, gold=2), section="s", seed=3)
    rated, practice, gold = (set(clips_of(picks, role)) for role in ("rated", "practice", "gold"))
    assert (len(rated), len(practice), len(gold)) == (5, 2, 2)
    assert len(rated | practice | gold) == 9
    assert shape(picks, "gold") == {"noise": 2}
    assert not {"shuffled", "noise"} & set(shape(picks, "practice"))


def test_picks_come_from_the_seed_alone_and_new_clips_reorder_none():
    few, more = table(9, **AIST), table(12, **AIST)
    selection = Selection(conditions=9, practice=0)
    drawn = pick(few, selection, section="s", seed=0)
    assert pick(few, selection, section="s", seed=0) == drawn
    shuffled = Candidates(few.samples[::-1], few.systems, few.reference)
    assert pick(shuffled, selection, section="s", seed=0) == drawn
    assert clips_of(pick(few, selection, section="s", seed=1)) != clips_of(drawn)
    longer = clips_of(pick(more, Selection(conditions=12, practice=0), section="s", seed=0))
    assert [name for name in longer if name in clips_of(drawn)] == clips_of(drawn)


def test_clips_of_another_section_come_last():
    first = clips_of(pick(table(**AIST), Selection(conditions=4, practice=0), section="a", seed=0))
    second = clips_of(pick(table(**AIST), Selection(practice=0), section="b", seed=0, elsewhere=first))
    assert not set(first) & set(second)


def test_a_clip_without_a_sample_is_not_drawn():
    whole = table(6, **AIST)
    torn = Candidates(
        [each for each in whole.samples if (each.clip, each.system, each.sample) != ("clip-2", "cmmd", 1)],
        whole.systems,
        whole.reference,
    )
    picks = pick(torn, Selection(practice=1), section="s", seed=0)
    assert "clip-2" not in clips_of(picks)
    assert clips_of(picks, "practice") == ["clip-2"]


@pytest.mark.parametrize(
    ("samples", "selection", "said"),
    [
        ({"cmmd": 1}, Selection(), r"cmmd has 1 sample per clip, 2 are asked for; use --samples 1, .*= 2"),
        (AIST, Selection(systems=("cmmd", "cmd")), r"no system to choose from named 'cmd'\. Did you mean 'cmmd'"),
        (AIST, Selection(baselines=("mmdif",)), "Did you mean 'mmdiff'"),
        (AIST, Selection(systems=("cmmd",), baselines=("mmdiff",)), "baseline 'mmdiff' is not among --systems cmmd"),
        (AIST, Selection(conditions=10), r"clips with all .*: 9, asked for: 10\. Use --conditions 9"),
        (AIST, Selection(conditions=8), "clips left for practice: 1, asked for: 2.* Use --practice 1"),
        (AIST, Selection(conditions=6, gold=2), "clips left for gold items: 1, asked for: 2"),
        ({"cmmd": 2}, Selection(gold=1), "gold items are samples of the floor 'noise', of which there are none"),
        ({"noise": 1}, Selection(), "no system is left to rate"),
    ],
)
def test_a_selection_that_cannot_be_made_is_told(samples, selection, said):
    with pytest.raises(UserError, match=said):
        pick(table(**samples), selection, section="s", seed=0)


def test_a_system_that_failed_throughout_is_named():
    failed = Candidates(table(cmmd=2).samples, ["broken", "cmmd"], None)
    with pytest.raises(UserError, match=r"broken has no finished sample\. Leave it out with --systems"):
        pick(failed, Selection(), section="s", seed=0)


@pytest.fixture
def run(tmp_path) -> Path:
    """A run of two tasks, four items, with a failure, a skipped task and the floor of noise."""
    folder = tmp_path / "runs" / "tiny"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"schema": 1}))
    lines = []
    for number, system in enumerate(("cmmd", "ground-truth", "mmdiff", "noise")):
        for item in range(5):
            for task in ("v2a", "a2v"):
                name = f"{task}-item-{item}-0"
                line = {"id": name, "model": system, "task": task, "item": f"item-{item}", "sample": 0}
                line |= {"seed": 0, "seconds": 0.1, "sha256": None, "made": [], "error": None, "skipped": None}
                if system == "mmdiff" and task == "a2v":
                    lines.append(line | {"skipped": "not offered"})
                    continue
                if (system, item) == ("cmmd", 4):
                    lines.append(line | {"error": "ran out of memory"})
                    continue
                path = folder / "samples" / system / f"{name}.mkv"
                path.parent.mkdir(parents=True, exist_ok=True)
                write_clip(path, clip(10 * number + item, seconds=0.8, side=16))
                lines.append(line | {"sha256": content_digest(path), "made": ["16000 Hz"]})
    (folder / "samples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_a_run_offers_what_succeeded_in_the_task(run):
    found = Run(run).candidates("v2a", silent)
    assert Counter(each.system for each in found.samples) == {"cmmd": 4, "ground-truth": 5, "mmdiff": 5, "noise": 5}
    assert found.reference == "ground-truth"
    assert "mmdiff" not in Run(run).candidates("a2v", silent).systems
    with pytest.raises(UserError, match="no finished sample of task joint; it has some of a2v, v2a"):
        Run(run).candidates("joint", silent)


def test_a_study_of_a_run_can_be_frozen(run, tmp_path):
    chosen = Selection(conditions=2, samples=1, practice=1, gold=1)
    made = create(tmp_path / "Dance 1", Run(run), ["aist-v2a", "aist-a2v"], selection=chosen, look=SMALL)
    folder = StudyFolder(tmp_path / "Dance 1")
    specification = folder.specification()
    assert specification.name == "dance-1"
    assert [section.reference for section in specification.sections] == ["ground-truth", "ground-truth"]
    assert systems_by_section(folder.sources()) == {
        "aist-v2a": ["cmmd", "ground-truth", "mmdiff"],
        "aist-a2v": ["cmmd", "ground-truth"],
    }
    assert {str(each) for each in specification.plan.contrasts} == {
        f"aist-v2a: {question}: cmmd - mmdiff" for question in ("acoustic-quality", "musical-quality", "sync")
    }
    gold = [source for source in folder.sources() if source.role == "gold"]
    assert [source.expected for source in gold if source.stimulus.section == "aist-a2v"] == [
        {"video-quality": (1, 2), "sync": (1, 2)}
    ]
    assert all(source.made == ("16000 Hz",) and source.milliseconds == 800 for source in folder.sources())
    assert sorted(path.stem for path in (folder.path / "media").iterdir()) == sorted(
        source.stimulus.id for source in made.sources
    )
    frozen = freeze(folder, folder.path / "study.db", now=0)
    assert len(frozen.stimuli) == 2 * 3 + 1 + 1 + 2 * 2 + 1 + 1
    with pytest.raises(UserError, match="is frozen"):
        add(folder.path, Run(run), ["acr-v2a"], selection=FEW, look=SMALL)


def test_the_same_seed_picks_the_same_and_names_no_file_alike(run, tmp_path):
    one = create(tmp_path / "one", Run(run), ["aist-v2a"], selection=FEW, look=SMALL, seed=5)
    two = create(tmp_path / "two", Run(run), ["aist-v2a"], selection=FEW, look=SMALL, seed=5)
    picked = [Counter((s.stimulus.clip, s.stimulus.system, s.role) for s in made.sources) for made in (one, two)]
    assert picked[0] == picked[1]
    assert not {s.stimulus.id for s in one.sources} & {s.stimulus.id for s in two.sources}
    # The same sample makes the same file.
    assert {s.sha256 for s in one.sources} == {s.sha256 for s in two.sources}


@pytest.mark.parametrize("damage", ["changed", "gone"])
def test_a_sample_that_the_ledger_does_not_know_is_refused(run, tmp_path, damage):
    for path in (run / "samples" / "mmdiff").glob("v2a-*.mkv"):
        path.write_bytes(path.read_bytes() + b"\0") if damage == "changed" else path.unlink()
    said = "not what the run's ledger says" if damage == "changed" else "not on disk"
    with pytest.raises(UserError, match=rf"samples/mmdiff/v2a-item-\d-0\.mkv is .*{said}"):
        create(tmp_path / "study", Run(run), ["aist-v2a"], selection=FEW, look=SMALL)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs"]


def test_sections_of_another_source_are_added_to_a_draft(run, tmp_path):
    study = tmp_path / "study"
    create(study, Run(run), ["aist-v2a"], selection=FEW, look=SMALL, today=date(2030, 1, 2))
    text = (study / "study.toml").read_text()
    assert "# delete_after = 2031-01-02" in text
    (study / "study.toml").write_text(text.replace('contact = ""', 'contact = "us@example.org"'))
    before = {path.name: path.read_bytes() for path in (study / "media").iterdir()}
    added = add(study, Run(run), ["acr-v2a"], selection=FEW, look=SMALL)
    specification = StudyFolder(study).specification()
    assert specification.contact == "us@example.org"
    assert [section.name for section in specification.sections] == ["aist-v2a", "acr-v2a"]
    assert all((study / "media" / name).read_bytes() == content for name, content in before.items())
    assert len(added.audit.files) == len(StudyFolder(study).sources()) == 2 * 7
    freeze(StudyFolder(study), study / "study.db", now=0)
    with pytest.raises(UserError, match="frozen"):
        add(study, Run(run), ["epic-v2a"], selection=FEW, look=SMALL)


def test_an_addition_that_fails_leaves_the_study_as_it_was(run, tmp_path):
    study = tmp_path / "study"
    create(study, Run(run), ["aist-v2a"], selection=FEW, look=SMALL)
    inline = (study / "study.toml").read_text().split("[[plan.contrasts]]")[0]
    (study / "study.toml").write_text(inline.replace("exclusions = []", "exclusions = []\ncontrasts = []"))
    before = {path: path.read_bytes() for path in study.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=r"cannot be put at the end of study.toml: .*\[\[plan.contrasts\]\]"):
        add(study, Run(run), ["acr-v2a"], selection=FEW, look=SMALL)
    with pytest.raises(UserError, match="questionnaire 'aist-v2a' would be a section twice"):
        add(study, Run(run), ["aist-v2a"], selection=FEW, look=SMALL)
    with pytest.raises(UserError, match="is not a study"):
        add(tmp_path, Run(run), ["aist-v2a"])
    assert {path: path.read_bytes() for path in study.rglob("*") if path.is_file()} == before


def test_what_exists_is_not_written_over(run, tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(UserError, match="taken is something else already. Choose another folder with --out"):
        create(tmp_path / "taken", Run(run), ["aist-v2a"])
    with pytest.raises(UserError, match="no questionnaire is given"):
        create(tmp_path / "study", Run(run), [])
    with pytest.raises(UserError, match="'aist-v2a' would be a section twice"):
        create(tmp_path / "study", Run(run), ["aist-v2a", "aist-v2a"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs", "taken"]


def folders(root: Path, **names: list[str]) -> dict[str, Path]:
    for system, stems in names.items():
        for number, stem in enumerate(stems):
            path = root / system / f"{stem}.mkv"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_clip(path, clip(number, seconds=0.5, side=16))
    return {system: root / system for system in names}


def places(found: Candidates, system: str) -> set[tuple[str, int]]:
    return {(each.clip, each.sample) for each in found.samples if each.system == system}


def test_folders_name_clips_and_samples(tmp_path):
    roots = folders(tmp_path, ours=["a", "b_1", "b_2", "c/0", "c/1"])
    found = Clips(roots).candidates("v2a", silent)
    assert places(found, "ours") == {("a", 0), ("b", 1), ("b", 2), ("c", 0), ("c", 1)}
    assert found.reference is None
    assert found.samples[0].made == ("16000 Hz",)
    assert Clips(roots).candidates("a2v", silent).samples[0].made == ("16x16 pixels", "10 fps")


def test_names_of_the_reference_are_clips_whatever_they_end_in(tmp_path):
    roots = folders(tmp_path, real=["take_1", "take_2"], ours=["take_1_0", "take_1_1", "take_2"])
    found = Clips(roots, reference="real").candidates("v2a", silent)
    assert places(found, "real") == {("take_1", 0), ("take_2", 0)}
    assert places(found, "ours") == {("take_1", 0), ("take_1", 1), ("take_2", 0)}


@pytest.mark.parametrize(
    ("names", "reference", "said"),
    [
        ({"ours": ["a"]}, "real", "no system among --clips named 'real'"),
        ({"ours": ["a", "a_0"]}, None, r"a\.mkv and .*a_0\.mkv would both be sample 0 of 'a' by ours"),
        ({"real": ["a"], "ours": ["a", "z"]}, "real", "z: no real clip of this name"),
    ],
)
def test_names_that_cannot_be_placed_are_told(tmp_path, names, reference, said):
    with pytest.raises(UserError, match=said):
        Clips(folders(tmp_path, **names), reference).candidates("v2a", silent)


def test_a_clip_that_cannot_be_read_is_named(tmp_path):
    roots = folders(tmp_path, ours=["a"])
    (tmp_path / "ours" / "broken.mp4").write_bytes(b"no video")
    with pytest.raises(UserError, match=r"files that cannot be used: 1, such as broken\.mp4"):
        Clips(roots).candidates("v2a", silent)
    with pytest.raises(UserError, match="missing is not a folder"):
        Clips({"ours": tmp_path / "missing"}).candidates("v2a", silent)


def test_a_clip_without_a_side_that_is_shown_is_named(tmp_path):
    roots = folders(tmp_path / "made", ours=["a", "b"])
    write_clip(tmp_path / "made" / "ours" / "b.mkv", clip(1, seconds=0.5, side=16).only_audio())
    with pytest.raises(UserError, match=r"ours/b\.mkv has no video stream, which is needed here"):
        create(tmp_path / "study", Clips(roots), ["acr-v2a"], selection=Selection(2, 1, practice=0), look=SMALL)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made"]


def test_a_joint_questionnaire_about_sound_alone_needs_and_shows_only_sound(tmp_path):
    text = """
    schema = 1
    name = "sound"
    task = "joint"
    instructions = "Listen."
    [[questions]]
    id = "q"
    rates = "audio"
    text = "How good?"
    scale = {}
    """
    (tmp_path / "sound.toml").write_text(text)
    assert shown_sides(parse_questionnaire(text, where="")) == {"audio"}
    roots = folders(tmp_path / "made", ours=["a"], theirs=["a"])
    write_clip(tmp_path / "made" / "ours" / "a.mkv", clip(1, seconds=0.5).only_audio())
    chosen = Selection(1, 1, practice=0)
    made = create(tmp_path / "study", Clips(roots), [tmp_path / "sound.toml"], selection=chosen)
    assert {file.written["stream count"] for file in made.audit.files} == {1}


@pytest.mark.parametrize("name", built_in())
def test_the_text_of_every_built_in_questionnaire_is_a_specification(name):
    odd = ['quo"te', "back\\slash", "del\x7f", "ünï\n"]
    asked = load_questionnaire(name)
    text = study_text("s", seed=-3, delete_after=date(2031, 1, 1)) + sections_text([asked], {name: odd}, "del\x7f")
    specification = parse_specification(text, where="study.toml")
    assert specification.seed == -3
    assert list(specification.plan.contrasts) == all_contrasts(name, asked, odd, "del\x7f")
    assert specification.sections[0].reference == "del\x7f"


def test_strings_of_any_kind_survive_toml():
    text = "".join(map(chr, range(0x80))) + "ü\u2028𝄞"
    assert tomllib.loads(f"x = {toml_string(text)}") == {"x": text}


app = typer.Typer()
app.command("create")(commands.create)
app.command("add")(commands.add)


def test_commands_make_a_study_and_tell_the_audit(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    few = ["--conditions", "2", "--samples", "1", "--practice", "0", "--height", "64"]
    done = CliRunner().invoke(app, ["create", "--run", str(run), "--questionnaire", "aist-v2a", *few])
    assert done.exit_code == 0, done.output
    assert "aist-v2a: all files are alike in container" in done.output
    assert "study: study-tiny (6 rated, 0 practice, 0 gold)" in done.output
    again = CliRunner().invoke(
        app, ["add", "study-tiny", "--run", str(run), "--questionnaire", "acr-v2a", *few, "--json"]
    )
    assert again.exit_code == 0, again.output
    assert {file["section"] for file in json.loads(again.stdout)["audit"]["files"]} == {"aist-v2a", "acr-v2a"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "give either --run RUN or --clips"),
        (["--run", "x", "--clips", "a=b"], "give either --run RUN or --clips"),
        (["--run", "x", "--reference", "y"], "--reference is for --clips"),
        (["--clips", "=b"], "not of the form NAME=DIR"),
        (["--clips", "a=b", "--clips", "a=c"], "names 'a' twice, b and c"),
        (["--clips", "a=b", "--loudness", "loud"], "--loudness takes LUFS between -70 and 0"),
        (["--clips", "a=b", "--questionnaire", "aist"], "no questionnaire named 'aist'"),
    ],
)
def test_commands_refuse_what_they_cannot_mean(options, said):
    failed = CliRunner().invoke(app, ["create", *options])
    assert isinstance(failed.exception, UserError)
    assert said in str(failed.exception)
