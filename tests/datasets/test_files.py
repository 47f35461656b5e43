"""Datasets of files: folder, aist, epic-sounds and landscape on small files under their real names."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from clips import clicks, clip, moving_square
from PIL import Image

from cmmd_bench.datasets import open_dataset
from cmmd_bench.datasets.aist import parse_name
from cmmd_bench.datasets.epic_sounds import read_annotations, seconds, window_start
from cmmd_bench.datasets.prepared import prepare
from cmmd_bench.datasets.windows import events_within, starts
from cmmd_bench.errors import UserError
from cmmd_bench.media import write_clip
from cmmd_bench.types import ClipSpec, Event, Truth

SPEC = ClipSpec(1.0, Fraction(10), 16, 16, 8_000)


def ids(dataset) -> list[str]:
    return [item.id for item in dataset.items()]


def test_a_folder_is_cut_end_to_end(tmp_path):
    write_clip(tmp_path / "long.mkv", clip(1, seconds=3.5))
    write_clip(tmp_path / "sub" / "exact.mkv", clip(2, seconds=1.0))
    write_clip(tmp_path / "short.mkv", clip(3, seconds=0.5))
    (tmp_path / "broken.mp4").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("not a clip")
    dataset = open_dataset("folder", SPEC, root=tmp_path)
    assert ids(dataset) == ["long-t0000.000", "long-t0001.000", "long-t0002.000", "sub-exact"]
    assert {item.group for item in dataset.items()} == {"long", "sub-exact"}
    assert len(dataset.left_out["shorter than 1 s"]) == 1
    assert "broken.mp4" in dataset.left_out["unreadable"][0]
    for item in dataset.items():
        loaded = dataset.load(item)
        assert loaded.video.shape == (10, 16, 16, 3)
        assert loaded.audio.shape == (8_000,)


def test_hop_windows_and_splits(tmp_path):
    write_clip(tmp_path / "test" / "a.mkv", clip(1, seconds=2.0))
    write_clip(tmp_path / "train" / "b.mkv", clip(1, seconds=2.0))
    assert ids(open_dataset("folder", SPEC, root=tmp_path, options={"hop": 0.5})) == [
        "a-t0000.000",
        "a-t0000.500",
        "a-t0001.000",
    ]
    assert ids(open_dataset("folder", SPEC, root=tmp_path, split="train", options={"windows": 1})) == ["b"]


def test_windows_show_the_right_part(tmp_path):
    whole = clip(5, seconds=3.0, side=16, sample_rate=8_000)
    write_clip(tmp_path / "a.mkv", whole)
    dataset = open_dataset("folder", SPEC, root=tmp_path)
    part = dataset.load(dataset.items()[1])
    assert np.array_equal(part.video, whole.video[10:20])
    assert np.array_equal(part.audio, whole.audio[8_000:16_000])


def test_frames_with_a_wav(tmp_path):
    frames = moving_square(12)
    (tmp_path / "dance").mkdir()
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(tmp_path / "dance" / f"{number:03d}.png")
    soundfile.write(tmp_path / "dance.wav", clicks(1.2), 16_000)
    with pytest.raises(UserError, match="does not know their rate"):
        open_dataset("folder", SPEC, root=tmp_path)
    dataset = open_dataset("folder", SPEC, root=tmp_path, options={"frame_rate": 10})
    assert ids(dataset) == ["dance"]
    loaded = dataset.load(dataset.items()[0])
    assert loaded.video.shape == (10, 16, 16, 3)
    assert np.abs(loaded.audio).max() > 0.1


def test_a_fingerprint_follows_content_not_name(tmp_path):
    write_clip(tmp_path / "a" / "x.mkv", clip(1))
    write_clip(tmp_path / "b" / "y.mkv", clip(1))
    write_clip(tmp_path / "c" / "x.mkv", clip(2))
    prints = []
    for name in "abc":
        dataset = open_dataset("folder", SPEC, root=tmp_path / name)
        prints.append(dataset.fingerprint(dataset.items()[0]))
    assert prints[0] == prints[1] != prints[2]


def test_two_files_of_one_name(tmp_path):
    write_clip(tmp_path / "a b.mkv", clip(1))
    write_clip(tmp_path / "a-b.mkv", clip(2))
    with pytest.raises(UserError, match=r"a b\.mkv and .*a-b\.mkv would both be called 'a-b'"):
        open_dataset("folder", SPEC, root=tmp_path)


def test_folders_without_clips(tmp_path):
    with pytest.raises(UserError, match="found no clips for dataset 'folder'.*expected video or audio files"):
        open_dataset("folder", SPEC, root=tmp_path)
    with pytest.raises(UserError, match="is not a folder"):
        open_dataset("folder", SPEC, root=tmp_path / "absent")
    with pytest.raises(UserError, match="option of dataset 'folder' named 'hopp'. Did you mean 'hop'"):
        open_dataset("folder", SPEC, root=tmp_path, options={"hopp": 1})


@pytest.mark.parametrize(
    ("length", "window", "hop", "expected"),
    [
        (1.8, 1.8, 1.8, [0.0]),
        (1.799, 1.8, 1.8, [0.0]),
        (1.7, 1.8, 1.8, []),
        (3.6, 1.8, 1.8, [0.0, 1.8]),
        (3.5, 1.8, 1.8, [0.0]),
        (4.0, 1.0, 1.5, [0.0, 1.5, 3.0]),
    ],
)
def test_where_windows_begin(length, window, hop, expected):
    assert starts(length, window, hop) == expected


# AIST++


def test_aist_names():
    name = parse_name("./aistplus/video_s2/test/gPO_sBM_c01_d11_mPO1_ch02_seg1.npy")
    assert (name.genre, name.camera, name.dancer, name.music, name.choreography) == ("PO", "c01", "11", "PO1", "02")
    assert str(name) == "gPO_sBM_c01_d11_mPO1_ch02"
    assert name.at("cAll") == "gPO_sBM_cAll_d11_mPO1_ch02"
    with pytest.raises(UserError, match="is not an AIST\\+\\+ name"):
        parse_name("dance.mp4")


def test_every_published_name_parses(shared):
    lines = (shared / "data" / "aist" / "d2m_aist_video_test_segment.txt").read_text().split()
    names = [parse_name(line) for line in lines]
    assert len(names) == 86
    assert all(str(name) in line for name, line in zip(names, lines, strict=True))


@pytest.fixture
def aist(tmp_path) -> Path:
    for name in (
        "gBR_sBM_c01_d04_mBR0_ch01",
        "gBR_sBM_c02_d04_mBR0_ch01",
        "gLO_sFM_c01_d15_mLO2_ch09",
        "gWA_sBM_c01_d25_mWA1_ch05",
    ):
        write_clip(tmp_path / "videos" / f"{name}.mkv", clip(len(name), seconds=2.0))
    lists = tmp_path / "splits"
    lists.mkdir()
    listed = [
        "gBR_sBM_cAll_d04_mBR0_ch01",
        "gLO_sFM_cAll_d15_mLO2_ch09",
        "gWA_sBM_cAll_d25_mWA1_ch05",
        "gJB_sBM_cAll_d07_mJB3_ch02",
    ]
    (lists / "crossmodal_test.txt").write_text("\n".join(listed) + "\n")
    (tmp_path / "ignore_list.txt").write_text("gWA_sBM_cAll_d25_mWA1_ch05\n")
    return tmp_path


def test_aist_split_camera_and_ignore_list(aist):
    dataset = open_dataset("aist", SPEC, root=aist)
    assert ids(dataset) == [
        "gBR_sBM_c01_d04_mBR0_ch01-t0000.000",
        "gBR_sBM_c01_d04_mBR0_ch01-t0001.000",
        "gLO_sFM_c01_d15_mLO2_ch09-t0000.000",
        "gLO_sFM_c01_d15_mLO2_ch09-t0001.000",
    ]
    assert {item.group for item in dataset.items()} == {"mBR0", "mLO2"}
    assert dataset.left_out["on the ignore list"] == ["gWA_sBM_cAll_d25_mWA1_ch05"]
    assert dataset.left_out["named in the split but not found"] == ["gJB_sBM_c01_d07_mJB3_ch02"]


def test_aist_all_cameras_share_a_group(aist):
    dataset = open_dataset("aist", SPEC, root=aist, options={"cameras": "all"})
    assert sum("_c02_" in name for name in ids(dataset)) == 2
    assert {item.group for item in dataset.items() if "mBR0" in item.id} == {"mBR0"}


def test_aist_without_its_lists(tmp_path):
    with pytest.raises(UserError, match=r"found no crossmodal_test\.txt below"):
        open_dataset("aist", SPEC, root=tmp_path)


# EPIC-Sounds

HEADER = (
    "annotation_id,participant_id,video_id,start_timestamp,stop_timestamp,"
    "start_sample,stop_sample,description,class,class_id\n"
)


def test_epic_sounds_times():
    assert seconds("00:00:02.069") == pytest.approx(2.069)
    assert seconds("01:02:03.5") == pytest.approx(3723.5)
    with pytest.raises(ValueError, match="not a time"):
        seconds("2.069")


@pytest.mark.parametrize(
    ("event", "length", "expected"),
    [
        ((4.0, 5.0), 10.0, 4.0),  # centred
        ((0.1, 0.3), 10.0, 0.0),  # moved to the beginning
        ((9.8, 9.9), 10.0, 9.0),  # moved to the end
        ((0.0, 8.0), 10.0, 3.5),  # longer than the window
        ((12.0, 13.0), 10.0, None),  # of another file
        ((0.0, 0.5), 0.8, None),  # the video is shorter than the window
    ],
)
def test_windows_on_events(event, length, expected):
    assert window_start(Event(*event, "x"), 1.0, length) == expected


def test_events_are_cut_to_the_window():
    events = [Event(0.0, 0.9, "before"), Event(0.5, 1.5, "into"), Event(1.2, 1.3, "inside"), Event(1.9, 4.0, "out of")]
    assert events_within(events, 1.0, 1.0) == (
        Event(0.0, 0.5, "into"),
        Event(pytest.approx(0.2), pytest.approx(0.3), "inside"),
        Event(pytest.approx(0.9), 1.0, "out of"),
    )


def test_epic_sounds_on_small_videos(tmp_path):
    (tmp_path / "EPIC_Sounds_validation.csv").write_text(
        HEADER
        + "P01_11_0,P01,P01_11,00:00:00.200,00:00:00.400,0,0,tap,metal-only collision,3\n"
        + "P01_11_1,P01,P01_11,00:00:01.400,00:00:01.600,0,0,pour,water,5\n"
        + "P02_01_0,P02,P02_01,00:00:01.000,00:00:02.000,0,0,no video,water,5\n"
        + "P01_11_2,P01,P01_11,00:00:07.000,00:00:08.000,0,0,past the end,water,5\n"
        + "P01_11_3,P01,P01_11,soon,later,0,0,nonsense,water,5\n"
    )
    write_clip(tmp_path / "P01" / "videos" / "P01_11.MP4.mkv".replace(".MP4", ""), clip(1, seconds=3.0))
    dataset = open_dataset("epic-sounds", SPEC, root=tmp_path, split="validation")
    assert ids(dataset) == ["P01_11_0", "P01_11_1"]
    first, second = dataset.items()
    assert first.group == second.group == "P01_11"
    assert first.truth.events == (Event(0.2, 0.4, "metal-only collision"),)
    assert second.truth.events[0].label == "water"
    assert second.truth.events[0].start == pytest.approx(0.4)
    assert dataset.load(second).video.shape == (10, 16, 16, 3)
    assert dataset.left_out["events without a readable video"] == ["P02_01_0"]
    assert dataset.left_out["events too near the end for 1 s"] == ["P01_11_2"]
    assert dataset.left_out["malformed rows"] == ["line 6: 'soon' is not a time of the form HH:MM:SS.sss"]


def test_the_published_annotations_parse(shared):
    rows, malformed = read_annotations(shared / "data" / "epic-sounds" / "EPIC_Sounds_validation.csv")
    assert len(rows) == 8_035
    assert malformed == []
    assert len({row.video for row in rows}) == 137
    assert len({row.event.label for row in rows}) == 44
    lengths = np.array([row.event.end - row.event.start for row in rows])
    assert np.median(lengths) == pytest.approx(1.0, abs=0.05)
    assert np.mean(lengths >= 1.8) == pytest.approx(0.33, abs=0.01)
    assert np.mean(lengths >= 3.6) == pytest.approx(0.19, abs=0.01)


def test_epic_sounds_without_columns_or_file(tmp_path):
    with pytest.raises(UserError, match=r"found no EPIC_Sounds_validation\.csv below"):
        open_dataset("epic-sounds", SPEC, root=tmp_path, split="validation")
    (tmp_path / "EPIC_Sounds_validation.csv").write_text("video_id,start\n")
    with pytest.raises(UserError, match="has no column annotation_id, start_timestamp"):
        open_dataset("epic-sounds", SPEC, root=tmp_path, split="validation")


# Landscape


def test_landscape(tmp_path):
    write_clip(tmp_path / "test" / "waterfall.mkv", clip(1, seconds=2.0))
    dataset = open_dataset("landscape", SPEC, root=tmp_path)
    assert ids(dataset) == ["waterfall-t0000.000", "waterfall-t0001.000"]
    with pytest.raises(UserError, match="has no folder 'train'; found test"):
        open_dataset("landscape", SPEC, root=tmp_path, split="train")


# Prepared


def test_prepare_stores_resumes_and_is_a_folder(tmp_path):
    source = open_dataset("beatdance", SPEC, size=4)
    items = source.items()[:3]
    settings = {"dataset": "beatdance", "split": "test", "seed": 0}
    out = tmp_path / "prepared" / "test"
    assert prepare(source, items, out, describes=settings) == {}
    stored = open_dataset("folder", SPEC, root=tmp_path / "prepared")
    assert ids(stored) == [item.id for item in items]
    for before, after in zip(items, stored.items(), strict=True):
        assert after.truth == Truth(tuple(before.truth.beats), before.truth.events)
        assert after.group == before.group
        assert np.array_equal(stored.load(after).video, source.load(before).video)
        assert np.array_equal(stored.load(after).audio, source.load(before).audio)

    (out / f"{items[1].id}.mkv").unlink()
    written = {path.name: path.stat().st_mtime_ns for path in out.glob("*.mkv")}
    assert prepare(source, source.items(), out, describes=settings) == {}
    again = {path.name: path.stat().st_mtime_ns for path in out.glob("*.mkv")}
    assert len(again) == 4
    assert all(again[name] == time for name, time in written.items())


def test_prepare_refuses_other_settings(tmp_path):
    source = open_dataset("beatdance", SPEC, size=1)
    prepare(source, source.items(), tmp_path, describes={"dataset": "beatdance", "seed": 0})
    with pytest.raises(UserError, match=r"made with other settings \(seed: 0 there, 1 now\)"):
        prepare(source, source.items(), tmp_path, describes={"dataset": "beatdance", "seed": 1})


def test_prepare_refuses_other_data_of_the_same_name(tmp_path):
    for seed, name in enumerate("ab"):
        write_clip(tmp_path / name / "x.mkv", clip(seed))
    first, second = (open_dataset("folder", SPEC, root=tmp_path / name) for name in "ab")
    prepare(first, first.items(), tmp_path / "out", describes={})
    with pytest.raises(UserError, match="holds another clip called 'x', of other data"):
        prepare(second, second.items(), tmp_path / "out", describes={})


def test_linked_folders_are_followed_once(tmp_path):
    write_clip(tmp_path / "elsewhere" / "a.mkv", clip(1))
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "root")
    assert ids(open_dataset("folder", SPEC, root=tmp_path / "root")) == ["link-a"]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"split": "nosuch"}, "split 'nosuch'"),
        ({"name": "folder", "options": {"hop": -1}}, "hop must be above 0 s, found -1"),
        ({"name": "folder", "options": {"hop": "a"}}, "cannot be opened"),
    ],
)
def test_options_out_of_range(tmp_path, options, complaint):
    write_clip(tmp_path / "a.mkv", clip(1))
    name = options.pop("name", "beatdance")
    root = tmp_path if name == "folder" else None
    with pytest.raises(UserError, match=complaint):
        open_dataset(name, SPEC, root=root, **options)


def test_prepare_reports_what_it_could_not_read(tmp_path):
    write_clip(tmp_path / "in" / "a.mkv", clip(1, seconds=1.0))
    write_clip(tmp_path / "in" / "b.mkv", clip(2, seconds=1.0))
    source = open_dataset("folder", SPEC, root=tmp_path / "in")
    content = (tmp_path / "in" / "b.mkv").read_bytes()
    (tmp_path / "in" / "b.mkv").write_bytes(content[: len(content) // 2])
    failures = prepare(source, source.items(), tmp_path / "out", describes={})
    assert set(failures) == {"b"}
    assert "b.mkv" in failures["b"]
    assert (tmp_path / "out" / "a.mkv").is_file()
