"""How often does a comparison find what is not there, and what is? By simulation, slow, with the result stored.

Nothing to find: two models that answer the same conditions alike; two halves of one set of ground truths; two models
that miss the reference in different directions by as much. Something to find: 3 dB more noise on the same clips.
"""

import datetime
import json
from pathlib import Path

import numpy as np
import pytest
from metrics.simulated import Population, log_spectra, recordings, with_noise

import cmmd_bench
from cmmd_bench.metrics.comparison import compare_values
from cmmd_bench.metrics.fad import per_clip_fad
from cmmd_bench.metrics.relative_mmd import relative_mmd_test
from cmmd_bench.metrics.set_comparison import compare_frechet, compare_mmd

STORED = Path(__file__).resolve().parents[1] / "data" / "proofs" / "comparison_errors.json"
ALPHA, TOLERANCE, LEAST_POWER = 0.05, 0.02, 0.95
PERMUTATIONS = 999
NOISE = -13.0
MORE_NOISE = NOISE + 3.0

SMALL = Population(clips=50, d=16, per_clip=5, gap=0.2, scale=0.9)
WIDE = Population(clips=50, d=64, per_clip=5, gap=0.2, scale=0.9)
SINGLE = Population(clips=60, d=16)


def alike(population, seed):
    """Two models on the same conditions: what is asked for is in both, the rest is each one's own."""
    rng = np.random.default_rng([1, seed])
    asked = rng.standard_normal((population.clips, 1, population.d))
    shape = (population.clips, population.per_clip, population.d)
    sides = [np.sqrt(0.5) * asked + np.sqrt(0.5) * rng.standard_normal(shape) for _ in range(2)]
    return [
        ((population.scale * side + population.gap) * population.spectrum).reshape(-1, population.d) for side in sides
    ]


def halves(population, seed):
    """Ground truths dealt to two sides: different conditions."""
    return population.draw(2, seed), population.draw(3, seed)


def opposite(population, seed):
    """As `alike`, but one lies as far on one side of the reference as the other on the other side."""
    a, b = alike(population, seed)
    return a, b - 2 * population.gap * population.spectrum


def sounding_halves(population, seed):
    """Recordings dealt to two sides: different conditions."""
    return [log_spectra(recordings(population.clips, side, seed)) for side in (6, 7)]


def noisier(population, seed):
    """The same recordings with noise 13 dB below them, and 10 dB."""
    rng = np.random.default_rng([8, seed])
    clean = recordings(population.clips, 9, seed)
    return [log_spectra(with_noise(clean, decibels, rng)) for decibels in (NOISE, MORE_NOISE)]


SOUND = Population(clips=50, d=24, per_clip=10)
SOUND_REFERENCE = log_spectra(recordings(200, 10))


def p_values(draw, population, seed):
    """p-value of every test by name."""
    a, b = draw(population, seed)
    reference = SOUND_REFERENCE if population is SOUND else population.draw_reference(150, 99)
    if population is not SOUND:
        # With its mirror image, so that its mean prefers neither side.
        reference = np.concatenate([reference, -reference])
    paired = draw not in (halves, sounding_halves)
    labels_a = population.labels
    labels_b = labels_a if paired else labels_a + population.clips
    options = {"paired": paired, "permutations": PERMUTATIONS}
    frechet = compare_frechet(a, labels_a, b, labels_b, reference, **options)
    kernel = compare_mmd(a, labels_a, b, labels_b, reference, **options)
    relative = relative_mmd_test(a, b, reference, clusters_a=labels_a, clusters_b=labels_b, paired=paired)
    clips = [side.reshape(population.clips, population.per_clip, -1) for side in (a, b)]
    each = [per_clip_fad(side, reference) for side in clips]
    numbers = np.arange(population.clips)
    values = compare_values(each[0], numbers, each[1], numbers if paired else numbers + population.clips, **options)
    return {
        "compare_frechet": frechet.p_value,
        "compare_mmd": kernel.p_value,
        "relative_mmd_test": relative.p_value,
        "compare_values": values.p_value,
        "compare_frechet, swap": frechet.swap_p_value,
        "compare_mmd, swap": kernel.swap_p_value,
        "compare_values, swap": values.swap_p_value,
    }


def rates(draw, population, seeds):
    """Share of seeds in which each test finds a difference at 5 %."""
    found = [p_values(draw, population, seed) for seed in range(seeds)]
    return {name: round(float(np.mean([p[name] <= ALPHA for p in found])), 4) for name in found[0]}


SCENARIOS = {
    "alike, 50 conditions x 5, 16 features": (alike, SMALL, 400),
    "alike, 50 conditions x 5, 64 features": (alike, WIDE, 400),
    "halves of ground truth, 2 x 60 clips, 16 features": (halves, SINGLE, 600),
    "halves of sounding ground truth, 2 x 50 clips x 10, 24 features": (sounding_halves, SOUND, 400),
    "as far on opposite sides, 50 conditions x 5, 16 features": (opposite, SMALL, 400),
    "3 dB more noise, 50 clips x 10, 24 features": (noisier, SOUND, 100),
}


@pytest.mark.slow
def test_error_rates_and_power():
    summary = {
        "what": "share of seeds in which a comparison finds a difference at 5 %",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cmmd_bench": cmmd_bench.__version__,
        "numpy": np.__version__,
        "permutations": PERMUTATIONS,
        "rates": {
            name: {"seeds": seeds, **rates(draw, population, seeds)}
            for name, (draw, population, seeds) in SCENARIOS.items()
        },
    }
    STORED.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    check(summary)


def check(summary):
    assert summary["permutations"] == PERMUTATIONS
    assert {name: found["seeds"] for name, found in summary["rates"].items()} == {
        name: seeds for name, (_, _, seeds) in SCENARIOS.items()
    }
    for name, found in summary["rates"].items():
        for test, rate in found.items():
            if test == "seeds" or ("opposite" in name and "swap" in test):
                # Exchangeable they are not; what is stored says how often the swap test sees that.
                continue
            if "3 dB" in name:
                assert rate >= LEAST_POWER, (name, test)
            else:
                assert rate <= ALPHA + TOLERANCE, (name, test)


def test_stored_rates_are_of_these_scenarios_and_within_bounds():
    check(json.loads(STORED.read_text(encoding="utf-8")))


def test_a_simulation_measures_what_it_says():
    found = rates(noisier, SOUND, 2)
    assert set(found) == set(p_values(alike, SMALL, 0))
    assert found["compare_frechet"] == found["compare_mmd"] == 1.0
