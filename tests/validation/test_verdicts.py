"""Verdicts on curves made by hand: seen, blind, rewarded, monotone, at chance."""

import numpy as np
import pytest
from curves import curve, harm
from scipy.stats import spearmanr

from cmmd_bench.validation.study import Validation
from cmmd_bench.validation.verdicts import verdicts

SURE, UNSURE = 1e-9, 0.5


def judged(*curves):
    return verdicts(Validation(curves, (8, 8), ()))


def verdict(harms, **options):
    return judged(curve(harms, **options))[0]


def test_seen_from_the_first_level():
    found = verdict([harm(size, SURE, 0.1) for size in (1, 2, 3, 4)])
    assert (found.metric, found.fault) == ("fvd[conv3d-random]", "blur")
    assert found.seen_from == 0.5
    assert found.monotone is True
    assert found.rewards is False
    assert found.rank_correlation == pytest.approx(1)
    assert found.sensitivity == pytest.approx(40)
    assert (found.at_chance_from, found.levels) == (None, 4)


def test_seen_from_the_first_level_that_is_seen_and_steadily_or_not():
    found = [
        verdict([harm(1, p) for p in p_values])
        for p_values in ((UNSURE, SURE, SURE, SURE), (SURE, UNSURE, SURE, SURE), (SURE, SURE, SURE, UNSURE))
    ]
    assert [(v.seen_from, v.steady) for v in found] == [(1, True), (0.5, False), (0.5, False)]
    assert verdict([harm(1, UNSURE)] * 4).steady is False


def test_blind():
    found = verdict([harm(size, UNSURE) for size in (0.1, -0.1, 0.2, 0)])
    assert (found.seen_from, found.rewards, found.levels) == (None, False, 4)


def test_nothing_computed_is_not_blindness():
    found = verdict([None] * 4)
    assert (found.seen_from, found.levels, found.monotone, found.rank_correlation) == (None, 0, None, None)
    assert (found.sensitivity, found.at_chance_from) == (None, None)
    assert verdict([]).levels == 0


def test_a_reward_is_a_significant_gain():
    found = verdict([harm(size, SURE) for size in (-1, -2, 3, 4)])
    assert (found.rewards, found.seen_from) == (True, 2)
    assert verdict([harm(-1, UNSURE)] * 4).rewards is False


def test_a_step_back_must_be_larger_than_the_noise_of_both_levels():
    # 2 · √(1² + 1²) = 2.83.
    assert verdict([harm(size, SURE) for size in (0, 5, 2.2, 5)]).monotone is True
    assert verdict([harm(size, SURE) for size in (0, 5, 2.1, 5)]).monotone is False
    # Many small steps back are a large one.
    assert verdict([harm(size, SURE, 0.5) for size in (4, 3, 2, 1)]).monotone is False
    assert verdict([harm(1, SURE)]).monotone is None


@pytest.mark.parametrize("sizes", [(1, 2, 3, 4), (4, 3, 2, 1), (1, 3, 2, 4), (1, 1, 2, 2), (0, 5, 5, 5)])
def test_rank_correlation_is_spearmans(sizes):
    expected = spearmanr(range(4), sizes).statistic
    assert verdict([harm(size, UNSURE) for size in sizes]).rank_correlation == pytest.approx(expected)


def test_no_rank_correlation_where_harm_does_not_vary():
    assert verdict([harm(0, 1.0, 0.0)] * 4).rank_correlation is None
    found = verdict([harm(0, 1.0, 0.0)] * 4)
    assert (found.sensitivity, found.monotone, found.seen_from) == (None, True, None)


def test_levels_without_a_value_are_left_out():
    found = verdict([harm(1, SURE), None, harm(2, SURE), harm(3, SURE)])
    assert (found.seen_from, found.levels, found.monotone, found.steady) == (0.5, 3, True, True)
    assert found.rank_correlation == pytest.approx(1)
    assert verdict([harm(1, SURE), harm(1, SURE), harm(1, SURE), None]).sensitivity is None


def test_holm_is_over_the_levels_of_a_fault():
    """0.012 survives a family of 4, 0.013 does not; other curves do not count, nor do levels without a value."""
    own = curve([harm(1, 0.012)] * 4)
    assert judged(own)[0].seen_from == 0.5
    assert judged(curve([harm(1, 0.013)] * 4))[0].seen_from is None
    assert judged(own, curve([harm(1, 0.9)] * 4, fault="freeze"))[0].seen_from == 0.5
    # The last of four is not corrected once the others are found.
    assert judged(curve([harm(1, p) for p in (0.01, 0.016, 0.024, 0.05)]))[0].seen_from == 0.5
    assert judged(curve([None, *[harm(1, 0.016)] * 3]))[0].seen_from == 1


def test_the_order_of_verdicts_is_that_of_curves():
    found = judged(curve([harm(1, SURE)], fault="freeze"), curve([harm(1, SURE)], fault="blur"))
    assert [v.fault for v in found] == ["freeze", "blur"]
    assert judged() == []


def late(values, p_values, chance=0.3):
    harms = [harm(0.9 - value, p, 0.01) for value, p in zip(values, p_values, strict=True)]
    return verdict(harms, fault="sound-late", label="beat-hit@100ms", values=values, chance=chance)


def test_shifts_are_judged_up_to_chance_only():
    """Music that is late by a whole beat is in step again."""
    found = late((0.8, 0.5, 0.3, 0.9, 0.9), (SURE, SURE, SURE, UNSURE, UNSURE))
    assert (found.seen_from, found.at_chance_from, found.monotone) == (0.04, 0.2, True)
    assert found.rank_correlation == pytest.approx(1)
    above = late((0.8, 0.5, 0.31, 0.9, 0.9), (SURE, SURE, SURE, UNSURE, UNSURE))
    assert (above.seen_from, above.at_chance_from, above.monotone, above.steady) == (0.04, None, False, False)


def test_other_faults_are_judged_to_their_last_level():
    values = (0.8, 0.3, 0.9, 0.9)
    harms = [harm(0.9 - value, p, 0.01) for value, p in zip(values, (SURE, SURE, UNSURE, UNSURE), strict=True)]
    found = verdict(harms, fault="low-pass", label="beat-hit@100ms", values=values, chance=0.3)
    assert (found.seen_from, found.at_chance_from, found.monotone, found.steady) == (1, 2, False, False)


def test_a_shift_is_steady_where_it_is_seen_up_to_chance():
    gap = late((0.8, 0.5, 0.2, 0.1, 0.1), (SURE, SURE, UNSURE, SURE, SURE))
    assert (gap.seen_from, gap.steady) == (0.04, False)
    whole = late((0.8, 0.5, 0.2, 0.1, 0.1), (UNSURE, SURE, SURE, SURE, SURE))
    assert (whole.seen_from, whole.steady) == (0.1, True)


def test_a_fault_that_does_nothing_is_seen_in_at_most_five_percent_of_curves():
    rng = np.random.default_rng(0)
    draws = 1_000
    curves = [
        curve([harm(size, p) for size, p in zip(rng.normal(size=4), rng.random(4), strict=True)]) for _ in range(draws)
    ]
    found = sum(v.rewards or v.seen_from is not None for v in judged(*curves))
    assert found / draws <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / draws)
