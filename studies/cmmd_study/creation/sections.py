"""The stimuli of sections: picked, written alike under random names, and measured.

Files are written in the order of their random names, so that neither names nor times tell what they are.
"""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

from cmmd_bench.content import content_digest
from cmmd_bench.progress import Progress
from cmmd_study.creation.alike import common, look_at, pad, transcode
from cmmd_study.creation.candidates import Origin, generated_sides, shown_sides, unchanged
from cmmd_study.creation.loudness import EBU_R128
from cmmd_study.creation.measured import Measured, source_values, written_values
from cmmd_study.creation.picks import Pick, Selection, pick
from cmmd_study.folder import Source, StudyFolder
from cmmd_study.questionnaires import Questionnaire
from cmmd_study.types import Stimulus


@dataclass(frozen=True, slots=True)
class Look:
    """height: rows of the canvas, None for what suits the sources. loudness: LUFS, None to leave it as it is."""

    height: int | None = None
    loudness: float | None = EBU_R128


def make_sections(
    folder: StudyFolder,
    origin: Origin,
    questionnaires: Sequence[Questionnaire],
    selection: Selection,
    look: Look,
    seed: int,
    elsewhere: Collection[str],
    progress: Progress,
    new: list[Path],
) -> tuple[list[Source], list[Measured], str | None]:
    """Stimuli, what was measured of them, and the reference; one section for each questionnaire, named like it.

    elsewhere: clips that other sections show already; they are taken last
    new: takes the path of every file before it is written, so that the caller can clean up
    """
    # All is picked before the first file is written: a mistake in the last section costs no waiting.
    shown, picked = set(elsewhere), []
    reference = None
    for questionnaire in questionnaires:
        candidates = origin.candidates(questionnaire.task, progress)
        picks = pick(candidates, selection, section=questionnaire.name, seed=seed, elsewhere=shown)
        shown |= {each.candidate.clip for each in picks}
        reference = candidates.reference or reference
        picked.append((questionnaire, picks))
    sources, measured = [], []
    for questionnaire, picks in picked:
        for source, looks in _section(folder, questionnaire, picks, look, progress, new):
            sources.append(source)
            measured.append(looks)
    return sources, measured, reference


def _section(
    folder: StudyFolder,
    questionnaire: Questionnaire,
    picks: Sequence[Pick],
    look: Look,
    progress: Progress,
    new: list[Path],
) -> list[tuple[Source, Measured]]:
    sides = shown_sides(questionnaire)
    seen, digests = [], []
    with progress(f"look at {questionnaire.name}", len(picks)) as advance:
        for each in picks:
            digests.append(unchanged(each.candidate))
            seen.append(look_at(each.candidate.path, sides))
            advance()
    shared = common(seen, sides, height=look.height, target=look.loudness)
    drawn = sorted(zip((secrets.token_hex(8) for _ in picks), picks, seen, digests, strict=True), key=itemgetter(0))
    done = []
    with progress(f"prepare {questionnaire.name}", len(picks)) as advance:
        for name, _, source, _ in drawn:
            new.append(folder.media(name))
            done.append(transcode(source, folder.media(name), shared))
            advance()
    # Noise hardly compresses, and a rater knows it at once: other files need not grow to its size.
    sizes = [folder.media(name).stat().st_size for name, each, *_ in drawn if each.role != "gold"]
    pad([folder.media(name) for name, *_ in drawn], max(sizes))
    made = []
    with progress(f"measure {questionnaire.name}", len(picks)) as advance:
        for (name, each, source, digest), how in zip(drawn, done, strict=True):
            target, chosen = folder.media(name), each.candidate
            row = Source(
                Stimulus(name, questionnaire.name, chosen.clip, chosen.system, chosen.sample),
                each.role,
                content_digest(target),
                round(shared.seconds * 1000),
                digest,
                chosen.made,
                _low_answers(questionnaire) if each.role == "gold" else None,
            )
            looks = Measured(
                name,
                questionnaire.name,
                chosen.system,
                each.role,
                written_values(target, how.drawn),
                source_values(source, chosen.made),
                how.gain,
                shared.loudness,
            )
            made.append((row, looks))
            advance()
    return made


def _low_answers(questionnaire: Questionnaire) -> dict[str, tuple[int, int]]:
    """What a rater who listens answers to noise."""
    noisy = {*generated_sides(questionnaire.task), "sync"}
    return {
        question.id: (question.scale.lowest, question.scale.lowest + 1)
        for question in questionnaire.questions
        if question.rates in noisy
    }
