"""Picture and sound are found at their times in every container, read whole and cut from the middle."""

import numpy as np
import pytest
import soundfile
from media_samples import burst_at, clapper, numbers_of, with_burst, write_media

from cmmd_bench.media import probe, read_clip

SECONDS, BURST, FPS = 5.0, 3.6, 25
CONTAINERS = [
    ("mp4", "libx264", "aac", 48_000),
    ("mp4", "libx265", "libopus", 48_000),
    ("mp4", "mpeg4", "libmp3lame", 44_100),
    ("mov", "mjpeg", "pcm_s24le", 44_100),
    ("matroska", "libx264", "aac", 44_100),
    ("matroska", "libx264", "flac", 48_000),
    ("matroska", "libx264", "libmp3lame", 44_100),
    ("matroska", "ffv1", "pcm_f32le", 22_050),
    ("webm", "libvpx", "libopus", 48_000),
    ("avi", "mjpeg", "pcm_s16le", 44_100),
    ("avi", "mpeg4", "pcm_u8", 48_000),
    ("mpegts", "libx264", "aac", 48_000),
    ("mpegts", "mpeg2video", "mp2", 48_000),
    ("flv", "flv", "aac", 44_100),
]


def requested_times(count: int, fps: int, start: float = 0.0) -> np.ndarray:
    return start + np.arange(count) / fps


def require_nearest(numbers, times, *, shift, source=FPS, target=FPS):
    """Each frame shown is the one whose time in the file, number / source + shift, is nearest; ties either way."""
    inside = times >= shift
    wanted = (times - shift)[inside] * source
    assert np.abs(np.array(numbers)[inside] - wanted).max() <= 0.5 + 0.002 * source


@pytest.mark.parametrize(("container", "codec", "sound_codec", "rate"), CONTAINERS)
def test_pictures_and_sound_lie_at_their_times(tmp_path, container, codec, sound_codec, rate):
    quiet = {"x265-params": "log-level=none:pools=1"} if codec == "libx265" else {}
    content = clapper(SECONDS, FPS, rate, BURST)
    # The name says nothing: what it is, is found from the content.
    path = write_media(
        tmp_path / "clip", container, codec=codec, sound_codec=sound_codec, codec_options=quiet, **content
    )
    whole = read_clip(path)
    # A transport stream begins with the priming of its sound, so picture and sound alike lie a little later.
    shift = round(burst_at(whole.audio, rate) - BURST, 4)
    assert 0 <= shift < 0.03
    assert whole.fps == FPS
    assert whole.sample_rate == rate
    numbers = numbers_of(whole.video)
    require_nearest(numbers, requested_times(len(numbers), FPS), shift=shift)
    assert abs(len(numbers) - SECONDS * FPS) <= 1
    assert whole.audio_seconds == pytest.approx(SECONDS, abs=0.06)
    assert probe(path).seconds == pytest.approx(SECONDS, abs=0.06)
    for start in (0.2, 3.0, 3.35):
        cut = read_clip(path, start=start, seconds=1.6, fps=10, sample_rate=16_000)
        assert cut.video.shape == (16, 64, 64, 3)
        assert cut.audio.shape == (25_600,)
        require_nearest(numbers_of(cut.video), requested_times(16, 10, start), shift=shift)
        if start > 2:
            assert start + burst_at(cut.audio, 16_000) == pytest.approx(BURST + shift, abs=0.0006)


@pytest.mark.parametrize(
    ("container", "sound_codec", "rate"),
    [("mp4", "aac", 48_000), ("ogg", "libopus", 48_000), ("mp3", "libmp3lame", 44_100), ("adts", "aac", 44_100)],
)
def test_sound_alone_lies_at_its_time(tmp_path, container, sound_codec, rate):
    sounds = [(0, with_burst(BURST, SECONDS, rate))]
    path = write_media(tmp_path / "sound", container, sounds=sounds, sound_codec=sound_codec, rate=rate)
    clip = read_clip(path)
    assert clip.video is None
    # Only the bare stream of AAC cannot say that its first 1024 samples are priming.
    priming = 1024 / rate if container == "adts" else 0
    assert burst_at(clip.audio, rate) == pytest.approx(BURST + priming, abs=0.0001)
    cut = read_clip(path, start=3.1, seconds=1.25, sample_rate=16_000)
    assert 3.1 + burst_at(cut.audio, 16_000) == pytest.approx(BURST + priming, abs=0.0001)
    assert probe(path).seconds == pytest.approx(SECONDS, abs=0.06)


@pytest.mark.parametrize("name", ["sound.wav", "sound.flac", "sound.ogg", "sound.mp3", "sound.aiff", "sound.caf"])
def test_sound_files_cut_to_the_sample(tmp_path, name):
    soundfile.write(tmp_path / name, with_burst(BURST, SECONDS, 22_050), 22_050)
    path = (tmp_path / name).rename(tmp_path / "unnamed")
    clip = read_clip(path)
    assert clip.sample_rate == 22_050
    assert clip.audio.shape == (round(SECONDS * 22_050),)
    assert burst_at(clip.audio, 22_050) == pytest.approx(BURST, abs=1e-9)
    cut = read_clip(path, start=2.0, seconds=2.0)
    np.testing.assert_allclose(cut.audio, clip.audio[44_100 : 2 * 44_100], atol=1e-6)
    assert probe(path).seconds == pytest.approx(SECONDS)
    assert probe(path).channels == 1


def test_gif_is_a_silent_clip(tmp_path):
    content = clapper(3.0, 10)
    path = write_media(tmp_path / "clip.gif", "gif", codec="gif", pictures=content["pictures"], fps=10)
    clip = read_clip(path)
    assert clip.audio is None
    assert clip.fps == 10
    assert numbers_of(clip.video) == list(range(30))
    assert numbers_of(read_clip(path, start=2.1, seconds=0.5).video) == list(range(21, 26))
