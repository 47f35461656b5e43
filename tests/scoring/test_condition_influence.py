"""Influence: the score of all less the score of all but one condition, by scoring again."""

import numpy as np
import pytest
from known import Known

from cmmd_bench.errors import UserError
from cmmd_bench.scoring.index import Scored
from cmmd_bench.scoring.influence import influence
from cmmd_bench.scoring.measures import Scorer
from cmmd_bench.scoring.samples import RowOfTable, Sample
from cmmd_bench.suites.metrics import BeatHit, SetMetric

CONDITIONS = 9


@pytest.fixture
def scored() -> Scored:
    rng = np.random.default_rng(11)
    views = {(f"ref/{i}", "e"): rng.standard_normal((3, 4)) for i in range(12)}
    for i in range(CONDITIONS):
        views[f"r{i}", "beats:librosa"] = np.array([0.5, 1.0, 1.5])
        for k in range(2):
            # Condition 4 is far off.
            views[f"g{i}/{k}", "e"] = rng.standard_normal((3, 4)) + (3.0 if i == 4 else 0.2)
            views[f"g{i}/{k}", "beats:librosa"] = np.sort(rng.uniform(0, 2, 3))
    metrics = [SetMetric(metric=m, task="v2a", embedder="e") for m in ("fad", "kad", "kvd", "fad-clip", "coverage")]
    rows = [RowOfTable("ours", "v2a", [sample(i, k) for i in range(CONDITIONS) for k in range(2)])]
    beats = BeatHit(metric="beat-hit", tolerance_ms=100)
    return Scored(rows, [*metrics, beats], Scorer(Known(views), [f"ref/{i}" for i in range(12)], 2.0))


def sample(i: int, k: int) -> Sample:
    return Sample(f"g{i}/{k}", f"{i}-{k}", f"c{i}", k, f"r{i}")


@pytest.mark.parametrize("label", ["fad[e]", "kad[e]", "kvd[e]", "fad-clip[e]", "beat-hit@100ms"])
def test_effects_are_what_leaving_out_changes(scored, label):
    found = influence(scored, label, "ours")
    metric = next(metric for metric in scored.metrics if metric.label == label)
    value = scored.scorer.score(metric, scored.rows[0])[0].value
    assert found.value == pytest.approx(value, rel=1e-9)
    for effect in found.effects:
        rest = RowOfTable("ours", "v2a", [s for s in scored.rows[0].samples if s.condition != effect.condition])
        without = scored.scorer.score(metric, rest)[0].value
        assert effect.effect == pytest.approx(value - without, abs=1e-8 * max(1.0, abs(value)))
        assert effect.harm == (effect.effect if metric.direction == "lower" else -effect.effect)
    harms = [effect.harm for effect in found.effects]
    assert harms == sorted(harms, reverse=True)


@pytest.mark.parametrize("label", ["fad[e]", "kad[e]", "fad-clip[e]"])
def test_the_broken_condition_comes_first_with_its_samples(scored, label):
    first = influence(scored, label, "ours").effects[0]
    assert (first.condition, first.samples) == ("c4", ("4-0", "4-1"))


@pytest.mark.parametrize(
    ("label", "model", "complaint"),
    [
        ("fda[e]", "ours", "no metric in this table named 'fda\\[e\\]'. Did you mean 'fad\\[e\\]'"),
        ("fad[e]", "theirs", "no row of task v2a named 'theirs'"),
        ("coverage[e]", "ours", "is no smooth function of the clips; ask for fad"),
    ],
)
def test_what_has_no_influence_is_said(scored, label, model, complaint):
    with pytest.raises(UserError, match=complaint):
        influence(scored, label, model)
