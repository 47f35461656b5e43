"""Published mean and covariance in place of real clips: the same values, and every way in which they do not fit."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from clips import clicks, clip

from cmmd_bench.embedders import get_embedder
from cmmd_bench.errors import UserError
from cmmd_bench.extraction import read_at
from cmmd_bench.media import write_clip
from cmmd_bench.metrics import GaussianStatistics, frechet_distance
from cmmd_bench.metrics.dialects import frechet_distance_as
from cmmd_bench.scoring.comparisons import compare_models
from cmmd_bench.scoring.folders import score
from cmmd_bench.scoring.index import read_index
from cmmd_bench.scoring.published import model_key
from cmmd_bench.scoring.set_statistics import set_statistics
from cmmd_bench.statistics_file import write_statistics
from cmmd_bench.types import ClipSpec

SPEC = ClipSpec(2.0, 10, 32, 32, 16_000)
LABELS = ["fad[logmel-stats]", "fad-clip[logmel-stats]", "fad-inf[logmel-stats]", "fad:fadtk[logmel-stats]"]
SIGHT = ["fvd[conv3d-random]", "fvd-inf[conv3d-random]", "fvd[conv3d-random@4f32]", "fvd:styleganv[conv3d-random]"]


def folder_of(root: Path, count: int, seed: int) -> Path:
    for index in range(count):
        write_clip(root / f"{index}.mkv", clip(seed + index, seconds=2.0))
    return root


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> Path:
    return folder_of(tmp_path_factory.mktemp("real"), 20, 0)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    return folder_of(tmp_path_factory.mktemp("made"), 8, 100)


@pytest.fixture(scope="module")
def other(tmp_path_factory) -> Path:
    return folder_of(tmp_path_factory.mktemp("other"), 8, 200)


@pytest.fixture
def npz(real, tmp_path) -> Path:
    """Statistics of the real clips with three embedders."""
    path = tmp_path / "real.npz"
    for name in ("logmel-stats", "conv3d-random", "conv3d-random@4f32"):
        found = set_statistics(real, name, workers=1)
        assert not found.left_out
        write_statistics(path, model_key(name), found.statistics, embedder=found.embedder)
    return path


def rows_of(folder: Path, name: str = "logmel-stats") -> list[np.ndarray]:
    return [get_embedder(name).embed(read_at(path, SPEC)) for path in sorted(folder.iterdir())]


def edited(npz: Path, to: Path, **change) -> Path:
    """A copy of the file with arrays added, changed or (None) left out; `__` stands for `.` and `_` for `-`."""
    with np.load(npz) as archive:
        arrays = {name: archive[name] for name in archive.files}
    for key, value in change.items():
        arrays[key.replace("__", ".").replace("_", "-")] = value
    np.savez(to, **{name: value for name, value in arrays.items() if value is not None})
    return to


@pytest.mark.parametrize("label", [*LABELS, *SIGHT])
def test_scored_against_statistics_is_scored_against_the_clips(npz, real, made, label):
    against_file, against_clips = (
        score({"ours": made}, reference, pairs="none", metrics=[label], workers=1).results[0]
        for reference in (npz, real)
    )
    # A covariance of 20 rows is singular: stored, it has eigenvalues of the size of its rounding instead of 0. fadtk's
    # dialect rounds the means of real clips, of which a file has none.
    near = 1e-6 if label in SIGHT or "fadtk" in label else 1e-9
    assert against_file.value == pytest.approx(against_clips.value, abs=near)
    assert (against_file.n, against_file.n_samples) == (against_clips.n, against_clips.n_samples)
    assert (against_file.low is None) == (against_clips.low is None)
    assert against_clips.n_reference == 20
    assert against_file.n_reference == (20 if label in SIGHT else 20 * 7)


def test_the_value_is_that_of_the_published_formula(npz, real, made):
    generated, reference = rows_of(made), np.concatenate(rows_of(real)).astype(np.float64)
    gaussian = GaussianStatistics.from_features(reference).gaussian()
    table = {r.metric: r.value for r in score({"ours": made}, npz, metrics=LABELS, workers=1).results}
    plain = frechet_distance(np.concatenate(generated), gaussian)
    assert table["fad[logmel-stats]"] == pytest.approx(plain, abs=1e-9)
    fadtk = frechet_distance_as("fadtk", iter(generated), gaussian)
    assert table["fad:fadtk[logmel-stats]"] == pytest.approx(fadtk, abs=1e-9)


def test_without_metrics_all_that_the_file_is_good_for(npz, made):
    scores = score({"ours": made}, npz, workers=1)
    assert scores.complete
    assert [r.metric for r in scores.results] == [
        "fvd[conv3d-random]",
        "fvd[conv3d-random@4f32]",
        "fad[logmel-stats]",
        "fad-clip[logmel-stats]",
    ]
    reference = scores.protocol["reference"]
    assert reference["statistics"] == "real.npz"
    assert reference["embedders"]["logmel-stats"] == {"n": 140, "embedder": "logmel-stats/1/"}
    assert scores.protocol["pairing"] == {"ours": "8 clips, not paired: sets are compared as wholes"}
    assert scores.protocol["clips"]["seconds"] == 2.0


def test_a_side_that_the_clips_lack_is_not_asked_for(npz, tmp_path):
    for index in range(4):
        (tmp_path / "sound").mkdir(exist_ok=True)
        soundfile.write(tmp_path / "sound" / f"{index}.wav", clicks(2.0, seed=index), 16_000)
    scores = score({"ours": tmp_path / "sound"}, npz, workers=1)
    assert {r.metric for r in scores.results} == {"fad[logmel-stats]", "fad-clip[logmel-stats]"}


def test_fadtk_s_folder(npz, real, made, tmp_path):
    """As fadtk leaves it: stats/<model>/mu.npy beside the clips; the folder is clips, its subfolder is statistics."""
    folder = tmp_path / "set"
    with np.load(npz) as archive:
        for part in ("mu", "cov"):
            path = folder / "stats" / "logmel-stats" / f"{part}.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, archive[f"logmel-stats.{part}"])
    values = {}
    for reference in (folder, folder / "stats", npz):
        result = score({"ours": made}, reference, metrics=["fad[logmel-stats]"], workers=1).results[0]
        values[reference] = result.value
        assert result.n_reference == (140 if reference == npz else 0)
    assert len(set(values.values())) == 1
    shutil.copytree(real, folder, dirs_exist_ok=True)
    beside = score({"ours": made}, folder, pairs="none", metrics=["fad[logmel-stats]"], workers=1).results[0]
    assert beside.n_reference == 20


def test_what_needs_clips_is_refused_by_name(npz, made):
    labels = [
        "fad[logmel-stats]",
        "kvd[conv3d-random]",
        "pairwise-fvd[conv3d-random]",
        "beat-hit@100ms",
        "onset-f1@50ms",
    ]
    with pytest.raises(UserError) as caught:
        score({"ours": made}, npz, metrics=[*labels, "coverage[logmel-stats]", "kad[logmel-stats]"], workers=1)
    assert str(caught.value) == (
        f"{npz} holds the mean and covariance of real clips, not the clips:\n"
        "  kvd[conv3d-random] compares clips with real clips, one by one\n"
        "  pairwise-fvd[conv3d-random] needs each clip's own real clip\n"
        "  beat-hit@100ms needs each clip's own real sound\n"
        "  onset-f1@50ms needs each clip's own real sound\n"
        "  coverage[logmel-stats] compares clips with real clips, one by one\n"
        "  kad[logmel-stats] compares clips with real clips, one by one\n"
        "Leave these metrics out, or give a folder of real clips as --reference."
    )
    with pytest.raises(UserError, match=r"--pairs pairs\.csv says which real clip .* holds no clips"):
        score({"ours": made}, npz, pairs="pairs.csv", workers=1)


def test_a_clip_s_own_alignment_needs_no_reference(npz, made):
    assert score({"ours": made}, npz, metrics=["av-align"], workers=1).complete


@pytest.mark.parametrize(
    ("change", "label", "complaint"),
    [
        ({}, "fad[clap-hub:nothing]", "no weights named 'nothing'"),
        ({"logmel_stats__mu": None, "logmel_stats__cov": None}, "fad[logmel-stats]", "no mu for logmel-stats"),
        (
            {"logmel_stats__embedder": "logmel-stats/0/"},
            "fad[logmel-stats]",
            "made for logmel-stats with logmel-stats/0/",
        ),
        (
            {"logmel_stats__mu": np.zeros(5), "logmel_stats__cov": np.eye(5)},
            "fad[logmel-stats]",
            "holds 5 features for logmel-stats, and the embedder gives 64",
        ),
        ({"logmel_stats__cov": np.eye(64) * np.nan}, "fad[logmel-stats]", "no usable statistics for logmel-stats"),
        (
            {"conv3d_random__n": None},
            "fvd:styleganv[conv3d-random]",
            "divides the covariance by n, which the file does",
        ),
    ],
)
def test_statistics_that_do_not_fit(npz, made, tmp_path, change, label, complaint):
    path = edited(
        npz, tmp_path / "edited.npz", **{k: np.array(v) if isinstance(v, str) else v for k, v in change.items()}
    )
    with pytest.raises(UserError, match=complaint):
        score({"ours": made}, path, metrics=[label], workers=1)


def test_statistics_of_another_embedder(made, tmp_path):
    path = tmp_path / "set.npz"
    np.savez(path, **{"vggish.mu": np.zeros(4), "vggish.cov": np.eye(4)})
    with pytest.raises(UserError, match=r"holds no statistics of logmel-stats; models in it: vggish\."):
        score({"ours": made}, path, metrics=["fad[logmel-stats]"], workers=1)
    with pytest.raises(UserError, match=r"holds statistics of vggish, and no embedder .* 'fad\[fadtk:vggish\]'"):
        score({"ours": made}, path, workers=1)
    np.savez(path, other=np.zeros(4))
    with pytest.raises(UserError, match=r"no array in it is called <model>\.mu"):
        score({"ours": made}, path, workers=1)
    with pytest.raises(UserError, match="there are no statistics at"):
        score({"ours": made}, tmp_path / "absent.npz", workers=1)


def test_the_width_is_found_before_all_clips_are_embedded(npz, made, tmp_path, monkeypatch):
    monkeypatch.setenv("CMMD_BENCH_CACHE", str(tmp_path / "cache"))
    path = edited(npz, tmp_path / "edited.npz", logmel_stats__mu=np.zeros(5), logmel_stats__cov=np.eye(5))
    with pytest.raises(UserError, match="holds 5 features"):
        score({"ours": made}, path, metrics=["fad[logmel-stats]"], workers=1)
    # Its features and its levels.
    assert len(list((tmp_path / "cache").rglob("*.npy"))) == 2


def test_lengths_of_generated_clips_that_differ_ask_for_one(npz, tmp_path):
    write_clip(tmp_path / "mixed" / "a.mkv", clip(1, seconds=2.0))
    write_clip(tmp_path / "mixed" / "b.mkv", clip(2, seconds=3.0))
    with pytest.raises(UserError, match=r"generated clips last from 2.00 to 3.00 s.*--seconds 2.00"):
        score({"ours": tmp_path / "mixed"}, npz, workers=1)


def test_which_name_stands_in_a_file():
    names = {"clap-2023": "clap-2023", "fadtk:MERT-v1-95M-4": "MERT-v1-95M-4", "i3d:tats@16f64": "i3d:tats@16f64"}
    assert {name: model_key(name) for name in names} == names
    assert model_key("laion-clap:clap-laion-music") == "clap-laion-music"


def test_models_are_compared_while_the_statistics_stay(npz, real, made, other, tmp_path):
    labels = ["fad[logmel-stats]", "fad-clip[logmel-stats]", "fvd[conv3d-random]"]
    folders = {"ours": made, "theirs": other}
    score(folders, npz, metrics=labels, out=tmp_path / "scores", workers=1)
    score(folders, real, pairs="none", metrics=labels, out=tmp_path / "clips", workers=1)
    written = json.loads((tmp_path / "scores" / "scored.json").read_text())["reference"]
    assert written["statistics"] == str(npz)
    found, expected = (compare_models(read_index(tmp_path / name)) for name in ("scores", "clips"))
    for one, same in zip(found, expected, strict=True):
        assert one.difference.estimate == pytest.approx(same.difference.estimate, abs=1e-6)
        assert one.difference.p_value == pytest.approx(same.difference.p_value, abs=0.02)
    edited(npz, npz, extra=np.zeros(1))
    with pytest.raises(UserError, match="are not those that the clips were scored with. Restore the old ones"):
        compare_models(read_index(tmp_path / "scores"))
    npz.unlink()
    with pytest.raises(UserError, match=r"the reference statistics .*real\.npz are gone"):
        compare_models(read_index(tmp_path / "scores"))
