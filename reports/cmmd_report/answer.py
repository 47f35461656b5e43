"""The answer, in two sentences made from the numbers: what the metrics show, and what people say or where it stands.

A sentence counts comparisons that survived the correction; a larger number alone is never called better.
"""

from collections.abc import Sequence
from itertools import groupby

from cmmd_bench.plugins import RESERVED
from cmmd_bench.scoring.comparisons import Comparison
from cmmd_report.comparing import Compared
from cmmd_report.types import Run, Study


def answer(run: Run, compared: Compared, study: Study | None) -> tuple[str, str]:
    """What the metrics show, and what raters say; without a study, that nobody was asked."""
    return _of_metrics(run, compared), _of_people(study) if study else _nobody(run)


def named(labels: Sequence[str]) -> str:
    """Names as a sentence lists them."""
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]}"


def _of_metrics(run: Run, compared: Compared) -> str:
    if not compared.done:
        why = compared.why or "no pair of rows has enough conditions in common"
        return f"No comparison could be made, so that nothing is shown about which model is better: {why.rstrip('.')}."
    models = list(dict.fromkeys(r.model for r in run.scores.results if r.model not in RESERVED))
    rows = models if len(models) > 1 else [*models, *RESERVED]
    wins = {row: sum(c.better == row for c in compared.done) for row in rows}
    first = models[0] if len(models) == 1 else max(rows, key=lambda row: wins[row])
    against = [_against(first, other, compared.done) for other in rows if other != first]
    said = "; ".join(text for text in against if text)
    if not said:
        return f"{first} shares no condition with another row, so that nothing is shown about which is better."
    return f"On {_name(run)}, {first} {said} (5 %, Holm over {len(compared.done)} comparisons)."


def _against(model: str, other: str, done: Sequence[Comparison]) -> str:
    mine = [c for c in done if {c.a, c.b} == {model, other}]
    if not mine:
        return ""
    better = [c.metric for c in mine if c.better == model]
    worse = [c.metric for c in mine if c.better == other]
    level = len(mine) - len(better) - len(worse)
    if not better and not worse:
        return f"shows no difference from {other} in any of {len(mine)} metrics"
    parts = []
    if better:
        parts.append(f"is better than {other} in {len(better)} of {len(mine)} metrics ({named(better)})")
    if worse:
        of_all = "" if better else f" of {len(mine)} metrics"
        parts.append(f"is worse than {other} in {len(worse)}{of_all} ({named(worse)})")
    if level:
        parts.append(f"no difference was shown in {level}")
    return ", ".join(parts)


def _of_people(study: Study) -> str:
    findings = study.analysis["results"]["findings"]
    told = []
    pairs = groupby(findings, key=lambda f: (f["contrast"]["section"], f["contrast"]["a"], f["contrast"]["b"]))
    for (_, a, b), group in pairs:
        each = [text for finding in group if (text := _finding(finding))]
        if each:
            told.append(f"{a} against {b}: {named(each)}")
    raters = len(study.analysis["results"]["raters"])
    claim = study.analysis["plan"]["claim"]
    if not told:
        return f"{raters} raters were asked; no contrast could be tested."
    # What a reader must know before believing a word of it.
    synthetic = "".join(f" But {note}" for note in study.analysis["notes"] if "synthetic" in note)
    return f"{raters} raters were asked (points of the scale, {claim}): {'; '.join(told)}.{synthetic}"


def _finding(finding: dict[str, object]) -> str:
    contrast, tests = finding["contrast"], finding["tests"]
    assert isinstance(contrast, dict)
    assert isinstance(tests, list)
    if not tests or tests[0]["difference"] is None:
        return ""
    primary = tests[0]
    interval = "" if primary["low"] is None else f" [{primary['low']:+.2f}, {primary['high']:+.2f}]"
    p = primary["adjusted"] if primary["adjusted"] is not None else primary["p"]
    shown = "" if p is not None and p <= 0.05 else ", not shown"
    return f"{contrast['question']} {primary['difference']:+.2f}{interval}{shown}"


def _nobody(run: Run) -> str:
    n = max((result.n for result in run.scores.results), default=0)
    asked = f"No person was asked whether these differences are heard or seen; {n} conditions were scored"
    if not run.has_frame:
        return f"{asked}, without a row of real clips or of noise that would say what a number is worth."
    return f"{asked}, and every number stands between the rows ground-truth and noise or shuffled below."


def _name(run: Run) -> str:
    suite = run.scores.protocol.get("suite")
    return f"the suite {suite['name']}" if suite else "these clips"
