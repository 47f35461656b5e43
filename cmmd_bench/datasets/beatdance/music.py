"""From notes to sound: place every note of the window, then mix.

The mix uses fixed levels, a room, the kick's ducking and a fixed limiting curve, never a measured gain: the first
seconds of a longer clip therefore sound like the shorter clip.
"""

import math

import numpy as np

from cmmd_bench.datasets.beatdance.drums import drum
from cmmd_bench.datasets.beatdance.grooves import STYLES
from cmmd_bench.datasets.beatdance.instruments import tone
from cmmd_bench.datasets.beatdance.score import BARS, Note, Song
from cmmd_bench.datasets.beatdance.streams import Key, stream
from cmmd_bench.datasets.synthesis import Sound, add, clock, convolve, decay, limit, noise, room

_LEAD_IN = 1.0
"""Seconds rendered before the clip begins, so that notes and echoes already sound when it starts."""

_DRUM_LEVEL = {
    "kick": 0.62,
    "snare": 0.5,
    "clap": 0.45,
    "hat": 0.13,
    "open": 0.13,
    "pedal": 0.16,
    "ride": 0.2,
    "triangle": 0.05,
    "rim": 0.18,
    "clave": 0.12,
    "cowbell": 0.26,
    "conga": 0.28,
    "slap drum": 0.36,
    "tom": 0.42,
    "shaker": 0.1,
}
"""Peak of a full hit in the mix, before the final loudness."""
_PARTS = ("bass", "chords", "lead")
_PART_LEVEL = (0.36, 0.10, 0.15)
_HISS, _LOUDNESS = 0.003, 1.3
"""Tape noise 50 dB below full scale, which keeps silence from being digital; gain before the limiting curve."""
_ROOM_SHARE = {"drums": 0.1, "bass": 0.03, "chords": 0.28, "lead": 0.35}


def render_music(song: Song, notes: tuple[Note, ...], key: Key, samples: int, rate: int) -> Sound:
    """The window of the song that begins at the clip's start, (samples,) float32 within -0.95..0.95."""
    rng = stream(key, "kit")
    style = STYLES[song.style]
    kit = {voice: drum(voice, rate, rng) for voice in style.drums}
    echo = room(rng, rate, seconds=0.5 + 0.7 * rng.random(), brightness=3000 + 3000 * rng.random())
    lead_in = round(_LEAD_IN * rate)
    tracks = {part: np.zeros(samples + lead_in, np.float32) for part in _ROOM_SHARE}
    gain = np.ones(samples + lead_in, np.float32)
    dip = (-style.duck * decay(clock(0.4, rate), 0.11)).astype(np.float32)
    levels = dict(zip(_PARTS, np.multiply(_PART_LEVEL, style.levels).tolist(), strict=True))
    tones: dict[tuple[str, float, float], Sound] = {}
    for note in notes:
        length = note.length * song.period
        for start in _starts(note, song, -_LEAD_IN - length, samples / rate):
            if note.part == "drums":
                sound, level = kit[note.voice], _DRUM_LEVEL[note.voice]
            else:
                name = (note.voice, note.pitch, length)
                sound = tones[name] if name in tones else tones.setdefault(name, tone(*name, rate))
                level = levels[note.part]
            add(tracks[note.part], sound, start + _LEAD_IN, rate, level * note.velocity)
            if note.voice == "kick":
                add(gain, dip, start + _LEAD_IN, rate)
    for part in _PARTS:
        tracks[part] *= np.maximum(gain, 0.2)
    dry, wet = np.zeros_like(gain), np.zeros_like(gain)
    for part, share in _ROOM_SHARE.items():
        dry += tracks[part]
        wet += np.float32(share) * tracks[part]
    hiss = _HISS * noise(rng, len(dry))
    mixed = dry + convolve(wet, echo) + hiss
    return limit(_LOUDNESS * mixed[lead_in:])


def _starts(note: Note, song: Song, begin: float, end: float) -> list[float]:
    """All times in begin..end, in seconds of the clip, at which the loop plays the note."""
    loop = BARS * song.meter * song.period
    first = song.first + (note.beat - song.count) * song.period
    turns = range(math.ceil((begin - first) / loop), math.ceil((end - first) / loop))
    return [first + turn * loop for turn in turns]
