"""Every fault at every level: form, range, what it leaves alone, and damage that grows."""

from itertools import pairwise

import numpy as np
import pytest
from clips import clicks, moving_square

from cmmd_bench.types import Clip
from cmmd_bench.validation.faults import FAULTS, Fault
from cmmd_bench.validation.picture_faults import dropped, frozen, shuffled
from cmmd_bench.validation.sound_faults import compressed, lowpassed, muted, noisy, quieter

PICTURE = [fault for fault in FAULTS if fault.kind == "picture"]
SOUND = [fault for fault in FAULTS if fault.kind == "sound"]
SHAPES = [(10, 64, 64), (7, 33, 31), (3, 5, 3), (1, 32, 48), (1, 1, 1)]
RATES = [8_000, 11_025, 16_000, 44_100, 48_000]


def picture(shape=(10, 64, 64), seed: int = 0) -> np.ndarray:
    frames, height, width = shape
    return np.ascontiguousarray(moving_square(frames, max(height, width, 4), seed)[:, :height, :width])


def sound(sample_rate: int = 16_000, seconds: float = 1.0, seed: int = 0) -> np.ndarray:
    """Clicks over noise that is loud enough for a codec to drop."""
    audio = clicks(seconds, sample_rate, seed)
    hiss = 0.05 * np.random.default_rng(seed).standard_normal(len(audio))
    return np.clip(0.7 * audio + hiss, -1, 1).astype(np.float32)


def spoiled(fault: Fault, original: np.ndarray, level: float, sample_rate: int = 16_000, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if fault.kind == "picture":
        return fault.apply(original, level, rng)
    return fault.apply(original, sample_rate, level, rng)


def root_mean_square(difference: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(difference, dtype=np.float64))))


def damage(fault: Fault, original: np.ndarray, sample_rate: int = 16_000) -> list[float]:
    changed = [spoiled(fault, original, level, sample_rate) for level in fault.levels]
    return [root_mean_square(after.astype(np.float64) - original) for after in changed]


def test_the_catalogue():
    names = [fault.name for fault in FAULTS]
    assert len(set(names)) == len(names)
    for fault in FAULTS:
        sizes = np.abs(fault.levels)
        assert (np.diff(sizes) > 0).all(), f"levels of {fault.name} must grow"
        assert (fault.apply is None) == (fault.kind in ("shift", "swap")), fault.name


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("fault", PICTURE, ids=lambda fault: fault.name)
def test_pictures_keep_their_form(fault, shape):
    video = picture(shape)
    before = video.copy()
    for level in fault.levels:
        after = spoiled(fault, video, level)
        assert (after.shape, after.dtype) == (video.shape, np.uint8)
        Clip(after, 10)
        np.testing.assert_array_equal(after, spoiled(fault, video, level))
        assert not np.shares_memory(after, video)
    np.testing.assert_array_equal(video, before)


@pytest.mark.parametrize("seconds", [1.0, 0.05])
@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("fault", SOUND, ids=lambda fault: fault.name)
def test_sounds_keep_their_form(fault, sample_rate, seconds):
    audio = sound(sample_rate, seconds)
    before = audio.copy()
    for level in fault.levels:
        after = spoiled(fault, audio, level, sample_rate)
        assert (after.shape, after.dtype) == (audio.shape, np.float32)
        Clip(audio=after, sample_rate=sample_rate)
        np.testing.assert_array_equal(after, spoiled(fault, audio, level, sample_rate))
        assert not np.shares_memory(after, audio)
    np.testing.assert_array_equal(audio, before)


@pytest.mark.parametrize("fault", PICTURE, ids=lambda fault: fault.name)
def test_pictures_become_worse_with_the_level(fault):
    lost = np.mean([damage(fault, picture(seed=seed)) for seed in range(4)], axis=0)
    assert lost[0] > 0
    assert (np.diff(lost) > 0).all(), lost


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("fault", SOUND, ids=lambda fault: fault.name)
def test_sounds_become_worse_with_the_level(fault, sample_rate):
    lost = np.mean([damage(fault, sound(sample_rate, seed=seed), sample_rate) for seed in range(3)], axis=0)
    assert lost[0] > 0
    assert (np.diff(lost) > 0).all(), lost


@pytest.mark.parametrize("fault", SOUND, ids=lambda fault: fault.name)
def test_silence_stays_silent(fault):
    silent = np.zeros(16_000, np.float32)
    for level in fault.levels:
        assert root_mean_square(spoiled(fault, silent, level)) < 1e-6


@pytest.mark.parametrize("fault", SOUND, ids=lambda fault: fault.name)
def test_full_scale_is_not_exceeded(fault):
    loud = np.sign(np.sin(2 * np.pi * 220 * np.arange(16_000) / 16_000 + 0.1)).astype(np.float32)
    for level in fault.levels:
        assert np.abs(spoiled(fault, loud, level)).max() <= 1.0


@pytest.mark.parametrize("level", [10, 25, 40])
def test_noise_has_the_ratio_that_its_level_says(level):
    quiet = 0.1 * sound(seconds=4.0)
    ratio = 20 * np.log10(root_mean_square(quiet) / root_mean_square(noisy(quiet, 16_000, level, rng()) - quiet))
    assert ratio == pytest.approx(40 - level, abs=0.1)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_gain_is_in_decibels():
    audio = sound()
    np.testing.assert_allclose(quieter(audio, 16_000, 20.0, rng()), 0.1 * audio, rtol=1e-6)
    np.testing.assert_array_equal(quieter(audio, 16_000, 0.0, rng()), audio)


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_low_pass_passes_what_is_low_and_shifts_nothing(level):
    t = np.arange(16_000) / 16_000
    corner = 8_000 / 2**level
    low, high = (0.5 * np.sin(2 * np.pi * corner * factor * t).astype(np.float32) for factor in (0.5, 1.6))
    inner = slice(2_000, -2_000)
    assert root_mean_square((lowpassed(low, 16_000, level, rng()) - low)[inner]) < 0.001
    assert root_mean_square(lowpassed(high, 16_000, level, rng())[inner]) < 0.01


def test_silence_has_the_share_that_its_level_says_and_grows_in_place():
    audio = np.ones(1_000, np.float32)
    silent = [set(np.flatnonzero(muted(audio, 16_000, level, rng(3)) == 0)) for level in (0, 0.125, 0.25, 0.5, 1)]
    assert [len(places) for places in silent] == [0, 125, 250, 500, 1000]
    assert all(less <= more for less, more in pairwise(silent))
    assert np.ptp(sorted(silent[1])) == 124


@pytest.mark.parametrize("sample_rate", RATES)
def test_the_codecs_delay_is_taken_out(sample_rate):
    from scipy.signal import correlate

    audio = clicks(1.0, sample_rate, 5)
    after = compressed(audio, sample_rate, 0, rng())
    lag = int(np.argmax(correlate(after, audio, mode="full"))) - (len(audio) - 1)
    assert lag == 0


def numbered(frames: int) -> np.ndarray:
    """Frames that know their number."""
    return np.broadcast_to(np.arange(frames, dtype=np.uint8)[:, None, None, None], (frames, 2, 2, 3))


def order(video: np.ndarray) -> list[int]:
    return video[:, 0, 0, 0].tolist()


@pytest.mark.parametrize("seed", range(5))
def test_freezing_holds_one_stretch_and_goes_on_in_time(seed):
    held = [order(frozen(numbered(17), level, rng(seed))) for level in (0, 0.25, 0.5, 1)]
    assert held[0] == list(range(17))
    for frames, stills in zip(held, (0, 4, 8, 16), strict=True):
        repeated = [k for k in range(1, 17) if frames[k] == frames[k - 1]]
        assert len(repeated) == stills
        assert repeated == list(range(min(repeated, default=0), min(repeated, default=0) + stills))
        assert all(frames[k] in (k, frames[k - 1]) for k in range(1, 17))
    assert held[3] == [0] * 17


@pytest.mark.parametrize("group", [2, 4, 8, 64])
def test_shuffling_stays_among_neighbours(group):
    moved = order(shuffled(numbered(18), group, rng(1)))
    assert sorted(moved) == list(range(18))
    assert all(there // group == here // group for here, there in enumerate(moved))


def test_dropped_frames_show_the_one_before():
    previous: set[int] = set()
    for level in (0, 0.25, 0.5, 1):
        frames = order(dropped(numbered(40), level, rng(2)))
        lost = {k for k in range(40) if frames[k] != k}
        assert previous <= lost, "frames that are lost at a level are lost at all above"
        assert all(frames[k] == frames[k - 1] for k in lost)
        previous = lost
    assert frames == [0] * 40


def test_blur_does_not_depend_on_the_size_of_the_picture():
    """A level is a share of the height: a big picture, blurred and then halved, is a small one blurred."""
    small = picture((2, 64, 64))
    big = small.repeat(4, axis=1).repeat(4, axis=2)
    blur = next(fault for fault in FAULTS if fault.name == "blur")
    shrunk = spoiled(blur, big, 2).reshape(2, 64, 4, 64, 4, 3).mean(axis=(2, 4))
    inner = np.s_[:, 8:-8, 8:-8]
    assert root_mean_square((shrunk - spoiled(blur, small, 2))[inner]) < 2


@pytest.mark.parametrize("name", ["picture-noise", "freeze", "frame-shuffle", "frame-drop", "sound-noise", "silence"])
def test_other_draws_are_other_faults(name):
    fault = next(fault for fault in FAULTS if fault.name == name)
    original = picture() if fault.kind == "picture" else sound()
    one, other = (spoiled(fault, original, fault.levels[1], seed=seed) for seed in (1, 2))
    assert (one != other).any()
