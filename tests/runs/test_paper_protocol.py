"""The paper's protocol on small clips: sets of one size against the whole test set, several generations pairwise."""

import numpy as np
import pytest
from clips import clip

from cmmd_bench.embedders import get_embedder
from cmmd_bench.media import read_clip, write_clip
from cmmd_bench.media.picture import fitted
from cmmd_bench.metrics import frechet_distance
from cmmd_bench.runs import RunFolder, run
from cmmd_bench.suites import parse_suite
from cmmd_bench.types import Clip

CLIPS, CONDITIONS, SAMPLES = 7, 4, 3

SUITE = f"""
name = "paper"
tasks = ["v2a", "a2v"]
samples_per_condition = {SAMPLES}

[data]
dataset = "folder"
conditions = {CONDITIONS}
reference = "all"

[clip]
seconds = 1.0
fps = 10
size = [32, 32]
sample_rate = 16000

[[metrics]]
metric = "fad"
task = "v2a"
embedder = "logmel-stats"
samples = 1

[[metrics]]
metric = "fvd"
task = "a2v"
embedder = "conv3d-random"
against = "conditions"

[[metrics]]
metric = "fvd"
task = "a2v"
embedder = "conv3d-random"
against = "conditions"
frames = 6
size = 16
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    for k in range(CLIPS):
        write_clip(root / f"{k}.mkv", clip(k, seconds=1.0))
    suite = parse_suite(SUITE, where="this test")
    return run(suite, {"models:Tone": {}}, data=root, out=tmp_path_factory.mktemp("run"), workers=1)


def cells(outcome) -> dict:
    return {(result.model, result.metric): result for result in outcome.scores.results}


def test_fad_scores_sets_of_one_size_against_the_whole_test_set(outcome):
    rows = [cell for (_, metric), cell in cells(outcome).items() if metric == "fad[logmel-stats]"]
    assert {cell.model for cell in rows} == {"ground-truth", "Tone", "shuffled", "noise"}
    assert {(cell.n_samples, cell.n_reference) for cell in rows} == {(CONDITIONS, CLIPS)}
    # A part of the reference against the whole of it is not at distance 0, in the paper and here.
    assert cells(outcome)["ground-truth", "fad[logmel-stats]"].value > 0


def test_pairwise_distances_take_every_generation(outcome):
    cell = cells(outcome)["Tone", "pairwise-fvd[conv3d-random]"]
    assert (cell.n, cell.n_samples, cell.n_reference) == (CONDITIONS, CONDITIONS * SAMPLES, CONDITIONS)


def test_the_columns_of_table_1_show_the_first_frames_at_another_size(outcome):
    folder = RunFolder(outcome.folder)
    embed = get_embedder("conv3d-random").embed

    def seen(path) -> np.ndarray:
        whole = read_clip(path)
        return embed(Clip(video=np.stack([fitted(frame, (16, 16)) for frame in whole.video[:6]]), fps=whole.fps))

    made = [seen(folder.sample("Tone", key)) for model, key in folder.attempts() if model == "Tone" and "a2v" in key]
    real = [seen(path) for path in sorted((outcome.folder / "conditions").iterdir())]
    assert (len(made), len(real)) == (CONDITIONS * SAMPLES, CONDITIONS)
    expected = frechet_distance(np.concatenate(made), np.concatenate(real))
    assert cells(outcome)["Tone", "pairwise-fvd[conv3d-random@6f16]"].value == pytest.approx(expected, rel=1e-9)
