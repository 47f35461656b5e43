"""Faulty clips: cut from a longer window to the sample, with truths in their own time and names that are their own."""

import pickle
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import numpy as np
import pytest
from clips import moving_square

from cmmd_bench.types import Clip, ClipSpec, Event, Item, Truth
from cmmd_bench.validation.faults import FAULTS
from cmmd_bench.validation.faulty import Faulty, Source, longer, share, whole_frames

SPEC = ClipSpec(1.0, Fraction(10), 8, 8, 1_000)
LEVELS = [(fault.name, level) for fault in FAULTS for level in fault.levels]


@dataclass(frozen=True)
class Ramps:
    """Frames that show their number, and sound in which every sample is another."""

    spec: ClipSpec
    sides: tuple[str, ...] = ("video", "audio")
    name: ClassVar[str] = "ramps"

    def items(self):
        truth = Truth(beats=(0.1, 0.5, 1.2, 1.5), events=(Event(0.2, 0.9, "a"), Event(0.6, 1.7, "b")))
        return [Item(f"item-{i}", f"group-{i // 2}", truth) for i in range(12)]

    def fingerprint(self, item):
        return f"ramps/{item.id}/{self.spec}"

    def load(self, item):
        sign = 1 if int(item.id.rpartition("-")[2]) % 2 else -1
        video = np.broadcast_to(np.arange(self.spec.frames, dtype=np.uint8)[:, None, None, None], self.shape).copy()
        audio = (sign * np.linspace(0.1, 0.9, self.spec.samples)).astype(np.float32)
        return Clip(
            video if "video" in self.sides else None,
            self.spec.fps,
            audio if "audio" in self.sides else None,
            self.spec.sample_rate,
        )

    @property
    def shape(self):
        return (self.spec.frames, self.spec.height, self.spec.width, 3)


def faulty(margin: float = 0.5, spec: ClipSpec = SPEC, **options) -> Faulty:
    return Faulty(Ramps(longer(spec, margin), **options), spec, margin)


ITEMS = Ramps(SPEC).items()


def source(fault: str | None = None, level: float = 0.0, item: Item = ITEMS[1], other: Item = ITEMS[4]) -> Source:
    return Source(item, other, fault, level)


def test_untouched_is_the_middle():
    made = faulty()
    whole = made.dataset.load(ITEMS[1])
    clip = made(source())
    np.testing.assert_array_equal(clip.video, whole.video[5:15])
    np.testing.assert_array_equal(clip.audio, whole.audio[500:1500])
    assert (clip.fps, clip.sample_rate) == (10, 1_000)


@pytest.mark.parametrize(("name", "level"), LEVELS, ids=str)
def test_every_fault_gives_a_clip_of_the_specification(name, level):
    spec = ClipSpec(1.0, Fraction(10), 32, 32, 8_000)
    clip = faulty(1.0, spec)(source(name, level))
    assert clip.video.shape == (10, 32, 32, 3)
    assert clip.audio.shape == (8_000,)


@pytest.mark.parametrize("late", [0.04, 0.5, -0.04, -0.5])
def test_a_shift_is_exact_to_the_sample_and_real_sound_throughout(late):
    made = faulty()
    whole, plain = made.dataset.load(ITEMS[1]), made(source())
    clip = made(source("sound-late" if late > 0 else "sound-early", late))
    start = round(1000 * (0.5 - late))
    np.testing.assert_array_equal(clip.audio, whole.audio[start : start + 1000])
    np.testing.assert_array_equal(clip.video, plain.video)
    moved = round(1000 * abs(late))
    kept = (clip.audio[moved:], plain.audio[: 1000 - moved])
    np.testing.assert_array_equal(*(kept if late > 0 else (clip.audio[: 1000 - moved], plain.audio[moved:])))


@pytest.mark.parametrize("kind", ["picture", "sound"])
def test_a_fault_leaves_the_other_side_alone(kind):
    made = faulty()
    plain = made(source())
    for fault in FAULTS:
        if fault.kind == kind:
            clip = made(source(fault.name, fault.levels[-1]))
            same, other = ("audio", "video") if kind == "picture" else ("video", "audio")
            np.testing.assert_array_equal(getattr(clip, same), getattr(plain, same))
            # Nothing moves in these flat frames but time.
            if fault.name not in ("blur", "picture-codec"):
                assert (getattr(clip, other) != getattr(plain, other)).any(), fault.name


@pytest.mark.parametrize(("fps", "margin"), [(10, 0.25), (Fraction(30000, 1001), 1.0), (25, 0.3), (10, 0.1), (7, 0.0)])
@pytest.mark.parametrize("sample_rate", [1_000, 44_100, 11_025])
def test_picture_and_sound_are_cut_at_one_instant(fps, margin, sample_rate):
    """A margin that ends within a frame would move the sound against the picture in every clip."""
    spec = ClipSpec(1.1, Fraction(fps), 8, 8, sample_rate)
    made = faulty(margin, spec)
    start = whole_frames(margin, spec)
    assert margin - 1e-6 <= start < margin + 1 / spec.fps
    whole, clip = made.dataset.load(ITEMS[1]), made(source())
    assert (len(clip.video), len(clip.audio)) == (spec.frames, spec.samples)
    first_frame = int(clip.video[0, 0, 0, 0])
    first_sample = int(np.flatnonzero(whole.audio == clip.audio[0])[0])
    assert first_frame / spec.fps == start
    assert abs(first_sample / sample_rate - start) <= 1 / sample_rate
    for late in (margin, -margin):
        if late:
            shifted = made(source("sound-late", late))
            assert len(shifted.audio) == spec.samples
            moved = int(np.flatnonzero(whole.audio == shifted.audio[0])[0])
            assert abs((first_sample - moved) / sample_rate - late) <= 1 / sample_rate


def test_truths_are_in_the_time_of_the_clip():
    truth = faulty().truth(ITEMS[0])
    assert truth.beats == pytest.approx((0.0, 0.7))
    (event,) = truth.events
    assert (event.start, event.end, event.label) == (pytest.approx(0.1), pytest.approx(1.2), "b")
    assert faulty().truth(Item("x", "x")) == Truth()
    uneven = Faulty(Ramps(longer(SPEC, 0.45)), SPEC, 0.45).truth(ITEMS[0])
    assert uneven.beats == pytest.approx(truth.beats)


def test_true_beats_are_where_the_sound_is():
    """The procedural music is struck where the truth says, in the cut clip as in the whole one."""
    from cmmd_bench.datasets import open_dataset

    spec = ClipSpec(1.2, Fraction(10), 32, 32, 16_000)
    dataset = open_dataset("beatdance", longer(spec, 0.45), size=2)
    made = Faulty(dataset, spec, 0.45)
    for item in dataset.items():
        beats = made.truth(item).beats
        assert all(0 <= beat < 1.2 for beat in beats)
        whole, cut = dataset.load(item).audio, made(Source(item, item)).audio
        start = int(
            np.flatnonzero(np.convolve(whole, cut[::-1], mode="valid") >= np.sum(np.square(cut)) * (1 - 1e-6))[0]
        )
        expected = [beat - start / 16_000 for beat in item.truth.beats if 0 <= beat - start / 16_000 < 1.2]
        assert beats == pytest.approx(expected, abs=1e-6)


def test_a_swap_takes_the_sound_of_the_other_from_its_level_on():
    made = faulty()
    for item in ITEMS:
        other = next(candidate for candidate in ITEMS if candidate.group != item.group)
        for level in (0.25, 0.5, 0.75, 1):
            clip = made(source("sound-swap", level, item, other))
            taken = other if share(item) < level else item
            np.testing.assert_array_equal(clip.audio, made(source(None, item=taken)).audio)
            np.testing.assert_array_equal(clip.video, made(source(None, item=item)).video)


def test_shares_are_even_and_only_of_the_name():
    shares = np.array([share(Item(f"clip-{i}", "g")) for i in range(4_000)])
    assert ((shares >= 0) & (shares < 1)).all()
    for level in (0.25, 0.5, 0.75):
        assert np.mean(shares < level) == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) / 4_000))
    assert share(Item("a", "g")) == share(Item("a", "h", Truth(beats=(1.0,))))


def test_fingerprints_differ_where_clips_differ():
    made = faulty(1.0, ClipSpec(1.0, Fraction(10), 16, 16, 8_000))
    sources = [source(name, level, item) for name, level in [(None, 0.0), *LEVELS] for item in ITEMS[:2]]
    prints = {made.fingerprint(one): one for one in sources}
    assert len(prints) == len(sources)
    assert len({one.name for one in sources}) == len(sources)
    swap = made.fingerprint(source("sound-swap", 1.0))
    assert swap != made.fingerprint(source("sound-swap", 1.0, other=ITEMS[6]))
    # Whose sound a swap would take matters to nothing else.
    assert made.fingerprint(source("blur", 1)) == made.fingerprint(source("blur", 1, other=ITEMS[6]))
    assert faulty(0.5).fingerprint(source()) != faulty(0.6).fingerprint(source())


def test_a_clip_depends_on_nothing_but_its_source():
    made = faulty(1.0, ClipSpec(1.0, Fraction(10), 16, 16, 8_000))
    names = [("sound-noise", 20), ("picture-noise", 8), ("silence", 0.25), ("frame-drop", 0.5), ("sound-swap", 0.5)]
    first = [made(source(name, level, item)) for name, level in names for item in ITEMS[:4]]
    again = pickle.loads(pickle.dumps(made))
    second = [again(source(name, level, item)) for name, level in names[::-1] for item in ITEMS[:4]]
    second = [second[4 * block + k] for block in reversed(range(len(names))) for k in range(4)]
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.video, other.video)
        np.testing.assert_array_equal(one.audio, other.audio)


def test_noise_grows_in_place():
    made = faulty()
    plain = made(source()).audio
    noises = [made(source("sound-noise", level)).audio - plain for level in (0, 20)]
    np.testing.assert_allclose(10 * noises[0], noises[1], atol=2e-3)


@pytest.mark.parametrize("side", ["video", "audio"])
def test_a_side_that_is_missing_stays_missing(side):
    made = faulty(1.0, ClipSpec(1.0, Fraction(10), 16, 16, 8_000), sides=(side,))
    other = "audio" if side == "video" else "video"
    for name, level in LEVELS:
        clip = made(source(name, level))
        assert getattr(clip, other) is None, name
        assert getattr(clip, side) is not None, name


def test_originals_are_not_touched():
    made = faulty()
    made(source())
    kept = made._load(ITEMS[1])
    before = (kept.video.copy(), kept.audio.copy())
    for name, level in LEVELS:
        if abs(level) <= 0.5 or name not in ("sound-late", "sound-early"):
            made(source(name, level))
    np.testing.assert_array_equal(kept.video, before[0])
    np.testing.assert_array_equal(kept.audio, before[1])
    assert len(made._kept) <= 2


def test_moving_pictures_are_cut_in_order():
    spec = ClipSpec(0.5, Fraction(10), 16, 16, 1_000)

    class Film(Ramps):
        def load(self, item):
            return Clip(moving_square(self.spec.frames, 16), self.spec.fps)

    made = Faulty(Film(longer(spec, 0.2)), spec, 0.2)
    np.testing.assert_array_equal(made(source()).video, moving_square(9, 16)[2:7])
