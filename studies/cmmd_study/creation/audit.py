"""The blinding audit: what still tells the systems of a study apart before anyone looks at what was generated.

Each attribute of the written files and of their sources is alike in all systems of a section, or differs; a difference
is marked by how a rater could notice it: seen, heard, or read (from the file, the network or the page). What a model
made in fewer pixels or samples looks softer and sounds duller on any canvas: that is part of what is rated, and told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

from cmmd_study.creation.measured import Measured, Value

Sense = Literal["seen", "heard", "read"]
Side = Literal["written", "source"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """Something that is compared. tolerance: of numbers, up to which they are alike; unit: of numbers that are told."""

    of: Side
    name: str
    sense: Sense | None = None
    tolerance: float = 0.0
    unit: str = ""


# LU; smaller differences between two clips are not heard.
_HEARD = 0.5
ATTRIBUTES = (
    Attribute("written", "container", "read"),
    Attribute("written", "stream count", "read"),
    Attribute("written", "metadata", "read"),
    Attribute("written", "video codec", "read"),
    Attribute("written", "audio codec", "read"),
    Attribute("written", "size", "seen"),
    Attribute("written", "picture on canvas", "seen"),
    Attribute("written", "frame rate", "seen"),
    Attribute("written", "frame count", "seen"),
    Attribute("written", "duration", "seen", 0.001, "s"),
    Attribute("written", "sample rate", "read"),
    Attribute("written", "channel count", "heard"),
    Attribute("written", "loudness", "heard", _HEARD, "LUFS"),
    Attribute("written", "sample peak", None, 0.5, "dB"),
    Attribute("written", "true peak", None, 0.5, "dB"),
    Attribute("written", "file size", "read", 0.0, "bytes"),
    Attribute("source", "made at"),
    Attribute("source", "size", "seen"),
    Attribute("source", "frame rate", "seen"),
    Attribute("source", "sample rate", "heard"),
    Attribute("source", "duration", None, 0.001, "s"),
    Attribute("source", "loudness", None, 0.5, "LUFS"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One attribute in one section. by_system: its values in words. apart: pairs of systems whose values never meet.

    noticed: how a rater could notice the difference; None where all are alike, or nobody could
    """

    section: str
    of: Side
    attribute: str
    same: bool
    by_system: Mapping[str, str]
    apart: Sequence[tuple[str, str]]
    noticed: Sense | None


@dataclass(frozen=True, slots=True)
class Audit:
    """All findings, and in sentences what a host has to know."""

    files: Sequence[Measured]
    findings: Sequence[Finding]
    sentences: Sequence[str]


def audit(files: Sequence[Measured]) -> Audit:
    """Compare the systems of each section, practice and gold items included."""
    findings: list[Finding] = []
    sentences: list[str] = []
    sections = list(dict.fromkeys(file.section for file in files))
    for section in sections:
        mine = [file for file in files if file.section == section]
        found = [each for attribute in ATTRIBUTES if (each := _compared(section, attribute, mine)) is not None]
        findings += found
        sentences += [*_summary(section, found), *_unreached(section, mine)]
    if len({file.written["metadata"] for file in files}) > 1:
        sentences.append("The metadata tags differ between files: raters who save a file can read them.")
    return Audit(files, findings, sentences)


def table(found: Audit) -> tuple[list[str], list[list[str]]]:
    """Columns, and a row for each attribute; an asterisk marks what raters could notice."""
    rows = []
    for each in found.findings:
        state = "alike" if each.same else f"{each.noticed}*" if each.noticed else "differs"
        values = sorted(set(each.by_system.values()))
        told = values[0] if len(values) == 1 else "; ".join(f"{s}: {v}" for s, v in each.by_system.items())
        if each.attribute == "metadata" and each.same:
            told = "the same in all files"
        rows.append([each.section, "source" if each.of == "source" else "file", each.attribute, state, told])
    return ["section", "of", "attribute", "raters", "by system"], rows


def _compared(section: str, attribute: Attribute, files: Sequence[Measured]) -> Finding | None:
    groups: dict[str, list[Value]] = {}
    for file in sorted(files, key=lambda file: file.system):
        values = file.written if attribute.of == "written" else file.source
        if attribute.name in values:
            groups.setdefault(file.system, []).append(values[attribute.name])
    if not groups:
        return None
    everything = [value for values in groups.values() for value in values]
    return Finding(
        section,
        attribute.of,
        attribute.name,
        same := _alike(everything, attribute.tolerance),
        {system: _told(values, attribute.unit) for system, values in groups.items()},
        [(a, b) for a, b in combinations(groups, 2) if _never_meet(groups[a], groups[b], attribute.tolerance)],
        None if same else attribute.sense,
    )


def _alike(values: Sequence[Value], tolerance: float) -> bool:
    numbers = [value for value in values if isinstance(value, int | float)]
    if len(numbers) == len(values):
        return max(numbers) - min(numbers) <= tolerance
    return len(set(values)) == 1


def _never_meet(a: Sequence[Value], b: Sequence[Value], tolerance: float) -> bool:
    """No value of one is, within the tolerance, inside the range of the other."""
    one = [value for value in a if isinstance(value, int | float)]
    other = [value for value in b if isinstance(value, int | float)]
    if len(one) < len(a) or len(other) < len(b):
        return not set(a) & set(b)
    return min(one) > max(other) + tolerance or min(other) > max(one) + tolerance


def _told(values: Sequence[Value], unit: str) -> str:
    numbers = [value for value in values if isinstance(value, int | float)]
    if not unit or not numbers:
        return " or ".join(sorted({"silent" if value is None else str(value) for value in values}))
    low, high = min(numbers), max(numbers)
    ends = list(dict.fromkeys((_number(low, unit), _number(high, unit))))
    told = " to ".join(ends)
    silent = len(values) - len(numbers)
    return f"{told} {'kB' if unit == 'bytes' else unit}" + (f", {silent} silent" if silent else "")


def _number(value: float, unit: str) -> str:
    return f"{value / 1000:.1f}" if unit == "bytes" else f"{value:.3g}" if unit == "s" else f"{value:.1f}"


def _summary(section: str, findings: Sequence[Finding]) -> list[str]:
    alike = [each.attribute for each in findings if each.same and each.of == "written"]
    sentences = [f"{section}: all files are alike in {', '.join(alike)}."] if alike else []
    for each in findings:
        if each.noticed is None:
            continue
        values = "; ".join(f"{system} {value}" for system, value in each.by_system.items())
        where = f"the {each.attribute} of the sources" if each.of == "source" else f"the {each.attribute}"
        effect = {
            ("written", "seen"): "which can be seen",
            ("written", "heard"): "which can be heard",
            ("written", "read"): "which can be read from the file or the network",
            ("source", "seen"): "which may be seen as softer or less fluent pictures",
            ("source", "heard"): "which may be heard as duller sound",
        }[each.of, each.noticed]
        sentence = f"{section}: {where} differs, {effect}: {values}."
        if each.apart and each.of == "written":
            pairs = ", ".join(f"{a} from {b}" for a, b in each.apart)
            sentence += f" It alone tells {pairs}."
        sentences.append(sentence)
    return sentences


def _unreached(section: str, files: Sequence[Measured]) -> list[str]:
    missed: dict[str, list[float]] = {}
    silent: dict[str, int] = {}
    for file in files:
        if file.target is None or "loudness" not in file.written:
            continue
        level = file.written["loudness"]
        if not isinstance(level, int | float):
            silent[file.system] = silent.get(file.system, 0) + 1
        elif abs(level - file.target) > _HEARD:
            missed.setdefault(file.system, []).append(level)
    sentences = []
    if missed:
        told = ", ".join(
            f"{system} {len(levels)} (least {min(levels):.1f})" for system, levels in sorted(missed.items())
        )
        sentences.append(f"{section}: files kept by their peaks from {files[0].target:g} LUFS: {told}.")
    if silent:
        told = ", ".join(f"{system} {count}" for system, count in sorted(silent.items()))
        sentences.append(f"{section}: silent files, which stay so: {told}.")
    return sentences


def as_json(found: Audit) -> dict[str, Any]:
    """audit.json: sentences first, then findings, then every file."""
    return {
        "schema": 1,
        "sentences": list(found.sentences),
        "findings": [
            {
                "section": each.section,
                "of": each.of,
                "attribute": each.attribute,
                "same": each.same,
                "noticed": each.noticed,
                "by_system": dict(each.by_system),
                "apart": [list(pair) for pair in each.apart],
            }
            for each in found.findings
        ],
        "files": [
            {
                "id": file.id,
                "section": file.section,
                "system": file.system,
                "role": file.role,
                "written": file.written,
                "source": file.source,
                "gain": round(file.gain, 2),
                "target": file.target,
            }
            for file in found.files
        ],
    }
