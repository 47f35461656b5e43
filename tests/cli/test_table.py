"""The table as a person reads it."""

import pytest

from cmmd_bench.cli.scores import show
from cmmd_bench.scoring.results import Result, Scores


def result(model: str, value: float | None, half: float | None = None, **more) -> Result:
    low, high = (None, None) if half is None or value is None else (value - half, value + half)
    fields = {"direction": "lower", "unit": "", "n": 5, "n_samples": 10, "n_reference": 12, "low": low, "high": high}
    return Result(model, "v2a", "fad[e]", value, **{**fields, **more})


def printed(capsys, *results: Result, failures=(), findings=()) -> tuple[str, str]:
    show(Scores({}, results, (), failures, findings))
    shown = capsys.readouterr()
    return shown.out, shown.err


@pytest.mark.parametrize(
    ("value", "half", "text"),
    [
        (12.3456, 1.234, "12.3 ± 1.2"),
        (0.012341, 0.00067, "0.01234 ± 0.00067"),
        (1234.5, 150.0, "1234 ± 150"),
        (0.5, None, "0.5"),
        (1.0, 0.0, "1 ± 0"),
        (-3e-16, 2e-15, "0 ± 0"),
        (-0.0011, 0.0065, "-0.0011 ± 0.0065"),
    ],
)
def test_digits_follow_the_interval(capsys, value, half, text):
    line = next(line for line in printed(capsys, result("ours", value, half))[0].splitlines() if "ours" in line)
    assert text in " ".join(line.split())


def test_the_best_of_several_models_is_marked_but_never_ceiling_or_floor(capsys):
    rows = [result("ground-truth", 0.1), result("a", 2.0), result("b", 1.0), result("noise", 0.5)]
    lines = printed(capsys, *rows)[0].splitlines()
    assert [line.split()[0] for line in lines if "*" in line] == ["b"]
    assert "fad[e] ↓" in lines[2]
    assert not any("*" in line for line in printed(capsys, *rows[:2])[0].splitlines())


def test_an_interval_that_is_not_about_its_value_is_written_out(capsys):
    out, _ = printed(capsys, result("ours", 1.0, low=0.8064, high=1.0), result("none", 0.0, low=0.0, high=0.0741))
    assert "1.000 [0.806, 1.000]" in out
    assert "0.000 [0.000, 0.074]" in out


def test_many_metrics_become_rows_and_nothing_is_cut(capsys):
    names = [f"fad[a-rather-long-name-of-an-embedder-{k}]" for k in range(7)]
    cells = [Result(model, "v2a", n, k + 1.5, "lower", "", 5, 5, 5) for k, n in enumerate(names) for model in "ab"]
    out, _ = printed(capsys, *cells)
    assert [line.split()[0] for line in out.splitlines() if "fad[" in line] == names
    assert "a (n = 5)" in out
    wide, _ = printed(capsys, *(cell for cell in cells if cell.metric in names[:6]))
    assert all(name in wide for name in names[:6])


def test_higher_can_be_better(capsys):
    out, _ = printed(capsys, result("a", 0.2, direction="higher"), result("b", 0.1, direction="higher", chance=0.05))
    assert [line.split()[0] for line in out.splitlines() if "*" in line] == ["a"]
    assert "0.1 (chance 0.05)" in out


def test_what_is_missing_is_a_dash_and_a_reason(capsys):
    failures = [{"model": "ours", "id": f"clip-{k}", "reason": "broken"} for k in range(7)]
    out, err = printed(capsys, result("ours", None, why="needs at least 2 clips"), failures=failures)
    assert "–" in out
    assert "not computed: fad[e] of ours (v2a): needs at least 2 clips" in err
    assert "failed: ours, clip-0: broken" in err
    assert "... and 2 more failures" in err


def test_findings_are_named(capsys):
    findings = [
        {"model": "ours", "task": "v2a", "finding": "silent", "ids": ["a"]},
        {"model": "ours", "task": "v2a", "finding": "clipped", "ids": [f"c{k}" for k in range(8)]},
    ]
    _, err = printed(capsys, result("ours", 1.0), findings=findings)
    assert "silent: a of ours (v2a)\n" in err
    assert "clipped: c0, c1, c2, c3, c4 and 3 more of ours (v2a)\n" in err
