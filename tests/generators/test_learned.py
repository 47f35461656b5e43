"""What the shipped checkpoints have learned, on clips that no training saw; slow, with the result stored.

The suites `demo` (beatdance, both tasks) and `kitchen` are run with the shipped models and, where it is given, the
control of the contrastive stage (the same continuation of nCMMD with eta = 0). Every claim is a paired comparison on
the same 48 conditions, corrected over all claims of its suite (Holm). CMMD_BENCH_CONTROL names the control's file.
"""

import datetime
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

import cmmd_bench
from cmmd_bench.content import content_digest
from cmmd_bench.parallel import default_workers
from cmmd_bench.runs import run
from cmmd_bench.scoring.comparisons import compare_models
from cmmd_bench.scoring.index import read_index
from cmmd_bench.suites import load_suite
from cmmd_gen.shipped import FOLDER, shipped

STORED = Path(__file__).resolve().parents[1] / "data" / "proofs" / "learned.json"
MODELS = ("cmmd", "ncmmd", "mmdiff")
CONTROL = "cmmd_gen.cmmd.generator:CMMD"
"""The control runs as the class by its path, because a name stands for one checkpoint."""

FLOORS = {
    "demo": {
        "noise": ("fad[logmel-stats]", "fad-clip[logmel-stats]", "fvd[conv3d-random]", "kvd[conv3d-random]"),
        "shuffled": ("beat-hit@100ms", "av-align"),
    },
    "kitchen": {"noise": ("fad[logmel-stats]",), "shuffled": ("onset-f1@100ms",)},
}
"""Which floor a model has to beat under which metric."""


@pytest.mark.slow
def test_measure_what_was_learned(tmp_path: Path) -> None:
    control = os.environ.get("CMMD_BENCH_CONTROL")
    models: dict[str, dict[str, Any]] = {name: {} for name in MODELS}
    if control:
        models[CONTROL] = {"checkpoint": control}
    suites = {name: _suite(name, models, tmp_path / name) for name in FLOORS}
    record = {
        "made": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cmmd_bench": cmmd_bench.__version__,
        "checkpoints": {path.name: content_digest(path) for path in sorted(FOLDER.glob("*.safetensors"))},
        "suites": suites,
    }
    STORED.write_text(json.dumps(record, indent=1) + "\n")


def _suite(name: str, models: dict[str, dict[str, Any]], out: Path) -> dict[str, Any]:
    outcome = run(load_suite(name), models, out=out, workers=default_workers())
    assert outcome.scores is not None
    scored = read_index(out)
    rows = [
        {"model": r.model, "task": r.task, "metric": r.metric, "value": r.value, "low": r.low, "high": r.high,
         "chance": r.chance, "n": r.n}
        for r in outcome.scores.results
    ]  # fmt: skip
    tested = ["CMMD" if model == CONTROL else model for model in models]
    found = compare_models(scored, models=[*tested, "shuffled", "noise"])
    return {"rows": rows, "comparisons": [{**asdict(c), "better": c.better} for c in found]}


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    if not shipped("cmmd").is_file():
        pytest.skip("no diffusion model ships yet")
    record: dict[str, Any] = json.loads(STORED.read_text())
    return record


def test_the_stored_result_is_of_the_shipped_checkpoints(stored: dict[str, Any]) -> None:
    present = {path.name: content_digest(path) for path in FOLDER.glob("*.safetensors")}
    assert stored["checkpoints"] == present, "run: pytest -m slow tests/generators/test_learned.py"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("suite", FLOORS)
def test_each_model_beats_the_floors(stored: dict[str, Any], suite: str, model: str) -> None:
    found = stored["suites"][suite]["comparisons"]
    for floor, metrics in FLOORS[suite].items():
        for metric in metrics:
            (comparison,) = [c for c in found if c["metric"] == metric and {c["a"], c["b"]} == {model, floor}]
            assert comparison["better"] == model, f"{metric} of {model} against {floor}: {comparison}"
