"""The embed stage: one decode per clip, everything cached, failures with their reason."""

import os

import numpy as np
import pytest
from clips import clicks, clip, moving_square

from cmmd_bench.embedders.cache import FeatureCache
from cmmd_bench.errors import UserError
from cmmd_bench.extraction import Entry, Views
from cmmd_bench.extractors import get_extractor
from cmmd_bench.levels import findings, levels
from cmmd_bench.parallel import in_order, workers_for
from cmmd_bench.types import Clip

ALL = ("beats:librosa", "conv3d-random", "levels", "logmel-stats")


class Loader:
    """Makes clip number `source`, and counts how often it was asked."""

    def __init__(self):
        self.loaded = []

    def __call__(self, source: int) -> Clip:
        self.loaded.append(source)
        if source < 0:
            raise UserError(f"clip {source} cannot be read")
        return clip(source) if source < 100 else clip(source).only_video()


def entries(*sources: int, extractors=ALL):
    return [Entry(f"clip/{source}", f"content {source}", source, extractors) for source in sources]


def test_every_clip_is_loaded_once(tmp_path):
    views, load = Views(FeatureCache(tmp_path)), Loader()
    views.extract(load, entries(1, 2), "spec")
    assert load.loaded == [1, 2]
    assert views.get("clip/1", "conv3d-random").shape == (1, 64)
    assert views.get("clip/2", "logmel-stats").shape[1] == 64
    assert views.get("clip/2", "beats:librosa").ndim == 1
    assert np.array_equal(views.get("clip/1", "levels"), levels(clip(1)), equal_nan=True)


def test_what_is_cached_is_not_loaded_and_what_is_missing_is(tmp_path):
    Views(FeatureCache(tmp_path)).extract(Loader(), entries(1, extractors=("levels",)), "spec")
    views, load, calls = Views(FeatureCache(tmp_path)), Loader(), []
    views.extract(load, entries(1, extractors=("levels",)), "spec", advance=lambda: calls.append(1))
    assert load.loaded == []
    assert calls == [1]
    views.extract(load, entries(1, extractors=("levels", "logmel-stats")), "spec")
    assert load.loaded == [1]
    # Another specification or another content is another view.
    views.extract(load, entries(1, extractors=("levels",)), "other spec")
    assert load.loaded == [1, 1]


def test_failures_have_reasons_and_cost_nothing_else(tmp_path):
    views = Views(FeatureCache(tmp_path))
    views.extract(Loader(), entries(-1, 3, 100), "spec")
    assert views.get("clip/-1", "levels") is None
    assert views.why("clip/-1", "levels") == "clip -1 cannot be read"
    assert views.get("clip/100", "logmel-stats") is None
    assert "needs audio, found a clip without it" in views.why("clip/100", "logmel-stats")
    assert "beats need audio" in views.why("clip/100", "beats:librosa")
    assert views.get("clip/100", "conv3d-random") is not None
    assert views.get("clip/3", "logmel-stats") is not None
    assert views.why("clip/never seen", "levels") == "not extracted"


def test_a_cache_that_is_emptied_meanwhile_is_an_error(tmp_path):
    store = FeatureCache(tmp_path)
    views = Views(store)
    views.extract(Loader(), entries(1, extractors=("levels",)), "spec")
    store.clear()
    with pytest.raises(UserError, match="no longer holds what levels saw of clip/1"):
        views.get("clip/1", "levels")


def test_unknown_extractors():
    with pytest.raises(UserError, match="no beat tracker named 'librossa'. Did you mean 'librosa'"):
        get_extractor("beats:librossa")


def square(number: int) -> int:
    return number * number


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_order(workers):
    assert list(in_order(square, range(20), workers)) == [n * n for n in range(20)]


def test_a_failure_in_a_worker_reaches_the_caller():
    with pytest.raises(ZeroDivisionError):
        list(in_order(reciprocal, [1, 0, 2], 2))


def reciprocal(number: int) -> float:
    return 1 / number


def test_a_worker_that_dies_is_said():
    with pytest.raises(UserError, match="a worker process died"):
        list(in_order(die, range(1, 4), 2))


def die(number: int) -> int:
    # The first item is done in the calling process, which shall live.
    return number if number == 1 else os._exit(9)


def test_few_items_do_not_pay_for_processes():
    assert workers_for(3, 8) == 1
    assert workers_for(64, 8) == 2
    assert workers_for(10_000, 8) == 8


def sound(audio) -> Clip:
    return Clip(audio=np.asarray(audio, np.float32), sample_rate=16_000)


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        (clip(1), []),
        (sound(np.zeros(1000)), ["silent"]),
        (sound(np.full(1000, 1e-5)), ["silent"]),
        (sound(np.clip(5 * clicks(1.0), -1, 1)), ["clipped"]),
        (sound(clicks(1.0)), []),
        (Clip(np.zeros((3, 4, 4, 3), np.uint8), 10), ["black", "frozen"]),
        (Clip(np.repeat(moving_square(1), 5, axis=0), 10), ["frozen"]),
        (Clip(moving_square(1), 10), []),
        (Clip(moving_square(5), 10), []),
    ],
)
def test_findings(seen, found):
    assert findings(levels(seen)) == found
