"""The sound of a window, from any file, at the rate asked for."""

from fractions import Fraction
from pathlib import Path

from cmmd_bench.media.header import Header
from cmmd_bench.media.opening import damaged
from cmmd_bench.media.sound import cut, margin, require_sane
from cmmd_bench.media.sound_file import file_sound
from cmmd_bench.media.sound_stream import stream_sound
from cmmd_bench.media.window import Window, require_reach
from cmmd_bench.types import Audio


def read_audio(path: Path, header: Header, window: Window, *, sample_rate: int, tolerance: Fraction) -> Audio:
    """(T,) float32 mono in [-1, 1] at `sample_rate`.

    The window is laid on the grid of target samples, so cutting at a and resampling is resampling and cutting at a.
    Raises UserError if the sound ends more than `tolerance` seconds before the window, or is damaged within it.
    """
    audio = header.audio
    if audio is None:
        raise ValueError("header must be of a file with audio")
    reach = margin(audio.sample_rate, sample_rate)
    since = max(Fraction(0), window.start - reach)
    until = None if window.stop is None else window.stop + reach
    if header.sound_file:
        sound = file_sound(path, since=since, until=until)
    else:
        sound = stream_sound(path, header, since=since, until=until)
    require_sane(path, sound)
    if header.sound_file and audio.end == 0:
        raise damaged(path, "holds no sound")
    if sound.end is not None:
        require_reach(path, "audio", window, end=sound.end, declared=audio.end, tolerance=tolerance)
    count = window.count(sample_rate, end=sound.end or window.start)
    return cut(sound, first=round(window.start * sample_rate), count=count, rate=sample_rate)
