"""What holds for every opinion statistic: nothing heavy at import, all of it documented, the ratings untouched."""

import subprocess
import sys

from cmmd_bench.metrics import opinion


def test_importing_loads_numpy_alone():
    code = "import sys, cmmd_bench.metrics.opinion; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "numpy" in loaded
    assert not {"scipy", "statsmodels", "torch", "pandas"} & set(loaded)


def test_every_public_name_exists_and_is_documented():
    assert sorted(opinion.__all__) == sorted(set(opinion.__all__))
    for name in opinion.__all__:
        assert getattr(opinion, name).__doc__


def test_ratings_are_never_modified(paperlike):
    ratings = paperlike("aist_v2a", "temporal_sync")
    before = ratings.score.copy(), ratings.rater.copy()
    opinion.mos_table(ratings)
    opinion.crossed_test(ratings, "cmmd", "gt")
    opinion.mixed_model_test(ratings, "mmd", "gt")
    opinion.paper_wilcoxon(ratings, "cmmd", "gt")
    opinion.bootstrap_difference(ratings, "cmmd", "gt", draws=100)
    opinion.friedman_of_systems(ratings)
    assert (ratings.score == before[0]).all()
    assert (ratings.rater == before[1]).all()
