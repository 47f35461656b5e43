"""How often two equal systems "differ" at the 5 % level, by analysis: simulation, with a stored summary.

Variance components and design are the assumptions of section 3.1 of the statistics specification: raters' taste and
clips' luck touch the systems differently, although on average the systems are equal.
"""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import scipy
from scipy import stats

import cmmd_bench
from cmmd_bench.metrics.opinion import (
    Ratings,
    bootstrap_difference,
    crossed_p_values,
    mixed_model_test,
    signed_rank_test,
)

SUMMARY = Path(__file__).resolve().parents[2] / "data" / "proofs" / "crossed_error_rate.json"

SD = {
    "rater": 0.5,
    "clip": 0.5,
    "rater:clip": 0.3,
    "rater:system": 0.2,
    "clip:system": 0.2,
    "sample": 0.3,
    "noise": 0.7,
}
RATERS, SAMPLES, CLIPS = 14, 2, (5, 20)
STUDIES = {"crossed": 5000, "others": 1000, "bootstrap": 400, "mixed model": 300}
BOOTSTRAP_DRAWS = 2000
SEED = 3


def equal_systems(n_studies, n_clips, rng, n_samples=SAMPLES):
    """(studies, 2 systems, raters, clips, samples) whole scores from 1 to 5."""
    n, r, i, k = n_studies, RATERS, n_clips, n_samples
    shapes = {
        "rater": (n, 1, r, 1, 1),
        "clip": (n, 1, 1, i, 1),
        "rater:clip": (n, 1, r, i, 1),
        "rater:system": (n, 2, r, 1, 1),
        "clip:system": (n, 2, 1, i, 1),
        "sample": (n, 2, 1, i, k),
        "noise": (n, 2, r, i, k),
    }
    scores = 3 + sum(rng.normal(0, SD[name], shape) for name, shape in shapes.items())
    return np.clip(np.round(scores), 1, 5).astype(int)


def table_of(scores, keep=None):
    """Ratings of one study; keep (raters, clips) says who saw what."""
    rows = [(r, i, "ab"[s], k, score) for (s, r, i, k), score in np.ndenumerate(scores) if keep is None or keep[r, i]]
    rater, clip, system, sample, score = zip(*rows, strict=True)
    return Ratings.from_columns(rater=rater, clip=clip, system=system, sample=sample, score=score)


def rate(p_values):
    return float((np.asarray(p_values) <= 0.05).mean())


def rates_of(n_clips, rng):
    scores = equal_systems(STUDIES["crossed"], n_clips, rng)
    cells = scores.sum(axis=-1)
    difference = cells[:, 0] - cells[:, 1]
    few = scores[: STUDIES["others"]]
    a, b = few[:, 0].reshape(len(few), -1), few[:, 1].reshape(len(few), -1)
    d = difference[: len(few)]
    intervals = [
        bootstrap_difference(table_of(study), "a", "b", draws=BOOTSTRAP_DRAWS) for study in few[: STUDIES["bootstrap"]]
    ]
    return {
        "crossed test": rate(crossed_p_values(difference)),
        "t test of pooled ratings": rate(stats.ttest_ind(a, b, axis=1).pvalue),
        "Mann-Whitney test of pooled ratings": rate(stats.mannwhitneyu(a, b, axis=1, method="asymptotic").pvalue),
        "signed ranks of rating pairs": rate([signed_rank_test(row, method="normal").p for row in a - b]),
        "signed ranks of rater-clip means": rate([signed_rank_test(row.ravel(), method="normal").p for row in d]),
        "exact signed ranks of rater means": rate([signed_rank_test(row).p for row in d.sum(axis=2)]),
        "exact signed ranks of clip means": rate([signed_rank_test(row).p for row in d.sum(axis=1)]),
        "two-way bootstrap": float(np.mean([not part.low <= 0 <= part.high for part in intervals])),
    }


def rate_of_the_mixed_model(rng):
    """10 clips of one sample; every rater sees 5, every clip is seen by 7."""
    p_values = []
    for study in equal_systems(STUDIES["mixed model"], 10, rng, n_samples=1):
        order = rng.permutation(10)
        keep = np.zeros((RATERS, 10), dtype=bool)
        for r in range(RATERS):
            keep[r, order[:5] if r % 2 else order[5:]] = True
            if r % 2:
                order = rng.permutation(10)
        p_values.append(mixed_model_test(table_of(study, keep), "a", "b").p)
    return rate(p_values)


def parameters():
    return {
        "raters": RATERS,
        "samples": SAMPLES,
        "clips": list(CLIPS),
        "sd": SD,
        "studies": STUDIES,
        "bootstrap draws": BOOTSTRAP_DRAWS,
        "seed": SEED,
        "scale": "1 to 5, rounded",
    }


@pytest.mark.slow
def test_error_rates_by_simulation():
    rng = np.random.default_rng(SEED)
    rates = {str(n_clips): rates_of(n_clips, rng) for n_clips in CLIPS}
    rates["10, each rater half"] = {"mixed model": rate_of_the_mixed_model(rng)}
    summary = {
        "date": datetime.now(UTC).date().isoformat(),
        "code": f"cmmd-bench {cmmd_bench.__version__}, NumPy {np.__version__}, SciPy {scipy.__version__}",
        "level": 0.05,
        "parameters": parameters(),
        "rates": rates,
    }
    SUMMARY.write_text(json.dumps(summary, indent=2) + "\n")
    check(summary)


def test_stored_error_rates():
    check(json.loads(SUMMARY.read_text()))


def check(summary):
    assert summary["parameters"] == parameters()
    for n_clips in map(str, CLIPS):
        rates = summary["rates"][n_clips]
        assert rates["crossed test"] == pytest.approx(0.05, abs=0.015)
        assert rates["two-way bootstrap"] == pytest.approx(0.05, abs=0.04)
        assert rates["signed ranks of rating pairs"] > 0.25
        assert rates["t test of pooled ratings"] > 0.15
        assert rates["exact signed ranks of rater means"] > 0.1
    # Five clips are too few for any outcome to be significant by clips.
    assert summary["rates"]["5"]["exact signed ranks of clip means"] == 0
    # Monte Carlo error of 300 studies is ±0.025.
    assert summary["rates"]["10, each rater half"]["mixed model"] < 0.05 + 0.04
