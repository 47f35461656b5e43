"""Model against model: each difference equals the pure function on the same features, and a family is corrected."""

from dataclasses import replace

import numpy as np
import pytest
from known import Known

from cmmd_bench.errors import UserError
from cmmd_bench.metrics import frechet_distance, per_clip_fad, polynomial_mmd
from cmmd_bench.metrics.comparison import compare_statistic, compare_values
from cmmd_bench.metrics.differences import Difference
from cmmd_bench.metrics.kad import kernel_audio_distance
from cmmd_bench.metrics.neighbours import neighbour_scores
from cmmd_bench.metrics.set_comparison import compare_frechet, compare_mmd
from cmmd_bench.scoring.comparisons import Comparison, compare_models, difference_between, pairs
from cmmd_bench.scoring.index import Scored
from cmmd_bench.scoring.measures import Scorer
from cmmd_bench.scoring.samples import RowOfTable, Sample
from cmmd_bench.suites.labels import parse_metric
from cmmd_bench.suites.metrics import METRICS
from cmmd_bench.types import Truth

CONDITIONS, SAMPLES, REFERENCE, ROWS, WIDTH = 14, 2, 18, 3, 4
SHIFTS = {"near": 0.2, "far": 1.0}
SETS = ["fvd", "kvd", "fad", "fad-clip", "kad", "density"]
CHEAP = ["fad[e]", "kvd[e]", "fad-clip[e]"]


@pytest.fixture(scope="module")
def arrays() -> dict:
    rng = np.random.default_rng(7)

    def rows(shift: float) -> np.ndarray:
        return (shift + rng.standard_normal((ROWS, WIDTH))).astype(np.float32)

    table = {(f"ref/{i}", "e"): rows(0.0) for i in range(REFERENCE)}
    for i in range(CONDITIONS):
        table[f"real/{i}", "e"] = rows(0.1)
        for model, shift in SHIFTS.items():
            for k in range(SAMPLES):
                table[f"{model}/{i}/{k}", "e"] = rows(shift)
    return table


def row(model: str, conditions=range(CONDITIONS), *, real: bool = True, task: str = "joint") -> RowOfTable:
    samples = [
        Sample(f"{model}/{i}/{k}", f"{i}-{k}", str(i), k, f"real/{i}" if real else None)
        for i in conditions
        for k in range(SAMPLES)
    ]
    return RowOfTable(model, task, samples)


def scorer(arrays, **options) -> Scorer:
    return Scorer(Known(arrays), [f"ref/{i}" for i in range(REFERENCE)], 2.0, **options)


def scored(arrays, labels, rows) -> Scored:
    return Scored(rows, [parse_metric(label) for label in labels], scorer(arrays))


def stacked(arrays, table: RowOfTable, conditions=None) -> tuple[np.ndarray, list[str]]:
    """Features of a row of the table, and the condition of each of them."""
    kept = [s for s in table.samples if conditions is None or s.condition in conditions]
    return np.concatenate([arrays[s.view, "e"] for s in kept]), [s.condition for s in kept for _ in range(ROWS)]


def real(arrays, kind: str, names) -> np.ndarray:
    return np.concatenate([arrays[f"{kind}/{i}", "e"] for i in names])


PURE = {
    "fvd": frechet_distance,
    "fad": frechet_distance,
    "kvd": polynomial_mmd,
    "kad": kernel_audio_distance,
}


@pytest.mark.parametrize("name", PURE)
@pytest.mark.parametrize("against", ["reference", "conditions"])
def test_the_difference_is_that_of_the_pure_function(arrays, name, against):
    metric = METRICS[name](metric=name, task="joint", embedder="e", against=against)
    own = against == "conditions"
    y = real(arrays, "real", range(CONDITIONS)) if own else real(arrays, "ref", range(REFERENCE))
    near, far = row("near"), row("far")
    (a, labels), (b, _) = stacked(arrays, near), stacked(arrays, far)
    difference = difference_between(metric, near, far, scorer(arrays))
    assert difference.estimate == pytest.approx(PURE[name](a, y) - PURE[name](b, y), rel=1e-9)
    assert difference.conditions == (CONDITIONS, CONDITIONS)
    assert difference.left_out == 0
    own_labels = [str(i) for i in range(CONDITIONS) for _ in range(ROWS)] if own else None
    if name == "fvd":
        assert difference == compare_frechet(a, labels, b, labels, y, reference_conditions=own_labels)
    if name == "kvd":
        assert difference == compare_mmd(a, labels, b, labels, y, reference_conditions=own_labels)


@pytest.mark.parametrize("name", [*SETS, "precision", "recall", "coverage"])
@pytest.mark.parametrize("against", ["reference", "conditions"])
def test_the_difference_is_that_of_the_tables_cells(arrays, name, against):
    metric = METRICS[name](metric=name, task="joint", embedder="e", against=against)
    known = scorer(arrays)
    cells = [known.score(metric, row(model))[0] for model in SHIFTS]
    difference = difference_between(metric, row("near"), row("far"), known)
    assert difference.estimate == pytest.approx(cells[0].value - cells[1].value, rel=1e-9)
    assert difference.low <= difference.estimate <= difference.high
    mirrored = difference_between(metric, row("far"), row("near"), known)
    assert mirrored.estimate == pytest.approx(-difference.estimate, rel=1e-9)
    assert mirrored.p_value == pytest.approx(difference.p_value, rel=1e-6)


@pytest.mark.parametrize("dialect", ["styleganv", "tats", "cd-fvd"])
def test_a_dialects_difference_is_that_of_its_cells(arrays, dialect):
    metric = METRICS["fvd"](metric="fvd", task="joint", embedder="e", dialect=dialect)
    known = scorer(arrays)
    cells = [known.score(metric, row(model))[0] for model in SHIFTS]
    difference = difference_between(metric, row("near"), row("far"), known)
    assert difference.estimate == pytest.approx(cells[0].value - cells[1].value, rel=1e-9)


@pytest.mark.parametrize("dialect", ["fastvideo", "fadtk"])
def test_dialects_with_habits_of_their_own_are_not_compared(arrays, dialect):
    metric = METRICS["fvd"](metric="fvd", task="joint", embedder="e", dialect=dialect)
    with pytest.raises(ValueError, match=f"dialect {dialect} of fvd is for its value alone; compare fvd"):
        difference_between(metric, row("near"), row("far"), scorer(arrays))


def test_limits_need_conditions_enough_for_a_line(arrays):
    with pytest.raises(ValueError, match=f"needs at least 16 conditions, found {CONDITIONS}"):
        difference_between(parse_metric("fvd-inf[e]"), row("near"), row("far"), scorer(arrays))


@pytest.mark.parametrize("dialect", ["jedi", "stylegan", "by-condition"])
def test_dialects_that_cannot_be_compared_say_what_can(arrays, dialect):
    metric = METRICS["kvd"](metric="kvd", task="joint", embedder="e", dialect=dialect)
    with pytest.raises(ValueError, match=f"dialect {dialect} of kvd is for its value alone; compare kvd"):
        difference_between(metric, row("near"), row("far"), scorer(arrays))


def test_per_clip_distances_are_compared_condition_by_condition(arrays):
    reference = real(arrays, "ref", range(REFERENCE))
    values = {model: per_clip_fad([arrays[s.view, "e"] for s in row(model).samples], reference) for model in SHIFTS}
    conditions = [s.condition for s in row("near").samples]
    difference = difference_between(parse_metric("fad-clip[e]"), row("near"), row("far"), scorer(arrays))
    by_hand = compare_values(values["near"], conditions, values["far"], conditions)
    assert difference.estimate == pytest.approx(by_hand.estimate, rel=1e-9)
    assert difference.p_value == pytest.approx(by_hand.p_value, rel=1e-6)


def test_neighbours_are_recomputed_without_each_group(arrays):
    means = {
        kind: np.stack([arrays[name, "e"].mean(axis=0, dtype=np.float64) for name in names])
        for kind, names in {
            "near": [s.view for s in row("near").samples],
            "far": [s.view for s in row("far").samples],
            "ref": [f"ref/{i}" for i in range(REFERENCE)],
        }.items()
    }
    both = np.concatenate([means["near"], means["far"]])
    conditions = [s.condition for s in row("near").samples]
    difference = difference_between(parse_metric("density[e]"), row("near"), row("far"), scorer(arrays))
    by_hand = compare_statistic(lambda kept: neighbour_scores(both[kept], means["ref"]).density, conditions, conditions)
    assert (difference.estimate, difference.low, difference.high) == (by_hand.estimate, by_hand.low, by_hand.high)
    # Scores that jump are decided by swapping the models, whatever the jackknife makes of the jumps.
    assert "499 relabellings" in difference.swap_test
    assert difference.p_value == difference.swap_p_value


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("against", ["reference", "conditions"])
def test_a_condition_that_one_side_lacks_leaves_everything(arrays, name, against):
    """Ground truths too: otherwise one model would be asked for a clip that nobody answered."""
    metric = METRICS[name](metric=name, task="joint", embedder="e", against=against)
    known = scorer(arrays)
    without = [row("near", range(CONDITIONS - 1)), row("far", range(1, CONDITIONS))]
    common = [row(model, range(1, CONDITIONS - 1)) for model in SHIFTS]
    found, expected = difference_between(metric, *without, known), difference_between(metric, *common, known)
    assert found.left_out == 2
    assert found.conditions == (CONDITIONS - 2, CONDITIONS - 2)
    assert found.estimate == pytest.approx(expected.estimate, rel=1e-9)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-9)


def test_a_clip_that_was_not_seen_counts_as_missing(arrays):
    seen = {key: array for key, array in arrays.items() if key[0] not in ("near/3/0", "near/3/1")}
    difference = difference_between(parse_metric("fad[e]"), row("near"), row("far"), scorer(seen))
    assert difference.left_out == 1


@pytest.mark.parametrize("name", SETS)
def test_other_conditions_are_compared_without_pairs(arrays, name):
    metric = parse_metric(f"{name}[e]")
    halves = row("near", range(7)), row("near", range(7, CONDITIONS))
    difference = difference_between(metric, *halves, scorer(arrays))
    assert difference.conditions == (7, 7)
    assert difference.left_out == 0
    own = METRICS[name](metric=name, task="joint", embedder="e", against="conditions")
    with pytest.raises(ValueError, match="at least 2 ground truths of conditions that both answered, found 0"):
        difference_between(own, *halves, scorer(arrays))


def test_clips_without_a_real_one_are_never_paired(arrays):
    """Two folders may use the same names for clips that have nothing to do with each other."""
    free = [row(model, real=False) for model in SHIFTS]
    difference = difference_between(parse_metric("fad[e]"), *free, scorer(arrays))
    assert (
        difference.estimate
        == difference_between(parse_metric("fad[e]"), row("near"), row("far"), scorer(arrays)).estimate
    )
    assert "relabellings" in difference.swap_test
    (comparison,) = compare_models(scored(arrays, ["pairwise-fad[e]"], free))
    assert comparison.difference is None
    assert not comparison.paired
    assert comparison.why == "needs at least 2 real clips, found 0"


def test_one_condition_is_too_few(arrays):
    few = [row("near", [0]), row("far", range(3))]
    fad, own = compare_models(scored(arrays, ["fad[e]", "pairwise-fad[e]"], few))
    assert fad.why == "fewer than 2 conditions that both answered"
    assert fad.paired
    assert own.why == "needs at least 2 real clips, found 1"
    alone = [row("near", [0], real=False), row("far", range(3), real=False)]
    (apart,) = compare_models(scored(arrays, ["fad[e]"], alone))
    assert apart.why == "fewer than 2 conditions that each answered"
    (none,) = compare_models(scored(arrays, ["fad[e]"], [row("near", []), row("far")]))
    assert none.why == "needs at least 2 generated clips, found 0"


BEATS = np.arange(0.25, 2.0, 0.5)


def heard(late: float, times=BEATS) -> np.ndarray:
    return np.asarray(times) + late


def beat_arrays() -> dict:
    """Model `good` is 20 ms late in every condition, `bad` 200 ms in every other one; the third has no beats at all."""
    table = {}
    for i in range(8):
        table[f"real/{i}", "beats:librosa"] = heard(0.0, () if i == 2 else BEATS)
        for k in range(SAMPLES):
            table[f"good/{i}/{k}", "beats:librosa"] = heard(0.02)
            table[f"bad/{i}/{k}", "beats:librosa"] = heard(0.2 if i % 2 else 0.02)
    return table


def test_hits_by_hand():
    rows = [row(model, range(8)) for model in ("good", "bad")]
    (found,) = compare_models(Scored(rows, [parse_metric("beat-hit@100ms")], scorer(beat_arrays())))
    # Of 7 conditions with beats the second misses 4.
    assert found.difference.estimate == pytest.approx(4 / 7)
    assert found.difference.conditions == (7, 7)
    assert found.difference.left_out == 1
    t = (4 / 7) / np.sqrt((4 / 7) * (3 / 7) / 6)
    assert found.difference.estimate / found.difference.standard_error == pytest.approx(t)
    # The swap test flips the sign of 4 conditions that differ: two of 16 patterns are as extreme.
    assert found.difference.swap_p_value == pytest.approx(2 / 16)
    assert found.adjusted == found.difference.p_value < 0.05
    assert found.better == "good"


@pytest.mark.parametrize(
    ("label", "options", "why"),
    [
        ("beat-hit@100ms[truth]", {}, "the dataset does not know true beats"),
        ("beat-hit@100ms", {"real": False}, "needs pairs: each generated clip's own real clip"),
        ("onset-f1@50ms", {}, "no pair of clips with sound on both sides"),
        ("av-align", {}, "no clip with sound and picture"),
    ],
)
def test_without_a_value_the_reason_is_the_tables(label, options, why):
    rows = [row(model, range(8), **options) for model in ("good", "bad")]
    known = scorer(beat_arrays())
    (found,) = compare_models(Scored(rows, [parse_metric(label)], known))
    assert (found.difference, found.adjusted, found.better) == (None, None, None)
    assert found.why == why == known.score(parse_metric(label), rows[0])[0].why


def test_true_beats_are_compared():
    rows = [
        RowOfTable(m, "joint", [replace(s, truth=Truth(beats=tuple(BEATS))) for s in row(m, range(8)).samples])
        for m in ("good", "bad")
    ]
    (found,) = compare_models(Scored(rows, [parse_metric("beat-hit@100ms[truth]")], scorer(beat_arrays())))
    assert found.difference.estimate == pytest.approx(0.5)


def test_equal_models_do_not_differ(arrays):
    twin = {**arrays, **{(n.replace("near", "twin"), e): a for (n, e), a in arrays.items() if n.startswith("near")}}
    labels = [f"{name}[e]" for name in SETS]
    for found in compare_models(scored(twin, labels, [row("near"), row("twin")])):
        assert found.difference.estimate == 0, found.metric
        assert (found.difference.p_value, found.adjusted) == (1.0, 1.0), found.metric
        assert found.better is None


def test_a_family_is_corrected_together(arrays):
    """Holm by hand: the smallest of m times m, the next times m - 1, never falling, at most 1."""
    third = {**arrays, **{(n.replace("near", "third"), e): a + 0.02 for (n, e), a in arrays.items() if "near" in n}}
    rows = [row("near"), row("far"), row("third")]
    found = compare_models(scored(third, CHEAP, rows))
    assert len(found) == 3 * len(CHEAP)
    assert [(c.a, c.b) for c in found[:3]] == [("near", "far"), ("near", "third"), ("far", "third")]
    ordered = sorted(found, key=lambda c: c.difference.p_value)
    least = 0.0
    for place, c in enumerate(ordered):
        least = max(least, min(1.0, (len(found) - place) * c.difference.p_value))
        assert c.adjusted == pytest.approx(least, rel=1e-12)
    # Fewer comparisons are a smaller family.
    (alone,) = compare_models(scored(third, CHEAP, rows), models=["near", "third"], metrics=["fad[e]"])
    assert alone.adjusted == alone.difference.p_value


def test_what_cannot_be_computed_is_not_of_the_family(arrays):
    rows = [row("near"), row("far")]
    fad, beats = compare_models(scored(arrays, ["fad[e]", "beat-hit@100ms"], rows))
    assert fad.adjusted == fad.difference.p_value
    assert beats.difference is None


def verdict(direction: str, estimate: float, adjusted: float | None) -> str | None:
    interval = Difference(estimate, estimate - 1, estimate + 1, 0.5, 0.95, 0.01, "", "", (9, 9))
    return Comparison("joint", "m", direction, "a", "b", interval, adjusted).better


def test_better_follows_the_direction_and_the_corrected_p_value():
    assert verdict("lower", -1.0, 0.01) == "a"
    assert verdict("lower", 1.0, 0.01) == "b"
    assert verdict("higher", 1.0, 0.01) == "a"
    assert verdict("higher", -1.0, 0.05) == "b"
    assert verdict("higher", -1.0, 0.0501) is None
    assert verdict("higher", -1.0, None) is None
    assert Comparison("joint", "m", "lower", "a", "b", None, why="no").better is None


def rows_named(*names: str) -> list[RowOfTable]:
    return [RowOfTable(name, "joint", row("near").samples) for name in names]


def compared(arrays, rows, **options) -> list[tuple[str, str]]:
    return [(a.model, b.model) for _, a, b in pairs(scored(arrays, ["fad[e]"], rows), **options)]


def test_built_in_rows_take_part_only_when_needed(arrays):
    table = rows_named("ground-truth", "x", "y", "shuffled", "noise")
    assert compared(arrays, table) == [("x", "y")]
    assert compared(arrays, table, models=["noise", "x"]) == [("x", "noise")]
    lonely = rows_named("ground-truth", "x", "noise")
    assert compared(arrays, lonely) == [("ground-truth", "x"), ("ground-truth", "noise"), ("x", "noise")]
    assert len(compared(arrays, rows_named("ground-truth", "shuffled"))) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"models": ["neer", "far"]}, "no row in this table named 'neer'. Did you mean 'near'?"),
        ({"metrics": ["fda[e]"]}, r"no metric in this table named 'fda\[e\]'. Did you mean 'fad\[e\]'?"),
        ({"models": ["near"]}, "a comparison needs two rows, found near. Known: near, far"),
        ({"models": ["near", "near"]}, "a comparison needs two rows, found near. Known: near, far"),
    ],
)
def test_unknown_names(arrays, options, message):
    with pytest.raises(UserError, match=message):
        compare_models(scored(arrays, ["fad[e]"], [row("near"), row("far")]), **options)


def test_rows_of_different_tasks_are_not_compared(arrays):
    table = [row("near", task="v2a"), row("far", task="a2v")]
    with pytest.raises(UserError, match=r"no metric has two rows of its task.*near \(v2a\), far \(a2v\)"):
        compare_models(scored(arrays, ["fad[e]"], table))


def test_an_empty_table_is_refused(arrays):
    with pytest.raises(UserError, match="needs two rows, found none"):
        compare_models(scored(arrays, ["fad[e]"], []))


def test_every_comparison_advances(arrays):
    steps = []
    table = scored(arrays, CHEAP, [row("near"), row("far")])
    compare_models(table, advance=lambda: steps.append(1))
    assert len(steps) == len(pairs(table)) == len(CHEAP)


def test_nothing_is_drawn_anew(arrays):
    table = scored(arrays, [f"{name}[e]" for name in SETS], [row("near"), row("far")])
    assert compare_models(table) == compare_models(table)
