"""study.toml as it is first written: every setting with its default and what it means, for people to edit."""

import json
from collections.abc import Mapping, Sequence
from datetime import date

from cmmd_study.questionnaires import Questionnaire
from cmmd_study.specification import SCHEMA, Section, all_contrasts

_HEAD = """\
# A rating study. Edit this file and questionnaires/*.toml until `cmmd-bench study freeze`; after that nothing changes
# any more, and an edit is reported as a deviation. Try it before with `cmmd-bench study preview`.
schema = {schema}
name = {name}

# Raters read these first. For more languages write title.en = "...", title.de = "..."; the consent must have the same.
title = "Rating clips of sound and picture"
# Whom they may write to, such as "Name, Institute, mail@example.org".
contact = ""
# Put the date by which the answers are deleted, and take the # away.
# delete_after = {delete_after}
consent = \"\"\"
You will watch short clips with sound and answer a few questions about each. Please use headphones, in a quiet place.
Some clips may be noisy.

We store your answers, when you gave them, and how the clips were played. We do not ask for your name, and we do not
store your address or anything else by which you could be recognised. What we publish are results over all raters and
tables of answers without names.

Taking part is voluntary. You may stop at any time, without giving a reason: close the page. The last page shows a code;
whoever tells it to us has their answers deleted.
\"\"\"

# The stimuli were picked by this seed; orders will be drawn by it.
seed = {seed}
# For the time that raters are told; replaced by what is measured as they answer.
seconds_per_answer = 5.0

[orders]
# Different orders that are made. Raters beyond them share the least used ones.
rows = 24
# Of each section, how many conditioning clips a rater sees; all without this line.
# clips_per_rater = 5
# Places between two samples of one system for one clip.
apart = 3
# Stimuli of each section that a rater sees once more, to see how far she agrees with herself.
repeats = 0
# Hours without a sign of a rater, until her order may go to somebody else.
abandoned_after_hours = 72

[playback]
# Share of a clip that must have been played before it can be rated.
least_share = 0.95
# How often it may be played; as often as one likes without this line.
# most_plays = 3

[plan]
# What a finding shall hold for: "clips like these" (other raters and other clips), or "these clips" (other raters).
claim = "clips like these"
alpha = 0.05
# Over the contrasts of each section ("section") or of all sections ("study").
correction = "holm"
family = "section"
# Screening rules that take a rater out: checks, straight, reference, played, stalled, bt500, p910. All are reported.
exclusions = []
"""


def study_text(name: str, *, seed: int, delete_after: date) -> str:
    """All but the sections. delete_after: the date that is suggested, in a comment."""
    return _HEAD.format(schema=SCHEMA, name=toml_string(name), delete_after=delete_after.isoformat(), seed=seed)


def sections_text(
    questionnaires: Sequence[Questionnaire], systems: Mapping[str, Sequence[str]], reference: str | None
) -> str:
    """Tables for sections named like their questionnaires, to stand at the end of a study.toml.

    systems: those rated, by section. reference: ground truth, named in sections where it is rated
    """
    parts = []
    for asked in questionnaires:
        section = Section(
            name=asked.name,
            questionnaire=asked.name,
            reference=reference if reference in systems[asked.name] else None,
        )
        lines = ["[[sections]]", f"name = {toml_string(section.name)}", f"questionnaire = {toml_string(asked.name)}"]
        if section.reference is not None:
            lines += ["# Ground truth: a check of the raters, in no contrast.", f"reference = {toml_string(reference)}"]
        parts.append("\n".join(lines))
        contrasts = all_contrasts(section.name, asked, systems[section.name], section.reference)
        if contrasts:
            parts.append(
                f"# Confirmatory contrasts of {section.name}: is a better than b? Keep those you will claim something "
                "about.\n# Each one more makes the correction stricter; the others are still reported, as exploratory."
            )
        for contrast in contrasts:
            values = {"section": contrast.section, "question": contrast.question, "a": contrast.a, "b": contrast.b}
            parts.append(
                "[[plan.contrasts]]\n" + "\n".join(f"{key} = {toml_string(value)}" for key, value in values.items())
            )
    return "\n" + "\n\n".join(parts) + "\n"


def toml_string(text: str | None) -> str:
    """A basic string; JSON's escapes are TOML's, but for DEL, which TOML does not take raw."""
    return json.dumps(text or "", ensure_ascii=False).replace("\x7f", "\\u007f")
