"""The eight musical styles as data: tempo, harmony, and one bar of rhythm for each voice.

Notation: a bar is a string with four steps to the beat. Drums and chords: `x` full, `o` half, `-` ghost, `.` rest.
Bass: `r` root, `3` third, `5` fifth, `7` seventh, `8` octave. Lead: `0`..`3` a chord tone, `m` a step of a melody.
`_` holds the note before it. Where a voice has several bars, each song picks one.
"""

from dataclasses import dataclass

Chord = tuple[int, str]
"""Semitones above the key note, and a name in CHORDS."""

CHORDS: dict[str, tuple[int, ...]] = {
    "m": (0, 3, 7),
    "M": (0, 4, 7),
    "m7": (0, 3, 7, 10),
    "M7": (0, 4, 7, 11),
    "7": (0, 4, 7, 10),
    "m9": (0, 3, 7, 10, 14),
    "9": (0, 4, 7, 10, 14),
    "M9": (0, 4, 7, 11, 14),
    "sus": (0, 5, 7),
}


@dataclass(frozen=True, slots=True)
class Style:
    """What the songs of a style have in common.

    tempo: lowest and highest, beats a minute
    meter: beats in a bar
    swing: where the second half of a beat falls, lowest and highest share of the beat
    duck: how far chords and bass give way to the kick, 0..1
    levels: loudness of bass, chords and lead
    progressions: four chords, one a bar
    drums: voice -> bars to pick from; bass, chords, lead: (instruments to pick from, bars to pick from)
    """

    tempo: tuple[float, float]
    meter: int
    swing: tuple[float, float]
    duck: float
    minor: bool
    levels: tuple[float, float, float]
    progressions: tuple[tuple[Chord, Chord, Chord, Chord], ...]
    drums: dict[str, tuple[str, ...]]
    bass: tuple[tuple[str, ...], tuple[str, ...]]
    chords: tuple[tuple[str, ...], tuple[str, ...]]
    lead: tuple[tuple[str, ...], tuple[str, ...]]


STYLES: dict[str, Style] = {
    "house": Style(
        tempo=(114, 132),
        meter=4,
        swing=(0.50, 0.54),
        duck=0.6,
        minor=True,
        levels=(1.0, 1.0, 0.8),
        progressions=(
            ((0, "m7"), (5, "m7"), (8, "M7"), (10, "7")),
            ((0, "m9"), (8, "M7"), (3, "M7"), (10, "sus")),
            ((0, "m7"), (10, "M"), (8, "M7"), (7, "m7")),
        ),
        drums={
            "kick": ("x...x...x...x...",),
            "clap": ("....x.......x...",),
            "hat": ("o...o...o...o...", "o.-.o.-.o.-.o.-."),
            "open": ("..-...-...-...-.", "................"),
        },
        bass=(("saw bass", "sub"), ("r_.r_.r_r_..5_r_", "r_r_r_8_r_r_r_8_", "r_..r_..r_.rr_5_")),
        chords=(
            ("stab", "organ", "electric piano"),
            ("x_____o_x_____o_", "x__o__o_x__o__..", "x_______x___o_o_"),
        ),
        lead=(("pluck", "bell"), ("0.2.1.2.0.2.1.3.", "0...2...1...3...", "................")),
    ),
    "boom bap": Style(
        tempo=(80, 100),
        meter=4,
        swing=(0.54, 0.62),
        duck=0.2,
        minor=True,
        levels=(1.1, 1.3, 0.9),
        progressions=(
            ((0, "m9"), (5, "m7"), (0, "m9"), (7, "m7")),
            ((0, "m7"), (8, "M7"), (5, "m9"), (7, "7")),
            ((2, "m7"), (7, "9"), (0, "M9"), (9, "m7")),
        ),
        drums={
            "kick": ("x.....-.x.-.....", "x.......x.o...-.", "x..-....x..-...."),
            "snare": ("....x.......x...", "....x..-....x..-"),
            "hat": ("x.-.x.-.x.-.x.-.", "x...x.-.x...x.-."),
        },
        bass=(("upright", "sub"), ("r_____r_r_..5_r_", "r___r_..r___5___", "r_______r___5_3_")),
        chords=(("electric piano", "organ"), ("x_______x_______", "x_____o_x_____o_", "x___o___x___o___")),
        lead=(("flute", "bell"), ("m_____m_m_______", "m___m___m_m_m___", "................")),
    ),
    "ballet": Style(
        tempo=(96, 156),
        meter=3,
        swing=(0.50, 0.50),
        duck=0.0,
        minor=False,
        levels=(1.3, 2.0, 0.9),
        progressions=(
            ((0, "M"), (9, "m"), (5, "M"), (7, "7")),
            ((0, "M"), (7, "7"), (7, "7"), (0, "M")),
            ((0, "M"), (4, "m"), (5, "M"), (7, "7")),
        ),
        drums={"triangle": ("....-...-...", "o...........", "............")},
        bass=(("piano",), ("r___........", "r_______....")),
        chords=(("piano",), ("o___x___x___", "o___x___o___")),
        lead=(("piano", "strings", "flute"), ("m_______m___", "m___m___m___", "m___m_m_m___", "m_____m_m___")),
    ),
    "swing": Style(
        tempo=(122, 158),
        meter=4,
        swing=(0.62, 0.67),
        duck=0.0,
        minor=False,
        levels=(1.1, 1.3, 0.7),
        progressions=(
            ((2, "m7"), (7, "7"), (0, "M7"), (9, "7")),
            ((0, "M7"), (9, "m7"), (2, "m7"), (7, "7")),
            ((0, "7"), (5, "7"), (0, "7"), (7, "9")),
        ),
        drums={
            "kick": ("o...o...o...o...",),
            "ride": ("x...x.-.x...x.-.",),
            "pedal": ("....x.......x...",),
            "snare": ("....-.......-...", "....o.......o..."),
        },
        bass=(("upright",), ("r___3___5___3___", "r___5___8___5___", "r___r___5___3___", "8___7___5___3___")),
        chords=(("piano", "organ"), ("x___....o___....", "x___o___x___o___", "....x___....x___")),
        lead=(("brass", "clarinet"), ("m___m___m_______", "m_______m___m_m_", "m___m_m_m___m___")),
    ),
    "funk": Style(
        tempo=(96, 118),
        meter=4,
        swing=(0.50, 0.55),
        duck=0.1,
        minor=True,
        levels=(1.2, 1.3, 0.7),
        progressions=(
            ((0, "9"), (0, "9"), (5, "9"), (0, "9")),
            ((0, "m7"), (5, "7"), (0, "m7"), (5, "7")),
            ((0, "7"), (10, "7"), (5, "7"), (0, "7")),
        ),
        drums={
            "kick": ("x..-....x.o.....", "x.....-.x..-....", "x.-.....x.-..-.."),
            "snare": ("....x.......x...", "....x..-....x..-"),
            "hat": ("x...x.-.x...x.-.", "x.-.x.-.x.-.x.-."),
        },
        bass=(("slap",), ("r..8r...r..8r.5.", "r...8...r..5r...", "r__.r.8.r__.5.7.")),
        chords=(("clavinet", "guitar"), ("x...x.-.x...x.-.", "x.-.x...x.-.x...", "x_..x...x_..x..-")),
        lead=(("brass",), ("0_______........", "0_..0_..........", "................")),
    ),
    "techno": Style(
        tempo=(124, 148),
        meter=4,
        swing=(0.50, 0.50),
        duck=0.7,
        minor=True,
        levels=(0.7, 1.0, 0.8),
        progressions=(
            ((0, "m"), (0, "m"), (8, "M"), (0, "m")),
            ((0, "m"), (0, "m"), (0, "m"), (10, "M")),
            ((0, "sus"), (3, "M"), (0, "sus"), (5, "m")),
        ),
        drums={
            "kick": ("x...x...x...x...",),
            "hat": ("o.-.o.-.o.-.o.-.", "..-...-...-...-."),
            "clap": ("....o.......o...", "................"),
            "rim": ("................", "-......-........"),
        },
        bass=(("acid",), ("r.r.8.r.r.r.8.5.", "r...r.r.r...r.r5", "r.r.r.8.r.r.r.5.")),
        chords=(("stab", "pad"), ("x_______x_______", "x_..o_..x_..o_..", "x_______________")),
        lead=(("pluck",), ("................", "0...0...1...2...", "0...1...0...2...")),
    ),
    "halftime": Style(
        tempo=(80, 94),
        meter=4,
        swing=(0.50, 0.50),
        duck=0.3,
        minor=True,
        levels=(1.2, 1.2, 0.9),
        progressions=(
            ((0, "m9"), (8, "M7"), (3, "M7"), (10, "sus")),
            ((0, "m7"), (0, "m7"), (8, "M9"), (7, "m7")),
            ((0, "m"), (3, "M"), (10, "M"), (5, "m")),
        ),
        drums={
            "kick": ("x.........o.....", "x..-....o.......", "x...........-..."),
            "snare": ("....x.......x...", "....x....-..x..."),
            "tom": ("........o.......", "........x.......", "........o-......"),
            "hat": ("x.-.x.-.x.-.x.-.", "x...x...x...x.--", "x.-.x.-.x.-.x---"),
        },
        bass=(("reese", "sub"), ("r_______r_____5_", "r___r___r___r_3_", "r_______5_______")),
        chords=(("pad", "electric piano"), ("x_______x_______", "x___o___x___o___")),
        lead=(("pluck", "bell"), ("0.1.2.3.2.1.0.1.", "0.1.2.1.0.1.2.1.", "m_______m___m___")),
    ),
    "salsa": Style(
        tempo=(92, 120),
        meter=4,
        swing=(0.50, 0.52),
        duck=0.0,
        minor=True,
        levels=(1.1, 1.6, 0.7),
        progressions=(
            ((0, "m"), (5, "m"), (7, "7"), (5, "m")),
            ((0, "m"), (0, "m"), (7, "7"), (0, "m")),
            ((0, "m7"), (10, "7"), (8, "M7"), (7, "7")),
        ),
        drums={
            "cowbell": ("x.-.x.-.x.-.x.-.", "x...x...x...x..."),
            "kick": ("o...o...o...o...",),
            "slap drum": ("....x.......x...",),
            "conga": ("......--......--", "......-.......--"),
            "clave": ("..-.-...-..-..-.", "................"),
            "shaker": ("x...x...x...x...", "x.-.x.-.x.-.x.-."),
        },
        bass=(("upright",), ("r__5__r_r__5__8_", "r_..5_r_r_..5_..")),
        chords=(("piano",), ("x.-.x.-.x.-.x.-.", "x_..x_.-x_..x_.-", "x_.-x_..x_.-x_..")),
        lead=(("brass",), ("0___....0_1_....", "m___m___m_______", "................")),
    ),
}
