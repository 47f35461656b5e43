"""A stored clip comes back pixel for pixel, sample for sample, at the same exact rates, and makes the same bytes."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cmmd_bench.errors import UserError
from cmmd_bench.media import probe, read_clip, write_clip
from cmmd_bench.types import Clip

RATES = st.one_of(
    st.sampled_from([10, 25, Fraction(30_000, 1001), Fraction("23.976"), Fraction("12.5"), Fraction(1, 3), 240, 1000]),
    st.fractions(min_value=Fraction(1, 10), max_value=400, max_denominator=1001),
)
VIDEOS = arrays.arrays(
    np.uint8,
    st.tuples(st.integers(1, 8), st.integers(1, 20), st.integers(1, 20), st.just(3)),
    elements=st.integers(0, 255),
)
SOUNDS = arrays.arrays(np.float32, st.integers(1, 3000), elements=st.floats(-1, 1, width=32))


@st.composite
def clips(draw):
    video, audio = draw(st.sampled_from([(True, True), (True, False), (False, True)]))
    return Clip(
        video=draw(VIDEOS) if video else None,
        fps=draw(RATES) if video else Fraction(0),
        audio=draw(SOUNDS) if audio else None,
        sample_rate=draw(st.sampled_from([1000, 8000, 16_000, 22_050, 44_100, 48_000, 16_001, 7])) if audio else 0,
    )


def require_equal(found: Clip, expected: Clip) -> None:
    assert (found.fps, found.sample_rate) == (expected.fps, expected.sample_rate)
    for name in ("video", "audio"):
        side, wanted = getattr(found, name), getattr(expected, name)
        assert (side is None) == (wanted is None)
        if side is not None:
            assert side.dtype == wanted.dtype
            np.testing.assert_array_equal(side, wanted)


@given(clip=clips())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_clip_comes_back_as_it_was(tmp_path, clip):
    write_clip(tmp_path / "clip.mkv", clip)
    require_equal(read_clip(tmp_path / "clip.mkv"), clip)
    first = (tmp_path / "clip.mkv").read_bytes()
    write_clip(tmp_path / "clip.mkv", clip)
    assert (tmp_path / "clip.mkv").read_bytes() == first


@pytest.mark.parametrize("fps", [Fraction(30_000, 1001), 10, "23.976", "12.5", 59.94, 240, 480, 999, 5000])
def test_long_clips_keep_their_count_and_rate(tmp_path, fps):
    rng = np.random.default_rng(0)
    clip = Clip(
        rng.integers(0, 256, (301, 3, 5, 3), np.uint8), fps, rng.uniform(-1, 1, 44_101).astype(np.float32), 44_100
    )
    write_clip(tmp_path / "clip.mkv", clip)
    require_equal(read_clip(tmp_path / "clip.mkv"), clip)
    assert probe(tmp_path / "clip.mkv").fps == clip.fps
    start = Fraction(200) / clip.fps
    cut = read_clip(tmp_path / "clip.mkv", start=start, seconds=50 / clip.fps, audio=False)
    np.testing.assert_array_equal(cut.video, clip.video[200:250])


@pytest.mark.parametrize("sample_rate", [8000, 16_000, 22_050, 44_100, 16_001])
def test_a_cut_from_the_middle_keeps_each_sample(tmp_path, sample_rate):
    audio = np.random.default_rng(1).uniform(-1, 1, 20 * sample_rate).astype(np.float32)
    write_clip(tmp_path / "clip.mkv", Clip(audio=audio, sample_rate=sample_rate))
    for start in (3.25, 11.117, 17.9):
        cut = read_clip(tmp_path / "clip.mkv", start=start, seconds=1.3)
        first = round(start * sample_rate)
        np.testing.assert_array_equal(cut.audio, audio[first : first + round(1.3 * sample_rate)])


@pytest.mark.parametrize("shape", [
        (1, 1, 1), (2, 1, 200), (2, 200, 1), (3, 7, 5), (1, 1, 3700), (1, 3700, 1), (1, 3, 400), (1, 63, 3700),
        (1, 288, 352), (1, 289, 352), (1, 288, 353), (1, 320, 320), (1, 384, 384), (1, 240, 426), (1, 455, 256),
        (1, 360, 480), (2, 480, 854), (1, 64, 4000),
    ])  # fmt: skip
def test_odd_sizes(tmp_path, shape):
    """Either side of where FFV1 wants slices (352 x 288), and down to one row or column."""
    clip = Clip(np.random.default_rng(2).integers(0, 256, (*shape, 3), np.uint8), 25)
    write_clip(tmp_path / "clip.mkv", clip)
    require_equal(read_clip(tmp_path / "clip.mkv"), clip)


def test_numbers_of_numpy_are_rates_too(tmp_path):
    clip = Clip(np.zeros((2, 4, 4, 3), np.uint8), np.float32(10), np.zeros(9, np.float32), np.int64(16_000))
    write_clip(tmp_path / "clip.mkv", clip)
    require_equal(read_clip(tmp_path / "clip.mkv"), clip)


def test_what_cannot_be_encoded_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match=r"clip\.mkv cannot be encoded \(no picture, 1099511627776 Hz\)"):
        write_clip(tmp_path / "clip.mkv", Clip(audio=np.zeros(5, np.float32), sample_rate=2**40))
    assert list(tmp_path.iterdir()) == []


def test_values_at_the_edges_of_float(tmp_path):
    audio = np.array([0, -0.0, 1, -1, np.float32(1e-45), np.nextafter(np.float32(1), np.float32(0))], np.float32)
    write_clip(tmp_path / "clip.mkv", Clip(audio=audio, sample_rate=16_000))
    found = read_clip(tmp_path / "clip.mkv").audio
    np.testing.assert_array_equal(found.view(np.int32), audio.view(np.int32))


def test_arrays_in_any_memory_order(tmp_path):
    video = np.random.default_rng(3).integers(0, 256, (3, 6, 4, 8), np.uint8)[:, ::-1, :, ::2][..., :3]
    clip = Clip(video, 10, np.linspace(-1, 1, 200, dtype=np.float32)[::-2], 16_000)
    write_clip(tmp_path / "clip.mkv", clip)
    require_equal(read_clip(tmp_path / "clip.mkv"), clip)


def test_only_matroska_is_written(tmp_path):
    with pytest.raises(ValueError, match=r"path must end in \.mkv"):
        write_clip(tmp_path / "clip.mp4", Clip(audio=np.zeros(10, np.float32), sample_rate=16_000))
