"""What the run's metrics see and do not see: a table of faults, from validation.json of `validate --out`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cmmd_bench.errors import UserError
from cmmd_report.figures.drawing import Drawing, NotDrawn
from cmmd_report.figures.style import legend_below, styled
from cmmd_report.types import Run

STRONGEST = 10.0
"""Standard errors of harm at which a cell is darkest."""
LEGEND = (
    "From which level on a metric sees a fault in real clips; darker: more standard errors of harm at the strongest "
    "level, up to 10. ~: not steadily; better!: some level is rewarded; empty: a fault of the other side."
)


def sensitivity(run: Run, validation: Mapping[str, Any]) -> Drawing:
    """Faults down, metrics of the run across; NotDrawn if the validation has none of them, UserError if it is none."""
    try:
        units = {curve["fault"]: curve["unit"] for curve in validation["curves"]}
        verdicts = {(verdict["metric"], verdict["fault"]): verdict for verdict in validation["verdicts"]}
        clips = validation["clips"]["scored"]
    except (KeyError, TypeError) as error:
        raise UserError(f"the validation is not what `validate --out` writes ({error!r}). Give its folder.") from None
    known = {metric for metric, _ in verdicts}
    metrics = [label for label in dict.fromkeys(r.metric for r in run.scores.results) if label in known]
    if not metrics:
        raise NotDrawn(f"no sensitivity: the validation is of {', '.join(sorted(known))}, none of them in this table.")
    faults = [fault for fault in units if any((metric, fault) in verdicts for metric in metrics)]
    darkness = np.array([[_darkness(verdicts.get((metric, fault))) for metric in metrics] for fault in faults])
    with styled():
        figure = Figure(figsize=(1.15 * len(metrics) + 2.2, 0.27 * len(faults) + 1.5), layout="constrained")
        axes = figure.subplots()
        axes.imshow(darkness, cmap="Blues", vmin=0, vmax=1.6, aspect="auto")
        for down, fault in enumerate(faults):
            for across, metric in enumerate(metrics):
                axes.text(across, down, _word(verdicts.get((metric, fault))), ha="center", va="center", fontsize=7)
        axes.set_xticks(range(len(metrics)), metrics, rotation=25, ha="left", rotation_mode="anchor", fontsize=7)
        axes.set_yticks(range(len(faults)), [f"{fault} ({units[fault]})" for fault in faults], fontsize=7)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.spines[["left", "bottom"]].set_visible(False)
        legend_below(figure, LEGEND)
    said = "; ".join(
        f"{metric} is blind to {', '.join(blind) or 'none of them'}"
        for metric in metrics
        if (blind := [f for f in faults if _is_blind(verdicts.get((metric, f)))]) is not None
    )
    return Drawing(figure, f"What the metrics see, on {clips} real clips made worse", said)


def _is_blind(verdict: Mapping[str, Any] | None) -> bool:
    return verdict is not None and verdict["levels"] > 0 and verdict["seen_from"] is None


def _darkness(verdict: Mapping[str, Any] | None) -> float:
    if verdict is None or verdict["seen_from"] is None:
        return 0.0
    return min(max(verdict["sensitivity"] or 0.0, 0.0) / STRONGEST, 1.0)


def _word(verdict: Mapping[str, Any] | None) -> str:
    if verdict is None:
        return ""
    if not verdict["levels"]:
        return "–"
    word = "blind" if verdict["seen_from"] is None else f"≥ {abs(verdict['seen_from']):g}"
    steady = "" if verdict["seen_from"] is None or verdict["steady"] else " ~"
    return f"{word}{steady}{' better!' if verdict['rewards'] else ''}"
