"""Mixing, values out of range, placing at the edges."""

import numpy as np
import pytest
import soundfile
from media_samples import write_media

from cmmd_bench.errors import UserError
from cmmd_bench.media import probe, read_clip, write_clip
from cmmd_bench.types import Clip


def channels(count: int, length: int, scale: float = 0.8) -> np.ndarray:
    return np.random.default_rng(count).uniform(-scale, scale, (count, length)).astype(np.float32)


@pytest.mark.parametrize("count", [1, 2, 6])
def test_channels_are_averaged_with_equal_weights(tmp_path, count):
    sound = channels(count, 4000)
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[count]
    soundfile.write(tmp_path / "s.wav", sound.T, 16_000, subtype="FLOAT")
    write_media(
        tmp_path / "s.mkv", "matroska", sounds=[(0, sound)], sound_codec="pcm_f32le", rate=16_000, layout=layout
    )
    for name in ("s.wav", "s.mkv"):
        np.testing.assert_allclose(read_clip(tmp_path / name).audio, sound.mean(axis=0), atol=1e-6)
        assert probe(tmp_path / name).channels == count


@pytest.mark.parametrize(
    ("codec", "step"),
    [
        ("pcm_u8", 2**-7),
        ("pcm_s16le", 2**-15),
        ("pcm_s24le", 2**-23),
        ("pcm_s32le", 2**-31),
        ("pcm_f64le", 0),
        ("flac", 2**-15),
    ],
)
def test_every_sample_format_has_full_scale_one(tmp_path, codec, step):
    sound = channels(2, 3000)
    write_media(tmp_path / "s.mkv", "matroska", sounds=[(0, sound)], sound_codec=codec, rate=16_000, layout="stereo")
    np.testing.assert_allclose(read_clip(tmp_path / "s.mkv").audio, sound.mean(axis=0), atol=step + 1e-7)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused_with_their_place(tmp_path, bad):
    sound = np.zeros(32_000, np.float32)
    sound[20_000:20_003] = bad
    soundfile.write(tmp_path / "bad.wav", sound, 16_000, subtype="FLOAT")
    with pytest.raises(UserError, match=r"bad\.wav: 3 samples are NaN or infinite, the first at 1\.250 s"):
        read_clip(tmp_path / "bad.wav", sample_rate=8000)
    assert read_clip(tmp_path / "bad.wav", seconds=1.0).audio.shape == (16_000,)


def test_a_little_overshoot_is_limited(tmp_path):
    sound = np.array([0.5, 1.3, -2.5, 3.9, -0.5] * 100, np.float32)
    soundfile.write(tmp_path / "s.wav", sound, 16_000, subtype="FLOAT")
    np.testing.assert_array_equal(read_clip(tmp_path / "s.wav").audio, np.clip(sound, -1, 1))
    resampled = read_clip(tmp_path / "s.wav", sample_rate=22_050).audio
    assert np.abs(resampled).max() <= 1


def test_whole_numbers_stored_as_floats_are_refused(tmp_path):
    sound = (channels(1, 4000)[0] * 32_768).round().astype(np.float32)
    soundfile.write(tmp_path / "s.wav", sound, 16_000, subtype="FLOAT")
    with pytest.raises(UserError, match=r"s\.wav: the sound peaks at 26\d\d\d.*divide 16-bit values by 32768"):
        read_clip(tmp_path / "s.wav")


@pytest.mark.parametrize("length", [1, 2, 17, 1000])
def test_a_few_samples_can_be_resampled(tmp_path, length):
    sound = np.full(length, 0.25, np.float32)
    write_clip(tmp_path / "s.mkv", Clip(audio=sound, sample_rate=16_000))
    soundfile.write(tmp_path / "s.wav", sound, 16_000, subtype="FLOAT")
    for name in ("s.mkv", "s.wav"):
        for rate in (8000, 44_100):
            found = read_clip(tmp_path / name, sample_rate=rate).audio
            assert found.shape == (max(1, round(length / 16_000 * rate)),)
            assert np.isfinite(found).all()


def test_a_constant_stays_itself_away_from_its_ends(tmp_path):
    soundfile.write(tmp_path / "s.flac", np.full(48_000, 0.25), 48_000)
    found = read_clip(tmp_path / "s.flac", start=0.25, seconds=0.5, sample_rate=16_000).audio
    np.testing.assert_allclose(found, 0.25, atol=1e-5)


def test_what_is_wanted_can_be_chosen(tmp_path):
    clip = Clip(np.zeros((10, 4, 4, 3), np.uint8), 10, np.zeros(16_000, np.float32), 16_000)
    path = tmp_path / "both.mkv"
    write_clip(path, clip)
    assert read_clip(path, audio=False).audio is None
    assert read_clip(path, video=False).video is None
    assert read_clip(path, need=("video", "audio")).seconds == 1.0
    write_clip(tmp_path / "silent.mkv", clip.only_video())
    with pytest.raises(UserError, match=r"silent\.mkv has no audio stream, which is needed here"):
        read_clip(tmp_path / "silent.mkv", need=("video", "audio"))
    with pytest.raises(UserError, match=r"silent\.mkv has no audio stream\."):
        read_clip(tmp_path / "silent.mkv", video=False)
    write_clip(tmp_path / "dark.mkv", clip.only_audio())
    with pytest.raises(UserError, match=r"dark\.mkv has no video stream, which is needed here"):
        read_clip(tmp_path / "dark.mkv", need=("video",))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"start": -0.1}, "start must be 0 s or later"),
        ({"start": float("nan")}, "start must be 0 s or later"),
        ({"seconds": 0}, "seconds must be above 0"),
        ({"seconds": float("inf")}, "seconds must be above 0"),
        ({"fps": 0}, "fps must be above 0"),
        ({"fps": -10}, "fps must be above 0"),
        ({"fps": "fast"}, "fps must be a number"),
        ({"seconds": 0.02, "fps": 10}, "fps times seconds must be 1 or more"),
        ({"sample_rate": 0}, "sample_rate must be a whole number"),
        ({"sample_rate": 16_000.5}, "sample_rate must be a whole number"),
        ({"size": (0, 64)}, "size must be"),
        ({"size": (64,)}, "size must be"),
        ({"size": (64.5, 64)}, "size must be"),
        ({"need": ("picture",)}, "need must hold"),
        ({"need": "video"}, "need must hold"),
    ],
)
def test_arguments_out_of_range_are_refused(tmp_path, arguments, message):
    clip = Clip(np.zeros((10, 4, 4, 3), np.uint8), 10, np.zeros(16_000, np.float32), 16_000)
    write_clip(tmp_path / "clip.mkv", clip)
    with pytest.raises(ValueError, match=message):
        read_clip(tmp_path / "clip.mkv", **arguments)


def test_lengths_are_exact_and_the_end_is_held(tmp_path):
    video = np.random.default_rng(0).integers(0, 256, (17, 4, 4, 3), np.uint8)
    audio = np.random.default_rng(1).uniform(-1, 1, 27_900).astype(np.float32)
    write_clip(tmp_path / "clip.mkv", Clip(video, 10, audio, 16_000))
    clip = read_clip(tmp_path / "clip.mkv", seconds=1.8)
    assert len(clip.video) == 18
    assert len(clip.audio) == 28_800
    np.testing.assert_array_equal(clip.video[17], video[16])
    np.testing.assert_array_equal(clip.audio[27_900:], 0)
    with pytest.raises(UserError, match=r"clip\.mkv: the picture is 1\.70 s long, the window 0\.00-1\.81 s needs more"):
        read_clip(tmp_path / "clip.mkv", seconds=1.81)
    with pytest.raises(UserError, match=r"clip\.mkv: the sound is 1\.74 s long, the window 0\.20-1\.90 s needs more"):
        read_clip(tmp_path / "clip.mkv", start=0.2, seconds=1.7, video=False)
    with pytest.raises(UserError, match=r"clip\.mkv: the picture is 1\.70 s long and has nothing from 9\.00 s on"):
        read_clip(tmp_path / "clip.mkv", start=9)
