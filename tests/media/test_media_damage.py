"""Files that are missing, cut off, damaged or no media: a sentence with name, finding and remedy, never a traceback."""

import os
import subprocess
import sys
from fractions import Fraction

import av
import numpy as np
import pytest
import soundfile
from media_samples import clapper, numbered, with_burst, write_media
from PIL import Image

from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_bench.media import probe, read_clip, write_clip
from cmmd_bench.types import Clip

FASTSTART = {"movflags": "+faststart"}


def textured(number: int) -> np.ndarray:
    """A numbered picture that costs the encoder some bytes."""
    noise = np.random.default_rng(number).integers(-25, 25, (64, 64, 3))
    return (numbered(number).astype(int) + noise).clip(0, 255).astype(np.uint8)


def clip_file(path, container="mp4", codec="libx264", sound_codec="aac", **options):
    content = clapper(4.0)
    content["pictures"] = [(k / Fraction(25), textured(k)) for k in range(100)]
    content["sounds"] = [(0, np.random.default_rng(1).uniform(-0.3, 0.3, 4 * 48_000))]
    return write_media(path, container, codec=codec, sound_codec=sound_codec, **content, **options)


def cut_off(path, share=0.5):
    path.write_bytes(path.read_bytes()[: round(path.stat().st_size * share)])
    return path


def scramble(path, kind, at):
    """Overwrite most of the first packet at or after `at` seconds."""
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[0]
        packet = next(p for p in container.demux(stream) if p.size > 30 and p.pts * p.time_base >= at)
        position = data.find(bytes(packet))
        length = packet.size
    noise = np.random.default_rng(0).integers(0, 256, length - 4, np.uint8)
    data[position + 4 : position + length] = noise.tobytes()
    path.write_bytes(data)
    return path


def refused(call, path, *words):
    with pytest.raises(UserError) as caught:
        call(path)
    message = str(caught.value)
    for word in (path.name, *words):
        assert word in message
    # It ends with what to do.
    assert message.endswith(".")
    assert message.count(".") > path.name.count(".")
    return caught.value


@pytest.mark.parametrize("call", [read_clip, probe])
def test_files_that_cannot_be_opened(tmp_path, call):
    refused(call, tmp_path / "missing.mp4", "No such file", "Check")
    empty = tmp_path / "empty.mp4"
    empty.touch()
    refused(call, empty, "is empty (0 bytes)", "Copy it again")
    text = tmp_path / "text.mp4"
    text.write_text("this is no film\n" * 100)
    refused(call, text, "cannot be read as video or audio", "no media file")
    notes = tmp_path / "notes.txt"
    notes.write_text("this is no film\n" * 100)
    refused(call, notes, "not a clip")
    Image.fromarray(numbered(3)).save(tmp_path / "still.png")
    refused(call, tmp_path / "still.png", "single picture", "give the folder")
    (tmp_path / "empty").mkdir()
    refused(call, tmp_path / "empty", "without numbered images")


def test_a_file_without_rights(tmp_path):
    path = clip_file(tmp_path / "mine.mp4")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    assert refused(read_clip, path, "Permission denied").exit_code == ENVIRONMENT


def test_a_file_with_neither_picture_nor_sound(tmp_path):
    subtitles = tmp_path / "words.srt"
    subtitles.write_text("1\n00:00:00,000 --> 00:00:01,000\nhello\n\n2\n00:00:01,000 --> 00:00:02,000\nyou\n")
    refused(read_clip, subtitles, "neither a video nor an audio stream")
    refused(probe, subtitles, "neither a video nor an audio stream")


def test_an_mp4_that_lost_its_index(tmp_path):
    refused(read_clip, cut_off(clip_file(tmp_path / "cut.mp4")), "has lost its index", "Copy it again")


@pytest.mark.parametrize(
    ("name", "container", "codec", "sound_codec", "options"),
    [
        ("cut.mp4", "mp4", "libx264", "aac", FASTSTART),
        ("cut.mkv", "matroska", "ffv1", "pcm_f32le", {}),
        ("cut.webm", "webm", "libvpx", "libopus", {}),
        ("cut.avi", "avi", "mpeg4", "pcm_s16le", {}),
    ],
)
def test_data_that_ends_before_its_header_says(tmp_path, name, container, codec, sound_codec, options):
    path = cut_off(clip_file(tmp_path / name, container, codec, sound_codec, options=options), 0.6)
    error = refused(read_clip, path, "Copy it again")
    assert "breaks off" in str(error) or "s (" in str(error)
    refused(lambda p: read_clip(p, start=1.5, seconds=2.0), path, "Copy it again")
    # What is whole can be read.
    assert read_clip(path, seconds=1.0).video.shape[0] == 25


def test_a_cut_off_gif(tmp_path):
    pictures = [(k / 10, textured(k)) for k in range(30)]
    path = write_media(tmp_path / "cut.gif", "gif", codec="gif", pictures=pictures, fps=10)
    refused(lambda p: read_clip(p, seconds=3.0), cut_off(path), "needs more")


@pytest.mark.parametrize("name", ["cut.wav", "cut.flac", "cut.mp3"])
def test_sound_files_cut_off(tmp_path, name):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 4 * 44_100)
    soundfile.write(tmp_path / name, noise, 44_100)
    refused(read_clip, cut_off(tmp_path / name), "Copy it again")


@pytest.mark.parametrize(
    ("name", "container", "codec", "sound_codec", "kind"),
    [
        ("bad.webm", "webm", "libvpx-vp9", "libopus", "video"),
        ("bad.mov", "mov", "mjpeg", "pcm_s16le", "video"),
        ("bad.avi", "avi", "mpeg4", "pcm_s16le", "video"),
        ("bad.mp4", "mp4", "libx264", "aac", "audio"),
        ("bad.mkv", "matroska", "ffv1", "flac", "audio"),
    ],
)
def test_damage_in_the_middle_is_no_patched_frame(tmp_path, name, container, codec, sound_codec, kind):
    path = scramble(clip_file(tmp_path / name, container, codec, sound_codec), kind, at=2.0)
    message = str(refused(read_clip, path, "Copy it again"))
    assert any(f"at {second}" in message for second in ("2.0", "2.1")), message
    # The window in front of the damage is unharmed.
    assert read_clip(path, seconds=1.0).video.shape[0] == 25


def test_a_damaged_ogg_does_not_just_end_early(tmp_path):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 6 * 44_100)
    soundfile.write(tmp_path / "bad.ogg", noise, 44_100)
    data = bytearray((tmp_path / "bad.ogg").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 200] = bytes(200)
    (tmp_path / "bad.ogg").write_bytes(data)
    refused(read_clip, tmp_path / "bad.ogg", "breaks off", "promises 6.00 s")


def test_recordings_glued_together_are_refused(tmp_path):
    content = clapper(4.0)
    path = write_media(tmp_path / "glued.ts", "mpegts", **content)
    path.write_bytes(path.read_bytes() * 2)
    refused(read_clip, path, "timestamps that jump back from", "Copy it again")
    assert read_clip(path, seconds=2.0).video.shape[0] == 50


def test_nothing_reaches_the_terminal(tmp_path):
    path = scramble(clip_file(tmp_path / "bad.mp4"), "video", at=1.0)
    cut_off(clip_file(tmp_path / "cut.mp4"))
    code = (
        "import sys\nfrom cmmd_bench.media import read_clip\nfrom cmmd_bench.errors import UserError\n"
        "for path in sys.argv[1:]:\n    try:\n        read_clip(path)\n    except UserError:\n        pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), str(tmp_path / "cut.mp4")], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_media_load_no_heavy_library():
    code = "import sys, cmmd_bench.media; print(sorted({'torch', 'librosa', 'scipy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_names_that_ffmpeg_would_take_for_something_else(tmp_path):
    clip = Clip(np.zeros((3, 4, 4, 3), np.uint8), 10)
    for name in ("a:b.mkv", "100%03d.mkv", "pipe:1.mkv", "é 音.mkv", "-y.mkv", "#.mkv"):
        write_clip(tmp_path / name, clip)
        assert len(read_clip(tmp_path / name).video) == 3
    playlist = tmp_path / "list.mp4"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/{name}\n#EXT-X-ENDLIST\n")
    with pytest.raises(UserError, match=r"list\.mp4"):
        read_clip(playlist)


def test_cover_art_is_no_picture(tmp_path):
    sound = with_burst(0.5, 2.0, 44_100)
    path = write_media(tmp_path / "song.m4a", "ipod", sounds=[(0, sound)], rate=44_100)
    covered = tmp_path / "covered.m4a"
    with av.open(str(path)) as source, av.open(str(covered), "w", format="mp4") as out:
        audio = out.add_stream_from_template(source.streams.audio[0])
        cover = out.add_stream("png", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "rgb24"
        cover.disposition = av.stream.Disposition.attached_pic
        frame = av.VideoFrame.from_ndarray(numbered(9), format="rgb24")
        packets = [p for p in source.demux() if p.dts is not None]
        for packet in packets:
            packet.stream = audio
        out.mux(cover.encode(frame) + cover.encode(None) + packets)
    with av.open(str(covered)) as check:
        assert len(check.streams.video) == 1
    clip = read_clip(covered)
    assert clip.video is None
    assert clip.audio_seconds == pytest.approx(2.0, abs=0.001)


def test_a_window_past_the_end_holds_nothing_of_the_file(tmp_path):
    write_clip(tmp_path / "clip.mkv", Clip(np.zeros((20, 4, 4, 3), np.uint8), 10, np.zeros(16_000, np.float32), 8_000))
    with pytest.raises(UserError, match=r"is 2\.00 s long and has nothing from 2\.00 s on"):
        read_clip(tmp_path / "clip.mkv", start=2.0, seconds=0.1)


def test_a_sound_file_without_samples(tmp_path):
    soundfile.write(tmp_path / "empty.wav", np.zeros(0, np.float32), 16_000)
    for window in ({}, {"seconds": 0.05}):
        with pytest.raises(UserError, match=r"empty\.wav"):
            read_clip(tmp_path / "empty.wav", **window)
