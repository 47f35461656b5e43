"""The procedural kitchen: exact clips, events that are seen and heard when the truth says, forms against formulas."""

import hashlib
import math
import pickle
import subprocess
import sys
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from cmmd_bench.datasets import open_dataset
from cmmd_bench.datasets.kitchen import CLASSES, Kitchen
from cmmd_bench.datasets.kitchen.actions import KINDS, plan
from cmmd_bench.datasets.kitchen.flats import coins, disc, plate, polygon
from cmmd_bench.datasets.kitchen.flow import filling, flow
from cmmd_bench.datasets.kitchen.impacts import strike
from cmmd_bench.datasets.kitchen.liquid import bubbles, column_pitch
from cmmd_bench.datasets.kitchen.materials import BODIES, MATERIALS, modes
from cmmd_bench.datasets.kitchen.motion import speeds, stroke, swing
from cmmd_bench.datasets.kitchen.rhythm import LONGEST_WAIT, SHORTEST_WAIT, hits_of
from cmmd_bench.datasets.kitchen.solids import dome, lathe, shadow, tubes
from cmmd_bench.datasets.kitchen.soundtrack import play
from cmmd_bench.datasets.kitchen.view import View
from cmmd_bench.types import ClipSpec, Event, Item

SPEC = ClipSpec(1.8, Fraction(10), 64, 64, 16000)
SMALL = ClipSpec(1.8, Fraction(10), 24, 24, 16000)
STRUCK = ("chop", "drawer", "lid", "pound", "put", "stir", "tap")
LASTING = {"stir / mix / whisk", "pour", "water", "scrub / scrape / scour / wipe"}


def first_of(dataset: Kitchen, kind: str) -> int:
    return next(i for i in range(len(KINDS)) if dataset.action(i).kind == kind)


def impacts(events: tuple[Event, ...]) -> list[float]:
    return [e.start for e in events if e.label not in LASTING]


# Clips


@pytest.mark.parametrize(
    "spec",
    [
        SPEC,
        ClipSpec(0.7, Fraction(30000, 1001), 20, 36, 44100),
        ClipSpec(0.5, Fraction(25), 48, 27, 8000),
        ClipSpec(0.1, Fraction(10), 9, 9, 1000),
    ],
    ids=str,
)
def test_every_kind_has_the_form_of_its_spec(spec: ClipSpec) -> None:
    dataset = Kitchen(spec)
    for item in dataset.items()[: len(KINDS)]:
        clip = dataset.load(item)
        assert clip.video is not None
        assert clip.audio is not None
        assert clip.video.shape == (spec.frames, spec.height, spec.width, 3)
        assert clip.video.dtype == np.uint8
        assert clip.audio.shape == (spec.samples,)
        assert clip.audio.dtype == np.float32
        assert clip.fps == spec.fps
        assert clip.sample_rate == spec.sample_rate


def test_levels_are_sensible() -> None:
    dataset = Kitchen(SMALL)
    for item in dataset.items()[: 3 * len(KINDS)]:
        clip = dataset.load(item)
        assert clip.audio is not None
        assert clip.video is not None
        assert np.abs(clip.audio).max() <= 0.9
        assert np.sqrt(np.mean(np.square(clip.audio))) > 0.003
        assert abs(clip.audio.mean()) < 2e-3
        # Neither black nor burnt out, and not of one colour.
        assert 30 < clip.video.mean() < 225
        assert clip.video.std() > 15


def test_the_same_bytes_in_any_process() -> None:
    code = (
        "import hashlib, sys\n"
        "from fractions import Fraction\n"
        "from cmmd_bench.datasets.kitchen import Kitchen\n"
        "from cmmd_bench.types import ClipSpec\n"
        "dataset = Kitchen(ClipSpec(1.8, Fraction(10), 24, 24, 16000), seed=3)\n"
        "clips = [dataset.load(item) for item in dataset.items()[:4]]\n"
        "print(hashlib.sha256(b''.join(c.video.tobytes() + c.audio.tobytes() for c in clips)).hexdigest())\n"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    dataset = pickle.loads(pickle.dumps(Kitchen(SMALL, seed=3)))
    # In another order and twice: no clip depends on what was made before it.
    items = list(dataset.items()[:4])
    for item in reversed(items):
        dataset.load(item)
    clips = [dataset.load(item) for item in items]
    here = hashlib.sha256(b"".join(c.video.tobytes() + c.audio.tobytes() for c in clips)).hexdigest()
    assert here == there


def test_splits_and_seeds_are_other_scenes() -> None:
    sets = [Kitchen(SMALL, split=s) for s in ("train", "val", "test")] + [Kitchen(SMALL, seed=1)]
    truths = {d.items()[0].truth for d in sets}
    sounds = {d.load(d.items()[0]).audio.tobytes() for d in sets}
    assert len(truths) == len(sounds) == 4


def test_a_longer_clip_begins_with_the_shorter_one() -> None:
    short, long = Kitchen(SMALL), Kitchen(ClipSpec(3.1, Fraction(10), 24, 24, 16000))
    for a, b in zip(short.items()[: 4 * len(KINDS)], long.items()[: 4 * len(KINDS)], strict=True):
        one, two = short.load(a), long.load(b)
        np.testing.assert_array_equal(one.video, two.video[: SMALL.frames])
        # Filters in the frequency domain see the length of the sound; what they leave behind is 50 dB down.
        np.testing.assert_allclose(one.audio, two.audio[: SMALL.samples], atol=3e-3)
        starts = [(e.start, e.label) for e in b.truth.events if e.start < SMALL.seconds]
        assert [(e.start, e.label) for e in a.truth.events] == starts


def test_other_rates_and_sizes_show_the_same_action() -> None:
    slow, fast = Kitchen(SMALL), Kitchen(ClipSpec(1.8, Fraction(20), 24, 24, 32000))
    for a, b in zip(slow.items()[: len(KINDS)], fast.items()[: len(KINDS)], strict=True):
        assert a.truth == b.truth
        np.testing.assert_array_equal(slow.load(a).video, fast.load(b).video[::2])
    little, large = (Kitchen(ClipSpec(0.3, Fraction(10), size, size, 8000)) for size in (64, 192))
    for a, b in zip(little.items()[: len(KINDS)], large.items()[: len(KINDS)], strict=True):
        shrunk = large.load(b).video.reshape(3, 64, 3, 64, 3, 3).mean((2, 4))
        assert np.corrcoef(shrunk.ravel(), little.load(a).video.ravel())[0, 1] > 0.98


# Items


def test_items_are_lazy_and_stable() -> None:
    dataset = open_dataset("kitchen", SPEC, split="train", size=100_000)
    items = dataset.items()
    assert len(items) == 100_000
    assert items[99_999].id == "kitchen-train-99999"
    assert items[-1] == items[99_999]
    assert items[7] == items[7]
    assert [i.id for i in items[5:8]] == [f"kitchen-train-0000{k}" for k in (5, 6, 7)]
    assert len({i.group for i in items[:50]}) == 50
    with pytest.raises(IndexError):
        items[100_000]
    assert len(pickle.dumps(dataset)) < 1000


def test_fingerprints_tell_clips_apart() -> None:
    dataset = Kitchen(SPEC)
    a, b = dataset.items()[:2]
    others = [
        dataset.fingerprint(b),
        Kitchen(SPEC, seed=1).fingerprint(a),
        Kitchen(SMALL).fingerprint(a),
        Kitchen(ClipSpec(1.8000001, Fraction(10), 64, 64, 16000)).fingerprint(a),
        Kitchen(SPEC, split="val").fingerprint(Kitchen(SPEC, split="val").items()[0]),
    ]
    assert dataset.fingerprint(a) not in others
    assert len(set(others)) == len(others)
    assert f"/{Kitchen.version}/" in dataset.fingerprint(a)


def test_truth_is_in_the_clip_and_never_missing() -> None:
    dataset = Kitchen(SPEC, split="train")
    labels: Counter[str] = Counter()
    for item in dataset.items()[:440]:
        events = item.truth.events
        assert events
        assert [e.start for e in events] == sorted(e.start for e in events)
        for event in events:
            assert 0 <= event.start < event.end <= SPEC.seconds
            assert event.label in CLASSES
        labels.update({e.label for e in events})
    assert len(labels) >= 15
    assert len(set(CLASSES)) == len(CLASSES)


def test_kinds_are_balanced() -> None:
    dataset = Kitchen(SPEC)
    for start in (0, 11, 550):
        assert Counter(dataset.action(i).kind for i in range(start, start + 11)) == dict.fromkeys(KINDS, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"split": "dev"}, "split .*'dev'"), ({"size": 0}, "size .* 0"), ({"seed": -1}, "seed .* -1")],
)
def test_wrong_options_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Kitchen(SPEC, **options)


@pytest.mark.parametrize("name", ["kitchen-val-00001", "beatdance-test-00001", "kitchen-test-x", ""])
def test_foreign_items_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="item must come from kitchen's test split"):
        Kitchen(SPEC).load(Item(id=name, group=name))


# Seen and heard together


@pytest.mark.parametrize("kind", STRUCK)
def test_impacts_sound_at_their_instant(kind: str) -> None:
    rate, window = 16000, 160
    found = total = 0
    for seed in range(4):
        action = plan(kind, np.random.default_rng(seed), 1.8)
        sound = play(action, np.random.default_rng(seed), 28800, rate)
        for start in impacts(action.events):
            first = math.ceil(start * rate)
            if window < first < len(sound) - window:
                total += 1
                before = np.abs(sound[first - window : first]).max()
                found += np.abs(sound[first : first + window]).max() > 3 * before
    assert total >= 4
    assert found / total > 0.9


@pytest.mark.parametrize("kind", STRUCK)
def test_impacts_show_at_their_instant(kind: str) -> None:
    """The picture changes most just before and after a contact."""
    dataset = Kitchen(ClipSpec(1.8, Fraction(25), 48, 48, 8000), split="val")
    near, far = [], []
    for index in range(33):
        action = dataset.action(index)
        if action.kind != kind:
            continue
        item = dataset.items()[index]
        video = dataset.load(item).video.astype(np.float32)
        change = np.abs(np.diff(video, axis=0)).mean((1, 2, 3))
        middle = (np.arange(len(change)) + 0.5) / 25
        distance = np.abs(middle[:, None] - np.array(impacts(item.truth.events))).min(1)
        near.append(change[distance < 0.06].mean())
        far.append(change[distance > 0.15].mean())
    assert np.mean(near) > 1.5 * np.mean(far)


def test_scrapes_are_as_loud_as_they_are_fast() -> None:
    for kind in ("scrape", "grate"):
        action = plan(kind, np.random.default_rng(1), 4.0)
        sound = play(action, np.random.default_rng(2), 64000, 16000)
        level = np.sqrt(np.square(sound).reshape(-1, 800).mean(1))
        _, speed = stroke((np.arange(80) + 0.5) * 0.05, action.strokes)
        assert np.corrcoef(level, speed)[0, 1] > 0.85


def test_water_sounds_while_it_arrives_and_rises_in_pitch() -> None:
    for kind in ("pour", "faucet"):
        action = plan(kind, np.random.default_rng(5), 6.0)
        sound = play(action, np.random.default_rng(6), 96000, 16000)
        level = np.sqrt(np.square(sound).reshape(-1, 800).mean(1))
        open_ = flow((np.arange(120) + 0.5) * 0.05, action)
        assert level[open_ > 0.5].min() > 4 * level[open_ == 0].max()
    full = filling(np.linspace(0, 6, 400), plan("pour", np.random.default_rng(5), 6.0))
    assert np.all((full >= 0) & (full <= 0.85))
    pitch = column_pitch(np.linspace(0, 0.8, 9), height=0.3, radius=0.1)
    assert np.all(np.diff(pitch) > 0)
    # A tube of 12 cm closed at one end, 3 cm of end correction: 343 / (4 * 0.15) Hz.
    assert column_pitch(np.array([0.2]), height=0.3, radius=0.1)[0] == pytest.approx(343 / 0.6)


# Motion


def test_rhythms_keep_their_bounds_and_continue() -> None:
    for seed in range(20):
        short, _ = hits_of(np.random.default_rng(seed), 2.0, gap=0.5, jitter=0.2, rests=0.2)
        long, force = hits_of(np.random.default_rng(seed), 9.0, gap=0.5, jitter=0.2, rests=0.2)
        np.testing.assert_array_equal(long[: len(short)], short)
        assert short[0] < 0 < short[1] <= 1.0
        assert long[-1] > 9.0
        assert np.all(np.diff(long[1:]) >= SHORTEST_WAIT)
        assert np.all(np.diff(long[1:]) <= LONGEST_WAIT)
        assert np.all((force >= 0) & (force < 1))


def test_a_swing_ends_in_contact_at_its_speed() -> None:
    hits, lifts = np.array([-0.5, 0.3, 0.75, 2.2, 3.0]), np.array([0.1, 0.2, 0.1, 0.15, 0.2])
    height = swing(hits[1:4], hits, lifts, time=0.5)
    np.testing.assert_allclose(height, 0, atol=1e-12)
    t = np.linspace(-0.4, 2.9, 4001)
    curve = swing(t, hits, lifts, time=0.5)
    assert curve.min() >= 0
    for low, high, lift in zip(hits, hits[1:], lifts[1:], strict=False):
        part = curve[(t > low) & (t < high)]
        assert part.max() == pytest.approx(lift, rel=1e-2)
    step = 1e-6
    measured = (swing(hits[1:4] - step, hits, lifts, time=0.5) - height) / step
    np.testing.assert_allclose(speeds(hits, lifts, time=0.5)[1:4], measured, rtol=1e-3)


def test_strokes_go_to_and_fro_at_their_speed() -> None:
    strokes = np.array([(-0.3, 0.1), (0.2, 0.6), (0.6, 1.0), (1.3, 1.7)])
    t = np.linspace(-0.25, 1.69, 5001)
    way, speed = stroke(t, strokes)
    np.testing.assert_allclose(stroke(strokes[:, 1] - 1e-9, strokes)[0], [1, 0, 1, 0], atol=1e-6)
    np.testing.assert_allclose(np.abs(np.gradient(way, t))[2:-2], speed[2:-2], atol=0.05)
    assert way.min() >= 0
    assert way.max() <= 1


def test_the_glass_fills_by_what_flows_in() -> None:
    for seed in range(5):
        action = plan("pour", np.random.default_rng(seed), 3.0)
        if action.what["from"] == "bottle":
            # Gulps are in the stream, not in the level.
            continue
        start, end = action.strokes[1]
        t = np.linspace(start, end, 20001)
        strength = flow(t, action)
        area = np.sum((strength[1:] + strength[:-1]) / 2) * (t[1] - t[0])
        rise = filling(np.array([start + 1e-9, end - 1e-9]), action)
        assert rise[1] - rise[0] == pytest.approx(0.16 * area, rel=1e-3)


# Sound


def test_modes_fade_by_loss_and_hold() -> None:
    draws = np.random.default_rng(0).random((24, 2))
    for name, body in BODIES.items():
        frequency, tau, amplitude = modes(body, 0.5, draws, 48000)
        loss = MATERIALS[body.material].loss
        for f, fade in zip(frequency, tau, strict=True):
            assert fade == pytest.approx(1 / (math.pi * f * loss + body.hold)), name
        assert np.all(amplitude > 0)
        low, _, _ = modes(body, 1.0, draws, 48000)
        assert low[0] < frequency[0]
    assert all(len(part) == 0 for part in modes(BODIES["spoon metal"], 0.0, draws, 2000))


def test_strikes_start_at_the_sample_and_grow_with_speed() -> None:
    def strike_once(time: float, speed: float) -> np.ndarray:
        track = np.zeros(8000, np.float32)
        strike(
            track,
            16000,
            ["mug", "top wood"],
            0.5,
            np.random.default_rng(1),
            np.array([-0.2, time]),
            np.array([1.0, speed]),
        )
        return track

    for time in (0.1, 0.12345, 0.2 - 1e-5):
        track = strike_once(time, 1.0)
        first = math.ceil(time * 16000 - 1e-6)
        assert not track[:first].any()
        assert track[first : first + 3].any()
    soft, hard = strike_once(0.1, 0.4), strike_once(0.1, 1.6)
    assert np.abs(hard).max() > 2 * np.abs(soft).max()

    def brightness(sound: np.ndarray) -> float:
        power = np.abs(np.fft.rfft(sound)) ** 2
        return float(np.sum(power * np.arange(len(power))) / np.sum(power))

    assert brightness(hard) > brightness(soft)


def test_a_lone_mode_is_a_fading_sine() -> None:
    """One body whose modes are known, against the sum of sines written out."""
    track = np.zeros(4000, np.float32)
    rng = np.random.default_rng(4)
    strike(track, 16000, ["tub"], 0.3, rng, np.array([0.0]), np.array([1.0]))
    again = np.random.default_rng(4)
    draws = again.random((1, 24, 2))
    again.random(800, dtype=np.float32)
    chance = again.random((1, 64))[0]
    frequency, tau, amplitude = modes(BODIES["tub"], 0.3, draws[0], 16000)
    pulse = MATERIALS["plastic"].contact
    gain = amplitude * (0.65 + 0.7 * chance[: len(frequency)]) / (1 + (2 * frequency * pulse) ** 2)
    t = np.arange(4000) / 16000
    direct = sum(g * np.exp(-t / s) * np.sin(2 * np.pi * f * t) for g, s, f in zip(gain, tau, frequency, strict=True))
    # After 25 ms the noise of touching is over.
    late = slice(400, 800)
    assert np.corrcoef(track[late], direct[late])[0, 1] > 0.99999


def test_no_flow_no_bubbles() -> None:
    silent = bubbles(
        16000,
        np.zeros(4000, np.float32),
        np.random.default_rng(0),
        per_second=200,
        smallest=1e-3,
        largest=3e-3,
    )
    assert not silent.any()


# Painting


def blank(size: int = 64, frames: int = 1) -> View:
    elevation = math.radians(52)
    return View(
        canvas=np.zeros((3, frames, size, size), np.float32),
        scale=float(size),
        centre=np.full((frames, 2), size / 2, np.float32),
        tall=math.sin(elevation),
        rise=math.cos(elevation),
        light=(0.0, 0.0, 1.0),
        lamp=np.ones(3, np.float32),
        sky=np.full(3, 0.3, np.float32),
    )


WHITE = np.ones(3, np.float32)


def covered(view: View) -> float:
    """Area that flat white paint covers, in square units."""
    return float(view.canvas[0, 0].sum()) / view.scale**2


def test_flat_shapes_cover_their_area() -> None:
    tall = blank().tall
    view = blank(128)
    disc(view, [[0.05, 0.02, 0.1]], 0.2, WHITE)
    assert covered(view) == pytest.approx(math.pi * 0.04 * tall, rel=0.02)
    view = blank(128)
    disc(view, [[0.0, 0.0, 0.0]], 0.3, WHITE, hole=0.2)
    assert covered(view) == pytest.approx(math.pi * (0.09 - 0.04) * tall, rel=0.03)
    view = blank(128)
    plate(view, [[0.0, 0.0, 0.0]], [[0.2, 0.05, 0.0]], [[-0.03, 0.15, 0.0]], WHITE, corner=0.0)
    assert covered(view) == pytest.approx(4 * (0.2 * 0.15 + 0.03 * 0.05) * tall, rel=0.02)
    view = blank(128)
    plate(view, [[0.0, 0.0, 0.0]], [[0.2, 0.05, 0.0]], [[-0.03, 0.15, 0.0]], WHITE)
    assert covered(view) == pytest.approx(math.pi * (0.2 * 0.15 + 0.03 * 0.05) * tall, rel=0.03)
    view = blank(128)
    polygon(view, [[(-0.3, -0.2, 0.0), (0.3, -0.2, 0.0), (0.0, 0.3, 0.0)]], WHITE)
    assert covered(view) == pytest.approx(0.5 * 0.6 * 0.5 * tall, rel=0.03)
    view = blank(128)
    coins(view, [[(-0.2, 0.0, 0.0), (0.2, 0.0, 0.0), (0.0, 0.3, 0.0)]], [[0.1, 0.1, -1.0]], WHITE)
    assert covered(view) == pytest.approx(2 * math.pi * 0.01 * tall, rel=0.04)


def test_balls_are_round_from_anywhere_and_hide_each_other() -> None:
    view = blank(128)
    red, green = np.array([1, 0, 0], np.float32), np.array([0, 1, 0], np.float32)
    ends = [[[(0.0, 0.0, 0.0)] * 2, [(0.0, 0.0, 0.3)] * 2]]
    tubes(view, ends, [[(0.15, 0.15), (0.15, 0.15)]], np.stack((red, green)), gloss=0.0)
    assert ((view.canvas[0, 0] > 0) | (view.canvas[1, 0] > 0)).sum() / 128**2 > math.pi * 0.15**2
    # Where both lie on one line of sight, the upper (nearer) one is seen.
    row = int(64 - 128 * 0.3 * view.rise + 4)
    assert view.canvas[1, 0, row, 64] > 0
    assert view.canvas[0, 0, row, 64] < 0.01
    one, two = blank(128), blank(128)
    tubes(one, [[[(0.0, 0.0, 0.0)] * 2]], [[(0.2, 0.2)]], WHITE, gloss=0.0)
    dome(two, [[0.0, 0.0, 0.0]], 0.2, 0.2, WHITE, gloss=0.0)
    np.testing.assert_allclose(one.canvas, two.canvas, atol=0.03)


def test_nothing_is_painted_outside_or_for_what_is_left_out() -> None:
    view = blank()
    disc(view, [[5.0, 0.0, 0.0]], 0.2, WHITE)
    tubes(view, [[[(-9.0, 0.0, 0.0)] * 2]], [[(0.1, 0.1)]], WHITE)
    lathe(view, [[0.0, 9.0, 0.0]], [(0.0, 0.1), (0.2, 0.1)], WHITE)
    polygon(view, [[(7.0, 0.0, 0.0), (8.0, 0.0, 0.0), (8.0, 1.0, 0.0)]], WHITE)
    dome(view, [[0.0, -7.0, 0.0]], 0.2, 0.1, WHITE)
    tubes(view, [[[(0.0, 0.0, 0.0)] * 2]], [[(-1.0, -1.0)]], WHITE)
    assert not view.canvas.any()
    view.canvas[:] = 1.0
    shadow(view, [[[(0.0, 8.0, 0.0)] * 2]], [[(0.1, 0.1)]])
    assert view.canvas.min() == 1.0
    shadow(view, [[[(0.0, 0.0, 0.1)] * 2]], [[(0.1, 0.1)]], strength=0.5)
    assert 0.45 < view.canvas.min() < 0.7


def test_frames_painted_together_are_as_painted_alone() -> None:
    points = np.array([[[(-0.2, 0, 0), (0.1, 0.1, 0.2)]], [[(0.1, 0.2, 0), (0.2, -0.1, 0.1)]]], np.float32)
    radii = np.array([[(0.05, 0.1)], [(0.1, 0.03)]])
    both = blank(48, frames=2)
    tubes(both, points, radii, WHITE)
    lathe(both, points[:, 0, 0], [(0.0, 0.1), (0.2, 0.12)], WHITE, gloss=0.4)
    for frame in range(2):
        alone = blank(48)
        tubes(alone, points[frame : frame + 1], radii[frame : frame + 1], WHITE)
        lathe(alone, points[frame : frame + 1, 0, 0], [(0.0, 0.1), (0.2, 0.12)], WHITE, gloss=0.4)
        np.testing.assert_array_equal(both.canvas[:, frame], alone.canvas[:, 0])
