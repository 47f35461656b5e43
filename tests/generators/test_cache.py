"""Training clips on disk: filled once, gone on with after a kill, and honest about what is left out."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from cmmd_bench.errors import UserError
from cmmd_bench.ledger import JsonLines
from cmmd_bench.types import Clip, ClipSpec, Item
from cmmd_gen.data.cache import Arrays, Cache, prepare
from cmmd_gen.data.clips import Kept, TrainingSet, keep, open_clips, parse_set, sound

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


class Files(Five):
    """Clips by name and content, as files are: the fingerprint follows the content, whatever the name."""

    def __init__(self, **contents: str) -> None:
        self.contents = contents

    def items(self) -> list[Item]:
        return [Item(name, name) for name in self.contents]

    def fingerprint(self, item: Item) -> str:
        return self.contents[item.id]

    def load(self, item: Item) -> Clip:
        content = self.contents[item.id]
        clip = super().load(Item("noise", "noise"))
        # Told apart by one pixel.
        clip.video[0, 0, 0, 0] = ord(content[0])
        return clip.only_video() if "mute" in content else clip.only_audio() if "blind" in content else clip


def first_pixels(cache: Cache) -> list[str]:
    return [chr(cache[index]["frames"][0, 0, 0, 0]) for index in range(len(cache))]


def test_equal_files_renamed_files_and_replaced_files(tmp_path: Path) -> None:
    data = Files(one="a", two="b", three="a")
    cache = prepare(data, data.items(), keep, tmp_path, describes={})
    assert ([item.id for item in cache.items], first_pixels(cache)) == (["one", "two", "three"], ["a", "b", "a"])
    renamed = Files(other="a")
    assert first_pixels(prepare(renamed, renamed.items(), keep, tmp_path, describes={})) == ["a"]
    replaced = Files(one="c")
    again = prepare(replaced, replaced.items(), keep, tmp_path, describes={})
    assert first_pixels(again) == ["c"]
    # What is made of stored clips in turn is made anew as well.
    before, after = (Kept("k", each, SPEC) for each in (cache, again))
    same = after.items()[0]
    assert same == before.items()[0]
    assert after.fingerprint(same) != before.fingerprint(same)
    assert first_pixels(cache) == ["a", "b", "a"]


def test_a_folder_of_an_earlier_version_is_read_as_it_is(tmp_path: Path) -> None:
    data = Files(one="a")
    cache = prepare(data, data.items(), keep, tmp_path, describes={})
    cache.paths[0].rename(tmp_path / "one.safetensors")
    line = {"id": "one", "group": "one", "fingerprint": "a", "left_out": None}
    (tmp_path / "items.jsonl").write_text(json.dumps(line) + "\n")
    again = prepare(data, data.items(), keep, tmp_path, describes={}, needs=("frames", "audio"))
    assert first_pixels(again) == ["a"]
    kept = Kept("k", again, SPEC)
    assert kept.fingerprint(kept.items()[0]) == "one"


def test_files_of_one_name_in_two_folders_are_two_clips(tmp_path: Path) -> None:
    one, two = Files(same="a"), Files(same="b")
    both = prepare(one, one.items(), keep, tmp_path / "1", describes={}) + prepare(
        two, two.items(), keep, tmp_path / "2", describes={}
    )
    kept = Kept("k", both, SPEC)
    assert [item.id for item in kept.items()] == ["1/same", "2/same"]
    shown = [kept.load(item).video[0, 0, 0].tolist() for item in kept.items()]
    assert shown == [both[index]["frames"][0, 0, 0].tolist() for index in (0, 1)]
    assert shown[0] != shown[1]


def test_clips_without_a_side_are_left_out_where_it_is_needed_and_stay_where_not(tmp_path: Path) -> None:
    data = Files(whole="a", silent_film="b mute", radio="c blind")
    both = prepare(data, data.items(), keep, tmp_path, describes={}, needs=("frames", "audio"))
    assert [item.id for item in both.items] == ["whole"]
    assert both.left_out == {"no sound": ["silent_film"], "no picture": ["radio"]}
    seen = prepare(data, data.items(), keep, tmp_path, describes={}, needs=("frames",))
    assert [item.id for item in seen.items] == ["whole", "silent_film"]


def test_what_a_data_set_leaves_out_itself_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    data = Files(one="a")
    data.left_out = {"shorter than 0.5 s": ["tiny.mp4", "short.mp4"], "unreadable": []}  # type: ignore[attr-defined]
    monkeypatch.setattr(TrainingSet, "open", lambda *_: data)
    open_clips([TrainingSet("kitchen")], SPEC, tmp_path)
    assert [record.message for record in caplog.records] == [
        "2 files of kitchen are left out (shorter than 0.5 s), such as tiny.mp4"
    ]


def test_procedural_clips_are_kept_as_they_are_rendered_for_any_number_of_workers(tmp_path: Path) -> None:
    sets = [parse_set("beatdance:3"), parse_set("kitchen:2")]
    one = open_clips(sets, SPEC, tmp_path / "one")
    two = open_clips(sets, SPEC, tmp_path / "two", workers=2)
    assert [item.id for item in one.items] == [item.id for item in two.items]
    for index, item in enumerate(one.items):
        assert all(np.array_equal(one[index][name], two[index][name]) for name in ("frames", "audio"))
        source = sets[0] if item.id.startswith("beatdance") else sets[1]
        clip = source.open(SPEC).load(item)
        kept = Kept("kept", one, SPEC)
        again = kept.load(kept.items()[index])
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
