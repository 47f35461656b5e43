"""The page: one HTML file that opens from disk, asks the network for nothing, and is the same to the byte every time.

Everything that it says is in `Contents`; the template arranges it. Style and script stand in it; pictures and clips as
data addresses, or as files in a folder beside it.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import PurePath
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cmmd_bench.cli.scores import ARROWS, number
from cmmd_bench.metrics.agreement import Agreement
from cmmd_bench.plugins import RESERVED
from cmmd_bench.scoring.comparisons import Comparison
from cmmd_report.agreement import Pair, Point, disagreements
from cmmd_report.clips import Row
from cmmd_report.comparing import Compared
from cmmd_report.protocol_text import protocol_text
from cmmd_report.score_table import ScoreTable
from cmmd_report.types import Run, Study


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture as inline SVG, with its title and its numbers in words. files: (name, address) for papers."""

    svg: str
    title: str
    words: str
    files: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Contents:
    """All that a page shows, in its order. downloads: (name, address) of the files beside it."""

    run: Run
    study: Study | None
    answer: tuple[str, str]
    tables: Sequence[ScoreTable]
    compared: Compared
    pairs: Sequence[Pair]
    figures: Sequence[Figure]
    not_drawn: Sequence[tuple[str, str]]
    rows: Sequence[Row]
    downloads: Sequence[tuple[str, str]]


def render(contents: Contents) -> str:
    """The page as HTML."""
    run = contents.run
    return page_from(
        "page.html.j2",
        title=f"{suite_name(run)}: {', '.join(_models(run)) or 'ceiling and floors'}",
        contents=contents,
        comparisons=[_comparison(c) for c in contents.compared.done],
        opinions=[] if contents.study is None else contents.study.analysis["paragraphs"],
        opinion_notes=[] if contents.study is None else contents.study.analysis["notes"],
        agreements=[_agreement(pair) for pair in contents.pairs],
        disagreements=[_disagreement(pair, point) for pair, point in disagreements(contents.pairs)],
        places={(row.task, row.condition): f"clips-{number}" for number, row in enumerate(contents.rows, 1)},
        svgs=[Markup(figure.svg) for figure in contents.figures],
        missing=_missing(contents),
        protocol=" ".join(protocol_text(run)),
        made_by=_made_by(run),
    )


def page_from(template: str, **filled: Any) -> str:
    """One of the templates here, filled, with style and script in it; UndefinedError for what is left open."""
    environment = Environment(
        loader=PackageLoader("cmmd_report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = Markup(_text("page.css")), Markup(_text("page.js"))
    return environment.get_template(template).render(style=style, script=script, **filled)


def suite_name(run: Run) -> str:
    """The suite; for clips of folders the folder that their scores are in."""
    return str(run.suite["name"]) if run.suite else run.name


def _text(name: str) -> str:
    return files("cmmd_report").joinpath(name).read_text(encoding="utf-8")


def _models(run: Run) -> list[str]:
    return [row for row in dict.fromkeys(r.model for r in run.scores.results) if row not in RESERVED]


def _comparison(c: Comparison) -> dict[str, Any]:
    d = c.difference
    assert d is not None
    return {
        "task": c.task,
        "metric": f"{c.metric} {ARROWS[c.direction]}",
        "pair": f"{c.a} − {c.b}",
        "size": number(d.estimate, d.estimate - d.low),
        "p": _p(d.p_value),
        "adjusted": _p(c.adjusted),
        "n": str(d.conditions[0]) if c.paired else f"{d.conditions[0]} + {d.conditions[1]}",
        "verdict": f"{c.better} is better" if c.better else "no difference shown",
        "better": c.better is not None,
    }


def _agreement(pair: Pair) -> dict[str, str]:
    ceiling = pair.ceiling.ceiling if pair.ceiling else None
    return {
        "question": f"{pair.section}: {pair.question}",
        "metric": f"{pair.metric} {ARROWS[pair.direction]}",
        "clip": _coefficient(pair.by_clip, pair.why_clip),
        "ceiling": "–" if ceiling is None else f"{ceiling:.2f}",
        "system": _coefficient(pair.by_system, pair.why_system),
    }


def _coefficient(found: Agreement | None, why: str | None) -> str:
    """Spearman's, because few metrics promise a straight line."""
    if found is None or found.spearman.value is None:
        return f"– ({why or (found and found.spearman.reason)})"
    r = found.spearman
    interval = "" if r.low is None else f" [{r.low:.2f}, {r.high:.2f}]"
    return f"{r.value:.2f}{interval}, n = {found.n}"


def _disagreement(pair: Pair, point: Point) -> dict[str, Any]:
    return {
        "question": f"{pair.section}: {pair.question}",
        "metric": pair.metric,
        "place": (pair.task, point.clip),
        "clip": point.clip,
        "model": point.system,
        "value": f"{point.value:.3g}",
        "opinion": f"{point.opinion:.2f}",
        "says": "the metric likes it more" if point.gap > 0 else "raters like it more",
    }


def _p(value: float | None) -> str:
    return "–" if value is None else "< 0.0001" if value < 1e-4 else f"{value:.4f}"


def _missing(contents: Contents) -> list[tuple[str, str]]:
    """What was not computed, or deserves a look, and why: (what, why)."""
    scores = contents.run.scores
    told = [
        (f"{result.metric} of {result.model} ({result.task})", result.why or "no reason was recorded")
        for result in scores.results
        if result.value is None
    ]
    told += [
        (f"{result.metric} of {result.model} ({result.task})", f"undefined for {result.excluded} clips, left out")
        for result in scores.results
        if result.value is not None and result.excluded
    ]
    told += [(f"clip {one['id']} of {one['model']}", f"failed: {one['reason']}") for one in scores.failures]
    for finding in scores.findings:
        ids = finding["ids"]
        named = ", ".join(ids[:3]) + (f" and {len(ids) - 3} more" if len(ids) > 3 else "")
        told.append((f"{finding['model']} ({finding['task']})", f"{finding['finding']}: {named}"))
    told += [
        (f"{metric}, a caution", text)
        for metric, text in dict.fromkeys((r.metric, r.caution) for r in scores.results if r.caution is not None)
    ]
    told += contents.not_drawn
    if contents.compared.why:
        told.append(("comparisons of models", contents.compared.why))
    told += [
        (f"{c.metric} of {c.a} and {c.b} ({c.task})", f"not compared: {c.why}")
        for c in contents.compared.comparisons
        if c.difference is None
    ]
    if all(sample.file is None for sample in contents.run.samples):
        told.append(("players", "a folder of scores does not hold the clips; reports of runs do"))
    for row in contents.rows:
        told += [(f"player of {p.model}, {row.condition} ({row.task})", p.why) for p in row.players if p.why]
    return told


def _made_by(run: Run) -> list[tuple[str, str]]:
    """The manifest in rows, without a path of the machine that the run was made on."""
    told = [
        ("suite" if run.suite else "folder", suite_name(run)),
        ("cmmd-bench", str(run.scores.protocol.get("cmmd_bench", "unknown"))),
    ]
    for name, model in sorted(run.scores.protocol.get("models", {}).items()):
        source = model["source"] if isinstance(model, dict) else model
        options = model.get("options") if isinstance(model, dict) else None
        told.append((f"model {name}", f"{source}{f' with {options}' if options else ''}"))
    if "items" in run.scores.protocol:
        told.append(("items", str(run.scores.protocol["items"])))
    for source in run.sources:
        of = f" of {source.name}" if len(run.sources) > 1 else ""
        told += [(f"{what}{of}", text) for what, text in _manifest(source.manifest)]
    return told


def _manifest(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    if not manifest:
        return []
    return [
        ("command", _command(manifest["command"] or "cmmd_bench.run in Python")),
        ("started", manifest["started"]),
        ("ended", str(manifest.get("ended"))),
        ("Python", f"{manifest['python']} on {manifest['platform']}"),
        ("packages", ", ".join(f"{k} {v}" for k, v in sorted(manifest["packages"].items()))),
    ]


def _command(command: str) -> str:
    """As it can be typed elsewhere: the program by its name."""
    words = shlex.split(command)
    return shlex.join([PurePath(words[0]).name, *words[1:]]) if words else command
