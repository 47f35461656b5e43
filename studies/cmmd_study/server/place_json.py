"""A rater's place as the page gets it: questions and media addresses, never a system, a clip's name or a role."""

import hashlib
from typing import Any

from cmmd_study.frozen import Frozen
from cmmd_study.journey import Place, Shown
from cmmd_study.questionnaires import Question, Questionnaire
from cmmd_study.server.addresses import PREFLIGHT, beeps, media_name
from cmmd_study.store.raters import Rater


def place_json(frozen: Frozen, rater: Rater, place: Place) -> dict[str, Any]:
    """What the page shows next."""
    language, secret = spoken(frozen, rater), frozen.study.secret
    value: dict[str, Any] = {
        "page": place.page,
        "done": place.done,
        "total": place.total,
        "seconds_left": round(place.seconds_left),
        "language": language,
    }
    if place.page == "consent":
        value["languages"] = sorted(frozen.specification.title.languages)
        value["consent"] = consent_digest(frozen, language)
    if place.page == "preflight":
        value["preflight"] = {
            "media": f"m/{media_name(secret, rater.id, PREFLIGHT)}",
            "beeps": beeps(secret, rater.id),
        }
    if place.page == "rating" and place.current is not None:
        questionnaire = frozen.questionnaires[place.current.section]
        playback = frozen.specification.playback
        value["section"] = {
            "starts": place.starts_section,
            "practice": place.current.role == "practice",
            **questions_json(questionnaire, language),
        }
        value["current"] = _shown(frozen, rater, place.current)
        value["following"] = None if place.following is None else _shown(frozen, rater, place.following)["media"]
        value["playback"] = {"least_share": playback.least_share, "most_plays": playback.most_plays}
    return value


def questions_json(questionnaire: Questionnaire, language: str) -> dict[str, Any]:
    """Instructions and questions in one language."""
    return {
        "instructions": questionnaire.instructions[language],
        "questions": [_question(question, language) for question in questionnaire.questions],
    }


def consent_digest(frozen: Frozen, language: str) -> str:
    """Of the text that a rater agrees to."""
    return hashlib.sha256(frozen.specification.consent[language].encode()).hexdigest()


def spoken(frozen: Frozen, rater: Rater) -> str:
    """The rater's language, or the study's first one before it is chosen."""
    languages = sorted(frozen.specification.title.languages)
    if rater.language in languages:
        return str(rater.language)
    return "en" if "en" in languages else languages[0]


def _shown(frozen: Frozen, rater: Rater, shown: Shown) -> dict[str, Any]:
    return {
        "presentation": shown.id,
        "media": f"m/{media_name(frozen.study.secret, rater.id, shown.id)}",
        "seconds": frozen.stimuli[shown.stimulus].seconds,
        "answers": dict(shown.answers),
    }


def _question(question: Question, language: str) -> dict[str, Any]:
    scale = question.scale
    return {
        "id": question.id,
        "text": question.text[language],
        "hints": [hint[language] for hint in question.hints],
        "values": list(scale.values),
        "labels": {str(value): label[language] for value, label in scale.labels.items()},
        "required": question.required,
    }
