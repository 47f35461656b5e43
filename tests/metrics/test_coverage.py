"""Do 95 % intervals cover 95 %? By simulation, slow, with the result stored; ordinary tests read what was stored.

The expected value at this n is the mean over all simulated sets, whose own error is a thirtieth to a twentieth of the
spread of one. In `regimes` the first method must pass, which for Fréchet distances is the influence function's where
rows span the features and else the jackknife's; the others stand beside it. `limits` are where the assumptions of an
interval fail, and say by how much.
"""

import datetime
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from metrics.simulated import Population

import cmmd_bench
from cmmd_bench.metrics import Gaussian, frechet_interval, mmd_interval
from cmmd_bench.metrics.influence import frechet_influence_interval
from cmmd_bench.metrics.mmd_variance import mmd_bootstrap_interval, mmd_exact_interval

PROOFS = Path(__file__).resolve().parents[1] / "data" / "proofs"
LEVEL, TOLERANCE = 0.95, 0.02
FEWEST_SETS = 400

FRECHET = {"influence": frechet_influence_interval, "jackknife": frechet_interval}
KERNEL = {
    "exact": lambda x, labels, y: mmd_exact_interval(x, y, clusters=labels),
    "bootstrap": lambda x, labels, y: mmd_bootstrap_interval(x, y, clusters=labels, replicates=500),
    "jackknife": lambda x, labels, y: mmd_interval(x, labels, y, skip_within=True),
}

# Methods, the first of which must pass; number of simulated sets, population.
FVD = [
    (("influence", "jackknife"), 1000, Population(clips=50, d=16)),
    (("influence", "jackknife"), 600, Population(clips=256, d=64)),
    (("jackknife",), 400, Population(clips=60, d=128)),
    (("influence",), 400, Population(clips=800, d=400)),
]
FVD_LIMITS = [
    (("influence",), 400, Population(clips=60, d=128)),
    (("influence", "jackknife"), 400, Population(clips=256, d=64, gap=0.0, scale=1.0)),
    (("influence", "jackknife"), 400, Population(clips=256, d=64, tails=5)),
]
FAD = [
    (("influence", "jackknife"), 1000, Population(clips=50, d=16, per_clip=10)),
    (("influence", "jackknife"), 600, Population(clips=50, d=64, per_clip=10)),
    (("influence",), 800, Population(clips=200, d=128, per_clip=10)),
    (("influence",), 400, Population(clips=200, d=256, per_clip=10, shared=0.6)),
]
FAD_LIMITS = [
    (("influence", "jackknife"), 500, Population(clips=50, d=64, per_clip=10, gap=0.0, scale=1.0)),
    (("influence", "jackknife"), 500, Population(clips=50, d=16, per_clip=10, tails=5)),
]
KVD = [
    (("exact", "bootstrap", "jackknife"), 1000, Population(clips=50, d=16)),
    (("exact", "bootstrap", "jackknife"), 1000, Population(clips=50, d=16, per_clip=5)),
    (("exact", "jackknife"), 1000, Population(clips=200, d=64)),
    (("exact", "jackknife"), 1500, Population(clips=400, d=400)),
]
KVD_LIMITS = [
    (("exact", "bootstrap", "jackknife"), 600, Population(clips=50, d=16, gap=0.0, scale=1.0)),
    (("exact", "jackknife"), 600, Population(clips=200, d=64, gap=0.0, scale=1.0)),
    (("exact", "bootstrap", "jackknife"), 600, Population(clips=50, d=16, tails=5)),
]


def coverage(regime, intervals, reference, seed):
    """Of each method: share of intervals that hold the mean of all estimates, and mean standard error over spread."""
    methods, n_sets, population = regime
    found = {name: [] for name in methods}
    for number in range(n_sets):
        x = population.draw(seed, number)
        for name in methods:
            found[name].append(intervals[name](x, population.labels, reference))
    row = {"population": asdict(population), "sets": n_sets, "methods": {}}
    for name, results in found.items():
        estimates = np.array([interval.estimate for interval in results])
        inside = [interval.low <= estimates.mean() <= interval.high for interval in results]
        errors = np.mean([interval.standard_error for interval in results]) / estimates.std(ddof=1)
        row["methods"][name] = {
            "coverage": round(float(np.mean(inside)), 4),
            "error_over_spread": round(float(errors), 3),
        }
    return row


def prove(name, regimes, limits, intervals, reference_of):
    rows = [
        [coverage(regime, intervals, reference_of(regime[2]), seed) for seed, regime in enumerate(part, start=100 * i)]
        for i, part in enumerate((regimes, limits))
    ]
    summary = {
        "what": f"coverage of 95 % intervals of {name}",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cmmd_bench": cmmd_bench.__version__,
        "numpy": np.__version__,
        "regimes": rows[0],
        "limits": rows[1],
    }
    path = PROOFS / f"coverage_{name.lower()}.json"
    path.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    check(summary, regimes, limits)


def check(summary, regimes, limits):
    for part, expected in (("regimes", regimes), ("limits", limits)):
        stored = [(tuple(row["methods"]), row["sets"], row["population"]) for row in summary[part]]
        assert stored == [(methods, sets, asdict(population)) for methods, sets, population in expected]
    for row in summary["regimes"]:
        assert row["sets"] >= FEWEST_SETS
        first, *_ = row["methods"].values()
        assert abs(first["coverage"] - LEVEL) <= TOLERANCE, row


def moments(population):
    return Gaussian(np.zeros(population.d), np.diag(population.spectrum))


def sample(population):
    return population.draw_reference(300, 99)


PROVEN = [
    ("FVD", FVD, FVD_LIMITS, FRECHET, moments),
    ("FAD", FAD, FAD_LIMITS, FRECHET, moments),
    ("KVD", KVD, KVD_LIMITS, KERNEL, sample),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "regimes", "limits", "intervals", "reference_of"), PROVEN, ids=["FVD", "FAD", "KVD"])
def test_intervals_cover(name, regimes, limits, intervals, reference_of):
    prove(name, regimes, limits, intervals, reference_of)


@pytest.mark.parametrize(("name", "regimes", "limits"), [row[:3] for row in PROVEN], ids=["FVD", "FAD", "KVD"])
def test_stored_coverage_is_of_these_regimes_and_within_two_percent(name, regimes, limits):
    summary = json.loads((PROOFS / f"coverage_{name.lower()}.json").read_text(encoding="utf-8"))
    check(summary, regimes, limits)
    assert len({(row["population"]["clips"], row["population"]["d"]) for row in summary["regimes"]}) >= 3


def test_a_proof_measures_what_it_says():
    row = coverage((("jackknife",), 40, Population(clips=20, d=3)), FRECHET, moments(Population(clips=20, d=3)), 7)
    result = row["methods"]["jackknife"]
    assert 0.8 < result["coverage"] <= 1.0
    assert 0.7 < result["error_over_spread"] < 1.5
