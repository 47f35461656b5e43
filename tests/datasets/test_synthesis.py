import numpy as np
import pytest

from cmmd_bench.datasets import synthesis as s

RATE = 16_000


def loudest(sound: np.ndarray) -> float:
    """The strongest frequency, in Hz."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(np.argmax(spectrum) * RATE / len(sound))


def test_clock_has_at_least_one_sample():
    assert len(s.clock(0.5, RATE)) == 8000
    assert s.clock(0.5, RATE)[-1] == pytest.approx(0.5 - 1 / RATE)
    assert len(s.clock(0.0, RATE)) == 1


def test_envelopes():
    t = s.clock(1.0, RATE)
    assert s.decay(t, 0.25)[4000] == pytest.approx(np.exp(-1), rel=1e-4)
    held = s.ramp(t, 0.1, 0.5, 0.2)
    assert held[0] == 0
    assert held[800] == pytest.approx(0.5, abs=1e-3)
    assert np.all(held[1600:8000] == 1)
    assert np.all(np.diff(held[8000:11200]) <= 0)
    assert np.all(held[11200:] == 0)


def test_sweep_reaches_its_end_frequency():
    t = s.clock(1.0, RATE)
    wave = s.sweep(t, 2000.0, 440.0, 0.05)
    assert loudest(wave[8000:]) == pytest.approx(440, abs=3)
    assert loudest(wave[:160]) > 1200


def test_oscillator_plays_the_harmonics_it_is_given():
    table = s.harmonics(np.array([1.0, 0.0, 0.5]))
    sound = s.oscillate(table, 200.0, RATE, RATE)
    spectrum = np.abs(np.fft.rfft(sound)) / (RATE / 2)
    assert spectrum[200] == pytest.approx(1.0, abs=0.01)
    assert spectrum[400] == pytest.approx(0.0, abs=0.01)
    assert spectrum[600] == pytest.approx(0.5, abs=0.01)
    t = np.arange(RATE) / RATE
    expected = np.sin(2 * np.pi * 200 * t) + 0.5 * np.sin(2 * np.pi * 600 * t)
    assert np.max(np.abs(sound - expected)) < 0.01


def test_oscillator_follows_a_changing_frequency_and_a_phase():
    table = s.harmonics(np.array([1.0]))
    steady = s.oscillate(table, 300.0, 4000, RATE)
    curve = s.oscillate(table, np.full(4000, 300.0), 4000, RATE)
    # The curve's first sample is already one step into the period.
    assert np.max(np.abs(curve[:-1] - steady[1:])) < 0.01
    quarter = s.oscillate(table, 300.0, 4000, RATE, phase=0.25)
    assert quarter[0] == pytest.approx(1.0, abs=1e-3)


def test_noise_is_white_and_repeatable():
    one = s.noise(np.random.default_rng(1), 40_000)
    assert np.array_equal(one, s.noise(np.random.default_rng(1), 40_000))
    assert abs(one.mean()) < 0.02
    assert one.var() == pytest.approx(1 / 3, rel=0.03)


@pytest.mark.parametrize(
    ("filtered", "frequency", "gain"),
    [
        (lambda x: s.low_pass(x, 1000.0, RATE), 1000.0, 0.5),
        (lambda x: s.low_pass(x, 1000.0, RATE, order=1), 1000.0, 2**-0.5),
        (lambda x: s.low_pass(x, 1000.0, RATE), 4000.0, 1 / 17),
        (lambda x: s.high_pass(x, 1000.0, RATE), 1000.0, 0.5),
        (lambda x: s.high_pass(x, 1000.0, RATE), 250.0, 1 / 17),
        (lambda x: s.band_pass(x, 1000.0, RATE, quality=2.0), 1000.0, 1.0),
        (lambda x: s.band_pass(x, 1000.0, RATE, quality=2.0), 2000.0, 1 / 10**0.5),
    ],
)
def test_filters_have_the_gain_of_their_formula(filtered, frequency, gain):
    t = np.arange(RATE) / RATE
    out = filtered(np.sin(2 * np.pi * frequency * t).astype(np.float32))[4000:12_000]
    assert out.std() * 2**0.5 == pytest.approx(gain, rel=0.02)


def test_filters_do_not_sound_before_the_onset():
    click = np.zeros(8000, np.float32)
    click[4000] = 1.0
    out = s.low_pass(click, 800.0, RATE)
    assert np.max(np.abs(out[:3990])) < 0.02 * np.max(np.abs(out))


def test_high_pass_removes_an_offset():
    assert abs(s.high_pass(np.ones(RATE, np.float32), 30.0, RATE)[8000:].mean()) < 1e-2


def test_convolution_against_the_plain_sum():
    rng = np.random.default_rng(2)
    sound, impulse = rng.standard_normal((2, 500)).astype(np.float32)
    assert np.allclose(s.convolve(sound, impulse), np.convolve(sound, impulse)[:500], atol=1e-3)


def test_room_fades_and_has_unit_energy():
    tail = s.room(np.random.default_rng(3), RATE, seconds=0.8, brightness=4000.0)
    assert len(tail) == 12_800
    assert np.sum(tail.astype(np.float64) ** 2) == pytest.approx(1, rel=1e-3)
    early, late = np.std(tail[400:1200]), np.std(tail[8400:9200])
    # 60 dB in 0.8 s are 37.5 dB in the 0.5 s between the two stretches.
    assert 20 * np.log10(early / late) == pytest.approx(37.5, abs=3)


def test_add_cuts_what_does_not_fit():
    track = np.zeros(10, np.float32)
    s.add(track, np.ones(4, np.float32), -2.0, 1)
    s.add(track, np.ones(4, np.float32), 8.0, 1, gain=0.5)
    s.add(track, np.ones(4, np.float32), 20.0, 1)
    s.add(track, np.ones(4, np.float32), -20.0, 1)
    assert track.tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 0.5, 0.5]


def test_limit_keeps_the_quiet_and_bends_the_loud():
    x = np.linspace(-3, 3, 601).astype(np.float32)
    y = s.limit(x)
    assert np.array_equal(y[np.abs(x) <= 0.6], x[np.abs(x) <= 0.6])
    assert np.max(np.abs(y)) <= 0.95
    assert np.all(np.diff(y) >= 0)


def test_normalise():
    assert np.max(np.abs(s.normalise(np.array([0.1, -0.2], np.float32)))) == pytest.approx(0.9)
    assert not s.normalise(np.zeros(5, np.float32)).any()


def test_drive_and_sine():
    t = s.clock(1.0, RATE)
    tone = s.sine(t, 440.0)
    assert loudest(tone) == pytest.approx(440, abs=1)
    bent = s.drive(tone, 3.0)
    assert np.max(np.abs(bent)) < 1
    assert bent.std() > tone.std()
