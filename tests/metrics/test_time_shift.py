"""What a shift of the sound does to every alignment score: it falls to chance, and no further shift mends it.

Chance is crossed downwards: a shift of half a beat misses more than a random one. Beyond, a rhythm comes back into step
after every beat, so the scores of music rise and fall with its tempo; those of separate contacts stay near chance.
"""

import json
from datetime import date
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from cmmd_bench.datasets import open_dataset
from cmmd_bench.metrics import beat_hits, beat_times, summarise_beats
from cmmd_bench.metrics.av_align import av_align, summarise_av_align, video_peaks
from cmmd_bench.metrics.motion import flow_motion
from cmmd_bench.metrics.onset_detection import detect_onsets
from cmmd_bench.metrics.onsets import onset_hits, summarise_onsets
from cmmd_bench.types import ClipSpec

SPEC = ClipSpec(seconds=3.6, fps=10, height=64, width=64, sample_rate=16_000)
SHIFTS_MS = (0, 40, 100, 200, 400, 1000)
CONTACTS = ("collision", "cut / chop", "open / close", "kneading")
PROOF = Path(__file__).resolve().parents[1] / "data" / "proofs" / "time_shift.json"


def clips(name, first):
    dataset = open_dataset(name, SPEC, split="test")
    for item in dataset.items()[:first]:
        if name == "beatdance":
            yield dataset.load(item), item.truth.beats
        elif item.truth.events and all(any(word in e.label for word in CONTACTS) for e in item.truth.events):
            yield dataset.load(item), sorted(event.start for event in item.truth.events)


def measured(name, first):
    """Score and chance level of every metric at every shift, means over clips."""
    loaded = list(clips(name, first))
    peaks = [video_peaks(flow_motion(clip.video), float(SPEC.fps)) for clip, _ in loaded]
    table = {"n_clips": len(loaded), "shifts_ms": SHIFTS_MS}
    columns = {}
    for shift in SHIFTS_MS:
        beats, onsets, aligned = [], [], []
        for (clip, truth), motion in zip(loaded, peaks, strict=True):
            audio = np.roll(clip.audio, round(shift * SPEC.sample_rate / 1000))
            found = detect_onsets(audio, SPEC.sample_rate)
            onsets.append(onset_hits(truth, found, duration=SPEC.seconds))
            heard = detect_onsets(audio, SPEC.sample_rate, settings="av-align")[:, 0]
            aligned.append(av_align(heard, motion, float(SPEC.fps), duration=SPEC.seconds))
            if name == "beatdance":
                found = beat_times(audio, SPEC.sample_rate)
                beats.append(beat_hits(truth, found, 0.1, duration=SPEC.seconds))
        heard = summarise_onsets(onsets).macro
        seen = summarise_av_align(aligned)
        scores = {
            "onset-f1@50ms": (heard.f1, heard.f1_chance),
            "onset-ap@50ms": (heard.average_precision, heard.average_precision_chance),
            "av-align@10fps": (seen.score, seen.chance),
        }
        if beats:
            hit = summarise_beats(beats).macro
            scores["beat-hit@100ms"] = (hit.hit_rate, hit.chance)
        for metric, pair in scores.items():
            columns.setdefault(metric, []).append([round(value, 4) for value in pair])
    return {**table, "score_and_chance": columns}


def check(table, near):
    for metric, column in table["score_and_chance"].items():
        scores, chances = zip(*column, strict=True)
        assert scores[0] > chances[0] + 0.1, metric
        reached = next(place for place, score in enumerate(scores) if score <= chances[place] + near)
        # The beat tracker and AV-Align hardly resolve 40 ms at this rate; 200 ms are beyond every window.
        assert SHIFTS_MS[reached] <= 200, metric
        falling = scores[: reached + 1]
        assert all(a >= b - 0.02 for a, b in pairwise(falling)), metric
        assert max(scores[1:]) < scores[0] + 0.02, metric
        assert max(scores[reached:]) < scores[0] - 0.05, metric


@pytest.mark.parametrize(("name", "first"), [("beatdance", 4), ("kitchen", 12)])
def test_a_shift_takes_every_score_to_chance(name, first):
    check(measured(name, first), near=0.05)


@pytest.mark.slow
def test_time_shift_over_many_clips():
    tables = {"beatdance": measured("beatdance", 40), "kitchen": measured("kitchen", 80)}
    PROOF.write_text(json.dumps({"date": date.today().isoformat(), **tables}, indent=1) + "\n")


@pytest.mark.parametrize(
    ("module", "metric", "names"),
    [
        ("beats", "beat-hit@100ms", ["beatdance"]),
        ("onsets", "onset-f1@50ms", ["beatdance"]),
        ("onsets", "onset-ap@50ms", ["beatdance"]),
        ("av_align", "av-align@10fps", ["beatdance", "kitchen"]),
    ],
)
def test_the_documented_figures_are_those_stored(module, metric, names):
    told = " ".join(import_module(f"cmmd_bench.metrics.{module}").__doc__.split())
    proof = json.loads(PROOF.read_text())
    assert ", ".join(map(str, SHIFTS_MS[:-1])) + f" and {SHIFTS_MS[-1]} ms" in told
    for name in names:
        scores, chances = zip(*proof[name]["score_and_chance"][metric], strict=True)
        printed = [f"{score:.2f}" for score in scores]
        assert f"{', '.join(printed[:-1])} and {printed[-1]} (chance {np.mean(chances):.2f})" in told
        assert f"{proof[name]['n_clips']} {name} clips" in told


@pytest.mark.parametrize("name", ["beatdance", "kitchen"])
def test_stored_summary(name):
    table = json.loads(PROOF.read_text())[name]
    assert table["n_clips"] >= 40
    check(table, near=0.05)
    if name == "kitchen":
        # Separate contacts have no tempo to come back into step with.
        for column in table["score_and_chance"].values():
            assert all(score < chance + 0.05 for score, chance in column[SHIFTS_MS.index(200) :])
