"""sureal's dataset file (0.9): JSON, or the Python file that it is in most public data sets.

    ref_videos = [{"content_id": 0, "content_name": "foo", "path": "foo.mp4"}]
    dis_videos = [{"asset_id": 0, "content_id": 0, "path": "foo_cmmd.mp4", "os": {"Tom": 3, "Jerry": [4, 5]}}]

`os` holds the opinion scores: by observer, or a list with one place per observer, who are then numbered. None and NaN
are missing; of a list of scores the first is the rating and the others are repeats. A Python file is never run: only
literals that are assigned to a name are read, so one that computes its table must be saved as JSON.
The clip is the content's name. The system is in the path only, so --stimulus "{}_{system}" says where; a video that is
itself a reference is of system "reference". Scores are 1 to 5, or 0 to ref_score where that is above 5, or --scale.
"""

import ast
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cmmd_bench.errors import UserError
from cmmd_study.importing.naming import Named, Naming, named
from cmmd_study.tables.rated import Placed, Rated

REFERENCE = "reference"
ACR = (1.0, 5.0)


def read(path: Path, naming: Naming | None, scale: tuple[float, float] | None) -> Iterator[Placed]:
    """Rows of one dataset."""
    data = _load(path)
    try:
        contents = {video["content_id"]: str(video.get("content_name", "")) for video in data["ref_videos"]}
        references = {video.get("path") for video in data["ref_videos"]}
        videos: Sequence[Mapping[str, Any]] = data["dis_videos"]
        entries = [(video["content_id"], str(video["path"]), _by_observer(video["os"])) for video in videos]
        best = float(data.get("ref_score", ACR[1]))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UserError(
            f"{path} is not a dataset of sureal ({type(error).__name__}: {error}). It needs ref_videos with content_id,"
            " and dis_videos with content_id, path and os."
        ) from None
    low, high = scale or (ACR if best <= ACR[1] else (0.0, best))
    for number, (content, name, scores) in enumerate(entries, 1):
        where = f"{path.name}, dis_videos {number}"
        clip = contents.get(content) or str(content)
        stimulus = Named(clip, REFERENCE) if name in references else named(naming, name, where, clip=clip)
        for observer, given in scores:
            for again, score in enumerate(given):
                rated = Rated(
                    rater=observer,
                    clip=stimulus.clip,
                    system=stimulus.system,
                    sample=stimulus.sample,
                    score=_number(score, where),
                    role="repeat" if again else "rated",
                    place=again or None,
                    lowest=low,
                    highest=high,
                )
                yield f"{where}, observer {observer}", rated


def _load(path: Path) -> Mapping[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".json":
            data = json.loads(text)
            if not isinstance(data, dict):
                raise UserError(f"{path} must hold one JSON object, found a {type(data).__name__}.")
            return data
        return _literals(ast.parse(text))
    except (ValueError, SyntaxError) as error:
        raise UserError(f"{path} cannot be read as JSON (.json) or as Python literals: {error}.") from None


def _literals(module: ast.Module) -> dict[str, Any]:
    """Names that are assigned literals; whatever is computed is left out, not computed."""
    found = {}
    for statement in module.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            try:
                found[statement.targets[0].id] = ast.literal_eval(statement.value)
            except ValueError:
                continue
    return found


def _by_observer(scores: object) -> list[tuple[str, list[Any]]]:
    """(observer, scores in their order without missing ones)."""
    pairs: list[tuple[str, Any]]
    if isinstance(scores, Mapping):
        pairs = [(str(observer), given) for observer, given in scores.items()]
    elif isinstance(scores, Sequence) and not isinstance(scores, str):
        pairs = [(f"observer-{number:03}", given) for number, given in enumerate(scores, 1)]
    else:
        raise TypeError(f"os must be a list or a mapping, found {type(scores).__name__}")
    lists = [(observer, list(given) if isinstance(given, list | tuple) else [given]) for observer, given in pairs]
    return [(observer, [score for score in given if not _missing(score)]) for observer, given in lists]


def _missing(score: object) -> bool:
    return score is None or (isinstance(score, float) and math.isnan(score))


def _number(score: Any, where: str) -> float:
    try:
        return float(score)
    except (TypeError, ValueError):
        raise UserError(f"{where}: scores must be numbers, found {score!r}.") from None
