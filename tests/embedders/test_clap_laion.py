"""LAION's CLAP networks against fadtk's and laion-clap's stored results; wrong checkpoints and unusual sounds."""

import shutil

import numpy as np
import pytest
import torch
from clap_recipe import arrays, laion_state, parameters, pcm, sound

from cmmd_bench.embedders.clap.frontend import log_mel, power_spectrogram
from cmmd_bench.embedders.clap.laion import laion_clap, load_laion, open_laion_audio
from cmmd_bench.embedders.clap.tower import BASE, TINY
from cmmd_bench.embedders.clap.windows import laion_scale, windows
from cmmd_bench.errors import UserError
from cmmd_bench.types import Clip

RATE = 48_000
FRAMES = 1e-6
PARAMETERS = parameters("params.json")
SIZES = {"tiny": TINY, "base": BASE}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """Recipe checkpoints in the shape of the published files, made when first asked for."""
    folder, made = tmp_path_factory.mktemp("laion"), {}

    def path(size):
        if size not in made:
            made[size] = folder / f"{size}.pt"
            content = {"epoch": 45, "name": "recipe", "state_dict": laion_state(size)}
            torch.save(content | {"optimizer": {"state": {}, "param_groups": [{"lr": 1e-4}]}}, made[size])
        return made[size]

    yield path
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def embedders(checkpoints):
    made = {}

    def embedder(size):
        if size not in made:
            made[size] = laion_clap(checkpoints(size), SIZES[size], name=f"toy-{size}", digest="0")
        return made[size]

    return embedder


@pytest.fixture(scope="module")
def rows(embedders):
    """Rows of a recipe sound, computed once."""
    made = {}

    def embed(size, name):
        if (size, name) not in made:
            made[size, name] = embedders(size).embed(sound(pcm(PARAMETERS["waveforms"][name], RATE), RATE))
        return made[size, name]

    return embed


@pytest.mark.parametrize("size", SIZES)
def test_the_recipe(size):
    golden = arrays(f"{size}_outputs.npz")
    for key, values in golden.items():
        if key.startswith("w:"):
            assert np.array_equal(laion_state(size)["module." + key[2:]].reshape(-1)[:8], values)
    for name in PARAMETERS[size]["frames"]:
        samples = pcm(PARAMETERS["waveforms"][name], RATE)
        middle = len(samples) // 2
        check = np.concatenate([samples[:8], samples[middle : middle + 8], samples[-8:]])
        assert np.array_equal(check, golden[f"{name}.pcm_check"])
        quantised = np.rint(laion_scale(samples).astype(np.float64) * 32767).astype(np.int64)
        sums = [samples.sum(dtype=np.int64), np.abs(samples.astype(np.int64)).sum(), quantised.sum()]
        assert [*sums, np.abs(quantised).sum()] == golden[f"{name}.pcm_sum"].tolist()


def check_frames(found, size, name):
    expected = arrays(f"{size}_outputs.npz")[f"{name}.frames"]
    assert found.dtype == np.float32
    assert found.shape == expected.shape == (PARAMETERS[size]["frames"][name], 512)
    np.testing.assert_allclose(found, expected, atol=FRAMES, rtol=0)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-6)


@pytest.mark.parametrize("name", ["s3", "s10", "s1_3", "s12_4"])
def test_frames_of_fadtk(rows, name):
    check_frames(rows("tiny", name), "tiny", name)


def test_frames_of_fadtk_loud(embedders):
    """`s25` exceeds full scale. Its last seconds alone, whose windows hear nothing of what was before."""
    samples = pcm(PARAMETERS["waveforms"]["s25"], RATE)[20 * RATE :]
    assert np.mean(np.abs(samples.astype(int)) >= 32767) > 0
    expected = arrays("tiny_outputs.npz")["s25.frames"][20:]
    np.testing.assert_allclose(embedders("tiny").embed(sound(samples, RATE)), expected, atol=FRAMES, rtol=0)


@pytest.mark.parametrize("name", ["s3", "s1_3"])
def test_frames_of_fadtk_base(rows, name):
    check_frames(rows("base", name), "base", name)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "name"), [("base", "s10"), ("base", "s12_4"), ("tiny", "s25")])
def test_frames_of_fadtk_long(rows, size, name):
    check_frames(rows(size, name), size, name)


def test_a_cache_in_float16_is_this_one_rounded(rows):
    """fadtk stores float16; ours rounded so is fadtk's, but where a value lies between two of them."""
    found = rows("tiny", "s3")
    cached = arrays("tiny_outputs.npz")["s3.frames_cached_float16"]
    np.testing.assert_allclose(found, cached.astype(np.float32), atol=7e-5)
    assert np.mean(found.astype(np.float16) == cached) > 0.99


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["s10", "s3"])
def test_stages(embedders, checkpoints, size, name):
    embedder, golden = embedders(size), arrays(f"{size}_outputs.npz")
    tower, front_end = load_laion(checkpoints(size), SIZES[size], what="toy")
    heard = laion_scale(pcm(PARAMETERS["waveforms"][name], RATE))
    window = next(windows(heard, length=10 * RATE, step=RATE))
    power = power_spectrogram(window, hop=480)
    np.testing.assert_allclose(power[::50, ::16], golden[f"{name}.power_spectrogram"], rtol=1e-3, atol=1e-6)
    spectrogram = log_mel(window, front_end)
    assert np.array_equal(front_end.filters, embedder.front_end.filters)
    np.testing.assert_allclose(spectrogram[::10], golden[f"{name}.logmel"], atol=3e-3)
    seen = {}
    encoder = tower.audio_model.audio_encoder

    def keep(stage, pick):
        def hook(module, inputs, output):
            seen[stage] = pick(inputs, output).detach().numpy()

        return hook

    encoder.batch_norm.register_forward_hook(keep("after_bn0", lambda _, o: o.transpose(1, 3)[0, 0]))
    encoder.patch_embed.register_forward_hook(keep("patch_embed", lambda _, o: o[0]))
    encoder.patch_embed.register_forward_hook(keep("image", lambda i, _: i[0][0, 0]))
    for index, layer in enumerate(encoder.layers):
        layer.register_forward_hook(keep(f"layer{index}", lambda _, o: o[0][0]))
    encoder.norm.register_forward_hook(keep("final_norm", lambda _, o: o[0]))
    tower.audio_projection.register_forward_hook(keep("latent", lambda i, _: i[0][0]))
    tower.audio_projection.register_forward_hook(keep("projection_before_norm", lambda _, o: o[0]))
    with torch.inference_mode():
        tower(torch.from_numpy(spectrogram)[None, None])
    sparse = {
        "after_bn0": lambda x: x[::50, ::4],
        "image": lambda x: x[::8, ::8],
        "patch_embed": lambda x: x[::64, ::8],
        "final_norm": lambda x: x[::8, :: max(1, x.shape[1] // 32)],
    }
    for stage, value in seen.items():
        if stage.startswith("layer"):
            value = value[:: max(1, len(value) // 32), :: max(1, value.shape[1] // 16)]
        value = sparse.get(stage, lambda x: x)(value)
        tolerance = 1e-3 if stage == "image" else 1e-4
        np.testing.assert_allclose(value, golden[f"{name}.{stage}"], atol=tolerance, rtol=0, err_msg=stage)


def test_laion_claps_own_path(rows):
    """A sound of exactly 10 s by laion-clap itself: our first window, within what its skipped rounding costs."""
    golden = arrays("tiny_outputs.npz")
    found = rows("tiny", "s10")[:1]
    for path in ("laion_numpy_path", "laion_tensor_path"):
        np.testing.assert_allclose(found, golden[f"s10.{path}"], atol=1e-5)


def test_a_window_alone_is_the_window_in_its_clip(embedders, rows):
    samples = pcm(PARAMETERS["waveforms"]["s12_4"], RATE)
    for second in (2, 11, 12):
        alone = embedders("tiny").embed(sound(samples[second * RATE :][: 10 * RATE], RATE))
        assert np.array_equal(alone[0], rows("tiny", "s12_4")[second])


def variant(state, change):
    """A checkpoint's content with one thing about it changed."""
    if change == "state dict alone":
        return dict(state)
    if change == "without module.":
        return {"state_dict": {key.removeprefix("module."): value for key, value in state.items()}}
    if change == "without position_ids":
        return {"state_dict": {key: value for key, value in state.items() if "position_ids" not in key}}
    if change == "without constants":
        drop = ("_index", "_mask", "stft.conv_real.weight", "stft.conv_imag.weight", "melW", "_tracked")
        return {"state_dict": {key: value for key, value in state.items() if not key.endswith(drop)}}
    raise AssertionError(change)


@pytest.mark.parametrize("change", ["state dict alone", "without module.", "without position_ids", "without constants"])
def test_shapes_that_a_checkpoint_comes_in(embedders, tmp_path, change):
    torch.save(variant(laion_state("tiny"), change), tmp_path / "c.pt")
    samples = pcm(PARAMETERS["waveforms"]["s1_3"], RATE)[-RATE // 2 :]
    found = laion_clap(tmp_path / "c.pt", TINY, name="toy", digest="0").embed(sound(samples, RATE))
    (tmp_path / "c.pt").unlink()
    np.testing.assert_allclose(found, embedders("tiny").embed(sound(samples, RATE)), atol=1e-7)


def refused(tmp_path, state, size=TINY):
    torch.save({"state_dict": state}, tmp_path / "bad.pt")
    with pytest.raises(UserError) as error:
        laion_clap(tmp_path / "bad.pt", size, name="clap-laion-audio", digest="0")
    (tmp_path / "bad.pt").unlink()
    return str(error.value)


def test_other_checkpoints_are_refused(tmp_path):
    state = laion_state("tiny")
    key = "module.audio_branch.layers.2.blocks.3.attn.qkv.weight"
    bare = key.removeprefix("module.")
    assert "HTSAT-base; this checkpoint holds HTSAT-tiny" in refused(tmp_path, state, BASE)
    assert f"1 missing ({bare})" in refused(tmp_path, {k: v for k, v in state.items() if k != key})
    assert "1 unexpected (audio_branch.extra.weight)" in refused(
        tmp_path, state | {"module.audio_branch.extra.weight": torch.zeros(3)}
    )
    message = refused(tmp_path, state | {key: torch.zeros(96, 384)})
    assert f"1 of another shape ({bare} (96, 384) instead of (1152, 384))" in message
    fusion = {"module.audio_branch.patch_embed.fusion_model.local_att.0.weight": torch.zeros(3)}
    assert "without fusion" in refused(tmp_path, state | fusion)
    text = {k: v for k, v in state.items() if "text_" in k}
    assert "should have 96 or 128 channels, found no such tensor" in refused(tmp_path, text)


def test_a_truncated_checkpoint_is_refused(checkpoints, tmp_path):
    whole = checkpoints("tiny").read_bytes()
    (tmp_path / "torn.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"torn\.pt"):
        laion_clap(tmp_path / "torn.pt", TINY, name="toy", digest="0")
    (tmp_path / "torn.pt").unlink()


def test_missing_weights_name_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("CMMD_BENCH_WEIGHTS", str(tmp_path))
    with pytest.raises(UserError, match="cmmd-bench weights get clap-laion-audio"):
        open_laion_audio()


def test_unusual_sounds(embedders):
    embedder = embedders("tiny")
    silence = embedder.embed(Clip(audio=np.zeros(2 * RATE, np.float32), sample_rate=RATE))
    assert silence.shape == (2, 512)
    assert np.isfinite(silence).all()
    assert np.array_equal(silence[0], silence[1])
    one = embedder.embed(Clip(audio=np.array([0.5], np.float32), sample_rate=RATE))
    half = embedder.embed(Clip(audio=np.full(22_050, 0.5, np.float32), sample_rate=44_100))
    for rows in (one, half):
        assert rows.shape == (1, 512)
        assert np.isfinite(rows).all()
        np.testing.assert_allclose(np.linalg.norm(rows), 1.0, atol=1e-6)
    with pytest.raises(ValueError, match="toy-tiny needs audio, found a clip without it"):
        embedder.embed(Clip(video=np.zeros((2, 4, 4, 3), np.uint8), fps=8))
    with pytest.raises(ValueError, match="NaN"):
        Clip(audio=np.full(10, np.nan, np.float32), sample_rate=RATE)


def test_opening_leaves_the_random_state_alone(checkpoints):
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    load_laion(checkpoints("tiny"), TINY, what="toy")
    assert torch.equal(torch.random.get_rng_state(), before)
