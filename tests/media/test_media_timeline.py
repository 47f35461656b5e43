"""Late streams, gaps, jitter, varying and fractional frame rates, edit lists: everything lies where it is stamped."""

from fractions import Fraction

import numpy as np
import pytest
import soundfile
import soxr
from media_samples import burst, burst_at, clapper, numbered, numbers_of, with_burst, write_media

from cmmd_bench.media import probe, read_clip


def pictures_from(start: float, count: int, fps: int = 25) -> list:
    return [(Fraction(start).limit_denominator(1000) + Fraction(k, fps), numbered(k)) for k in range(count)]


def tone(rate: int, seconds: float, frequency: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize(
    ("container", "codec", "sound_codec"),
    [
        ("mp4", "libx264", "aac"),
        ("matroska", "ffv1", "flac"),
        ("webm", "libvpx", "libopus"),
        ("mov", "mjpeg", "pcm_s16le"),
    ],
)
def test_sound_that_starts_late_is_silent_until_then(tmp_path, container, codec, sound_codec):
    path = write_media(
        tmp_path / "clip",
        container,
        codec=codec,
        pictures=pictures_from(0, 50),
        sounds=[(0.8, with_burst(0.5, 1.2, 48_000))],
        sound_codec=sound_codec,
    )
    clip = read_clip(path)
    assert numbers_of(clip.video) == list(range(50))
    # Lossy codecs ring a little ahead of what they coded; Matroska and MP4 round a stream's start to a millisecond.
    assert np.abs(clip.audio[: round(0.75 * 48_000)]).max() == 0
    assert burst_at(clip.audio, 48_000) == pytest.approx(1.3, abs=0.001)
    cut = read_clip(path, start=1.0, seconds=0.8)
    assert burst_at(cut.audio, 48_000) == pytest.approx(0.3, abs=0.001)


@pytest.mark.parametrize(
    ("container", "codec", "sound_codec"),
    [
        ("mp4", "libx264", "aac"),
        ("matroska", "ffv1", "flac"),
        ("webm", "libvpx", "libopus"),
    ],
)
def test_picture_that_starts_late_holds_its_first_frame(tmp_path, container, codec, sound_codec):
    path = write_media(
        tmp_path / "clip",
        container,
        codec=codec,
        pictures=pictures_from(0.4, 40),
        sounds=[(0, with_burst(1.0, 2.0, 48_000))],
        sound_codec=sound_codec,
    )
    clip = read_clip(path)
    assert numbers_of(clip.video) == [0] * 10 + list(range(40))
    assert burst_at(clip.audio, 48_000) == pytest.approx(1.0, abs=0.001)
    assert probe(path).start == 0
    assert numbers_of(read_clip(path, start=0.2, seconds=0.6).video) == [0] * 5 + list(range(10))
    assert numbers_of(read_clip(path, start=1.0, seconds=0.4).video) == list(range(15, 25))


def test_time_zero_is_the_first_presented_stream(tmp_path):
    path = write_media(
        tmp_path / "clip",
        "matroska",
        codec="ffv1",
        pictures=pictures_from(1.48, 25),
        sounds=[(1.2, with_burst(0.4, 1.2, 48_000))],
        sound_codec="flac",
    )
    assert probe(path).start == pytest.approx(1.2)
    clip = read_clip(path)
    assert burst_at(clip.audio, 48_000) == pytest.approx(0.4, abs=1e-4)
    assert numbers_of(clip.video) == [0] * 7 + list(range(25))


def test_what_an_edit_list_cuts_off_is_not_presented(tmp_path):
    path = write_media(
        tmp_path / "clip",
        "mp4",
        pictures=pictures_from(-0.4, 60),
        sounds=[(-0.4, with_burst(1.0, 2.4, 48_000))],
    )
    clip = read_clip(path)
    assert numbers_of(clip.video) == list(range(10, 60))
    assert burst_at(clip.audio, 48_000) == pytest.approx(0.6, abs=1e-4)
    assert clip.audio_seconds == pytest.approx(2.0, abs=0.03)


@pytest.mark.parametrize(
    ("container", "sound_codec", "packet"),
    [
        ("matroska", "pcm_f32le", 1024),
        ("mp4", "aac", 1024),
        ("webm", "libopus", 960),
        ("matroska", "flac", 4608),
    ],
)
def test_a_gap_between_packets_is_silence_of_its_length(tmp_path, container, sound_codec, packet):
    rate = 48_000
    sounds = [(0, with_burst(0.3, packet * 50 / rate, rate)), (2.0, with_burst(0.2, packet * 30 / rate, rate))]
    path = write_media(tmp_path / "clip", container, sounds=sounds, sound_codec=sound_codec, rate=rate, packet=packet)
    audio = read_clip(path).audio
    # AAC and Opus ring into the packet after the gap's edge.
    assert np.abs(audio[round(1.12 * rate) : round(1.95 * rate)]).max() < 1e-3
    assert burst_at(audio[: 2 * rate], rate) == pytest.approx(0.3, abs=0.001)
    assert 1.5 + burst_at(audio[round(1.5 * rate) :], rate) == pytest.approx(2.2, abs=0.001)
    cut = read_clip(path, start=1.5, seconds=1.0).audio
    assert 1.5 + burst_at(cut, rate) == pytest.approx(2.2, abs=0.001)


@pytest.mark.parametrize("jitter", [0.0, 0.002, 0.0045])
def test_jittering_timestamps_do_not_cut_into_the_sound(tmp_path, jitter):
    rate, packet = 44_100, 1024
    wave = tone(rate, 4.0)
    shakes = np.random.default_rng(1).uniform(-jitter, jitter, len(wave) // packet + 1)
    sounds = [
        (max(0.0, begin / rate + shakes[begin // packet]), wave[begin : begin + packet])
        for begin in range(0, len(wave), packet)
    ]
    # Matroska rounds each packet's time to a millisecond, besides.
    path = write_media(tmp_path / "clip.mkv", "matroska", sounds=sounds, sound_codec="pcm_f32le", rate=rate)
    audio = read_clip(path).audio
    steps = np.abs(np.diff(audio[rate // 10 :]))
    assert steps.max() <= np.abs(np.diff(wave)).max() + 1e-6
    offset = len(audio) - len(wave)
    assert abs(offset) / rate <= jitter + 0.0001
    np.testing.assert_array_equal(audio[max(0, offset) :][: len(wave) + min(0, offset)], wave[max(0, -offset) :])


def test_rounded_timestamps_do_not_move_a_cut(tmp_path):
    rate = 44_100
    noise = np.random.default_rng(2).uniform(-0.5, 0.5, 8 * rate).astype(np.float32)
    path = write_media(tmp_path / "clip.mkv", "matroska", sounds=[(0, noise)], sound_codec="pcm_f32le", rate=rate)
    for start in (3.0, 4.3217):
        cut = read_clip(path, start=start, seconds=2.0).audio
        first = round(start * rate)
        np.testing.assert_array_equal(cut, noise[first : first + 2 * rate])


def shown(times: list[Fraction], start: Fraction, fps: Fraction, count: int, slack: Fraction) -> list[int]:
    """Plain reference: the last frame whose time has come at each target time plus the slack, else the first."""
    return [
        max([n for n, time in enumerate(times) if time <= start + k / fps + slack], default=0) for k in range(count)
    ]


@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_varying_frame_rates_show_each_frame_at_its_time(tmp_path, container):
    rng = np.random.default_rng(4)
    gaps = rng.choice([17, 33, 40, 120, 400], 80)
    times = [Fraction(int(ms), 1000) for ms in np.concatenate([[0], np.cumsum(gaps)])]
    pictures = [(time, numbered(n)) for n, time in enumerate(times)]
    path = write_media(tmp_path / "clip", container, pictures=pictures, ticks=1000, fps=25)
    mean = probe(path).fps
    for fps in (Fraction(8), Fraction(10), Fraction(25)):
        slack = min(1 / mean, 1 / fps) / 2
        for start in (Fraction(0), Fraction(31, 10)):
            cut = read_clip(path, start=start, seconds=2.4, fps=fps)
            assert numbers_of(cut.video) == shown(times, start, fps, round(2.4 * fps), slack)


def test_a_slow_source_keeps_its_frames_where_they_change(tmp_path):
    path = write_media(
        tmp_path / "slides.mkv",
        "matroska",
        codec="ffv1",
        fps=Fraction(1, 2),
        pictures=[(2 * k, numbered(k)) for k in range(5)],
    )
    assert numbers_of(read_clip(path, fps=10).video) == [n for n in range(5) for _ in range(20)]
    assert numbers_of(read_clip(path, start=5.0, seconds=2.0, fps=2).video) == [2, 2, 3, 3]


@pytest.mark.parametrize("fps", [Fraction(30_000, 1001), Fraction(24_000, 1001), Fraction(60), Fraction(12.5)])
@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_rational_rates_stay_exact_and_sample_without_drift(tmp_path, container, fps):
    count = round(4 * fps)
    pictures = [(k / fps, numbered(k % 256)) for k in range(count)]
    path = write_media(tmp_path / "clip", container, pictures=pictures, fps=fps)
    clip = read_clip(path)
    assert clip.fps == fps
    assert numbers_of(clip.video) == list(range(count))
    sampled = numbers_of(read_clip(path, fps=10).video)
    wanted = np.arange(40) / 10 * float(fps)
    assert np.abs(np.array(sampled) - wanted).max() <= 0.51


# AAC may code noise as "some noise", which each decoding makes up anew.
NO_SUBSTITUTES = {"aac_pns": "0"}
CUTS = [
    ("mp4", "libx264", "aac", {"x264-params": "open-gop=1:keyint=20:bframes=3:scenecut=0"}),
    ("mpegts", "libx264", "aac", {"x264-params": "open-gop=1:keyint=20:bframes=3:scenecut=0"}),
    ("mpegts", "mpeg2video", "mp2", {}),
    ("matroska", "libx264", "aac", {}),
    ("mp4", "libx265", "aac", {"x265-params": "log-level=none:pools=1:keyint=20:open-gop=1"}),
    ("avi", "libx264", "pcm_s16le", {}),
    ("flv", "flv", "aac", {}),
]


@pytest.mark.parametrize(("container", "codec", "sound_codec", "codec_options"), CUTS)
def test_a_cut_equals_the_same_part_of_the_whole(tmp_path, container, codec, sound_codec, codec_options):
    rng = np.random.default_rng(5)
    rate = 44_100
    content = clapper(7.0, 25, rate)
    content["sounds"] = [(0, rng.uniform(-0.3, 0.3, 7 * rate).astype(np.float32))]
    path = write_media(
        tmp_path / "clip",
        container,
        codec=codec,
        sound_codec=sound_codec,
        codec_options=codec_options,
        sound_options=NO_SUBSTITUTES if sound_codec == "aac" else None,
        **content,
    )
    whole = read_clip(path)
    for first in (1, 19, 51, 90, 137):
        cut = read_clip(path, start=Fraction(first, 25), seconds=1.2)
        np.testing.assert_array_equal(cut.video, whole.video[first : first + 30])
        begin = round(first / 25 * rate)
        np.testing.assert_allclose(cut.audio, whole.audio[begin : begin + len(cut.audio)], atol=1e-4)


@pytest.mark.parametrize(
    ("container", "own", "wanted"),
    [
        ("wav", 44_100, 16_000),
        ("wav", 16_000, 48_000),
        ("wav", 44_099, 16_000),
        ("mp4", 44_100, 16_000),
        ("mp4", 48_000, 16_000),
        ("mp4", 16_000, 22_050),
    ],
)
def test_cutting_then_resampling_is_resampling_then_cutting(tmp_path, container, own, wanted):
    noise = np.random.default_rng(6).uniform(-0.3, 0.3, 6 * own).astype(np.float32)
    path = tmp_path / f"sound.{container}"
    if container == "wav":
        soundfile.write(path, noise, own, subtype="FLOAT")
    else:
        write_media(path, "mp4", sounds=[(0, noise)], rate=own, sound_options=NO_SUBSTITUTES)
    everything = soxr.resample(read_clip(path).audio, own, wanted, quality="VHQ")
    for start in (0.0, 1.0, 1.23456789, 3.3, 4.5):
        cut = read_clip(path, start=start, seconds=1.4, sample_rate=wanted).audio
        first = round(start * wanted)
        np.testing.assert_allclose(cut, np.clip(everything[first : first + len(cut)], -1, 1), atol=1e-5)


def test_streams_of_bare_h264_count_their_frames(tmp_path):
    content = clapper(2.0, 25)
    path = write_media(tmp_path / "clip.h264", "h264", pictures=content["pictures"], fps=25)
    assert numbers_of(read_clip(path, start=1.0, seconds=0.4).video) == list(range(25, 35))
    assert probe(path).seconds == pytest.approx(2.0)


def test_a_burst_in_a_long_clip_does_not_drift(tmp_path):
    rate, seconds = 44_100, 300
    samples = np.zeros(seconds * rate, np.float32)
    mark = burst(rate)
    samples[290 * rate : 290 * rate + len(mark)] = mark
    soundfile.write(tmp_path / "long.flac", samples, rate)
    clip = read_clip(tmp_path / "long.flac", sample_rate=16_000)
    assert 289 + burst_at(clip.audio[289 * 16_000 :], 16_000) == pytest.approx(290, abs=1e-4)
