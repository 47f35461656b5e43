"""Training clips on disk: filled once, gone on with after a kill, and honest about what is left out."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from cmmd_bench.errors import UserError
from cmmd_bench.ledger import JsonLines
from cmmd_bench.types import Clip, ClipSpec, Item
from cmmd_gen.data.cache import Arrays, prepare
from cmmd_gen.data.clips import Kept, keep, open_clips, parse_set, sound

SPEC = ClipSpec(0.5, Fraction(10), 16, 16, 8000)


class Five:
    """Five clips: noise, silence, black, frozen, and one that cannot be read."""

    name = "five"
    spec = SPEC

    def items(self) -> list[Item]:
        return [Item(name, name) for name in ("noise", "silence", "black", "frozen", "broken")]

    def fingerprint(self, item: Item) -> str:
        return f"five/{item.id}"

    def load(self, item: Item) -> Clip:
        if item.id == "broken":
            raise UserError("broken.mp4 is cut off")
        rng = np.random.default_rng(1)
        video = rng.integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)
        audio = rng.uniform(-1, 1, 4000).astype(np.float32)
        if item.id == "silence":
            audio = np.zeros_like(audio)
        if item.id == "black":
            video = np.zeros_like(video)
        if item.id == "frozen":
            video = np.repeat(video[:1], 5, axis=0)
        return Clip(video, SPEC.fps, audio, SPEC.sample_rate)


class Counting(Five):
    """Counts what it is asked to decode."""

    loaded = 0

    def load(self, item: Item) -> Clip:
        type(self).loaded += 1
        return super().load(item)


def mean_and_audio(clip: Clip) -> Arrays:
    assert clip.video is not None
    return {"mean": clip.video.mean(axis=(1, 2)), **keep(clip.only_audio())}


def test_arrays_come_back_and_unusable_clips_are_named(tmp_path: Path) -> None:
    data = Five()
    cache = prepare(data, data.items(), mean_and_audio, tmp_path, describes={"arrays": "test"})
    assert [item.id for item in cache.items] == ["noise"]
    assert dict(cache.left_out) == {
        "silent": ["silence"], "black": ["black"], "frozen": ["frozen"], "broken.mp4 is cut off": ["broken"],
    }  # fmt: skip
    clip = data.load(cache.items[0])
    assert np.array_equal(cache[0]["mean"], clip.video.mean(axis=(1, 2)))
    assert np.abs(sound(cache[0]["audio"]) - clip.audio).max() <= 0.5 / 32767 + 1e-7


def test_a_filled_cache_decodes_nothing_and_a_torn_one_goes_on(tmp_path: Path) -> None:
    data = Counting()
    prepare(data, data.items()[:1], mean_and_audio, tmp_path, describes={})
    assert Counting.loaded == 1
    # As a kill would leave it: half a line.
    with (tmp_path / "items.jsonl").open("ab") as stream:
        stream.write(b'{"id": "sil')
    cache = prepare(data, data.items(), mean_and_audio, tmp_path, describes={})
    assert Counting.loaded == 5
    prepare(data, data.items(), mean_and_audio, tmp_path, describes={})
    assert Counting.loaded == 5
    assert len(cache) == 1


def test_who_finds_all_clips_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    data = Five()
    first = prepare(data, data.items(), mean_and_audio, tmp_path, describes={})
    with JsonLines(tmp_path / "items.jsonl"):
        assert prepare(data, data.items(), mean_and_audio, tmp_path, describes={}) == first


def test_other_content_and_nothing_usable_are_refused(tmp_path: Path) -> None:
    data = Five()
    with pytest.raises(UserError, match=r"no clip of five can be trained on: .*silence"):
        prepare(data, data.items()[1:2], mean_and_audio, tmp_path / "a", describes={})
    prepare(data, data.items(), mean_and_audio, tmp_path / "b", describes={"autoencoder": "1"})
    with pytest.raises(UserError, match=r"autoencoder: '1' there, '2' now.*another --cache"):
        prepare(data, data.items(), mean_and_audio, tmp_path / "b", describes={"autoencoder": "2"})


def test_procedural_clips_are_kept_as_they_are_rendered_for_any_number_of_workers(tmp_path: Path) -> None:
    sets = [parse_set("beatdance:3"), parse_set("kitchen:2")]
    one = open_clips(sets, SPEC, tmp_path / "one")
    two = open_clips(sets, SPEC, tmp_path / "two", workers=2)
    assert [item.id for item in one.items] == [item.id for item in two.items]
    for index, item in enumerate(one.items):
        assert all(np.array_equal(one[index][name], two[index][name]) for name in ("frames", "audio"))
        source = sets[0] if item.id.startswith("beatdance") else sets[1]
        clip = source.open(SPEC).load(item)
        again = Kept("kept", one, SPEC).load(item)
        assert np.array_equal(again.video, clip.video)
        assert np.abs(again.audio - clip.audio).max() <= 0.5 / 32767 + 1e-7


def test_sets_of_the_command_line() -> None:
    assert parse_set("kitchen:20") == replace(parse_set("kitchen"), count=20)
    assert parse_set("folder:7=some/where").root == Path("some/where")
    assert str(parse_set("folder:7=some/where")) == "folder:7"
    with pytest.raises(UserError, match="did you mean 'kitchen'|kitchen"):
        parse_set("kichen")
    with pytest.raises(UserError, match="is not NAME, NAME:COUNT"):
        parse_set("kitchen:0")
