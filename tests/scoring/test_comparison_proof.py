"""`compare` from clips to p-values: what is equal is found to differ in 5 % of tables, 3 dB more noise is found.

Procedural dances are rendered, spoiled, embedded and compared as `compare` does it; slow, with the result stored, which
ordinary tests read. Every clip is looked at once. A simulated table then draws its conditions, and for each model one
of several independent draws of the noise on each condition:

halves    two disjoint halves of the ground truth, which answer different conditions (unpaired)
equals    two models with noise of one level on the same conditions (paired)
stronger  one of them 3 dB stronger, on sound (20 and 17 dB SNR) and on picture (8 and 11.3 grey levels)

Tables of one pool share half of their conditions, so that the spread of an estimate over tables is up to 1/√2 of what
fresh conditions would give; where models are equal, the noise alone decides and nothing is lost.
"""

import datetime
import json
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import cmmd_bench
from cmmd_bench.datasets.beatdance import BeatDance
from cmmd_bench.embedders.cache import FeatureCache
from cmmd_bench.extraction import Entry, Views
from cmmd_bench.scoring.comparisons import compare_models
from cmmd_bench.scoring.index import Scored
from cmmd_bench.scoring.measures import Scorer
from cmmd_bench.scoring.samples import RowOfTable, Sample
from cmmd_bench.suites.labels import parse_metric
from cmmd_bench.types import Clip, ClipSpec
from cmmd_bench.validation import picture_faults, sound_faults

STORED = Path(__file__).resolve().parents[1] / "data" / "proofs" / "compare.json"
LEVEL = 0.05

SETS = (
    "fad[logmel-stats]",
    "fad-clip[logmel-stats]",
    "kad[logmel-stats]",
    "fvd[conv3d-random]",
    "kvd[conv3d-random]",
)
NEIGHBOURS = ("recall[conv3d-random]", "density[conv3d-random]", "coverage[conv3d-random]")
OWN = ("beat-hit@100ms[truth]", "av-align")
PAIRED = ("pairwise-fvd[conv3d-random]", "beat-hit@100ms", "onset-f1@50ms")
METRICS = {
    "halves": SETS + NEIGHBOURS + OWN,
    "equals": SETS + NEIGHBOURS + OWN + PAIRED,
    "stronger": SETS + OWN + PAIRED,
}

FOUND = ("fad[logmel-stats]", "fad-clip[logmel-stats]", "kad[logmel-stats]")
"""Distances of sound: these must find 3 dB."""


@dataclass(frozen=True)
class Design:
    """Tables to simulate, and their size; draws: of the noise of each level, on each condition that there is."""

    tables: int
    conditions: int
    of: int
    reference: int
    draws: int


PROOF = Design(tables=200, conditions=100, of=200, reference=100, draws=3)


@dataclass(frozen=True)
class Noisy:
    """Clips of a dataset by (index, level, draw): level -1 is clean, 0 the weaker noise, 1 that 3 dB stronger."""

    dataset: BeatDance

    def __call__(self, source: tuple[int, int, int]) -> Clip:
        index, level, draw = source
        clip = self.dataset.render(index)
        if level < 0:
            return clip
        rng = np.random.default_rng([index, level, draw])
        audio = sound_faults.noisy(clip.audio, clip.sample_rate, 20.0 + 3 * level, rng)
        video = picture_faults.noisy(clip.video, 8.0 * 10 ** (3 * level / 20), rng)
        return Clip(video, clip.fps, audio, clip.sample_rate)


def name(index: int, level: int, draw: int) -> str:
    return f"{index}/{level}/{draw}"


def looked_at(design: Design, cache: Path) -> tuple[BeatDance, Views]:
    """Everything that tables are drawn from, seen through the real embedders and trackers."""
    spec = ClipSpec(1.2, Fraction(10), 32, 32, 16_000)
    dataset = BeatDance(spec, size=design.of + design.reference)
    sources = [(index, -1, 0) for index in range(dataset.size)]
    sources += [(index, level, k) for index in range(design.of) for level in (0, 1) for k in range(design.draws)]
    extractors = tuple(sorted({x for labels in METRICS.values() for m in labels for x in parse_metric(m).extractors}))
    entries = [Entry(name(*source), repr(source), source, extractors) for source in sources]
    views = Views(FeatureCache(cache))
    views.extract(Noisy(dataset), entries, str(spec))
    return dataset, views


def row(model: str, dataset: BeatDance, answers) -> RowOfTable:
    samples = [
        Sample(name(i, level, k), f"{model}-{i}", f"dance-{i}", 0, name(i, -1, 0), dataset.truth(i))
        for i, level, k in answers
    ]
    return RowOfTable(model, "joint", samples)


def drawn(case: str, design: Design, dataset: BeatDance, rng: np.random.Generator) -> list[RowOfTable]:
    """Two rows of a table of that case."""
    order = rng.permutation(design.of)
    if case == "halves":
        parts = order[: design.of // 2], order[design.of // 2 :]
        return [row(model, dataset, [(int(i), -1, 0) for i in part]) for model, part in zip("ab", parts, strict=True)]
    chosen = [int(i) for i in order[: design.conditions]]
    of_noise = [rng.choice(design.draws, 2, replace=False) for _ in chosen]
    return [
        row(
            model,
            dataset,
            [(i, side if case == "stronger" else 0, int(k[side])) for i, k in zip(chosen, of_noise, strict=True)],
        )
        for side, model in enumerate("ab")
    ]


def simulated(case: str, design: Design, dataset: BeatDance, views: Views) -> dict:
    """Share of tables in which each metric's p-value, interval and swap test find a difference, and the table's any."""
    metrics = [parse_metric(label) for label in METRICS[case]]
    reference = [name(design.of + i, -1, 0) for i in range(design.reference)]
    scorer = Scorer(views, reference, dataset.spec.seconds, float(dataset.spec.fps))
    found: dict[str, list] = {label: [] for label in METRICS[case]}
    any_of_family = 0
    for table in range(design.tables):
        rows = drawn(case, design, dataset, np.random.default_rng([len(case), table]))
        compared = compare_models(Scored(rows, metrics, scorer))
        any_of_family += any(c.better is not None for c in compared)
        for c in compared:
            found[c.metric].append(c)
    return {
        "metrics": {label: summed(comparisons) for label, comparisons in found.items()},
        "any_after_holm": round(any_of_family / design.tables, 4),
    }


def summed(comparisons) -> dict:
    differences = [c.difference for c in comparisons]
    estimates = np.array([d.estimate for d in differences])
    a_is_lower = bool(estimates.mean() < 0)
    return {
        "p": round(float(np.mean([d.p_value <= LEVEL for d in differences])), 4),
        "swap": round(float(np.mean([d.swap_p_value <= LEVEL for d in differences])), 4),
        "after_holm": round(float(np.mean([c.better is not None for c in comparisons])), 4),
        "mean": float(f"{estimates.mean():.4g}"),
        "spread": float(f"{estimates.std(ddof=1):.4g}"),
        "error_over_spread": ratio(differences),
        "better": "a" if a_is_lower == (comparisons[0].direction == "lower") else "b",
    }


def ratio(differences) -> float | None:
    spread = float(np.std([d.estimate for d in differences], ddof=1))
    return round(float(np.mean([d.standard_error for d in differences])) / spread, 3) if spread else None


def prove(case: str, cache: Path) -> None:
    """Simulate a case and write what was found beside the others."""
    dataset, views = looked_at(PROOF, cache)
    summary = {
        "what": "share of tables in which compare finds a difference at 5 %",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cmmd_bench": cmmd_bench.__version__,
        "numpy": np.__version__,
        "design": asdict(PROOF),
        **simulated(case, PROOF, dataset, views),
    }
    stored = json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {}
    STORED.write_text(json.dumps({**stored, case: summary}, indent=1) + "\n", encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("case", METRICS)
def test_equal_sets_are_equal_and_three_decibels_are_found(case, session_cache):
    prove(case, session_cache)
    check(case)


def check(case: str) -> None:
    summary = json.loads(STORED.read_text(encoding="utf-8"))[case]
    assert summary["design"] == asdict(PROOF)
    assert PROOF.tables >= 200
    assert tuple(summary["metrics"]) == METRICS[case]
    # Three standard errors of a share of 5 %: of some twenty shares, one lies beyond two.
    most = LEVEL + 3 * np.sqrt(LEVEL * (1 - LEVEL) / PROOF.tables)
    if case == "stronger":
        for label in FOUND:
            assert summary["metrics"][label]["p"] >= 0.95, label
            assert summary["metrics"][label]["better"] == "a", label
    else:
        assert summary["any_after_holm"] <= most
        for label, result in summary["metrics"].items():
            assert result["p"] <= most, label


@pytest.mark.parametrize("case", METRICS)
def test_stored_shares_are_of_this_design_and_within_bounds(case):
    check(case)


def test_a_proof_measures_what_it_says(tmp_path):
    """A few small tables: every metric has a value, paired or not, and stronger noise is further away."""
    design = Design(tables=2, conditions=12, of=24, reference=8, draws=2)
    dataset, views = looked_at(design, tmp_path)
    for case in ("halves", "stronger"):
        shares = simulated(case, design, dataset, views)["metrics"]
        assert tuple(shares) == METRICS[case]
        if case == "stronger":
            assert shares["fad-clip[logmel-stats]"]["better"] == "a"
