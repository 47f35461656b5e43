"""Files of different systems come out alike, sound and picture together, and the audit tells what still differs."""

from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from clips import clicks, moving_square

from cmmd_bench.media import probe, read_clip, write_clip
from cmmd_bench.types import Clip
from cmmd_study.creation import Clips, Look, Selection, create
from cmmd_study.creation.alike import Common, common, look_at, transcode
from cmmd_study.creation.audit import audit, table
from cmmd_study.creation.loudness import gain_to, loudness, true_peak

BOTH = frozenset({"audio", "video"})


def tone(seconds: float, rate: int, level: float) -> np.ndarray:
    t = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * 440 * t)).astype(np.float32)


def flash_and_beep(fps: int, rate: int, seconds: float = 2.0, at: float = 1.0, side: int = 32) -> Clip:
    """Black and silent, but for 0.2 s of white and of a tone from `at` on."""
    video = np.zeros((round(seconds * fps), side, side, 3), np.uint8)
    video[round(at * fps) : round((at + 0.2) * fps)] = 255
    audio = np.zeros(round(seconds * rate), np.float32)
    first, count = round(at * rate), round(0.2 * rate)
    audio[first : first + count] = tone(0.2, rate, 0.5)
    return Clip(video, Fraction(fps), audio, rate)


def tagged(path, clip: Clip, title: str) -> None:
    """`clip` in an .mp4 that names who made it, in every place where a tag may stand."""
    with av.open(path, "w") as out:
        out.metadata["title"] = out.metadata["comment"] = title
        video = out.add_stream("libx264", rate=clip.fps)
        video.width, video.height, video.pix_fmt = clip.video.shape[2], clip.video.shape[1], "yuv420p"
        audio = out.add_stream("aac", rate=clip.sample_rate, layout="mono")
        video.metadata["handler_name"] = audio.metadata["handler_name"] = title
        for number, pixels in enumerate(clip.video):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, 1 / clip.fps
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        sound = av.AudioFrame.from_ndarray(clip.audio[None], format="fltp", layout="mono")
        sound.sample_rate, sound.pts, sound.time_base = clip.sample_rate, 0, Fraction(1, clip.sample_rate)
        out.mux(audio.encode(sound))
        out.mux(audio.encode(None))
    assert title.encode() in path.read_bytes()


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Two systems that differ in everything that could name them."""
    root = tmp_path_factory.mktemp("systems")
    for number in range(3):
        small, large = root / "cmmd-small", root / "othermodel"
        small.mkdir(exist_ok=True)
        large.mkdir(exist_ok=True)
        video = moving_square(18, 32, number)
        tagged(small / f"take{number}.mp4", Clip(video, Fraction(10), tone(1.8, 16_000, 0.02), 16_000), "cmmd sample 1")
        wide = np.repeat(moving_square(40, 40, number), 2, axis=2)
        write_clip(large / f"take{number}.mkv", Clip(wide, Fraction(25), tone(1.6, 44_100, 0.7), 44_100))
    origin = Clips({"cmmd-small": root / "cmmd-small", "othermodel": root / "othermodel"})
    return create(root / "study", origin, ["acr-v2a"], selection=Selection(2, 1, practice=1), look=Look(height=120))


def test_files_are_alike_in_what_they_declare(study):
    infos = [probe(study.folder.media(source.stimulus.id)) for source in study.sources]
    assert len({replace(info, start=0.0) for info in infos}) == 1
    info = infos[0]
    assert (info.fps, info.frames, info.sample_rate, info.channels) == (25, 40, 48_000, 1)
    assert info.height == 120
    assert len({study.folder.media(source.stimulus.id).stat().st_size for source in study.sources}) == 1
    assert {source.milliseconds for source in study.sources} == {1600}


def test_no_file_says_where_it_comes_from(study):
    words = [b"cmmd", b"othermodel", b"take0", b"take1", b"take2", b"sample", b"systems", b"/tmp"]
    for path in (study.folder.path / "media").iterdir():
        content = path.read_bytes().lower()
        assert [word for word in words if word in content] == []
        assert len(path.stem) == 16


def test_loudness_is_reached_after_decoding(study):
    levels = []
    for source in study.sources:
        clip = read_clip(study.folder.media(source.stimulus.id))
        levels.append(loudness(clip.audio, clip.sample_rate))
    assert levels == pytest.approx([-23.0] * len(levels), abs=0.5)


def test_the_audit_tells_what_is_alike_and_what_differs(study):
    found = {(each.of, each.attribute): each for each in study.audit.findings}
    for name in ("container", "size", "frame rate", "frame count", "duration", "loudness", "metadata", "file size"):
        assert found["written", name].same, found["written", name]
    canvas = found["written", "picture on canvas"]
    assert (canvas.noticed, dict(canvas.by_system)) == ("seen", {"cmmd-small": "120x120", "othermodel": "240x120"})
    rate = found["source", "sample rate"]
    assert (rate.noticed, rate.apart) == ("heard", [("cmmd-small", "othermodel")])
    assert found["source", "size"].by_system == {"cmmd-small": "32x32", "othermodel": "80x40"}
    assert found["source", "loudness"].noticed is None
    assert any("It alone tells cmmd-small from othermodel" in sentence for sentence in study.audit.sentences)
    columns, rows = table(study.audit)
    assert all(len(row) == len(columns) for row in rows)
    assert [row[3] for row in rows if row[2] == "picture on canvas"] == ["seen*"]


def test_the_audit_names_a_tag_and_a_level_that_were_left(study):
    files = [
        replace(
            file,
            written=file.written
            | {"metadata": f"title={file.system}", "loudness": -30.0 - index, "frame count": index},
        )
        for index, file in enumerate(study.audit.files)
    ]
    said = " ".join(audit(files).sentences)
    assert "the metadata differs, which can be read" in said
    assert "title=cmmd-small" in said
    assert "raters who save a file can read them" in said
    assert "files kept by their peaks from -23 LUFS" in said
    assert "the frame count differs" in said


def test_silence_is_told_and_stays(tmp_path):
    for system, level in (("quiet", 0.0), ("loud", 0.5)):
        (tmp_path / system).mkdir()
        video = moving_square(10, 32)
        write_clip(tmp_path / system / "a.mkv", Clip(video, Fraction(10), tone(1.0, 16_000, level), 16_000))
    origin = Clips({"quiet": tmp_path / "quiet", "loud": tmp_path / "loud"})
    made = create(tmp_path / "study", origin, ["acr-v2a"], selection=Selection(1, 1, practice=0), look=Look(64))
    by_system = {file.system: file for file in made.audit.files}
    assert by_system["quiet"].written["loudness"] is None
    assert by_system["quiet"].gain == 0.0
    assert "acr-v2a: silent files, which stay so: quiet 1." in made.audit.sentences
    assert "which can be heard: loud -23.0 LUFS; quiet silent." in " ".join(made.audit.sentences)


def test_peaks_keep_sounds_from_the_target_and_it_is_told(tmp_path):
    (tmp_path / "clicks").mkdir()
    sound = np.zeros(16_000, np.float32)
    sound[8_000:8_004] = 0.9
    write_clip(tmp_path / "clicks" / "a.mkv", Clip(moving_square(10, 32), Fraction(10), sound, 16_000))
    chosen = Selection(1, 1, practice=0)
    made = create(tmp_path / "study", Clips({"clicks": tmp_path / "clicks"}), ["acr-v2a"], selection=chosen)
    [file] = made.audit.files
    assert file.written["loudness"] < -23.5
    assert file.written["true peak"] < 0
    assert any("kept by their peaks from -23 LUFS: clicks 1 (least" in s for s in made.audit.sentences)
    kept = create(
        tmp_path / "kept", Clips({"clicks": tmp_path / "clicks"}), ["acr-v2a"], selection=chosen, look=Look(64, None)
    )
    assert kept.audit.files[0].gain == 0.0
    assert not any("kept by" in sentence for sentence in kept.audit.sentences)


@pytest.mark.parametrize(("fps", "rate", "canvas_fps"), [(10, 16_000, 25), (25, 44_100, 25), (30, 22_050, 30)])
def test_flash_and_beep_stay_together(tmp_path, fps, rate, canvas_fps):
    write_clip(tmp_path / "a.mkv", flash_and_beep(fps, rate))
    source = look_at(tmp_path / "a.mkv", BOTH)
    shared = Common(BOTH, 96, 64, Fraction(canvas_fps), Fraction(2), -23.0)
    assert transcode(source, tmp_path / "b.mp4", shared).drawn == (64, 64)
    made = read_clip(tmp_path / "b.mp4")
    assert made.video.shape == (2 * canvas_fps, 64, 96, 3)
    flash = np.flatnonzero(made.video[:, 16:48, 32:64].mean(axis=(1, 2, 3)) > 128)[0] / canvas_fps
    beep = np.flatnonzero(np.abs(made.audio) > 0.3 * np.abs(made.audio).max())[0] / made.sample_rate
    assert flash == pytest.approx(1.0, abs=1 / canvas_fps)
    assert beep == pytest.approx(1.0, abs=0.010)
    # Frames are repeated, never blended, and what lies beside the picture is black.
    assert set(np.round(made.video[:, 32, 48].mean(axis=1) / 255)) == {0, 1}
    middle = made.video[:, 32, 48].mean(axis=1)
    assert np.all((middle < 12) | (middle > 243))
    assert made.video[:, :, :12].max() < 12


def test_what_is_common_suits_all_sources(tmp_path):
    sizes = [(64, 64, 10, 1.8), (64, 64, 16, 1.65), (90, 160, 12, 2.0)]
    sources = []
    for number, (height, width, fps, seconds) in enumerate(sizes):
        video = np.zeros((round(fps * seconds), height, width, 3), np.uint8)
        write_clip(tmp_path / f"{number}.mkv", Clip(video, Fraction(fps), tone(seconds, 16_000, 0.1), 16_000))
        sources.append(look_at(tmp_path / f"{number}.mkv", BOTH))
    shared = common(sources, BOTH, height=None, target=-23.0)
    assert (shared.width, shared.height, shared.fps) == (480, 480, 16)
    # 1.65 s of sound, 26 frames of picture at 16 a second: whole frames of the shortest.
    assert shared.seconds == Fraction(26, 16)
    tall = common([replace(sources[0], height=600)], BOTH, height=None, target=None)
    assert tall.height == 600
    assert common([replace(sources[0], height=2000)], BOTH, height=None, target=None).height == 720
    assert common(sources, BOTH, height=65, target=None).height == 66
    wide = common(sources[2:], BOTH, height=None, target=None)
    assert (wide.width, wide.height) == (854, 480)


@pytest.mark.parametrize("seconds", [0.05, 0.3, 0.4, 1.0, 3.0])
def test_a_tone_measures_as_bs_1770_says_however_short(seconds):
    # A sine at 997 Hz and 0 dBFS reads -3.01 LUFS in one channel, by the definition of the unit.
    t = np.arange(round(seconds * 48_000)) / 48_000
    sine = (0.1 * np.sin(2 * np.pi * 997 * t)).astype(np.float32)
    assert loudness(sine, 48_000) == pytest.approx(-23.01, abs=0.15)
    assert gain_to(-23.0, sine, 48_000) == pytest.approx(0.0, abs=0.15)


def test_levels_of_silence_and_of_peaks_between_samples():
    silence = np.zeros(48_000, np.float32)
    assert loudness(silence, 48_000) is None
    assert gain_to(-23.0, silence, 48_000) == 0.0
    assert loudness(np.ones(1, np.float32), 48_000) is None
    t = np.arange(48_000)
    # At a quarter of the rate and 45 degrees all samples miss the crests by 3 dB.
    between = (0.5 * np.sin(np.pi / 2 * t + np.pi / 4)).astype(np.float32)
    assert true_peak(between, 48_000) == pytest.approx(20 * np.log10(0.5), abs=0.3)
    loud = clicks(1.0, 48_000)
    assert gain_to(0.0, loud, 48_000) <= -1.0 - true_peak(loud, 48_000) + 1e-6
