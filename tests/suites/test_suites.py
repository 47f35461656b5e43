"""Suites: the built-in ones are valid, and what cannot be read is refused with the key and the nearest name."""

import pytest

from cmmd_bench.errors import UserError
from cmmd_bench.suites import built_in, load_suite, parse_suite

MINIMAL = """
name = "mine"
tasks = ["v2a"]
[data]
dataset = "beatdance"
conditions = 4
reference = 4
[clip]
seconds = 1.8
fps = "30000/1001"
size = [48, 64]
sample_rate = 16000
[[metrics]]
metric = "fad"
task = "v2a"
embedder = "logmel-stats"
[[metrics]]
metric = "beat-hit"
tolerance_ms = 100
"""


def test_the_built_in_suites_are_valid():
    assert built_in() == ["aist", "demo", "epic-sounds", "kitchen", "landscape"]
    for name in built_in():
        assert load_suite(name).name == name


def test_the_papers_protocol_is_in_the_aist_suite():
    suite = load_suite("aist")
    assert suite.samples_per_condition == 5
    assert suite.clip.spec.frames == 36
    table_1 = ["16f64", "18f64", "32f64", "18f128", "36f128"]
    pairwise = [f"pairwise-{name}[i3d@{at}]" for at in table_1 for name in ("fvd", "kvd")]
    assert [m.label for m in suite.metrics if m.task == "a2v"] == [*pairwise, "av-align"]
    assert suite.data.conditions == 50
    assert [m.samples for m in suite.metrics if m.metric == "fad"] == [1]


def test_a_file_is_read_with_exact_rates(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(MINIMAL)
    spec = load_suite(path).clip.spec
    assert (spec.height, spec.width, str(spec.fps)) == (48, 64, "30000/1001")
    assert load_suite(str(path)).resolved()["schema"] == 1


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            'name = "mine"',
            'name = "mine"\nsampels_per_condition = 2',
            "unknown key 'sampels_per_condition'.*samples_per_condition",
        ),
        ("conditions = 4", "condtions = 4", r"unknown key 'data\.condtions'; did you mean 'conditions'"),
        ("fps =", "frames_per_second =", r"unknown key 'clip\.frames_per_second'"),
        ('embedder = "logmel-stats"', 'embeder = "x"', r"unknown key 'metrics\.0\.embeder'; did you mean 'embedder'"),
        ("tolerance_ms", "tolerance", r"unknown key 'metrics\.1\.tolerance'; did you mean 'tolerance_ms'"),
        ("seconds = 1.8", "seconds = -1", r"clip\.seconds.*greater than 0"),
        ('"30000/1001"', '"fast"', r"clip\.fps: fps must be a number"),
        ('"30000/1001"', "0", r"clip\.fps: fps must be above 0"),
        ('metric = "fad"', 'metric = "fda"', "fda"),
        ('task = "v2a"', 'task = "a2v"', r"fad\[logmel-stats\] is for task a2v"),
        ("tolerance_ms = 100", 'tolerance_ms = 100\n[[metrics]]\nmetric="beat-hit"\ntolerance_ms=100', "stands twice"),
        ('name = "mine"', 'name = "mine"\nschema = 99', "has schema 99; this version"),
        ('name = "mine"', "name = ", "is not valid TOML"),
        ('name = "mine"\n', "", "name: Field required"),
    ],
)
def test_mistakes_are_named(old, new, complaint):
    assert old in MINIMAL
    with pytest.raises(UserError, match=complaint):
        parse_suite(MINIMAL.replace(old, new, 1), where="mine.toml")


def test_unknown_suites(tmp_path):
    with pytest.raises(UserError, match="no suite named 'demmo'. Did you mean 'demo'"):
        load_suite("demmo")
    with pytest.raises(UserError, match="no suite file at"):
        load_suite(tmp_path / "absent.toml")
