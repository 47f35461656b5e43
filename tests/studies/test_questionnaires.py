"""Questionnaires are data: the built-in ones ask what the paper asked, and mistakes are told by key."""

import pytest

from cmmd_bench.errors import UserError
from cmmd_study.questionnaires import built_in, load_questionnaire, parse_questionnaire

GOOD = """
schema = 1
name = "mine"
task = "v2a"
instructions = { en = "Rate the sound.", de = "Bewerten Sie den Ton." }

[[questions]]
id = "quality"
rates = "audio"
text = { en = "How good is it?", de = "Wie gut ist er?" }
hints = [{ en = "Listen to the end.", de = "Bitte zu Ende hören." }]
scale = { lowest = 0, highest = 10, labels = { 0 = { en = "worst", de = "am schlechtesten" } } }
"""


def refused(old: str, new: str) -> str:
    assert old in GOOD
    with pytest.raises(UserError) as caught:
        parse_questionnaire(GOOD.replace(old, new), where="mine.toml")
    assert str(caught.value).startswith("mine.toml")
    return str(caught.value)


def test_the_papers_questions() -> None:
    asked = {name: [(each.id, each.rates) for each in load_questionnaire(name).questions] for name in built_in()}
    assert asked["aist-v2a"] == [("acoustic-quality", "audio"), ("musical-quality", "audio"), ("sync", "sync")]
    assert asked["aist-a2v"] == [("video-quality", "video"), ("sync", "sync")]
    assert asked["epic-v2a"] == [
        ("audio-quality", "audio"), ("semantic-relevance", "audio"), ("temporal-correlation", "sync"),
    ]  # fmt: skip
    # 30 clips of 3 questions, 30 of 2, 25 of 3: the 225 ratings of each of the paper's raters.
    assert 30 * len(asked["aist-v2a"]) + 30 * len(asked["aist-a2v"]) + 25 * len(asked["epic-v2a"]) == 225


@pytest.mark.parametrize("name", built_in())
def test_every_built_in_one_is_as_it_should_be(name: str) -> None:
    questionnaire = load_questionnaire(name)
    assert questionnaire.name == name
    assert questionnaire.task == name.split("-")[1]
    assert "en" in questionnaire.languages
    made = {"v2a": "audio", "a2v": "video"}[questionnaire.task]
    assert {question.rates for question in questionnaire.questions} == {made, "sync"}
    for question in questionnaire.questions:
        assert list(question.scale.values) == [1, 2, 3, 4, 5]


def test_languages_and_scales_of_ones_own() -> None:
    mine = parse_questionnaire(GOOD, where="mine.toml")
    assert mine.languages == {"en", "de"}
    question = mine.questions[0]
    assert question.hints[0]["de"] == "Bitte zu Ende hören."
    assert question.scale.labels[0]["en"] == "worst"
    assert len(question.scale.values) == 11


def test_a_missing_scale_is_named() -> None:
    scale = GOOD[GOOD.index("scale =") :]
    assert "questions.0.scale: Field required" in refused(scale, "")


def test_an_id_that_stands_twice_is_named() -> None:
    again = GOOD[GOOD.index("[[questions]]") :]
    assert "question id 'quality' stands twice" in refused(again, again + again)


def test_texts_in_other_languages_than_the_rest_are_named() -> None:
    assert "all texts must be in de, en" in refused(', de = "Wie gut ist er?"', "")
    assert "found 'deutsch'" in refused('de = "Bewerten Sie den Ton."', 'deutsch = "Bewerten"')
    assert "the text in en is empty" in refused('en = "Rate the sound."', 'en = " "')


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("highest = 10", "highest = 0", "a scale has 2 to 11 steps, found 1 from 0 to 0"),
        ("labels = { 0 =", "labels = { 11 =", "labels must lie on the scale 0 to 10, found 11"),
        ('rates = "audio"', 'rates = "smell"', "questions.0.rates"),
        ('id = "quality"', 'id = "Quality!"', "questions.0.id"),
        ('task = "v2a"', 'task = "a2a"', "task"),
        ("schema = 1", "schema = 2", "has schema 2; this version of cmmd-bench reads up to 1"),
        ("scale = {", "scal = {", "questions.0.scal"),
        ("schema = 1", "schema = [", "is not valid TOML"),
    ],
)
def test_what_is_wrong_is_said(old: str, new: str, says: str) -> None:
    assert says in refused(old, new)


def test_one_that_is_not_there() -> None:
    with pytest.raises(UserError, match="no questionnaire named 'aist-v2b'. Did you mean 'aist-v2a'"):
        load_questionnaire("aist-v2b")
    with pytest.raises(UserError, match="no questionnaire at nowhere.toml"):
        load_questionnaire("nowhere.toml")
