"""A cut from an hour holds the cut, not the hour."""

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from media_samples import numbered, numbers_of

from cmmd_bench.media import read_clip

HOUR, RATE, FPS = 3600, 8000, 1
MEGABYTE = 2**20

CUT = """
import resource, sys
from cmmd_bench.media import read_clip
clip = read_clip(sys.argv[1], start=float(sys.argv[2]), seconds=2.0, fps=1, sample_rate=16_000)
assert clip.audio.shape == (32_000,)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def ramp(seconds: int) -> np.ndarray:
    """Ten seconds of sound with a level that tells when they are."""
    return np.full(10 * RATE, (seconds // 10 + 1) / 400, np.float32)


def long_film(path: Path, seconds: int, sound_codec: str) -> Path:
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "10"})
        video.width = video.height = 64
        video.pix_fmt, video.gop_size = "yuv420p", 20
        audio = out.add_stream(sound_codec, rate=RATE, layout="mono")
        for begin in range(0, seconds, 10):
            for number in range(begin * FPS, (begin + 10) * FPS):
                frame = av.VideoFrame.from_ndarray(numbered(number % 256), format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, FPS)
                out.mux(video.encode(frame))
            sound = av.AudioFrame.from_ndarray(
                (ramp(begin)[None] * 32_767).astype(np.int16), format="s16", layout="mono"
            )
            sound.sample_rate, sound.pts, sound.time_base = RATE, begin * RATE, Fraction(1, RATE)
            out.mux(audio.encode(sound))
        out.mux(video.encode(None))
        out.mux(audio.encode(None))
    return path


def peak_of_cut(path: Path, start: float) -> int:
    done = subprocess.run(
        [sys.executable, "-c", CUT, str(path), str(start)], capture_output=True, text=True, check=True
    )
    # Linux counts kilobytes, macOS bytes.
    return int(done.stdout) * (1 if sys.platform == "darwin" else 1024)


@pytest.mark.skipif(sys.platform == "win32", reason="needs the resource module")
@pytest.mark.parametrize(("name", "sound_codec"), [("film.mkv", "flac"), ("film.mov", "pcm_alaw")])
def test_cutting_from_an_hour_of_film(tmp_path, name, sound_codec):
    short = long_film(tmp_path / f"short-{name}", 10, sound_codec)
    long = long_film(tmp_path / f"long-{name}", HOUR, sound_codec)
    assert abs(peak_of_cut(long, 3001.0) - peak_of_cut(short, 4.0)) < 50 * MEGABYTE
    for start in (3001, 3590):
        clip = read_clip(long, start=start, seconds=2.0)
        assert numbers_of(clip.video) == [number % 256 for number in range(start * FPS, (start + 2) * FPS)]
        assert np.median(clip.audio) == pytest.approx((start // 10 + 1) / 400, rel=0.05)


@pytest.mark.skipif(sys.platform == "win32", reason="needs the resource module")
@pytest.mark.parametrize("name", ["sound.wav", "sound.flac"])
def test_cutting_from_an_hour_of_sound(tmp_path, name):
    for length, path in ((10, tmp_path / f"short-{name}"), (HOUR, tmp_path / f"long-{name}")):
        with soundfile.SoundFile(path, "w", RATE, 1) as file:
            for begin in range(0, length, 10):
                file.write(ramp(begin))
    short, long = (tmp_path / f"{kind}-{name}" for kind in ("short", "long"))
    assert abs(peak_of_cut(long, 3001.0) - peak_of_cut(short, 4.0)) < 50 * MEGABYTE
    np.testing.assert_allclose(read_clip(long, start=3001, seconds=2.0).audio, 301 / 400, atol=1e-4)
