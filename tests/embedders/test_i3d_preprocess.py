"""What I3D is shown, dialect by dialect, against golden tensors of the public codes, and on odd frames."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from i3d_recipe import PRESETS, arrays, float_video, network, parameters

from cmmd_bench.embedders.i3d.preprocess import (
    DIALECTS,
    SMALL,
    crop_offsets,
    darken,
    fit_into,
    frames_at_64,
    prepare,
    shorter_side_to,
)
from cmmd_bench.errors import UserError

CLIPS = ("land", "port", "odd", "big")
# A run of the network takes about a second; two clips, both with an odd side, are enough for every day.
RUNS = [*("port", "odd"), *(pytest.param(clip, marks=pytest.mark.slow) for clip in ("land", "big"))]


@pytest.fixture(scope="module")
def golden():
    return arrays("presets.npz")


@pytest.fixture(scope="module")
def logits():
    """Logits of a golden clip in a dialect; dialects that show the network the same tensor share a run."""
    runs: dict[bytes, np.ndarray] = {}

    def of(x):
        key = x.contiguous().numpy().tobytes()
        if key not in runs:
            with torch.inference_mode():
                runs[key] = network()(x)[0].numpy()
        return runs[key]

    return of


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("preset", PRESETS)
def test_inputs_of_presets(golden, clip, preset):
    video = arrays("clips.npz")[clip]
    before = video.copy()
    x = prepare(video, PRESETS[preset])
    assert x.shape == (1, 3, len(video), 224, 224)
    assert x.dtype == torch.float32
    assert np.array_equal(video, before)
    thinned = x[0, :, ::3, ::16, ::16].numpy()
    np.testing.assert_allclose(thinned, golden[f"{clip}.{preset}.x_stride"], atol=1e-5, rtol=0)
    values = x.double()
    stats = [values.mean(), values.std(correction=0), values.abs().sum(), values.min(), values.max()]
    np.testing.assert_allclose(stats, golden[f"{clip}.{preset}.x_stats"], atol=0, rtol=1e-5)


@pytest.mark.parametrize("clip", RUNS)
@pytest.mark.parametrize("preset", PRESETS)
def test_logits_of_presets(golden, logits, clip, preset):
    x = prepare(arrays("clips.npz")[clip], PRESETS[preset])
    np.testing.assert_allclose(logits(x), golden[f"{clip}.{preset}.logits"], atol=1e-4, rtol=0)


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("antialias", [False, True])
def test_frames_of_mm_diffusion_are_exact(golden, clip, antialias):
    frames = torch.from_numpy(arrays("clips.npz")[clip]).permute(0, 3, 1, 2)
    small = frames_at_64(frames, antialias=antialias).permute(0, 2, 3, 1).numpy()[::4]
    assert np.array_equal(small, golden[f"{clip}.mmdiff64_{'antialias' if antialias else 'noantialias'}.frames64"])


@pytest.mark.parametrize("preset", ["common_metrics_videogpt", "fvd_comparison"])
def test_floats_are_truncated_by_one_and_kept_by_the_other(golden, logits, preset):
    x = prepare(float_video(), PRESETS[preset])
    np.testing.assert_allclose(
        x[0, :, ::3, ::16, ::16].numpy(), golden[f"floatclip.{preset}.x_stride"], atol=1e-5, rtol=0
    )
    np.testing.assert_allclose(logits(x), golden[f"floatclip.{preset}.logits"], atol=1e-4, rtol=0)


def test_floats_differ_between_the_two():
    assert not torch.equal(prepare(float_video(), "videogpt"), prepare(float_video(), "fvd-comparison"))


@pytest.mark.parametrize("dialect", sorted(set(DIALECTS) - {"fvd-comparison"}))
def test_floats_that_are_grey_levels_are_those_levels(dialect):
    video = np.arange(256, dtype=np.uint8).repeat(9 * 3).reshape(9, 16, 16, 3, order="F")
    assert torch.equal(prepare((video / 255).astype(np.float32), dialect), prepare(video, dialect))


@pytest.mark.parametrize("row", parameters("tables.json")["resize_targets"], ids=lambda row: f"{row['h']}x{row['w']}")
def test_targets_of_the_shorter_side(row):
    target = shorter_side_to(224, row["h"], row["w"])
    assert target == (row["target_h"], row["target_w"])
    assert crop_offsets(224, *target) == (row["crop_top"], row["crop_left"])
    exact = -(-Fraction(224 * max(row["h"], row["w"]), min(row["h"], row["w"])) // 1)
    assert exact == row["exact_ceil"]


def test_value_maps():
    maps = parameters("tables.json")["value_maps"]
    levels = torch.arange(256, dtype=torch.uint8)
    assert darken(levels).tolist() == maps["mmdiff_evaluator_roundtrip"]
    assert (darken(levels) < levels).sum() == 63
    unit = np.arange(256, dtype=np.float32)[:, None, None, None].repeat(3, axis=3) / np.float32(255)
    for name in ("common_metrics_videogpt_float01_times255_truncated", "cdfvd_float01_times255_byte"):
        assert maps[name] == list(range(256))
    kept = prepare(np.ascontiguousarray(unit), "styleganv")
    assert kept.dtype == torch.uint8
    assert kept[0, 0, :, 0, 0].tolist() == list(range(256))


def test_styleganv_hands_over_the_frames_untouched():
    video = arrays("clips.npz")["odd"]
    x = prepare(video, "styleganv")
    assert x.dtype == torch.uint8
    assert np.array_equal(x[0].permute(1, 2, 3, 0).numpy(), video)


def test_cd_fvd_at_its_default_resolution_by_hand():
    video = arrays("clips.npz")["land"]
    unit = torch.from_numpy(video).permute(0, 3, 1, 2).float() / 255
    resized = torch.nn.functional.interpolate(unit, (256, 342), mode="bilinear", antialias=True)[..., 43:299]
    assert torch.equal(prepare(video, "cd-fvd"), prepare((resized.permute(0, 2, 3, 1)).numpy(), "tats"))


def test_tf_original_by_loops():
    video = arrays("clips.npz")["odd"][:9]
    x = prepare(video, "tf-original")[0].numpy()
    height, width = video.shape[1:3]
    rng = np.random.default_rng(4)
    for frame, i, j in zip(rng.integers(0, 9, 200), *rng.integers(0, 224, (2, 200)), strict=True):
        (top, down), (left, across) = divmod(i * height / 224, 1), divmod(j * width / 224, 1)
        rows, columns = [int(top), min(int(top) + 1, height - 1)], [int(left), min(int(left) + 1, width - 1)]
        corner = video[frame][np.ix_(rows, columns)].astype(float)
        mixed = np.array([1 - down, down]) @ np.einsum("rcx,c->xr", corner, [1 - across, across]).T
        np.testing.assert_allclose(x[:, frame, i, j], 2 * mixed / 255 - 1, atol=1e-5)


DRAWN = sorted(set(DIALECTS) - {"styleganv"})


@pytest.mark.parametrize("dialect", DRAWN)
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 60), (60, 1), (224, 224), (65, 64), (300, 40)])
def test_odd_sizes(dialect, size):
    video = np.random.default_rng(5).integers(0, 256, (9, *size, 3), dtype=np.uint8)
    x = prepare(video, dialect)
    assert x.shape == (1, 3, 9, 224, 224)
    assert torch.isfinite(x).all()
    # No resizing here overshoots its range: bicubic values are clipped to grey levels.
    assert x.min() >= -1.0001
    assert x.max() <= 1.0001


@pytest.mark.parametrize("size", [(1, 65), (1000, 3)])
@pytest.mark.parametrize("dialect", ["mm-diffusion", "mm-diffusion-antialias"])
def test_slivers_that_vanish_at_64(dialect, size):
    with pytest.raises(ValueError, match="vanish when fitted into 64x64"):
        prepare(np.zeros((9, *size, 3), np.uint8), dialect)


@pytest.mark.parametrize("dialect", DRAWN)
@pytest.mark.parametrize("level", [0, 127, 255])
def test_one_colour_stays_one_colour(dialect, level):
    x = prepare(np.full((9, 48, 48, 3), level, np.uint8), dialect)
    shown = parameters("tables.json")["value_maps"]["mmdiff_evaluator_roundtrip"][level] if "mm-" in dialect else level
    np.testing.assert_allclose(x.numpy(), 2 * shown / 255 - 1, atol=0.0081 if "cd-fvd" in dialect else 1e-6)


@pytest.mark.parametrize("dialect", DRAWN)
def test_colours_keep_their_order(dialect):
    video = np.zeros((9, 32, 32, 3), np.uint8)
    video[..., 0] = 255
    x = prepare(video, dialect)[0].mean(dim=(1, 2, 3))
    assert x[0] > 0.9
    assert (x[1:] < -0.9).all()


@pytest.mark.parametrize("dialect", DRAWN)
def test_frames_do_not_mix(dialect):
    video = arrays("clips.npz")["land"][:9]
    assert torch.equal(prepare(video, dialect)[:, :, 3:5], prepare(video[3:5], dialect))


def test_a_read_only_or_strided_video_is_read(recwarn):
    video = arrays("clips.npz")["land"][:9].copy()
    expected = prepare(video, "tats")
    frozen = video.copy()
    frozen.setflags(write=False)
    assert torch.equal(prepare(frozen, "tats"), expected)
    assert torch.equal(prepare(video[::-1], "tats").flip(2), expected)
    assert torch.equal(prepare(video[::2], "tats"), expected[:, :, ::2])
    assert np.array_equal(frozen, video)
    assert not recwarn.list


def test_fit_into():
    assert fit_into(SMALL, 240, 320) == (48, 64)
    assert fit_into(SMALL, 64, 64) == (64, 64)
    assert fit_into(SMALL, 30, 20) == (64, 42)


def test_bad_videos_are_named():
    good = np.zeros((9, 8, 8, 3), np.uint8)
    with pytest.raises(UserError, match="Did you mean 'tats'"):
        prepare(good, "tat")
    for video in (good[0], good[..., :1], good[:0], good[:, :0]):
        with pytest.raises(ValueError, match=r"shape \(F, H, W, 3\), found"):
            prepare(video, "tats")
    for dtype in (np.float64, np.int16, np.bool_):
        with pytest.raises(ValueError, match="uint8 in 0..255 or float32 in"):
            prepare(good.astype(dtype), "tats")
    for value in (-0.1, 1.1, 255.0, np.nan):
        with pytest.raises(ValueError, match=r"float32 video must be in \[0, 1\], found values from"):
            prepare(np.full((9, 8, 8, 3), value, np.float32), "tats")
