"""The TOML of a questionnaire as types: what is asked about each clip, on which scale, in which languages.

A text is one string, or a table with one string per language (`text.en`, `text.de`). All texts of a questionnaire
speak the same languages; a single string stands for every language.
"""

import re
from collections import Counter
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from cmmd_bench.toml_files import Strict
from cmmd_bench.types import Task

SCHEMA = 1
"""Version of this format; a questionnaire with a higher number is refused."""
LANGUAGE = r"^[a-z]{2,3}(-[A-Z]{2})?$"
ENGLISH = "en"


class Text(Strict):
    """What a rater reads, by language; never empty."""

    by_language: dict[str, str] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _plain_or_by_language(cls, value: object) -> object:
        if isinstance(value, str):
            return {"by_language": {ENGLISH: value}}
        return {"by_language": value} if isinstance(value, dict) and "by_language" not in value else value

    @field_validator("by_language")
    @classmethod
    def _spoken(cls, value: dict[str, str]) -> dict[str, str]:
        for language, words in value.items():
            if not re.match(LANGUAGE, language):
                raise ValueError(f"languages are written like en or pt-BR, found {language!r}")
            if not words.strip():
                raise ValueError(f"the text in {language} is empty")
        return {language: words.strip() for language, words in value.items()}

    @property
    def languages(self) -> frozenset[str]:
        """Those it is written in."""
        return frozenset(self.by_language)

    def __getitem__(self, language: str) -> str:
        return self.by_language[language]


class Scale(Strict):
    """Whole numbers from `lowest` to `highest`, the best last; `labels` name some of them, as P.800's ACR does all."""

    lowest: int = 1
    highest: int = 5
    labels: dict[int, Text] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not 1 <= self.highest - self.lowest <= 10:
            raise ValueError(
                f"a scale has 2 to 11 steps, found {self.highest - self.lowest + 1} from {self.lowest} to "
                f"{self.highest}"
            )
        outside = [value for value in self.labels if value not in self.values]
        if outside:
            raise ValueError(f"labels must lie on the scale {self.lowest} to {self.highest}, found {outside[0]}")
        return self

    @property
    def values(self) -> range:
        """All that can be answered."""
        return range(self.lowest, self.highest + 1)


class Question(Strict):
    """One question about a clip.

    rates: the side that it asks about, or "sync" for how the two go together
    hints: what to listen or look for, as a short list below the question
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=40)
    rates: Literal["audio", "video", "sync"]
    text: Text
    hints: tuple[Text, ...] = ()
    scale: Scale
    required: bool = True


class Questionnaire(Strict):
    """What is asked about every clip of one task; see the built-in files beside this module for examples."""

    schema_version: int = Field(SCHEMA, alias="schema")
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=40)
    about: str = ""
    task: Task
    instructions: Text
    questions: tuple[Question, ...] = Field(min_length=1, max_length=8)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        twice = [name for name, count in Counter(question.id for question in self.questions).items() if count > 1]
        if twice:
            raise ValueError(f"question id {twice[0]!r} stands twice; answers could not be told apart")
        for text in self.texts():
            if text.languages != self.languages:
                raise ValueError(
                    f"all texts must be in {', '.join(sorted(self.languages))} as the instructions are, found one in "
                    f"{', '.join(sorted(text.languages))}: {next(iter(text.by_language.values()))!r}"
                )
        return self

    @property
    def languages(self) -> frozenset[str]:
        """Those that every text is written in."""
        return self.instructions.languages

    def texts(self) -> list[Text]:
        """All that a rater reads."""
        asked = [part for question in self.questions for part in (question.text, *question.hints)]
        labels = [label for question in self.questions for label in question.scale.labels.values()]
        return [self.instructions, *asked, *labels]
