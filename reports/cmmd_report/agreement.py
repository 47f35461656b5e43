"""Which metric says what raters say, clip by clip and model by model, and on which clips the two disagree most.

The reference of a section takes no part: it is best by definition on both sides, and would make any metric look wise.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from cmmd_bench.metrics.agreement import Agreement, clip_agreement, system_agreement
from cmmd_bench.metrics.noise_ceiling import NoiseCeiling, noise_ceiling
from cmmd_bench.scoring.results import Result
from cmmd_bench.types import Direction, Task
from cmmd_report.types import Rating, Run, Study

T = TypeVar("T")

MOST = 10
"""Clips of each question that are listed as disagreements."""


@dataclass(frozen=True, slots=True)
class Point:
    """One rated clip. value: of the metric; opinion: mean over raters; gap: rank by the metric (turned so that more is
    better) less rank by opinion, as a share of the number of clips, -1..1."""

    clip: str
    system: str
    sample: int
    value: float
    opinion: float
    gap: float


@dataclass(frozen=True, slots=True)
class Pair:
    """One metric against one question. by_clip, by_system: None with the reason in why_clip, why_system. points: empty
    for a metric of whole sets. ceiling: what a metric that knew the true opinion could reach by clip."""

    task: Task
    section: str
    question: str
    metric: str
    direction: Direction
    by_clip: Agreement | None
    why_clip: str | None
    by_system: Agreement | None
    why_system: str | None
    ceiling: NoiseCeiling | None
    points: Sequence[Point]


def agreement(run: Run, study: Study) -> list[Pair]:
    """Every metric of a section's task against every question of the section."""
    pairs = []
    for section, question in dict.fromkeys((rating.section, rating.question) for rating in study.ratings):
        reference = study.analysis["references"].get(section)
        mine = [
            rating
            for rating in study.ratings
            if (rating.section, rating.question) == (section, question) and rating.system != reference
        ]
        for task in [task for task in run.tasks if _is_of(section, task, run, study)]:
            results = run.results(task)
            for metric in dict.fromkeys(result.metric for result in results):
                of_metric = [result for result in results if result.metric == metric]
                pairs.append(_pair(run, task, section, question, of_metric, mine))
    return pairs


def disagreements(pairs: Sequence[Pair]) -> list[tuple[Pair, Point]]:
    """Of each question, the clips on which some metric and the raters are furthest apart, the furthest first."""
    found = []
    for question in dict.fromkeys((pair.section, pair.question) for pair in pairs):
        every = [(pair, point) for pair in pairs if (pair.section, pair.question) == question for point in pair.points]
        found += sorted(every, key=lambda one: (-abs(one[1].gap), one[0].metric, one[1].clip))[:MOST]
    return found


def _is_of(section: str, task: Task, run: Run, study: Study) -> bool:
    """Conditions of several tasks have the same names. Of a table from elsewhere the section's own name tells."""
    if section in study.tasks:
        return study.tasks[section] == task
    return len(run.tasks) == 1 or task in section.replace("_", "-").split("-")


def _pair(
    run: Run, task: Task, section: str, question: str, results: Sequence[Result], ratings: Sequence[Rating]
) -> Pair:
    metric, direction = results[0].metric, results[0].direction
    higher = direction == "higher"
    opinions = _opinions(ratings)
    values = _values(run, task, metric)
    keys = [key for key in opinions if key in values]
    x, y = [values[key] for key in keys], [opinions[key] for key in keys]
    clips, systems = [key[0] for key in keys], [key[1] for key in keys]
    by_clip = by_system = ceiling = None
    why_clip = why_system = f"{metric} is best near 1, which no order of better and worse follows"
    if direction != "towards 1":
        by_clip, why_clip = _tried(lambda: clip_agreement(x, y, higher_is_better=higher, clips=clips))
        if keys:
            by_system, why_system = _tried(
                lambda: system_agreement(x, y, systems, higher_is_better=higher, clips=clips)
            )
            ceiling, _ = _tried(lambda: noise_ceiling(_matrix(ratings, keys)))
        else:
            whole = {result.model: result.value for result in results if result.value is not None}
            by_system, why_system = _tried(lambda: _of_sets(whole, opinions, higher))
            why_clip = f"{metric} is a number of whole sets"
    points = _points(keys, x, y, higher) if direction != "towards 1" else []
    return Pair(
        *(task, section, question, metric, direction),
        *(by_clip, why_clip or None, by_system, why_system or None),
        *(ceiling, points),
    )


Key = tuple[str, str, int]


def _of_sets(whole: Mapping[str, float], opinions: Mapping[Key, float], higher: bool) -> Agreement:
    known = [key for key in opinions if key[1] in whole]
    return system_agreement(
        {system: whole[system] for system in {key[1] for key in known}},
        [opinions[key] for key in known],
        [key[1] for key in known],
        higher_is_better=higher,
        clips=[key[0] for key in known],
    )


def _opinions(ratings: Sequence[Rating]) -> dict[Key, float]:
    said: dict[Key, list[float]] = {}
    for rating in ratings:
        said.setdefault((rating.clip, rating.system, rating.sample), []).append(rating.score)
    return {key: float(np.mean(scores)) for key, scores in sorted(said.items())}


def _values(run: Run, task: Task, metric: str) -> dict[Key, float]:
    names = {(s.model, s.id): (s.condition, s.model, s.index) for s in run.samples if s.task == task}
    found = run.clip_values(metric, task)
    return {names[v.model, v.id]: v.value for values in found.values() for v in values if v.value is not None}


def _matrix(ratings: Sequence[Rating], keys: Sequence[Key]) -> NDArray[np.float64]:
    """(raters, items), NaN where a rater did not see an item."""
    raters = sorted({rating.rater for rating in ratings})
    row, column = {name: i for i, name in enumerate(raters)}, {key: i for i, key in enumerate(keys)}
    matrix = np.full((len(raters), len(keys)), np.nan)
    for rating in ratings:
        place = column.get((rating.clip, rating.system, rating.sample))
        if place is not None:
            matrix[row[rating.rater], place] = rating.score
    return matrix


def _points(keys: Sequence[Key], x: Sequence[float], y: Sequence[float], higher: bool) -> list[Point]:
    if not keys:
        return []
    by_metric, by_opinion = rankdata(x if higher else -np.asarray(x)), rankdata(y)
    gaps = (by_metric - by_opinion) / len(keys)
    return [Point(*key, value, said, float(gap)) for key, value, said, gap in zip(keys, x, y, gaps, strict=True)]


def _tried(compute: Callable[[], T]) -> tuple[T | None, str]:
    try:
        return compute(), ""
    except ValueError as reason:
        return None, str(reason)
