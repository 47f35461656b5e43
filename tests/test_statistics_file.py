import json
import pickle
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from cmmd_bench.errors import UserError
from cmmd_bench.metrics import GaussianStatistics, frechet_distance
from cmmd_bench.statistics_file import Origin, models_in, read_origin, read_statistics, write_statistics

LAYOUT = Path(__file__).parent / "data" / "metrics" / "fad_layout"


@pytest.fixture
def statistics():
    return GaussianStatistics.from_features(np.random.default_rng(0).standard_normal((40, 6)) + 1.0)


def as_fadtk_reads(path, model):
    """What fadtk's load_stats does with a file or a folder."""
    if path.is_file():
        with np.load(path) as data:
            assert f"{model}.mu" in data
            return data[f"{model}.mu"], data[f"{model}.cov"]
    folder = path / "stats" / model
    return np.load(folder / "mu.npy"), np.load(folder / "cov.npy")


def test_fadtk_s_own_files():
    expected = json.loads((LAYOUT / "expected.json").read_text())
    assert models_in(LAYOUT / "two_models.npz") == ["toy-16", "toy-8"]
    assert models_in(LAYOUT) == ["toy-16"]
    one, other = (read_statistics(path, "toy-16", width=16) for path in (LAYOUT / "two_models.npz", LAYOUT))
    assert frechet_distance(one, other) == pytest.approx(expected["two_models_vs_setA"], rel=1e-9)
    assert read_statistics(LAYOUT / "two_models.npz", "toy-8").mean.shape == (8,)
    assert read_origin(LAYOUT, "toy-16") == Origin(None, None)
    # fadtk took these statistics from the embeddings beside them, cached in half precision.
    files = sorted((LAYOUT / "embeddings" / "toy-16").glob("*.npy"))
    rows = np.concatenate([np.load(file) for file in files])
    assert frechet_distance(rows, other) == pytest.approx(0, abs=1e-4)


def test_published_statistics(shared):
    path = shared / "fixtures" / "metrics" / "fad" / "reference_clap-laion-audio.npz"
    exact = json.loads(path.with_name("results.json").read_text())["exact"]
    assert models_in(path) == ["clap-laion-audio"]
    reference = read_statistics(path, "clap-laion-audio", width=512)
    assert reference.trace == pytest.approx(exact["trace_reference"], rel=1e-12)
    with np.load(path.with_name("embeddings.npz")) as arrays:
        clips = arrays["clips"].reshape(-1, 512)
    assert frechet_distance(clips, reference) == pytest.approx(exact["set_fad"], abs=1e-9)


@pytest.mark.parametrize("name", ["reference.npz", "reference"])
def test_what_is_written_is_read_here_and_by_fadtk(tmp_path, statistics, name):
    path = tmp_path / "new folder" / name
    write_statistics(path, "clap", statistics, embedder="clap-laion-audio@1")
    mean, covariance = as_fadtk_reads(path, "clap")
    np.testing.assert_array_equal(mean, statistics.mean)
    np.testing.assert_allclose(covariance, statistics.covariance(), rtol=1e-12, atol=1e-14)
    assert np.array_equal(covariance, covariance.T)
    assert frechet_distance(read_statistics(path, "clap"), statistics) == pytest.approx(0, abs=1e-12)
    assert read_origin(path, "clap") == Origin(40, "clap-laion-audio@1")
    assert models_in(path) == ["clap"]
    # Replacing leaves nothing of what was there.
    write_statistics(path, "clap", GaussianStatistics.from_features(np.ones((3, 2))))
    assert read_origin(path, "clap") == Origin(3, None)
    assert read_statistics(path, "clap").mean.shape == (2,)


def test_other_models_of_a_file_are_kept(tmp_path, statistics):
    path = tmp_path / "two.npz"
    shutil.copyfile(LAYOUT / "two_models.npz", path)
    write_statistics(path, "toy-8", statistics)
    assert models_in(path) == ["toy-16", "toy-8"]
    kept, before = as_fadtk_reads(path, "toy-16"), as_fadtk_reads(LAYOUT / "two_models.npz", "toy-16")
    assert all(np.array_equal(a, b) for a, b in zip(kept, before, strict=True))
    assert read_statistics(path, "toy-8").mean.shape == (6,)


def test_the_same_statistics_give_the_same_bytes(tmp_path, statistics):
    for name in ("a.npz", "b.npz"):
        write_statistics(tmp_path / name, "clap", statistics, embedder="e")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_failed_write_leaves_the_old_file(tmp_path, statistics, monkeypatch):
    path = tmp_path / "s.npz"
    write_statistics(path, "clap", statistics)
    before = path.read_bytes()

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(UserError, match=r"cannot write .*s\.npz: No space left"):
        write_statistics(path, "other", statistics)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["s.npz"]


def test_a_folder_whose_writing_was_cut_off_is_refused(tmp_path, statistics):
    write_statistics(tmp_path, "clap", statistics)
    (tmp_path / "stats" / "clap" / "cov.npy").unlink()
    with pytest.raises(UserError, match=r"holds no cov for clap; was writing it cut off\? Fetch it again, or make it"):
        read_statistics(tmp_path, "clap")


def broken(mean=None, covariance=None, **more):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((30, 4))
    arrays = {"m.mu": x.mean(0) if mean is None else mean, "m.cov": np.cov(x.T) if covariance is None else covariance}
    return {**arrays, **more}


DIAGONAL = np.diag([1.0, 1.0, 1.0, -0.5])
SKEW = np.eye(4) + np.triu(np.full((4, 4), 0.2), 1)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (broken(covariance=SKEW), r"holds no usable statistics for m: covariance must be symmetric, .* by 0.2"),
        (broken(covariance=DIAGONAL), r"no usable statistics for m: .* no eigenvalue below 0, found -0.5"),
        (broken(covariance=np.full((4, 4), np.nan)), "no usable statistics for m: covariance must be finite"),
        (broken(mean=np.array([0, 0, 0, np.inf])), "no usable statistics for m: mean must be finite"),
        (broken(covariance=np.eye(4)[:3]), r"a mean of shape \(4,\) and a covariance of shape \(3, 4\) for m, not"),
        (broken(mean=np.zeros((1, 4))), r"a mean of shape \(1, 4\)"),
        (broken(mean=np.zeros(0), covariance=np.zeros((0, 0))), "no usable statistics|must"),
        (broken(mean=np.zeros(4, dtype=complex)), "holds complex128 for m's mu, not real numbers"),
        (broken(mean=np.array(["a"] * 4)), "holds <U1 for m's mu, not real numbers"),
        (broken(mean=np.array([{}] * 4, dtype=object)), r"\(m.mu\) holds Python objects, which are not read: loading"),
        ({"m.mu": np.zeros(4)}, "holds no cov for m"),
        ({"m.cov": np.eye(4)}, "holds no mu for m"),
        ({"other.mu": np.zeros(4), "a.mu": np.zeros(1)}, "holds no statistics of m; models in it: a, other"),
        ({}, "holds no statistics of m; models in it: none"),
        (broken(**{"m.n": np.array(1.5)}), "holds no whole number as m's n"),
        (broken(**{"m.embedder": np.array(3)}), "holds no text as m's embedder"),
    ],
)
def test_files_with_wrong_content(tmp_path, arrays, message):
    path = tmp_path / "s.npz"
    np.savez(path, **arrays)
    with pytest.raises(UserError, match=message) as raised:
        read_statistics(path, "m")
    assert str(path) in str(raised.value)


def test_statistics_of_another_embedder(tmp_path, statistics):
    path = tmp_path / "s.npz"
    write_statistics(path, "clap", statistics, embedder="clap@1")
    with pytest.raises(
        UserError, match="holds 6 features for clap, and the embedder gives 512. It was made with another"
    ):
        read_statistics(path, "clap", width=512)
    with pytest.raises(UserError, match="was made for clap with clap@1, not with clap@2. Make it again"):
        read_statistics(path, "clap", embedder="clap@2")
    read_statistics(path, "clap", width=6, embedder="clap@1")
    # Files of others do not say, and are taken at their name.
    read_statistics(LAYOUT / "two_models.npz", "toy-8", embedder="toy-8")


def test_files_that_are_cropped_or_something_else(tmp_path, statistics):
    whole = tmp_path / "whole.npz"
    write_statistics(whole, "m", statistics)
    content = whole.read_bytes()
    flipped = bytearray(content)
    flipped[200] ^= 0xFF
    np.save(tmp_path / "one.npy", np.zeros(3))
    for name, data in {
        "half": content[: len(content) // 2],
        "one byte short of its directory": content[:-30],
        "empty": b"",
        "text": b"mu cov",
        "pickle": pickle.dumps({"m.mu": [0.0]}),
        "one array": (tmp_path / "one.npy").read_bytes(),
        "flipped": bytes(flipped),
        "second half": content[len(content) // 2 :],
    }.items():
        path = tmp_path / f"{name}.npz"
        path.write_bytes(data)
        with pytest.raises(UserError, match=r"Fetch it again, or make it again from the set") as raised:
            read_statistics(path, "m")
        assert str(path) in str(raised.value)
        if name != "flipped":
            with pytest.raises(UserError, match="archive"):
                write_statistics(path, "m2", statistics)
            assert path.read_bytes() == data


def test_members_that_are_cropped(tmp_path):
    np.save(tmp_path / "mu.npy", np.zeros(4))
    array = (tmp_path / "mu.npy").read_bytes()
    huge = array.replace(b"(4,)", b"(9999999999999,)")
    for data, message in (
        (array[:-8], "is cropped or damaged"),
        (array[:20], "is cropped or damaged"),
        (b"junk", "is no NumPy array"),
        (b"", "is no NumPy array"),
        (huge, "is cropped or damaged"),
    ):
        with zipfile.ZipFile(tmp_path / "s.npz", "w") as archive:
            archive.writestr("m.mu.npy", data)
            archive.writestr("m.cov.npy", array)
        with pytest.raises(UserError, match=message):
            read_statistics(tmp_path / "s.npz", "m")


def test_folders_that_are_cropped(tmp_path, statistics):
    write_statistics(tmp_path, "m", statistics)
    file = tmp_path / "stats" / "m" / "cov.npy"
    for data in (file.read_bytes()[:-8], b"", b"junk"):
        file.write_bytes(data)
        with pytest.raises(UserError, match=r"cov\.npy is cropped or damaged"):
            read_statistics(tmp_path, "m")
    np.save(file, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match=r"cov\.npy holds Python objects"):
        read_statistics(tmp_path, "m")
    with pytest.raises(UserError, match="holds no statistics of other; models in it: m"):
        read_statistics(tmp_path, "other")


def test_paths_that_are_not_there(tmp_path, statistics):
    with pytest.raises(UserError, match=r"there are no statistics at .*none\.npz\. Give an \.npz file, or a folder"):
        read_statistics(tmp_path / "none.npz", "m")
    for model in ("", "..", "a/b", "a\\b"):
        with pytest.raises(UserError, match="cannot be the name of a folder"):
            write_statistics(tmp_path, model, statistics)
    write_statistics(tmp_path / "s.npz", "laion/clap", statistics)
    assert models_in(tmp_path / "s.npz") == ["laion/clap"]
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        write_statistics(tmp_path / "file", "m", statistics)


def test_one_row_has_no_covariance_to_write(tmp_path):
    with pytest.raises(ValueError, match="needs at least 2 rows, found 1"):
        write_statistics(tmp_path / "s.npz", "m", GaussianStatistics.from_features(np.ones((1, 3))))
    assert not (tmp_path / "s.npz").exists()
