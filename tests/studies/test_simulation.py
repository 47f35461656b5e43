"""Synthetic raters through the real interface: the truth that they were given is found; screening tells them apart."""

import pytest
from made import make_study

from cmmd_bench.errors import UserError
from cmmd_bench.metrics.opinion.simulate import Components
from cmmd_study.analysis import analyse
from cmmd_study.exporting import export, rows_of_study
from cmmd_study.frozen import freeze
from cmmd_study.questionnaires import load_questionnaire
from cmmd_study.simulation.opinions import KINDS, Opinion, Truth, default_truth
from cmmd_study.simulation.simulate import parse_kinds, simulate
from cmmd_study.types import Stimulus

PLAN = """
[plan]
exclusions = ["straight"]
[[plan.contrasts]]
section = "acr-v2a"
question = "sync"
a = "cmmd"
b = "mmdiff"
"""
KINDS_ASKED = ["honest"] * 9 + ["straight", "random"]


@pytest.fixture(scope="module")
def answered(tmp_path_factory):
    folder = make_study(tmp_path_factory.mktemp("simulated") / "study", clips=8, seconds=0.3)
    with (folder.path / "study.toml").open("a") as stream:
        stream.write(PLAN)
    freeze(folder, folder.path / "study.db", now=0)
    found = simulate(folder, KINDS_ASKED, means={"cmmd": 3.8, "mmdiff": 2.4}, seed=5)
    return folder, found


def test_what_was_acknowledged_is_what_is_stored(answered):
    folder, found = answered
    assert not found.failures
    assert all(diary.finished for diary in found.diaries)
    told = sorted((question, float(value)) for diary in found.diaries for _, question, value in diary.saved.values())
    assert told == sorted((row.question, row.score) for row in export(folder).rows)
    # 8 clips, 4 stimuli each, 2 questions.
    assert len(told) == len(KINDS_ASKED) * 8 * 4 * 2


def test_the_truth_is_recovered_and_screening_catches_who_does_not_listen(answered):
    folder, _ = answered
    rows, plan, references, remarks = rows_of_study(folder.path)
    result = analyse(rows, plan, references, deviations=remarks)
    (finding,) = [f for f in result.results.findings if (f.contrast.a, f.contrast.b) == ("cmmd", "mmdiff")]
    first = finding.tests[0]
    assert first.claim == "clips like these"
    assert first.low < 1.4 < first.high
    assert first.low > 0
    assert first.p < 0.05
    # The plan takes out who always said the same; who said anything at all is shown.
    assert len(result.screening.excluded) == 1
    assert len({out.rater for out in result.screening.broken}) >= 2
    assert any("11 raters are synthetic (9 honest, 1 random, 1 straight)" in remark for remark in remarks)


def test_made_up_answers_never_stand_beside_given_ones(answered):
    from cmmd_study.store.database import open_database
    from cmmd_study.store.raters import agree, find, invite

    folder, _ = answered
    database = open_database(folder.database())
    with database.writing() as connection:
        token = invite(connection, 1, now=0)[0]
        agree(connection, find(connection, token).id, language="en", consent="", device={}, now=0)
    database.close()
    with pytest.raises(UserError, match="1 real raters have begun"):
        simulate(folder, ["honest"])


STIMULI = [Stimulus(f"{i:03}", "s", f"clip-{i % 20}", system) for i in range(200) for system in ("good", "bad")]


def mean_answers(kind: str) -> dict[str, float]:
    """Of 20 raters of one kind, by system."""
    truth = Truth({"good": 4.0, "bad": 2.0}, 0, Components())
    question = load_questionnaire("acr-v2a").questions[0]
    said: dict[str, list[int]] = {"good": [], "bad": []}
    for rater in range(20):
        opinion = Opinion(f"{kind}-{rater}", kind, truth)
        for stimulus in STIMULI:
            said[stimulus.system].append(opinion.answer(stimulus, question, 1))
    return {system: sum(values) / len(values) for system, values in said.items()}


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [("honest", 4.0, 2.0), ("harsh", 2.5, 1.25), ("inverted", 2.0, 4.0), ("random", 3.0, 3.0)],
)
def test_kinds_answer_as_they_are_called(kind, good, bad):
    found = mean_answers(kind)
    assert found["good"] == pytest.approx(good, abs=0.35)
    assert found["bad"] == pytest.approx(bad, abs=0.35)


def test_a_straight_rater_never_changes_and_an_opinion_is_reproducible():
    truth = Truth({"good": 4.0, "bad": 2.0}, 0, Components())
    question = load_questionnaire("acr-v2a").questions[0]
    straight = Opinion("one", "straight", truth)
    assert len({straight.answer(stimulus, question, 1) for stimulus in STIMULI}) == 1
    once, again = ([Opinion("two", "honest", truth).answer(s, question, 1) for s in STIMULI] for _ in range(2))
    assert once == again


@pytest.mark.parametrize("text", ["", "kind=3", "honest=x", "honest=-1"])
def test_raters_that_cannot_be(text):
    with pytest.raises(UserError, match="honest=12"):
        parse_kinds(text)


def test_kinds_and_truth():
    assert parse_kinds("honest=2, random") == ["honest", "honest", "random"]
    assert set(KINDS) == {"honest", "random", "straight", "inverted", "harsh"}
    assert default_truth(["a", "b", "gt"], {"gt"}, {"a": 3.0}) == {"a": 3.0, "b": 2.2, "gt": 4.5}
    with pytest.raises(UserError, match="not rated"):
        default_truth(["a"], set(), {"c": 3.0})
    with pytest.raises(UserError, match="from 1 to 5"):
        default_truth(["a"], set(), {"a": 7.0})
