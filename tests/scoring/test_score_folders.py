"""`score`: folders of clips that any model made, good ones and every kind of bad one."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from clips import clicks, clip, moving_square

from cmmd_bench.errors import UserError
from cmmd_bench.media import write_clip
from cmmd_bench.scoring.folders import score
from cmmd_bench.suites.labels import parse_metric
from cmmd_bench.types import Clip


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("real")
    for index in range(8):
        write_clip(folder / f"r{index}.mkv", clip(index))
    return folder


@pytest.fixture
def made(tmp_path) -> Path:
    """Two samples for each of the first five real clips, in two spellings."""
    folder = tmp_path / "made"
    for index in range(5):
        write_clip(folder / f"r{index}" / "0.mkv", clip(100 + index))
        write_clip(folder / f"r{index}_1.mkv", clip(200 + index))
    return folder


def cells(scores) -> dict:
    return {result.metric: result for result in scores.results}


def test_a_plain_folder(real, made):
    scores = score({"ours": made}, real, workers=1)
    table = cells(scores)
    assert scores.complete
    assert len(table) == 6
    assert {(r.n, r.n_samples) for r in table.values()} == {(5, 10)}
    assert table["fad[logmel-stats]"].n_reference == 8
    assert table["beat-hit@100ms"].n_reference <= 5
    assert 0 < table["beat-hit@100ms"].chance < table["beat-hit@500ms"].chance
    assert scores.protocol["pairing"] == {"ours": "10 clips paired by name with 5 real clips"}
    assert scores.protocol["clips"] == {"seconds": 1.0, "fps": "10", "size": [32, 32], "sample_rate": 16_000}
    assert scores.protocol["converted"] == []


def test_a_set_against_itself(real):
    table = cells(score({"same": real}, real, workers=1))
    assert table["fvd[conv3d-random]"].value == pytest.approx(0, abs=1e-9)
    assert table["fad[logmel-stats]"].value == pytest.approx(0, abs=1e-9)
    assert table["beat-hit@100ms"].value == 1.0


def test_several_folders_are_several_rows(real, made, tmp_path):
    noise = tmp_path / "noise"
    rng = np.random.default_rng(0)
    for index in range(5):
        sound = rng.uniform(-0.5, 0.5, 16_000).astype(np.float32)
        picture = rng.integers(0, 256, (10, 32, 32, 3), dtype=np.uint8)
        write_clip(noise / f"r{index}.mkv", Clip(picture, 10, sound, 16_000))
    scores = score({"ours": made, "noise": noise}, real, workers=1)
    value = {(r.model, r.metric): r.value for r in scores.results}
    for metric in ("fvd[conv3d-random]", "kvd[conv3d-random]", "fad[logmel-stats]", "fad-clip[logmel-stats]"):
        assert value["ours", metric] < value["noise", metric]


def test_without_pairs_only_sets_are_compared(real, made):
    scores = score({"ours": made}, real, pairs="none", workers=1)
    assert scores.complete
    assert cells(scores)["fad[logmel-stats]"].n == 10
    assert "beat-hit@100ms" not in cells(scores)
    asked = score({"ours": made}, real, pairs="none", metrics=["beat-hit@100ms"], workers=1)
    assert "needs pairs" in cells(asked)["beat-hit@100ms"].why


def test_no_pairs(real, tmp_path):
    write_clip(tmp_path / "made" / "other.mkv", clip(1))
    with pytest.raises(UserError, match=r"no pairs: .*'other'.*'r0'.*--pairs none"):
        score({"ours": tmp_path / "made"}, real, workers=1)


def test_sound_only_files(tmp_path):
    for index in range(4):
        for side, seed in (("real", index), ("made", 50 + index)):
            (tmp_path / side).mkdir(exist_ok=True)
            soundfile.write(tmp_path / side / f"{index}.wav", clicks(1.0, seed=seed), 16_000)
    scores = score({"ours": tmp_path / "made"}, tmp_path / "real", workers=1)
    assert {r.metric.partition("[")[0] for r in scores.results} == {
        "fad",
        "fad-clip",
        "beat-hit@100ms",
        "beat-hit@500ms",
    }
    assert scores.complete


def test_other_rates_and_sizes_are_converted_and_said(real, tmp_path):
    for index in range(3):
        write_clip(tmp_path / "made" / f"r{index}.mkv", clip(index, fps=25, side=48, sample_rate=44_100))
    scores = score({"ours": tmp_path / "made"}, real, workers=1)
    assert scores.protocol["converted"] == [
        "3 clips from 25 to 10 fps",
        "3 clips from 44100 to 16000 Hz",
        "3 clips from 48x48 to 32x32 pixels",
    ]
    assert scores.complete


def test_lengths_that_differ_ask_for_one(real, tmp_path):
    write_clip(tmp_path / "mixed" / "a.mkv", clip(1, seconds=1.0))
    write_clip(tmp_path / "mixed" / "b.mkv", clip(2, seconds=2.0))
    with pytest.raises(UserError, match=r"last from 1.00 to 2.00 s.*--seconds 1.00"):
        score({"ours": tmp_path / "mixed"}, tmp_path / "mixed", workers=1)
    assert score({"ours": tmp_path / "mixed"}, tmp_path / "mixed", seconds=1.0, workers=1).complete


def spoil(folder: Path, how: str) -> str:
    """Break one of the generated clips; returns the file that is at fault."""
    victim = folder / "r0_1.mkv"
    if how == "zero bytes":
        victim.write_bytes(b"")
    elif how == "truncated":
        victim.write_bytes(victim.read_bytes()[: victim.stat().st_size // 2])
    elif how == "text":
        victim.write_text("This is not a video.\n" * 50)
    elif how == "no sound":
        write_clip(victim, Clip(moving_square(10), 10))
    elif how == "one frame":
        write_clip(victim, Clip(moving_square(1), 10, clicks(1.0), 16_000))
    elif how == "too short":
        write_clip(victim, clip(7, seconds=0.6))
    elif how == "NaN":
        victim.unlink()
        victim = folder / "r0_1.wav"
        soundfile.write(victim, np.full(16_000, np.nan, np.float32), 16_000, subtype="FLOAT")
    elif how == "integers as floats":
        victim.unlink()
        victim = folder / "r0_1.wav"
        soundfile.write(victim, clicks(1.0) * 32_768, 16_000, subtype="FLOAT")
    return victim.name


@pytest.mark.parametrize(
    ("how", "finding"),
    [
        ("zero bytes", "empty|0 bytes"),
        ("truncated", "ends|breaks|truncated|damaged"),
        ("text", "not a|no media|cannot be read"),
        ("no sound", "without (audio|it)|no audio"),
        ("one frame", "0.1|0.10"),
        ("too short", r"0\.60? s"),
        ("NaN", "NaN"),
        ("integers as floats", "32768|32,768|integer"),
    ],
)
def test_a_bad_clip_is_named_and_the_rest_is_scored(real, made, how, finding):
    name = spoil(made, how)
    scores = score({"ours": made}, real, workers=1)
    assert len(scores.failures) == 1
    failure = scores.failures[0]
    assert failure["model"] == "ours"
    assert Path(name).stem in failure["id"]
    import re

    assert re.search(finding, failure["reason"]), failure["reason"]
    assert cells(scores)["fad[logmel-stats]"].n_samples == 9
    assert not scores.complete


def test_silence_and_clipping_are_scored_and_pointed_out(real, made):
    write_clip(made / "r0_1.mkv", Clip(moving_square(10), 10, np.zeros(16_000, np.float32), 16_000))
    loud = np.clip(8 * clicks(1.0, seed=3), -1, 1)
    write_clip(made / "r1_1.mkv", Clip(moving_square(10), 10, loud, 16_000))
    scores = score({"ours": made}, real, workers=1)
    assert scores.complete
    assert {f["finding"]: f["ids"] for f in scores.findings} == {"silent": ["r0_1"], "clipped": ["r1_1"]}


def test_black_and_frozen_pictures_are_pointed_out(real, made):
    write_clip(made / "r0_1.mkv", Clip(np.zeros((10, 32, 32, 3), np.uint8), 10, clicks(1.0), 16_000))
    scores = score({"ours": made}, real, workers=1)
    assert {f["finding"]: f["ids"] for f in scores.findings} == {"black": ["r0_1"], "frozen": ["r0_1"]}


def test_two_files_of_one_name_are_left_out(real, made):
    soundfile.write(made / "r0_1.wav", clicks(1.0), 16_000)
    scores = score({"ours": made}, real, workers=1)
    assert [failure["id"].rpartition("/")[2] for failure in scores.failures] == ["r0_1.mkv", "r0_1.wav"]
    assert "same name as" in scores.failures[0]["reason"]
    assert cells(scores)["fad[logmel-stats]"].n_samples == 9


def test_a_bad_real_clip_is_named_too(made, tmp_path):
    folder = tmp_path / "real"
    for index in range(6):
        write_clip(folder / f"r{index}.mkv", clip(index))
    (folder / "r5.mkv").write_bytes(b"")
    scores = score({"ours": made}, folder, workers=1)
    assert [(f["model"], Path(f["id"]).name) for f in scores.failures] == [("reference", "r5.mkv")]
    assert cells(scores)["fad[logmel-stats]"].n_reference == 5


def test_fewer_than_two_clips(real, tmp_path):
    write_clip(tmp_path / "made" / "r0.mkv", clip(9))
    scores = score({"ours": tmp_path / "made"}, real, workers=1)
    assert cells(scores)["fvd[conv3d-random]"].why == "needs at least 2 generated clips, found 1"
    assert cells(scores)["fvd[conv3d-random]"].value is None
    assert not scores.complete


def test_empty_and_missing_folders(real, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty has no clip that can be read"):
        score({"ours": tmp_path / "empty"}, real, workers=1)
    with pytest.raises(UserError, match="is not a folder"):
        score({"ours": real}, tmp_path / "absent", workers=1)


def test_metrics_by_label(real, made):
    scores = score({"ours": made}, real, metrics=["fad[logmel-stats]", "beat-hit@70ms"], workers=1)
    assert [r.metric for r in scores.results] == ["fad[logmel-stats]", "beat-hit@70ms"]
    with pytest.raises(UserError, match="no metric named 'fadd'. Did you mean 'fad'"):
        parse_metric("fadd[logmel-stats]")
    with pytest.raises(UserError, match="weights are not in"):
        score({"ours": made}, real, metrics=["fvd[i3d]"], workers=1)


def test_a_second_scoring_decodes_nothing(real, made, monkeypatch):
    first = score({"ours": made}, real, workers=1)
    monkeypatch.setattr("cmmd_bench.extraction.read_clip", lambda *_, **__: pytest.fail("decoded again"))
    assert score({"ours": made}, real, workers=1).results == first.results


def test_real_clips_of_two_corpora(shared, tmp_path):
    """Published MM-Diffusion samples: halves of one corpus are far closer than the two corpora."""
    halves = {}
    for corpus in ("aist", "landscape"):
        for index, path in enumerate(sorted((shared / "media" / f"mmdiff-{corpus}").glob("*.mp4"))):
            half = tmp_path / f"{corpus}{index % 2}"
            half.mkdir(exist_ok=True)
            (half / path.name).symlink_to(path)
            halves[f"{corpus}{index % 2}"] = half
    labels = ["fvd[conv3d-random]", "kvd[conv3d-random]", "fad[logmel-stats]"]
    for corpus, other in (("aist", "landscape"), ("landscape", "aist")):
        scores = score(
            {"self": halves[f"{corpus}0"], "other": halves[f"{other}0"]},
            halves[f"{corpus}1"],
            pairs="none",
            metrics=labels,
            workers=1,
        )
        value = {(r.model, r.metric): r.value for r in scores.results}
        assert all(value["self", label] < value["other", label] / 3 for label in labels), value


def test_metrics_of_the_other_side_are_refused(real, made):
    with pytest.raises(UserError, match=r"fad\[conv3d-random\] measures audio, but conv3d-random looks at video"):
        score({"ours": made}, real, metrics=["fad[conv3d-random]"], workers=1)
    with pytest.raises(UserError, match="metric 'beat-hit@0ms': Input should be greater than 0"):
        score({"ours": made}, real, metrics=["beat-hit@0ms"], workers=1)


def test_pairwise_sets(real, made):
    scores = score({"ours": made}, real, metrics=["pairwise-fvd[conv3d-random]", "fvd[conv3d-random]"], workers=1)
    table = cells(scores)
    assert table["pairwise-fvd[conv3d-random]"].n_reference == 5
    assert table["fvd[conv3d-random]"].n_reference == 8


def test_sides_that_some_real_clips_lack_are_named(made, tmp_path):
    folder = tmp_path / "real"
    for index in range(6):
        write_clip(folder / f"r{index}.mkv", clip(index))
    write_clip(folder / "silent picture.mkv", clip(7).only_video())
    write_clip(folder / "sound.mkv", clip(8).only_audio())
    failures = {f["id"]: f["reason"] for f in score({"ours": made}, folder, workers=1).failures}
    assert set(failures) == {"silent picture", "sound"}
    assert "needs audio" in failures["silent picture"] or "need audio" in failures["silent picture"]
    assert "needs video" in failures["sound"]


def test_names_do_not_collide(real, made):
    """A generated set called like the internal name of the real one is still another set."""
    one = score({"real": made}, real, workers=1)
    other = score({"ours": made}, real, workers=1)
    assert [r.value for r in one.results] == [r.value for r in other.results]


@pytest.mark.parametrize("options", [{"seconds": 0.0}, {"seconds": 0.001}, {"fps": 0}, {"size": (0, 8)}])
def test_comparisons_that_are_not_possible(real, made, options):
    with pytest.raises(UserError, match="clips cannot be compared like this"):
        score({"ours": made}, real, workers=1, **options)
