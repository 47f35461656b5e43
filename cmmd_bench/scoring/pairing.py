"""Which generated clip answers which real clip: by name, by a CSV, or not at all.

Names are paths below their folder without suffix. A generated name matches the real clip `stem` if it is
`stem`, `stem_<k>` or `stem/<k>`, k a number: the k-th sample of that condition. A last resort is the file's own name in
another subfolder. Two files for the same place are ambiguous: both are left out.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from cmmd_bench.errors import UserError


@dataclass(frozen=True, slots=True)
class Answer:
    """A generated clip, the name of the real clip it answers (None when unpaired), and which answer it is."""

    name: str
    path: Path
    real: str | None
    index: int


@dataclass(frozen=True, slots=True)
class Pairing:
    """`left_out`: (file, reason) of generated clips that no rule places; `how`: the rule in a sentence."""

    answers: Sequence[Answer]
    left_out: Sequence[tuple[str, str]]
    how: str


def unique_names(files: Mapping[str, Sequence[Path]], root: Path) -> tuple[dict[str, Path], list[tuple[str, str]]]:
    """Names below `root` that stand for one file each; files that share one (a.mp4, a.wav) are left out, with why."""
    kept = {name: paths[0] for name, paths in files.items() if len(paths) == 1}
    clashes = [
        (
            path.relative_to(root).as_posix(),
            f"has the same name as {next(other for other in paths if other != path).name}; rename or remove one",
        )
        for paths in files.values()
        if len(paths) > 1
        for path in paths
    ]
    return kept, clashes


def by_name(generated: Mapping[str, Path], real: Mapping[str, Path]) -> Pairing:
    """Pair by the rules of the module's head; UserError when nothing matches."""
    bare = _unique_bare(real)
    placed: dict[tuple[str, int], list[tuple[str, Path]]] = {}
    left_out: list[tuple[str, str]] = []
    for name, path in generated.items():
        place = _place(name, real, bare)
        if place is None:
            left_out.append((name, "no real clip of this name"))
        else:
            placed.setdefault(place, []).append((name, path))
    if not placed:
        some, other = next(iter(generated)), next(iter(real))
        raise UserError(
            f"no pairs: no generated name matches a real one (such as {some!r} and {other!r}). Name generated clips "
            "STEM, STEM_K or STEM/K after the real ones, give --pairs FILE.csv, or --pairs none to compare sets only."
        )
    answers = [
        Answer(name, path, real_name, index)
        for (real_name, index), found in sorted(placed.items())
        for name, path in found
        if len(found) == 1
    ]
    for (real_name, index), found in sorted(placed.items()):
        if len(found) > 1:
            both = " and ".join(name for name, _ in found)
            left_out.append((both, f"both would be sample {index} of {real_name!r}; rename or remove one"))
    conditions = len({answer.real for answer in answers})
    how = f"{len(answers)} clips paired by name with {conditions} real clips"
    return Pairing(answers, left_out, how)


def by_table(generated: Mapping[str, Path], real: Mapping[str, Path], table: Path) -> Pairing:
    """Pair by a CSV with columns `generated` and `reference`: names or file names below the two folders."""
    if not table.is_file():
        raise UserError(
            f"--pairs {table}: no such file. Give a CSV with columns generated,reference, or stem, or none."
        )
    answers: list[Answer] = []
    left_out: list[tuple[str, str]] = []
    used: dict[str, int] = {}
    with _opened(table) as stream:
        reader = csv.DictReader(stream, delimiter=_delimiter(stream))
        lacking = {"generated", "reference"} - set(reader.fieldnames or ())
        if lacking:
            found = ", ".join(reader.fieldnames or ("none",))
            raise UserError(f"{table} has no column {' and '.join(sorted(lacking))}; found {found}.")
        listed: set[str] = set()
        for row in reader:
            line = f"{table.name}, line {reader.line_num}"
            name, other = _key(row["generated"], generated), _key(row["reference"], real)
            if name is None or other is None:
                missing = row["generated"] if name is None else row["reference"]
                left_out.append((line, f"{missing!r} is not among the clips"))
                continue
            if name in listed:
                left_out.append((line, f"{name!r} is listed before"))
                continue
            listed.add(name)
            answers.append(Answer(name, generated[name], other, used.get(other, 0)))
            used[other] = used.get(other, 0) + 1
    left_out += [(name, f"not listed in {table.name}") for name in generated if name not in listed]
    if not answers:
        raise UserError(f"no pairs: no line of {table} names a generated and a real clip. " + _first(left_out))
    return Pairing(answers, left_out, f"{len(answers)} clips paired by {table.name} with {len(used)} real clips")


def unpaired(generated: Mapping[str, Path]) -> Pairing:
    """No pairs: each clip is a condition of its own, and metrics that need pairs are not computed."""
    answers = [Answer(name, path, None, 0) for name, path in sorted(generated.items())]
    return Pairing(answers, (), f"{len(answers)} clips, not paired: sets are compared as wholes")


@contextmanager
def _opened(table: Path) -> Iterator[TextIO]:
    # utf-8-sig: spreadsheets put a byte order mark in front.
    try:
        with table.open(newline="", encoding="utf-8-sig") as stream:
            yield stream
    except UnicodeDecodeError:
        raise UserError(f"{table} is not UTF-8 text. Save it as CSV in UTF-8.") from None


def _delimiter(stream: TextIO) -> str:
    header = stream.readline()
    stream.seek(0)
    return ";" if ";" in header and "," not in header else ","


def _place(name: str, real: Mapping[str, Path], bare: Mapping[str, str]) -> tuple[str, int] | None:
    numbered = re.fullmatch(r"(.+)[_/](\d+)", name)
    candidates = [(name, 0)] if numbered is None else [(name, 0), (numbered[1], int(numbered[2]))]
    for stem, index in candidates:
        if stem in real:
            return stem, index
    for stem, index in candidates:
        last = stem.rpartition("/")[2]
        if last in bare:
            return bare[last], index
    return None


def _unique_bare(real: Mapping[str, Path]) -> dict[str, str]:
    """File names without folders, those that occur once."""
    names: dict[str, list[str]] = {}
    for name in real:
        names.setdefault(name.rpartition("/")[2], []).append(name)
    return {bare: found[0] for bare, found in names.items() if len(found) == 1}


def _key(text: str, clips: Mapping[str, Path]) -> str | None:
    name = (text or "").strip()
    # `clip.mp4` names `clip`; only the last part may lose its suffix.
    folder, slash, last = name.rpartition("/")
    without = folder + slash + (last.rpartition(".")[0] or last)
    return next((candidate for candidate in (name, without) if candidate in clips), None)


def _first(left_out: Sequence[tuple[str, str]]) -> str:
    return f"{left_out[0][0]}: {left_out[0][1]}." if left_out else "It has no rows."
