"""`validate` on the command line, on the smallest set it takes."""

import json
from pathlib import Path

import pytest
import soundfile
from clips import clicks

from cmmd_bench.validation.faults import FAULTS

SMALL = ("--clips", "16", "--seconds", "1", "--margin", "0.1", "--size", "32x32", "--workers", "1")
LABELS = ("fad[logmel-stats]", "beat-hit@100ms")


def asked(*labels: str) -> list[str]:
    return [word for label in labels for word in ("--metric", label)]


def test_a_table_files_and_json(tmp_path, command):
    out = tmp_path / "validation"
    code, shown, err = command("validate", *SMALL, *asked(*LABELS), "--out", out)
    assert code == 0, err
    of_sound = [fault for fault in FAULTS if fault.kind != "picture"]
    for fault in of_sound:
        assert f"{fault.name} ({fault.unit})" in shown
    assert "blur" not in shown
    assert "on 8 clips against 8" in shown
    assert "not tried: sound-late of 0.2 s" in err
    assert f"curves: {out / 'curves.png'}" in err
    assert sorted(path.name for path in out.iterdir()) == ["curves.png", "validation.json"]
    table = json.loads((out / "validation.json").read_text())
    assert table["clips"] == {"scored": 8, "reference": 8}
    assert len(table["verdicts"]) == len(table["curves"]) == 2 * len(of_sound)
    assert table["skipped"] == [
        f"sound-{way} of {sign}{s} s" for way, sign in (("late", ""), ("early", "-")) for s in ("0.2", "0.4", "1")
    ]
    for curve in table["curves"]:
        assert {"metric", "fault", "unit", "untouched", "steps"} == set(curve)
    code, text, _ = command("validate", *SMALL, *asked(*LABELS), "--json")
    assert code == 0
    assert json.loads(text) == table


@pytest.fixture
def sounds(tmp_path) -> Path:
    (tmp_path / "sounds").mkdir()
    for index in range(16):
        soundfile.write(tmp_path / "sounds" / f"{index:02d}.wav", clicks(1.2, seed=index), 16_000)
    return tmp_path / "sounds"


def test_what_cannot_be_computed_is_no_blindness(sounds, command):
    words = ["--dataset", "folder", "--data", sounds, *SMALL[2:], *asked("fvd[conv3d-random]", "fad[logmel-stats]")]
    code, shown, err = command("validate", *words)
    assert code == 1
    assert "not computed: fvd[conv3d-random]: needs at least 2 generated clips, found 0" in err
    (blur,) = (line.split() for line in shown.splitlines() if line.strip().startswith("blur"))
    assert blur[-2:] == ["–", "·"]
    code, text, err = command("validate", *words, "--json")
    assert code == 1
    assert {v["levels"] for v in json.loads(text)["verdicts"] if v["metric"].startswith("fvd")} == {0}


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--clips", "15"], "16"),
        (["--seconds", "0.1"], "0.5"),
        (["--margin", "-1"], "margin"),
        (["--size", "64"], "--size '64' is not of the form WIDTHxHEIGHT"),
        (["--fps", "abc"], "--fps 'abc' is not a rate above 0"),
        (["--dataset", "beatdnce"], "no dataset named 'beatdnce'. Did you mean 'beatdance'?"),
        (["--dataset", "folder"], "dataset 'folder' needs its files"),
        (["--data", "."], "rendered on the fly and has no files"),
        (["--metric", "fadd[logmel-stats]"], "Did you mean 'fad'?"),
        (["--metric", "fad[logmel-stat]"], "logmel-stats"),
    ],
)
def test_mistakes(options, complaint, tmp_path, command, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = command("validate", *options)
    assert (code, out) == (2, "")
    assert complaint in err
    assert "Traceback" not in err


def test_too_few_files(sounds, command):
    for index in range(3):
        (sounds / f"{index:02d}.wav").unlink()
    code, _, err = command("validate", "--dataset", "folder", "--data", sounds, *SMALL[2:], *asked(LABELS[0]))
    assert code == 2
    assert "validation needs at least 8 clips on either side, found 7 to score and 6 for reference" in err


def test_a_folder_that_cannot_be_written_is_refused_first(tmp_path, command):
    (tmp_path / "file").write_text("")
    code, _, err = command("validate", *SMALL, "--out", tmp_path / "file" / "out")
    assert code == 3
    assert "cannot write" in err
