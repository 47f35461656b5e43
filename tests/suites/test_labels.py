"""A label names its metric: from a metric to its label and back."""

import pytest

from cmmd_bench.errors import UserError
from cmmd_bench.suites.labels import parse_metric
from cmmd_bench.suites.metrics import METRICS, AvAlign, BeatHit, OnsetScore, SecondHit, SetMetric


@pytest.mark.parametrize(
    "metric",
    [
        SetMetric(metric="fad", task="joint", embedder="logmel-stats"),
        SetMetric(metric="fvd", task="joint", embedder="i3d:tats", against="conditions"),
        SetMetric(metric="kvd", task="joint", embedder="i3d", frames=16, size=64),
        SetMetric(metric="fvd", task="joint", embedder="i3d:styleganv", dialect="styleganv"),
        SetMetric(metric="fad-inf", task="joint", embedder="clap-2023"),
        SetMetric(metric="coverage", task="joint", embedder="logmel-stats"),
        BeatHit(metric="beat-f1", task="joint", tolerance_ms=62.5),
        BeatHit(metric="beat-hit", task="joint", tolerance_ms=100, against="truth"),
        OnsetScore(metric="onset-ap", task="joint", tolerance_ms=100),
        OnsetScore(metric="onset-f1", task="joint", against="truth"),
        OnsetScore(metric="onset-ap", task="joint", tolerance_ms=100, detector="condfoley", dialect="condfoleygen"),
        BeatHit(metric="beat-hit", task="joint", tolerance_ms=70, tracker="mine", against="truth"),
        BeatHit(metric="beat-hit", task="joint", tolerance_ms=100, tracker="mymodule:track"),
        BeatHit(metric="beat-f1", task="joint", tolerance_ms=100, tracker="pack.beats:Tracker", against="truth"),
        BeatHit(metric="beat-hit", task="joint", tolerance_ms=100, tracker="truthful"),
        SecondHit(metric="cdcd-hit", task="joint"),
        AvAlign(metric="av-align", task="joint"),
        AvAlign(metric="av-align", task="joint", dialect="javisbench"),
    ],
)
def test_there_and_back(metric):
    assert parse_metric(metric.label) == metric


def test_labels_tell_all_settings_apart():
    settings = [
        {},
        {"against": "conditions"},
        {"frames": 16, "size": 64},
        {"frames": 16, "size": 128},
        {"dialect": "styleganv"},
        {"embedder": "i3d:tats"},
    ]
    metrics = [SetMetric(**{"metric": "fvd", "task": "a2v", "embedder": "i3d", **more}) for more in settings]
    assert len({metric.label for metric in metrics}) == len(settings)


def test_every_metric_name_has_a_type():
    assert {"fvd", "kvd", "fad-clip", "beat-hit", "onset-f1", "cdcd-hit", "av-align"} <= METRICS.keys()


@pytest.mark.parametrize(
    ("label", "complaint"),
    [
        ("fadd[logmel-stats]", "no metric named 'fadd'. Did you mean 'fad'"),
        ("fad", r"metric 'fad' needs an embedder, such as fad\[logmel-stats\]"),
        ("beat-hit", "metric 'beat-hit': Field required"),
        ("beat-hit@0ms", "Input should be greater than 0"),
        ("fvd:nonsense[i3d]", "no dialect 'nonsense' of fvd; known: cd-fvd"),
        ("kvd:styleganv[i3d]", "no dialect 'styleganv' of kvd; known: by-condition"),
        ("kad:fadtk[clap-2023]", "dialects are conventions of fvd, fad and kvd, found one for kad"),
        ("fad[clap-2023@16f64]", "fad measures sound; frames and size are for video embedders"),
    ],
)
def test_what_is_wrong_is_said(label, complaint):
    with pytest.raises(UserError, match=complaint):
        parse_metric(label)


@pytest.mark.parametrize("name", ["truth", "a,b", "a]b", ""])
def test_trackers_whose_labels_could_not_be_read_are_refused(name):
    with pytest.raises(ValueError, match="tracker"):
        BeatHit(metric="beat-hit", task="joint", tolerance_ms=100, tracker=name)
