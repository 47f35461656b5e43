"""A study as `study create` leaves it, made of tiny clips: each system of another colour and pitch."""

from fractions import Fraction
from pathlib import Path

import numpy as np

from cmmd_bench.content import content_digest
from cmmd_bench.media import write_preview
from cmmd_bench.types import Clip
from cmmd_study.folder import Source, StudyFolder
from cmmd_study.questionnaires import built_in
from cmmd_study.types import Stimulus

SYSTEMS = {"ground-truth": 1, "cmmd": 2, "mmdiff": 1}
TOML = """schema = 1
name = "tiny"
title = {{ en = "Music for dance", de = "Musik zum Tanz" }}
contact = "host@example.org"
seed = 3
{top}
[consent]
en = "You watch short clips and rate them. Nothing about you is stored."
de = "Sie sehen kurze Clips und bewerten sie. Über Sie wird nichts gespeichert."

[orders]
rows = 8
{orders}
"""


def make_study(
    path: Path,
    *,
    clips: int = 2,
    systems: dict[str, int] = SYSTEMS,
    questionnaires: tuple[str, ...] = ("acr-v2a",),
    practice: int = 0,
    gold: int = 0,
    seconds: float = 0.8,
    top: str = "",
    orders: str = "",
    languages: tuple[str, ...] = ("en", "de"),
) -> StudyFolder:
    """`clips` clips in each section, all samples of all systems; gold items are of the system noise."""
    folder = StudyFolder(path)
    (path / "media").mkdir(parents=True)
    (path / "questionnaires").mkdir()
    sources: list[Source] = []
    text = TOML.format(top=top, orders=orders)
    if languages == ("en",):
        lines = [line for line in text.splitlines() if not line.startswith("de = ")]
        text = "\n".join(lines).replace(', de = "Musik zum Tanz"', "")
    for name in questionnaires:
        assert name in built_in()
        _questionnaire(path, name, languages)
        text += f'\n[[sections]]\nname = "{name}"\nquestionnaire = "{name}"\nreference = "ground-truth"\n'
        wanted = [(f"clip-{c}", s, k, "rated") for c in range(clips) for s, n in systems.items() for k in range(n)]
        wanted += [(f"practice-{c}", "cmmd", 0, "practice") for c in range(practice)]
        wanted += [(f"gold-{c}", "noise", 0, "gold") for c in range(gold)]
        for number, (clip, system, sample, role) in enumerate(wanted):
            stimulus = Stimulus(f"{len(sources):016x}", name, clip, system, sample)
            write_preview(folder.media(stimulus.id), _clip(seconds, 40 + 13 * number % 200, 220 + 30 * number))
            sha256 = content_digest(folder.media(stimulus.id))
            expected = {"audio-quality": (1, 2)} if role == "gold" else None
            milliseconds = round(seconds * 1000)
            sources.append(Source(stimulus, role, sha256, milliseconds, "0" * 64, ("64x64 pixels",), expected))
    folder.write_sources(sources)
    (path / "study.toml").write_text(text, encoding="utf-8")
    return folder


def _questionnaire(path: Path, name: str, languages: tuple[str, ...]) -> None:
    import cmmd_study.questionnaires as package

    text = (Path(package.__file__).parent / f"{name}.toml").read_text(encoding="utf-8")
    if "de" in languages:
        # Every text in two languages: the second is the first one in brackets.
        from cmmd_study.questionnaires import load_questionnaire

        text = _in_two(load_questionnaire(name))
    (path / "questionnaires" / f"{name}.toml").write_text(text, encoding="utf-8")


def _in_two(questionnaire) -> str:
    def two(text) -> str:
        return f'{{ en = "{text["en"]}", de = "[{text["en"]}]" }}'

    lines = ["schema = 1", f'name = "{questionnaire.name}"', f'task = "{questionnaire.task}"']
    lines.append(f"instructions = {two(questionnaire.instructions)}")
    for question in questionnaire.questions:
        lines += [
            "[[questions]]",
            f'id = "{question.id}"',
            f'rates = "{question.rates}"',
            f"text = {two(question.text)}",
        ]
        lines.append("hints = [" + ", ".join(two(hint) for hint in question.hints) + "]")
        lines += ["[questions.scale]", f"lowest = {question.scale.lowest}", f"highest = {question.scale.highest}"]
        for value, label in question.scale.labels.items():
            lines.append(f"labels.{value} = {two(label)}")
    return "\n".join(lines) + "\n"


def _clip(seconds: float, grey: int, pitch: float) -> Clip:
    frames, samples = round(seconds * 10), round(seconds * 16_000)
    video = np.full((frames, 48, 64, 3), grey, np.uint8)
    video[:, 10:30, 10:30] = np.linspace(0, 255, frames, dtype=np.uint8)[:, None, None, None]
    audio = (0.2 * np.sin(2 * np.pi * pitch * np.arange(samples) / 16_000)).astype(np.float32)
    return Clip(video, Fraction(10), audio, 16_000)
