"""The embed stage with I3D, from files on disk to cached features, against the bare network on the same frames.

pytest tests/benchmarks/test_embedding.py --benchmark-only

While the network looks at one clip a thread decodes the next, so that files should cost next to nothing.
"""

import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from clips import clip

from cmmd_bench import extractors
from cmmd_bench.embedders.cache import FeatureCache
from cmmd_bench.embedders.i3d import I3d
from cmmd_bench.embedders.i3d.preprocess import prepare
from cmmd_bench.extraction import Entry, Views, read_at
from cmmd_bench.media import write_clip
from cmmd_bench.types import ClipSpec

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "embedders"))

from i3d_recipe import network

CLIPS = 8
SPEC = ClipSpec(1.6, 10, 128, 128, 16_000)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("clips")
    for k in range(CLIPS):
        write_clip(folder / f"{k}.mkv", clip(k, seconds=SPEC.seconds, side=128))
    return sorted(folder.iterdir())


@pytest.mark.parametrize("route", ["files to cached features", "bare network"])
def test_clips_on_one_core(benchmark, route, files, monkeypatch, tmp_path):
    benchmark.group = f"{CLIPS} clips of {SPEC}"
    embedder = I3d("i3d", "recipe", "videogpt", "cpu", network())
    monkeypatch.setattr(extractors, "get_embedder", lambda name: embedder)
    torch.set_num_threads(1)
    prepared = [prepare(read_at(path, SPEC).video, "videogpt") for path in files]
    rounds = iter(range(100))

    def whole():
        views = Views(FeatureCache(tmp_path / str(next(rounds))))
        entries = [Entry(path.name, path.name, path, ("i3d",)) for path in files]
        views.extract(partial(read_at, spec=SPEC), entries, str(SPEC), workers=1)
        return np.concatenate([views.get(path.name, "i3d") for path in files])

    def bare():
        with torch.inference_mode():
            return torch.cat([embedder.network(x) for x in prepared]).numpy()

    found = benchmark.pedantic(whole if route.startswith("files") else bare, rounds=3, warmup_rounds=1)
    np.testing.assert_allclose(found, bare(), atol=1e-4)
