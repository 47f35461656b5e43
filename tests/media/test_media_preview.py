"""Previews: what a browser plays is the clip, with sound and picture on each other."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from media_samples import burst, burst_at, numbered, numbers_of, with_burst
from PIL import Image

from cmmd_bench.media import probe, read_clip, write_preview
from cmmd_bench.types import Clip


def boxes(data: bytes, *path: str) -> list[bytes]:
    """The contents of all MP4 boxes at `path`."""
    found, position = [], 0
    while position + 8 <= len(data):
        size, name = struct.unpack(">I4s", data[position : position + 8])
        if name.decode("latin1") == path[0]:
            content = data[position + 8 : position + size]
            found += boxes(content, *path[1:]) if len(path) > 1 else [content]
        position += size
    return found


def clap(seconds: float, at: float, fps=25, rate: int = 16_000) -> Clip:
    video = np.stack([numbered(k) for k in range(round(seconds * fps))])
    return Clip(video, fps, with_burst(at, seconds, rate), rate)


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
@pytest.mark.parametrize("at", [0.0, 0.7])
def test_sound_lies_on_the_picture_within_a_millisecond(tmp_path, rate, at):
    write_preview(tmp_path / "p.mp4", clap(2.0, at, rate=rate))
    clip = read_clip(tmp_path / "p.mp4")
    assert clip.sample_rate == 48_000
    assert burst_at(clip.audio, 48_000) == pytest.approx(at, abs=0.0001)
    assert numbers_of(clip.video) == list(range(50))
    assert clip.audio_seconds == 2.0


def test_players_are_told_what_is_priming(tmp_path):
    write_preview(tmp_path / "p.mp4", clap(2.0, 0.7))
    data = (tmp_path / "p.mp4").read_bytes()
    starts = []
    for edits in boxes(data, "moov", "trak", "edts", "elst"):
        version, count = edits[0], struct.unpack(">I", edits[4:8])[0]
        assert (version, count) == (0, 1)
        starts.append(struct.unpack(">Ii", edits[8:16])[1])
    # The picture begins with its first frame, the sound after the 1024 samples that AAC needs to start.
    assert starts == [0, 1024]
    with av.open(str(tmp_path / "p.mp4"), options={"ignore_editlist": "1"}) as raw:
        samples = np.concatenate([frame.to_ndarray()[0] for frame in raw.decode(audio=0)])
    assert burst_at(samples, 48_000) == pytest.approx(0.7 + 1024 / 48_000, abs=0.0001)


def test_playing_starts_before_the_end_is_loaded(tmp_path):
    write_preview(tmp_path / "p.mp4", clap(2.0, 0.7))
    data = (tmp_path / "p.mp4").read_bytes()
    assert 0 < data.find(b"moov") < data.find(b"mdat")


def test_what_browsers_play(tmp_path):
    write_preview(tmp_path / "p.mp4", clap(1.0, 0.2))
    with av.open(str(tmp_path / "p.mp4")) as container:
        video, audio = container.streams
        assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (audio.codec_context.name, audio.codec_context.sample_rate) == ("aac", 48_000)
        assert (video.codec_context.colorspace, video.codec_context.color_range) == (1, 1)


@pytest.mark.parametrize(
    ("size", "stored"), [((64, 64), (64, 64)), ((63, 65), (64, 66)), ((1, 1), (2, 2)), ((2, 31), (2, 32))]
)
def test_odd_sizes_repeat_their_last_row_and_column(tmp_path, size, stored):
    rng = np.random.default_rng(0)
    grain = Image.fromarray(rng.integers(0, 256, (3, 3, 3), np.uint8)).resize(size[::-1], Image.Resampling.BICUBIC)
    # Grey: colour has half the resolution.
    video = np.stack([np.asarray(grain.convert("L").convert("RGB"))] * 3)
    write_preview(tmp_path / "p.mp4", Clip(video, 10))
    found = read_clip(tmp_path / "p.mp4").video
    assert found.shape == (3, *stored, 3)
    padded = np.pad(video, ((0, 0), (0, stored[0] - size[0]), (0, stored[1] - size[1]), (0, 0)), mode="edge")
    assert np.abs(found.astype(int) - padded).mean() < 6


def test_colours_survive(tmp_path):
    colours = np.array([[[200, 30, 40], [20, 180, 60]], [[30, 50, 220], [120, 120, 120]]], np.uint8)
    video = colours.repeat(16, axis=0).repeat(16, axis=1)[None].repeat(5, axis=0)
    write_preview(tmp_path / "p.mp4", Clip(video, 10))
    found = read_clip(tmp_path / "p.mp4").video.astype(int)
    assert np.abs(found - video)[:, 4:12, 4:12].max() <= 5
    assert np.abs(found - video)[:, 20:28, 20:28].max() <= 5


@pytest.mark.parametrize("fps", [10, Fraction(30_000, 1001), "12.5", 60, Fraction(1, 2)])
def test_rates_stay_exact(tmp_path, fps):
    video = np.stack([numbered(k) for k in range(12)])
    write_preview(tmp_path / "p.mp4", Clip(video, fps))
    clip = read_clip(tmp_path / "p.mp4")
    assert clip.fps == Clip(video, fps).fps
    assert numbers_of(clip.video) == list(range(12))
    assert probe(tmp_path / "p.mp4").seconds == pytest.approx(12 / float(clip.fps))


@pytest.mark.parametrize("length", [1, 1000, 1024, 1025, 48_000])
def test_sound_alone_of_any_length(tmp_path, length):
    write_preview(tmp_path / "p.mp4", Clip(audio=np.full(length, 0.1, np.float32), sample_rate=48_000))
    clip = read_clip(tmp_path / "p.mp4")
    assert clip.video is None
    assert len(clip.audio) == length


def test_sides_of_different_lengths(tmp_path):
    clip = Clip(np.stack([numbered(k) for k in range(30)]), 10, np.tile(burst(16_000), 4), 16_000)
    write_preview(tmp_path / "p.mp4", clip)
    found = read_clip(tmp_path / "p.mp4")
    assert (found.video_seconds, found.audio_seconds) == (3.0, 1.0)


def test_only_mp4_is_written(tmp_path):
    with pytest.raises(ValueError, match=r"path must end in \.mp4"):
        write_preview(tmp_path / "clip.mkv", Clip(audio=np.zeros(10, np.float32), sample_rate=16_000))
