import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmd_bench.metrics.multiplicity import holm, holm_rows


def test_textbook_values():
    assert holm([0.01, 0.02, 0.03, 0.04, 0.05]) == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])


def test_the_papers_four_claims():
    # Only the first survives at 5 %.
    assert holm([0.005, 0.327, 0.038, 0.09]) == pytest.approx([0.020, 0.327, 0.114, 0.180])


@given(st.lists(st.floats(0, 1), max_size=12))
def test_rejects_what_the_step_down_procedure_rejects(p):
    adjusted = holm(p)
    for level in (0.01, 0.05, 0.3):
        rejected = set()
        for step, index in enumerate(sorted(range(len(p)), key=lambda i: (p[i], i))):
            if (len(p) - step) * p[index] > level:
                break
            rejected.add(index)
        assert {i for i, value in enumerate(adjusted) if value <= level} == rejected


@pytest.mark.parametrize("bad", [[-0.1], [1.1], [float("nan")], [[0.1]]])
def test_refuses_what_is_no_probability(bad):
    with pytest.raises(ValueError, match="p_values"):
        holm(bad)


def test_rows_are_families_of_their_own():
    p = np.random.default_rng(0).random((3, 4, 5))
    expected = [[holm(row) for row in table] for table in p]
    assert holm_rows(p).tolist() == expected
