"""Which samples a study can choose from: those of a run, or the files of one folder for each system.

In folders, a number at the end of a name (STEM_K, STEM/K) is the number of a sample. Where one folder is the reference,
its names are the clips, so that a clip of it may itself be called take_3; without one, every such number counts.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from cmmd_bench.content import content_digest
from cmmd_bench.errors import UserError, unknown_name
from cmmd_bench.media import MediaInfo
from cmmd_bench.progress import Progress
from cmmd_bench.runs.folder import RunFolder
from cmmd_bench.scoring.clip_folders import read_folder
from cmmd_bench.scoring.pairing import by_name
from cmmd_bench.types import Modality, Task
from cmmd_study.questionnaires import Questionnaire

GROUND_TRUTH = "ground-truth"


@dataclass(frozen=True, slots=True)
class Candidate:
    """What `system` made for `clip`, its `sample`-th attempt.

    made: sizes and rates that it was made at. sha256: of the file as a run's ledger has it; None where nobody noted it
    """

    clip: str
    system: str
    sample: int
    path: Path
    made: tuple[str, ...]
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Candidates:
    """All samples of one task. systems: also those without a finished one. reference: ground truth, if it is there."""

    samples: Sequence[Candidate]
    systems: Sequence[str]
    reference: str | None


@dataclass(frozen=True, slots=True)
class Run:
    """The folder of a run. Its row `ground-truth` is the reference."""

    path: Path

    def candidates(self, task: Task, progress: Progress) -> Candidates:  # noqa: ARG002  (a ledger is read at once)
        """Finished samples of `task`; UserError if the run has none."""
        folder = RunFolder(self.path)
        folder.manifest()
        lines = [line for line in folder.attempts().values() if line["skipped"] is None]
        mine = [line for line in lines if line["task"] == task]
        samples = [
            Candidate(
                line["item"],
                line["model"],
                line["sample"],
                folder.sample(line["model"], line["id"]),
                tuple(line["made"]),
                line["sha256"],
            )
            for line in mine
            if line["error"] is None
        ]
        if not samples:
            others = sorted({line["task"] for line in lines if line["error"] is None})
            raise UserError(
                f"{self.path} has no finished sample of task {task}; it has some of {', '.join(others) or 'no task'}. "
                "Choose a questionnaire of another task, or another run."
            )
        systems = sorted({line["model"] for line in mine})
        return Candidates(samples, systems, GROUND_TRUTH if GROUND_TRUTH in systems else None)


@dataclass(frozen=True, slots=True)
class Clips:
    """A folder for each system. reference: the system that is ground truth; None means ground-truth, if it is there."""

    folders: Mapping[str, Path]
    reference: str | None = None

    def candidates(self, task: Task, progress: Progress) -> Candidates:
        """All clips of the folders; UserError that names the file for one that cannot be read or placed."""
        reference = self.reference or (GROUND_TRUTH if GROUND_TRUTH in self.folders else None)
        if reference is not None and reference not in self.folders:
            raise unknown_name("system among --clips", reference, self.folders)
        found = {system: read_folder(root, None, progress) for system, root in self.folders.items()}
        for system, folder in found.items():
            if folder.left_out:
                name, reason = folder.left_out[0]
                raise UserError(
                    f"{self.folders[system]}: files that cannot be used: {len(folder.left_out)}, such as {name}: "
                    f"{reason}. Repair or remove them."
                )
        samples = []
        for system, folder in found.items():
            places = _numbered(folder.clips)
            if reference is not None and system != reference:
                places = _paired(self.folders[system], folder.clips, found[reference].clips)
            elif system == reference:
                places = {name: (name, 0) for name in folder.clips}
            for name, (clip, sample) in places.items():
                made = _made(folder.infos[name], task)
                samples.append(Candidate(clip, system, sample, folder.clips[name], made))
        _require_one_each(samples)
        return Candidates(samples, sorted(found), reference)


Origin = Run | Clips


def unchanged(candidate: Candidate) -> str:
    """The digest of a candidate's file; UserError if it is gone or is not what its run's ledger says was made."""
    if not candidate.path.exists():
        raise UserError(f"{candidate.path} is in the run's ledger but not on disk. Restore it.")
    digest = content_digest(candidate.path)
    if candidate.sha256 not in (None, digest):
        raise UserError(f"{candidate.path} is not what the run's ledger says was made. Restore it.")
    return digest


def generated_sides(task: Task) -> frozenset[Modality]:
    """What a model makes in this task."""
    return frozenset({"v2a": {"audio"}, "a2v": {"video"}}.get(task, get_args(Modality)))


def shown_sides(questionnaire: Questionnaire) -> frozenset[Modality]:
    """What raters see and hear: both where one side is given for the other, else what the questions are about."""
    asked = {question.rates for question in questionnaire.questions}
    if questionnaire.task != "joint" or "sync" in asked:
        return frozenset(get_args(Modality))
    return frozenset(side for side in get_args(Modality) if side in asked)


def _numbered(clips: Mapping[str, Path]) -> dict[str, tuple[str, int]]:
    places = {}
    for name in clips:
        match = re.fullmatch(r"(.+)[_/](\d+)", name)
        places[name] = (name, 0) if match is None else (match[1], int(match[2]))
    return places


def _paired(root: Path, clips: Mapping[str, Path], reference: Mapping[str, Path]) -> dict[str, tuple[str, int]]:
    pairing = by_name(clips, reference)
    if pairing.left_out:
        name, reason = pairing.left_out[0]
        raise UserError(f"{root}: {name}: {reason} ({len(pairing.left_out)} such names). Rename or remove them.")
    return {answer.name: (answer.real, answer.index) for answer in pairing.answers if answer.real is not None}


def _require_one_each(samples: Sequence[Candidate]) -> None:
    seen: dict[tuple[str, str, int], Path] = {}
    for sample in samples:
        other = seen.setdefault((sample.clip, sample.system, sample.sample), sample.path)
        if other != sample.path:
            raise UserError(
                f"{other} and {sample.path} would both be sample {sample.sample} of {sample.clip!r} by "
                f"{sample.system}. Rename or remove one."
            )


def _made(info: MediaInfo, task: Task) -> tuple[str, ...]:
    """In the words of a run's ledger."""
    sides, made = generated_sides(task), []
    if "video" in sides and info.fps is not None:
        made += [f"{info.width}x{info.height} pixels", f"{info.fps} fps"]
    if "audio" in sides and info.sample_rate is not None:
        made.append(f"{info.sample_rate} Hz")
    return tuple(made)
