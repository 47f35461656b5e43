"""A run from suite to results: complete, resumable, and the same however it is cut up."""

import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from cmmd_bench.errors import UserError
from cmmd_bench.ledger import JsonLines
from cmmd_bench.media import read_clip
from cmmd_bench.runs import RunFolder, run


def results(outcome) -> bytes:
    return (outcome.folder / "results.json").read_bytes()


def ledger(folder) -> list[dict]:
    lines = [line for path in sorted(folder.glob("samples*.jsonl")) for line in path.read_text().splitlines()]
    return [json.loads(line) for line in lines]


def test_every_row_and_metric_is_there(finished, small):
    cells = {(r.model, r.task, r.metric): r for r in finished.scores.results}
    assert {model for model, _, _ in cells} == {"ground-truth", "Tone", "shuffled", "noise"}
    assert len(cells) == 4 * len(small.metrics)
    assert finished.scores.complete
    assert all(np.isfinite(r.value) and r.low <= r.value <= r.high for r in cells.values())
    assert all(r.n == 4 for r in cells.values() if r.metric != "beat-hit@100ms[truth]")
    assert cells["Tone", "v2a", "fad[logmel-stats]"].n_samples == 8
    assert cells["Tone", "v2a", "fad-clip[logmel-stats]"].n_samples == 4
    assert cells["Tone", "a2v", "pairwise-fvd[conv3d-random]"].n_reference == 4
    assert cells["Tone", "a2v", "kvd[conv3d-random]"].n_reference == 6


def test_ground_truth_is_its_own_condition(finished):
    cells = {(r.model, r.metric): r.value for r in finished.scores.results}
    assert cells["ground-truth", "pairwise-fvd[conv3d-random]"] == pytest.approx(0, abs=1e-9)
    assert cells["noise", "pairwise-fvd[conv3d-random]"] > 0.01
    assert cells["ground-truth", "fad[logmel-stats]"] < cells["noise", "fad[logmel-stats]"]


def test_samples_are_whole_clips_with_the_given_side_untouched(finished):
    folder = RunFolder(finished.folder)
    lines = ledger(finished.folder)
    # Two tasks, four conditions, two samples of each row but one of the ground truth, of which there is one.
    assert len(lines) == 2 * 4 * (1 + 2 + 2 + 2)
    for line in lines[:: len(lines) // 7]:
        sample = read_clip(folder.sample(line["model"], line["id"]))
        real = read_clip(folder.condition(line["item"]))
        given = "video" if line["task"] == "v2a" else "audio"
        assert np.array_equal(getattr(sample, given), getattr(real, given))
        if line["model"] == "ground-truth":
            assert np.array_equal(sample.video, real.video)
            assert np.array_equal(sample.audio, real.audio)


def test_the_manifest_says_how(finished):
    manifest = json.loads((finished.folder / "run.json").read_text())
    assert manifest["schema"] == 1
    assert manifest["status"] == "complete"
    assert manifest["ended"] >= manifest["started"]
    assert manifest["config"]["suite"]["name"] == "small"
    assert manifest["packages"]["torch"]
    assert (finished.folder / "log.txt").exists()


def test_values_per_clip_are_kept(finished):
    lines = [json.loads(line) for line in (finished.folder / "scores.jsonl").read_text().splitlines()]
    per_clip = [line for line in lines if line["model"] == "Tone" and line["metric"] == "fad-clip[logmel-stats]"]
    cell = next(r for r in finished.scores.results if (r.model, r.metric) == ("Tone", "fad-clip[logmel-stats]"))
    assert len(per_clip) == 4
    assert np.mean([line["value"] for line in per_clip]) == pytest.approx(cell.value, rel=1e-12)


def test_running_again_does_nothing_and_changes_nothing(finished, small, tmp_path):
    folder = shutil.copytree(finished.folder, tmp_path / "copy")
    before = (folder / "samples.jsonl").read_bytes()
    again = run(small, {"models:Tone": {}}, out=folder, workers=1)
    assert results(again) == results(finished)
    assert (folder / "samples.jsonl").read_bytes() == before


def test_batch_size_and_workers_change_nothing(finished, small, tmp_path, monkeypatch):
    # A cache of its own, or there would be nothing left for two workers to do.
    monkeypatch.setenv("CMMD_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("cmmd_bench.parallel.ITEMS_PER_WORKER", 1)
    other = run(small, {"models:Tone": {}}, out=tmp_path / "run", workers=2, batch_size=1)
    assert results(other) == results(finished)
    digests = {(line["model"], line["id"]): line["sha256"] for line in ledger(finished.folder)}
    assert {(line["model"], line["id"]): line["sha256"] for line in ledger(other.folder)} == digests


def test_copies_in_worker_processes_make_the_same_clips(finished, small, tmp_path):
    processes = tmp_path / "processes"
    options = {"models:PerCore": {"processes": str(processes)}}
    other = run(small, options, out=tmp_path / "run", workers=2, batch_size=1)
    answered = [line.split() for line in processes.read_text().splitlines()]
    assert len(answered) == 16
    assert {threads for _, threads in answered} == {"1"}
    assert str(os.getpid()) not in {pid for pid, _ in answered}
    digests = {line["id"]: line["sha256"] for line in ledger(finished.folder) if line["model"] == "Tone"}
    assert {line["id"]: line["sha256"] for line in ledger(other.folder) if line["model"] == "PerCore"} == digests


def test_a_copy_that_dies_is_told(small, tmp_path):
    with pytest.raises(UserError, match="a worker process died"):
        run(small, {"models:CopiesDie": {}}, out=tmp_path / "run", workers=2, batch_size=1)
    assert sum(line["model"] == "ground-truth" for line in ledger(tmp_path / "run")) == 8


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_shards_in_any_order_are_one_process(finished, small, tmp_path, order):
    outcomes = [
        run(small, {"models:Tone": {}}, out=tmp_path / "run", shard_of=(index, 3), workers=1) for index in order
    ]
    assert [outcome.scores is None for outcome in outcomes] == [True, True, False]
    assert outcomes[0].pending > outcomes[1].pending > 0
    assert results(outcomes[2]) == results(finished)


def test_an_unsharded_run_finishes_what_a_shard_began(finished, small, tmp_path):
    run(small, {"models:Tone": {}}, out=tmp_path / "run", shard_of=(1, 4), workers=1)
    whole = run(small, {"models:Tone": {}}, out=tmp_path / "run", workers=1)
    assert results(whole) == results(finished)
    ids = [(line["model"], line["id"]) for line in ledger(whole.folder)]
    assert len(ids) == len(set(ids))


def test_another_seed_asks_for_other_clips_of_the_same_conditions(finished, small, tmp_path):
    other = run(small, {"models:Tone": {}}, out=tmp_path / "run", seed=1, workers=1)
    cells = {(r.model, r.metric): r.value for r in other.scores.results}
    first = {(r.model, r.metric): r.value for r in finished.scores.results}
    assert cells["ground-truth", "fad[logmel-stats]"] == first["ground-truth", "fad[logmel-stats]"]
    assert cells["Tone", "fad[logmel-stats]"] != first["Tone", "fad[logmel-stats]"]


def test_another_configuration_is_refused_with_the_difference(finished, small):
    changed = small.model_copy(update={"samples_per_condition": 3})
    with pytest.raises(UserError, match=r"suite\.samples_per_condition: 2 there, 3 now.*--out"):
        run(changed, {"models:Tone": {}}, out=finished.folder)
    with pytest.raises(UserError, match=r"models\.Tone\.options\.delay: None there, 1 now"):
        run(small, {"models:Tone": {"delay": 1}}, out=finished.folder)


def test_a_newer_schema_is_refused(finished, small, tmp_path):
    folder = shutil.copytree(finished.folder, tmp_path / "copy")
    manifest = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**manifest, "schema": 99}))
    with pytest.raises(UserError, match="schema 99; this version of cmmd-bench reads up to 1"):
        run(small, {"models:Tone": {}}, out=folder)


def test_a_sample_that_vanished_is_named(finished, small, tmp_path):
    folder = shutil.copytree(finished.folder, tmp_path / "copy")
    victim = next((folder / "samples" / "Tone").iterdir())
    victim.unlink()
    with pytest.raises(UserError, match=f"{victim.name} is in the run's ledger but not on disk"):
        run(small, {"models:Tone": {}}, out=folder, workers=1)


def test_a_sample_that_was_exchanged_is_named(finished, small, tmp_path):
    folder = shutil.copytree(finished.folder, tmp_path / "copy")
    victim = next((folder / "samples" / "Tone").iterdir())
    shutil.copy(folder / "samples" / "noise" / victim.name, victim)
    with pytest.raises(UserError, match=f"{victim.name} is not what the run's ledger says was made"):
        run(small, {"models:Tone": {}}, out=folder, workers=1)


def test_another_state_of_the_model_is_another_run(small, tmp_path, monkeypatch):
    module = tmp_path / "changing.py"
    code = (Path(__file__).parent / "models.py").read_text()
    module.write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    run(small, {"changing:Tone": {}}, out=tmp_path / "run", shard_of=(0, 5), workers=1)
    module.write_text(code + "\n# retrained\n")
    with pytest.raises(UserError, match=r"models\.Tone\.source: 'changing:Tone \w+' there, 'changing:Tone \w+' now"):
        run(small, {"changing:Tone": {}}, out=tmp_path / "run", workers=1)
    sys.modules.pop("changing", None)


def test_what_a_model_says_of_itself_is_kept_and_compared(small, tmp_path, monkeypatch):
    import models

    monkeypatch.setattr(models.Tone, "describe", lambda self: {"weights": "abc"}, raising=False)
    first = run(small, {"models:Tone": {}}, out=tmp_path / "run", shard_of=(0, 5), workers=1)
    assert json.loads((first.folder / "run.json").read_text())["described"] == {"Tone": {"weights": "abc"}}
    monkeypatch.setattr(models.Tone, "describe", lambda self: {"weights": "xyz"})
    with pytest.raises(UserError, match=r"another state of a model: Tone\.weights: 'abc' there, 'xyz' now"):
        run(small, {"models:Tone": {}}, out=tmp_path / "run", workers=1)


def test_a_wrong_option_does_not_claim_the_folder(small, tmp_path):
    with pytest.raises(UserError, match="could not be built with"):
        run(small, {"models:Tone": {"pitch": 3}}, out=tmp_path / "run", workers=1)
    assert run(small, {"models:Tone": {}}, out=tmp_path / "run", workers=1).scores.complete


@pytest.mark.parametrize("value", [float("nan"), Path("weights.pt"), {1, 2}])
def test_options_that_cannot_be_written_down(small, tmp_path, value):
    with pytest.raises(UserError, match="options of model 'Tone' cannot stand in a run's manifest"):
        run(small, {"models:Tone": {"log": value}}, out=tmp_path / "run")


def test_two_processes_do_not_write_one_ledger(small, tmp_path):
    with (
        JsonLines(tmp_path / "run" / "samples.jsonl"),
        pytest.raises(UserError, match="another process is writing .*--shard"),
    ):
        run(small, {"models:Tone": {}}, out=tmp_path / "run", workers=1)


def test_samples_of_another_form_are_converted_and_said(finished):
    said = {(f["model"], f["finding"]): len(f["ids"]) for f in finished.scores.findings}
    assert said["Tone", "converted from 16x16 pixels"] == 8
    assert not any(model == "ground-truth" and "converted" in finding for model, finding in said)


def test_the_default_folder_is_found_again(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = run(small, {}, workers=1)
    assert first.folder.parent.name == "runs"
    assert run(small, {}, workers=1).folder == first.folder


def test_a_model_that_does_one_task_has_rows_for_that_task(small, tmp_path):
    outcome = run(small, {"models:OnlySound": {}}, out=tmp_path / "run", workers=1)
    assert {r.task for r in outcome.scores.results if r.model == "OnlySound"} == {"v2a"}
    assert outcome.scores.complete


def test_a_model_for_another_task_is_refused_before_any_work(small, tmp_path):
    with pytest.raises(UserError, match="'OnlyJoint' does joint, but suite 'small' asks for v2a, a2v"):
        run(small, {"models:Tone": {}, "models:OnlyJoint": {}}, out=tmp_path / "run")
    assert not (tmp_path / "run" / "samples").exists()


def test_rows_of_one_name_are_refused(small, tmp_path):
    with pytest.raises(UserError, match="two rows of the table would be called 'Tone'"):
        run(small, {"models:Tone": {}, "other:Tone": {}}, out=tmp_path / "run")
