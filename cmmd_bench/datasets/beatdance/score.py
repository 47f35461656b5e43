"""A song as data: tempo, where its beats lie, and its notes.

A song is an endless loop of four bars of which a clip shows a window. Positions inside the loop are in beats from its
beginning; velocities are 0..1; pitches are MIDI numbers (69 = 440 Hz). What stands on a beat starts exactly there;
what lies between beats is quieter, may swing and is humanised by a few milliseconds.
"""

import math
from dataclasses import dataclass

import numpy as np

from cmmd_bench.datasets.beatdance.grooves import CHORDS, STYLES
from cmmd_bench.datasets.beatdance.streams import Key, between, pick, stream

BARS = 4

_VELOCITY = {"x": 1.0, "o": 0.6, "-": 0.3}
_DEGREES = {"r": 0, "3": 1, "5": 2, "7": 3}
_MINOR, _MAJOR = (0, 2, 3, 5, 7, 8, 10), (0, 2, 4, 5, 7, 9, 11)
_STEPS = 4
_LOWEST = {"piano": 38, "upright": 31}
"""Where the roots of an instrument's bass line begin."""


@dataclass(frozen=True, slots=True)
class Song:
    """What listing a clip needs to know about its music.

    tempo: beats a minute; first: time in seconds of the first beat at or after 0; count: that beat's place in the loop
    """

    style: str
    tempo: float
    first: float
    count: int

    @property
    def period(self) -> float:
        """Seconds from beat to beat."""
        return 60.0 / self.tempo

    @property
    def meter(self) -> int:
        """Beats in a bar."""
        return STYLES[self.style].meter


@dataclass(frozen=True, slots=True)
class Note:
    """One note or hit; beat is its place in the loop, length in beats, pitch 0 for drums."""

    beat: float
    part: str
    voice: str
    pitch: float
    length: float
    velocity: float


def draw_song(key: Key) -> Song:
    """Style, tempo and place of the window; cheap, so that thousands of clips can be listed."""
    style_draw, tempo_draw, first_draw, count_draw = stream(key, "song").random(4).tolist()
    name = tuple(STYLES)[int(style_draw * len(STYLES))]
    style = STYLES[name]
    tempo = style.tempo[0] + tempo_draw * (style.tempo[1] - style.tempo[0])
    return Song(name, tempo, first_draw * 60.0 / tempo, int(count_draw * BARS * style.meter))


def beat_times(song: Song, seconds: float) -> tuple[float, ...]:
    """Times of all beats in [0, seconds)."""
    total = max(math.ceil((seconds - song.first) / song.period), 0)
    times = (song.first + i * song.period for i in range(total))
    return tuple(time for time in times if time < seconds)


def compose(song: Song, key: Key) -> tuple[Note, ...]:
    """All notes of the song's loop, in no particular order."""
    rng = stream(key, "music")
    style = STYLES[song.style]
    progression = pick(rng, style.progressions)
    tonic = int(rng.random() * 12)
    swing = between(rng, style.swing)
    parts = [("drums", voice, pick(rng, bars)) for voice, bars in style.drums.items()]
    for part, (voices, bars) in (("bass", style.bass), ("chords", style.chords), ("lead", style.lead)):
        parts.append((part, pick(rng, voices), pick(rng, bars)))
    melodies = [rng.random(16) for _ in range(2)]
    notes: list[Note] = []
    for part, voice, pattern in parts:
        for bar, (root, quality) in enumerate(progression):
            chord = [tonic + root + tone for tone in CHORDS[quality]]
            melody = _melody(melodies[bar % 2], chord, tonic, style.minor) if "m" in pattern else []
            for step, symbol, steps in _steps(pattern):
                beat, velocity = _place(step, swing, 60.0 / song.tempo, rng)
                loudness = velocity * _VELOCITY.get(symbol, 1.0)
                for pitch in _pitches(part, voice, symbol, chord, melody[step] if melody else 0.0):
                    notes.append(Note(bar * style.meter + beat, part, voice, pitch, steps / _STEPS, loudness))
    return tuple(notes)


def _steps(pattern: str) -> list[tuple[int, str, int]]:
    """Step, symbol and length in steps of each note of a bar."""
    starts = [i for i, symbol in enumerate(pattern) if symbol not in "._"]
    return [(i, pattern[i], 1 + len(pattern[i + 1 :]) - len(pattern[i + 1 :].lstrip("_"))) for i in starts]


def _place(step: int, swing: float, period: float, rng: np.random.Generator) -> tuple[float, float]:
    """Beat within the bar and velocity of a step."""
    late, soft = rng.random(2).tolist()
    beat, quarter = divmod(step, _STEPS)
    if quarter == 0:
        return float(beat), 0.94 + 0.06 * soft
    inside = (0.0, 0.5 * swing, swing, 0.5 + 0.5 * swing)[quarter]
    return beat + inside + (late - 0.5) * 0.01 / period, (0.42 + 0.12 * soft) * (0.85 if quarter % 2 else 1.0)


def _pitches(part: str, voice: str, symbol: str, chord: list[int], sung: float) -> list[float]:
    if part == "drums":
        return [0.0]
    if part == "bass":
        tone = chord[0] + 12 if symbol == "8" else chord[min(_DEGREES[symbol], len(chord) - 1)]
        return [_fold(chord[0], _LOWEST.get(voice, 29)) + (tone - chord[0])]
    if symbol == "m":
        return [sung]
    voicing = _voicing(chord)
    if part == "chords":
        return voicing
    return [[*voicing, voicing[0] + 12][int(symbol)] + 12]


def _voicing(chord: list[int]) -> list[float]:
    """The inversion that lies nearest to the middle of the keyboard; a chord of five leaves its root to the bass."""
    tones = chord[-4:]
    inversions = [tones[i:] + [tone + 12 for tone in tones[:i]] for i in range(len(tones))]
    placed = [[tone + 12 * round((62 - sum(notes) / len(notes)) / 12) for tone in notes] for notes in inversions]
    return [float(tone) for tone in min(placed, key=lambda notes: abs(sum(notes) / len(notes) - 62))]


def _fold(pitch: int, lowest: int) -> float:
    return float(lowest + (pitch - lowest) % 12)


def _melody(
    draws: np.ndarray[tuple[int], np.dtype[np.float64]], chord: list[int], tonic: int, minor: bool
) -> list[float]:
    """A tune for each step of a bar: chord tones on the beats, neighbours in the scale between them."""
    scale = [pitch for pitch in range(64, 90) if (pitch - tonic) % 12 in (_MINOR if minor else _MAJOR)]
    tones = [pitch for pitch in range(64, 90) if any((pitch - tone) % 12 == 0 for tone in chord)]
    tune: list[float] = []
    here = 76.0
    for step, draw in enumerate(draws):
        aim = here + 9.0 * (draw - 0.5) + 0.25 * (76.0 - here)
        here = float(min(tones if step % _STEPS == 0 else scale, key=lambda pitch: abs(pitch - aim)))
        tune.append(here)
    return tune
