import hashlib
import pickle
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from cmmd_bench.datasets.beatdance import BeatDance
from cmmd_bench.datasets.beatdance.body import ANKLE, Proportions, joints
from cmmd_bench.datasets.beatdance.choreography import CHANNEL, CHANNELS, draw_dance, mirror, pose_at
from cmmd_bench.datasets.beatdance.grooves import CHORDS, STYLES
from cmmd_bench.datasets.beatdance.instruments import TIMBRES, tone
from cmmd_bench.datasets.beatdance.moves import ARMS, MANNERS, STEPS
from cmmd_bench.datasets.beatdance.paint import Brush, View, empty_layer
from cmmd_bench.datasets.beatdance.props import PROPS
from cmmd_bench.datasets.beatdance.scenery import FLOORS, WALLS
from cmmd_bench.datasets.beatdance.score import BARS, beat_times, compose, draw_song
from cmmd_bench.datasets.beatdance.stage import draw_stage
from cmmd_bench.datasets.beatdance.streams import PARTS, Key, stream
from cmmd_bench.datasets.beatdance.wardrobe import draw_look
from cmmd_bench.datasets.painting import Light
from cmmd_bench.types import ClipSpec, Item

SMALL = ClipSpec(seconds=1.8, fps=Fraction(10), height=32, width=32, sample_rate=16_000)
KEYS = [Key(0, "val", index) for index in range(40)]


def digest(clip) -> str:
    return hashlib.sha256(clip.video.tobytes() + clip.audio.tobytes()).hexdigest()


def peaks(strength: np.ndarray, times: np.ndarray, threshold: float) -> list[float]:
    """Times of maxima at least 250 ms apart and clearly above the median."""
    least = np.median(strength) + threshold * (strength.max() - np.median(strength))
    chosen: list[int] = []
    for i in np.argsort(-strength):
        if strength[i] >= least and all(abs(times[i] - times[j]) >= 0.25 for j in chosen):
            chosen.append(int(i))
    return sorted(float(times[i]) for i in chosen)


def onsets(audio: np.ndarray, rate: int) -> list[float]:
    """Times at which the spectrum grows most."""
    hop, size = 160, 640
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(audio, size // 2), size)[::hop]
    bands = np.sqrt(np.abs(np.fft.rfft(frames * np.hanning(size))))
    rise = np.maximum(np.diff(bands, axis=0), 0).sum(axis=1)
    return peaks(rise, (np.arange(len(rise)) + 0.5) * hop / rate, 0.3)


def accents(video: np.ndarray, fps: float) -> list[float]:
    """Times at which the picture changes most."""
    change = np.abs(np.diff(video.astype(np.float64), axis=0)).mean(axis=(1, 2, 3))
    return peaks(change, (np.arange(len(change)) + 0.5) / fps, 0.25)


def hits(found: list[float], true: list[float], tolerance: float) -> int:
    """Size of a one-to-one matching, nearest first."""
    pairs = sorted(
        (abs(a - b), i, j) for i, a in enumerate(found) for j, b in enumerate(true) if abs(a - b) <= tolerance
    )
    left, right = set(), set()
    for _, i, j in pairs:
        if i not in left and j not in right:
            left.add(i)
            right.add(j)
    return len(left)


def score(detected: list[list[float]], true: list[list[float]], tolerance: float = 0.1) -> tuple[float, float]:
    """Recall and precision over all clips."""
    found = sum(hits(a, b, tolerance) for a, b in zip(detected, true, strict=True))
    return found / sum(map(len, true)), found / sum(map(len, detected))


class TestItems:
    def test_are_listed_without_rendering(self):
        items = BeatDance(SMALL, split="train").items()
        assert len(items) == 100_000
        assert items[-1] == items[99_999]
        assert items[99_999].id == "beatdance-train-99999"
        assert [item.id for item in items[10:12]] == ["beatdance-train-00010", "beatdance-train-00011"]
        with pytest.raises(IndexError):
            items[100_000]

    def test_have_their_own_ids_and_songs(self):
        items = BeatDance(SMALL, size=50).items()
        assert len(items) == len({item.id for item in items}) == len({item.group for item in items}) == 50
        assert items[12].id == "beatdance-test-00012"

    def test_beats_are_even_and_inside_the_clip(self):
        tempos = []
        for item in BeatDance(replace(SMALL, seconds=6.0), size=60).items():
            assert {type(beat) for beat in item.truth.beats} == {float}
            beats = np.array(item.truth.beats)
            assert beats.min() >= 0
            assert beats.max() < 6.0
            period = np.diff(beats)
            assert np.allclose(period, period[0])
            assert beats[0] < period[0] + 1e-9
            assert 6.0 - beats[-1] <= period[0] + 1e-9
            tempos.append(60 / period[0])
        assert 80 <= min(tempos) < 95
        assert 140 < max(tempos) <= 160

    def test_all_styles_occur(self):
        assert {draw_song(Key(0, "test", index)).style for index in range(80)} == set(STYLES)

    def test_a_longer_clip_has_the_same_beats_and_more(self):
        short, long = (BeatDance(replace(SMALL, seconds=s), size=5).items() for s in (1.8, 3.6))
        for a, b in zip(short, long, strict=True):
            assert b.truth.beats[: len(a.truth.beats)] == a.truth.beats
            assert a.id == b.id

    def test_fingerprint_names_all_that_matters(self, monkeypatch):
        def fingerprint(spec=SMALL, index=3, **options):
            data = BeatDance(spec, **options)
            return data.fingerprint(data.items()[index])

        prints = [
            fingerprint(),
            fingerprint(index=4),
            fingerprint(seed=1),
            fingerprint(split="val"),
            fingerprint(replace(SMALL, seconds=1.8000001)),
            fingerprint(replace(SMALL, fps=Fraction(12))),
            fingerprint(replace(SMALL, height=33)),
            fingerprint(replace(SMALL, width=33)),
            fingerprint(replace(SMALL, sample_rate=16_001)),
        ]
        monkeypatch.setattr(BeatDance, "version", "other")
        prints.append(fingerprint())
        assert len(set(prints)) == len(prints)
        monkeypatch.undo()
        assert fingerprint(size=7) == fingerprint()

    @pytest.mark.parametrize(
        ("options", "name"), [({"split": "dev"}, "split"), ({"size": 0}, "size"), ({"seed": -1}, "seed")]
    )
    def test_wrong_arguments_are_named(self, options, name):
        with pytest.raises(ValueError, match=name):
            BeatDance(SMALL, **options)

    @pytest.mark.parametrize("strange", ["beatdance-val-00001", "kitchen-test-00001", "beatdance-test-x", "", "00001"])
    def test_foreign_items_are_refused(self, strange):
        with pytest.raises(ValueError, match="item"):
            BeatDance(SMALL).load(Item(id=strange, group=strange))


class TestClips:
    def test_have_the_form_that_was_asked_for(self):
        for spec in (
            SMALL,
            ClipSpec(0.3, Fraction(30_000, 1001), 24, 48, 44_100),
            ClipSpec(2.0, Fraction(4), 48, 24, 8_000),
            ClipSpec(0.1, Fraction(10), 8, 8, 22_050),
        ):
            data = BeatDance(spec)
            clip = data.load(data.items()[1])
            assert clip.video.shape == (spec.frames, spec.height, spec.width, 3)
            assert clip.video.dtype == np.uint8
            assert clip.audio.shape == (spec.samples,)
            assert clip.audio.dtype == np.float32
            assert clip.fps == spec.fps
            assert clip.sample_rate == spec.sample_rate

    def test_sound_has_a_sensible_level(self):
        data = BeatDance(replace(SMALL, height=8, width=8, seconds=3.6))
        sounds = [data.load(item).audio for item in data.items()[:24]]
        assert max(np.max(np.abs(sound)) for sound in sounds) <= 0.95
        assert np.median([np.max(np.abs(sound)) for sound in sounds]) > 0.8
        assert min(np.std(sound) for sound in sounds) > 0.06
        assert max(abs(np.mean(sound)) for sound in sounds) < 2e-3
        assert max(np.mean(np.abs(sound) > 0.9) for sound in sounds) < 2e-3

    def test_picture_is_neither_dark_nor_flat_and_moves(self):
        data = BeatDance(SMALL)
        for item in data.items()[:24]:
            video = data.load(item).video.astype(float)
            assert 25 < video.mean() < 230
            assert video[0].std() > 12
            assert np.abs(np.diff(video, axis=0)).mean() > 0.5

    def test_are_the_same_in_another_process_and_order(self):
        data = BeatDance(SMALL, split="val", seed=5)
        items = data.items()
        expected = [digest(data.load(items[index])) for index in (2, 7)]
        program = (
            "import hashlib; from fractions import Fraction; from cmmd_bench.types import ClipSpec;"
            "from cmmd_bench.datasets.beatdance import BeatDance;"
            "data = BeatDance(ClipSpec(1.8, Fraction(10), 32, 32, 16000), split='val', seed=5); items = data.items();"
            "clips = [data.load(items[i]) for i in (9, 7, 2)];"
            "print(*[hashlib.sha256(c.video.tobytes() + c.audio.tobytes()).hexdigest() for c in clips])"
        )
        out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
        assert [out[2], out[1]] == expected

    def test_survive_pickling(self):
        data = BeatDance(SMALL, split="train")
        packed = pickle.dumps(data)
        assert len(packed) < 1000
        item = data.items()[123]
        assert digest(pickle.loads(packed).load(item)) == digest(data.load(item))
        assert len(pickle.loads(pickle.dumps(data.items()))) == 100_000

    def test_differ_between_splits_seeds_and_indices(self):
        clips = []
        for options in ({"split": "train"}, {"split": "val"}, {"split": "test"}, {"split": "test", "seed": 1}):
            data = BeatDance(SMALL, **options)
            clips += [digest(data.load(data.items()[index])) for index in (0, 1)]
        assert len(set(clips)) == 8

    def test_looks_differ_from_clip_to_clip(self):
        data = BeatDance(replace(SMALL, seconds=0.1))
        frames = np.stack([data.load(item).video[0] for item in data.items()[:40]]).astype(float)
        apart = np.abs(frames[:, None] - frames[None]).mean(axis=(2, 3, 4))
        assert np.min(apart + 1e3 * np.eye(40)) > 8
        assert np.median(apart[np.triu_indices(40, 1)]) > 35


class TestOnePerformance:
    """The same (seed, split, index) is the same dance and song at any length, rate and size."""

    def test_a_longer_clip_begins_like_the_shorter(self):
        short, long = (BeatDance(replace(SMALL, seconds=s)) for s in (1.8, 4.0))
        for index in range(6):
            a, b = (data.load(data.items()[index]) for data in (short, long))
            assert np.array_equal(a.video, b.video[:18])
            assert np.max(np.abs(a.audio - b.audio[: len(a.audio)])) < 1e-4

    def test_frame_rates_show_the_same_moments(self):
        slow, fast = (BeatDance(replace(SMALL, fps=Fraction(fps))) for fps in (5, 20))
        a, b = (data.load(data.items()[4]) for data in (slow, fast))
        assert np.array_equal(a.video, b.video[::4])

    def test_sizes_show_the_same_picture(self):
        large, small = BeatDance(replace(SMALL, height=128, width=128)), BeatDance(SMALL)
        others = [small.load(item).video.astype(float) for item in small.items()[:6]]
        for index, other in enumerate(others[1:]):
            video = large.load(large.items()[index]).video.astype(float)
            shrunk = video.reshape(18, 32, 4, 32, 4, 3).mean(axis=(2, 4))
            assert np.abs(shrunk - others[index]).mean() < 0.2 * np.abs(shrunk - other).mean()

    def test_sample_rates_sound_alike(self):
        loudness = []
        for rate in (16_000, 48_000):
            data = BeatDance(replace(SMALL, sample_rate=rate, height=8, width=8))
            sounds = [data.load(item).audio.reshape(-1, rate // 16_000).mean(axis=1) for item in data.items()[:8]]
            loudness.append([np.sqrt((sound.reshape(90, -1) ** 2).mean(axis=1)) for sound in sounds])
        alike = np.corrcoef(np.concatenate(loudness))[:8, 8:]
        assert np.array_equal(alike.argmax(axis=1), np.arange(8))
        assert np.median(alike.diagonal()) > 0.9


class TestBeats:
    def test_are_heard(self):
        data = BeatDance(replace(SMALL, height=8, width=8, fps=Fraction(1), seconds=3.6), split="val")
        items = data.items()[:30]
        found = [onsets(data.load(item).audio, 16_000) for item in items]
        recall, precision = score(found, [item.truth.beats for item in items], 0.05)
        assert recall > 0.95
        assert precision > 0.85

    def test_are_seen(self):
        data = BeatDance(replace(SMALL, fps=Fraction(25), seconds=3.6, sample_rate=100), split="val")
        items = data.items()[:16]
        found = [accents(data.load(item).video, 25) for item in items]
        true = [item.truth.beats for item in items]
        recall, precision = score(found, true)
        assert recall > 0.95
        assert precision > 0.9
        # Against beats half a period later, the same detector finds next to nothing.
        wrong = [tuple(beat + 0.5 * (beats[1] - beats[0]) for beat in beats) for beats in true]
        assert score(found, wrong)[0] < 0.1

    def test_belong_to_the_score(self):
        for key in KEYS[:10]:
            song = draw_song(key)
            times = np.array(beat_times(song, 30.0))
            loop = BARS * song.meter
            on_beat = {note.beat for note in compose(song, key) if note.beat == round(note.beat)}
            assert on_beat == set(range(loop)), song.style
            assert times[loop] - times[0] == pytest.approx(loop * 60 / song.tempo)


class TestScore:
    @pytest.mark.parametrize("name", STYLES)
    def test_tables_are_complete(self, name):
        style = STYLES[name]
        steps = 4 * style.meter
        for bars in (*style.drums.values(), style.bass[1], style.chords[1], style.lead[1]):
            assert {len(bar) for bar in bars} == {steps}
        for voices in (style.bass[0], style.chords[0], style.lead[0]):
            assert set(voices) <= set(TIMBRES)
        for progression in style.progressions:
            assert {quality for _, quality in progression} <= set(CHORDS)
        assert 80 <= style.tempo[0] < style.tempo[1] <= 160
        manner = MANNERS[name]
        assert {arm for pair in manner.arms for arm in pair} <= set(ARMS)
        assert {len(STEPS[step]) for step in manner.steps} == {style.meter}

    def test_off_beat_notes_are_quieter(self):
        for key in KEYS[:16]:
            notes = compose(draw_song(key), key)
            on = max(note.velocity for note in notes if note.beat == round(note.beat))
            off = [note.velocity for note in notes if note.beat != round(note.beat)]
            assert on > 0.9
            assert max(off, default=0) < 0.6

    @pytest.mark.parametrize("voice", TIMBRES)
    @pytest.mark.parametrize("pitch", [33, 57, 81])
    def test_tones_have_their_pitch(self, voice, pitch):
        sound = tone(voice, pitch, 0.8, 16_000)
        spectrum = np.abs(np.fft.rfft(sound[1600:] * np.hanning(len(sound) - 1600), 32_768))
        frequency = 440 * 2 ** ((pitch - 69) / 12)
        # A comb over the first harmonics is highest at the pitch, among the twelve semitones around it.
        combs = []
        for semitones in range(-6, 7):
            places = np.arange(1, 4) * frequency * 2 ** (semitones / 12) * 32_768 / 16_000
            combs.append(sum(spectrum[round(p) - 1 : round(p) + 2].max() for p in places if p < 16_000))
        assert np.argmax(combs) == 6
        assert np.max(np.abs(sound)) < 3
        assert abs(sound[-1]) < 0.02

    def test_streams_are_independent_and_repeatable(self):
        draws = {
            (key, part): tuple(stream(key, part).random(4))
            for key in (Key(0, "train", 0), Key(0, "val", 0), Key(1, "train", 0), Key(0, "train", 1))
            for part in PARTS
        }
        assert len(set(draws.values())) == len(draws)
        assert tuple(stream(Key(0, "val", 0), "body").random(4)) == draws[Key(0, "val", 0), "body"]


class TestDance:
    times = np.arange(0.0, 4.0, 0.002)

    def bodies(self):
        for key in KEYS[:12]:
            song = draw_song(key)
            dance, bones = draw_dance(song, key), draw_look(song.style, key).bones
            yield song, bones, joints(pose_at(dance, song, self.times), bones, dance.turnout)

    def test_bones_keep_their_length(self):
        for _, bones, body in self.bodies():
            for start, end, length in (
                ("hip", "knee", bones.thigh),
                ("knee", "ankle", bones.shin),
                ("shoulder", "elbow", bones.upper_arm),
                ("elbow", "wrist", bones.forearm),
            ):
                for side in ("left", "right"):
                    apart = np.linalg.norm(body[f"{side} {start}"] - body[f"{side} {end}"], axis=1)
                    assert np.allclose(apart, length, atol=1e-6)
            apart = np.linalg.norm(body["left shoulder"] - body["right shoulder"], axis=1)
            assert np.all(apart < 2 * bones.shoulders + 0.06)

    def test_nothing_jumps(self):
        for _, _, body in self.bodies():
            for name, joint in body.items():
                # No joint is faster than 15 body heights a second, about three times a quick arm.
                assert np.max(np.linalg.norm(np.diff(joint, axis=0), axis=1)) < 0.03, name

    def test_feet_stay_on_or_above_the_floor(self):
        for _, _, body in self.bodies():
            for side in ("left", "right"):
                assert np.min(body[f"{side} ankle"][:, 1]) > ANKLE - 1e-6

    def test_feet_stand_still_between_the_beats(self):
        for song, _, body in self.bodies():
            phase = ((self.times - song.first) / song.period) % 1.0
            held = (phase > 0.40) & (phase < 0.60)
            for side in ("left", "right"):
                speed = np.linalg.norm(np.diff(body[f"{side} ankle"], axis=0), axis=1) / 0.002
                assert np.max(speed[held[:-1] & held[1:]]) < 0.1

    def test_hands_are_fastest_on_the_beats(self):
        for song, _, body in self.bodies():
            speed = sum(np.linalg.norm(np.diff(body[f"{side} hand"], axis=0), axis=1) for side in ("left", "right"))
            middle = 0.5 * (self.times[1:] + self.times[:-1])
            off = (
                np.abs((middle - song.first) / song.period - np.round((middle - song.first) / song.period))
                * song.period
            )
            assert speed[off < 0.03].mean() > 5 * speed[off > 0.12].mean()

    def test_a_phrase_returns_mirrored(self):
        for key in KEYS[:10]:
            song = draw_song(key)
            poses = draw_dance(song, key).poses
            assert len(poses) == BARS * song.meter
            assert np.allclose(poses[song.meter : 2 * song.meter], mirror(poses[: song.meter]))

    def test_mirror_is_its_own_inverse_and_mirrors_the_joints(self):
        poses = np.random.default_rng(0).uniform(-0.2, 0.2, (20, len(CHANNELS)))
        poses[:, [CHANNEL["left lift"], CHANNEL["right lift"]]] = 0.05
        assert np.array_equal(mirror(mirror(poses)), poses)
        body, mirrored = (joints(p, Proportions(), 0.5) for p in (poses, mirror(poses)))
        for name in ("ankle", "knee", "hip", "elbow", "hand", "toe"):
            assert np.allclose(body[f"left {name}"] * (-1, 1, 1), mirrored[f"right {name}"], atol=1e-9)
        assert np.allclose(body["head"] * (-1, 1, 1), mirrored["head"])


class TestPicture:
    def brush(self, size=48):
        layer = empty_layer(1, size, size)
        view = View(np.array([20.0]), np.array([24.0]), np.array([24.0]), elevation=0.0)
        return Brush(layer, view, Light(direction=(0, 0, 1), colour=(0.0,) * 3, ambient=(1.0,) * 3))

    def test_a_ball_covers_its_disc(self):
        brush = self.brush()
        brush.ball(np.zeros((1, 3)), 0.5, (1.0, 0.5, 0.0))
        assert brush.layer[0, 3].sum() == pytest.approx(np.pi * 100, rel=0.01)
        assert brush.layer[0, :3, 24, 24].tolist() == [1.0, 0.5, 0.0]
        assert brush.layer[0, 4, 24, 24] == pytest.approx(10, abs=0.1)

    def test_what_is_nearer_hides_what_is_farther_in_any_order(self):
        near, far = np.array([[0.1, 0.0, 0.3]]), np.array([[-0.1, 0.0, -0.9]])
        for order in (0, 1):
            brush = self.brush()
            paints = [(near, (1.0, 0.0, 0.0)), (far, (0.0, 1.0, 0.0))]
            for place, colour in paints[::-1] if order else paints:
                brush.ball(place, 0.5, colour)
            assert brush.layer[0, :2, 24, 24].tolist() == [1.0, 0.0]
            assert brush.layer[0, :2, 24, 13].tolist() == [0.0, 1.0]

    def test_a_limb_slanting_towards_the_viewer_lies_on_its_solid(self):
        brush = self.brush()
        start, end, radius = np.array([[-0.6, 0.0, -0.6]]), np.array([[0.6, 0.0, 0.6]]), 0.2
        brush.limb(start, end, radius, radius, (1.0, 1.0, 1.0))
        # Seen along z, a cylinder slanting by 45 degrees is nearest at radius * sqrt(2) before its axis.
        for column in (18, 24, 30):
            axis = (column + 0.5 - 24) / 20
            assert brush.layer[0, 4, 24, column] / 20 == pytest.approx(axis + radius * 2**0.5, abs=0.01)

    def test_parts_outside_the_picture_do_no_harm(self):
        brush = self.brush()
        brush.ball(np.array([[9.0, 9.0, 0.0]]), 0.3, (1.0, 1.0, 1.0))
        brush.panel([np.array([[x, y, 0.0]]) for x, y in ((-9, 9), (-9, -9), (9, -9), (9, 9))], 0.1, (0.0, 0.0, 1.0))
        assert brush.layer[0, 3].min() == 1.0
        assert np.allclose(brush.layer[0, 2, 10:38, 10:38], 1.0)

    def test_stages_use_every_wall_floor_and_prop(self):
        stages = [draw_stage(style, Key(0, "val", index), (0.5, 0.5, 0.5)) for style in STYLES for index in range(30)]
        assert {stage.wall for stage in stages} == set(WALLS)
        assert {stage.floor for stage in stages} == set(FLOORS)
        assert {stage.prop for stage in stages} == {*PROPS, ""}

    def test_clothes_are_not_skin_coloured(self):
        for style in STYLES:
            for index in range(30):
                look = draw_look(style, Key(0, "val", index))
                assert max(abs(a - b) for a, b in zip(look.top, look.skin, strict=True)) > 0.2
