"""Real clips: two sets of generated films and three pieces of music."""

import numpy as np
import pytest
import soundfile

from cmmd_bench.media import probe, read_clip, write_clip


@pytest.mark.parametrize("name", ["mmdiff-aist", "mmdiff-landscape"])
def test_generated_films(shared, tmp_path, name):
    paths = sorted((shared / "media" / name).glob("*.mp4"))[:3]
    assert paths
    for path in paths:
        info = probe(path)
        assert (info.seconds, info.fps, info.height, info.width) == (1.6, 10, 256, 256)
        assert (info.frames, info.sample_rate) == (16, 16_000)
        clip = read_clip(path, need=("video", "audio"))
        assert clip.video.shape == (16, 256, 256, 3)
        assert clip.audio.shape == (25_600,)
        small = read_clip(path, seconds=1.6, fps=10, size=(64, 64), sample_rate=16_000)
        np.testing.assert_array_equal(small.audio, clip.audio)
        np.testing.assert_allclose(small.video.mean(axis=(1, 2)), clip.video.mean(axis=(1, 2)), atol=2)
        np.testing.assert_array_equal(read_clip(path, start=0.5, seconds=1.0).video, clip.video[5:15])
        write_clip(tmp_path / "copy.mkv", clip)
        copy = read_clip(tmp_path / "copy.mkv")
        np.testing.assert_array_equal(copy.video, clip.video)
        np.testing.assert_array_equal(copy.audio, clip.audio)


def test_music(shared):
    paths = sorted((shared / "media" / "music").glob("*.ogg"))
    assert paths
    for path in paths:
        info = probe(path)
        whole, rate = soundfile.read(path, dtype="float32")
        assert info.seconds == pytest.approx(len(whole) / rate)
        cut = read_clip(path, start=3.7, seconds=1.5)
        first = round(3.7 * rate)
        np.testing.assert_allclose(cut.audio, whole[first : first + round(1.5 * rate)], atol=1e-6)
