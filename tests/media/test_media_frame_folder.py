"""Folders of numbered images, with sound in them or beside them."""

from fractions import Fraction

import numpy as np
import pytest
import soundfile
from media_samples import burst_at, numbered, numbers_of, with_burst
from PIL import Image

from cmmd_bench.errors import UserError
from cmmd_bench.media import is_frame_folder, probe, read_clip


def folder_of(path, count=20, name="{}.png", first=0, step=1):
    path.mkdir()
    for k in range(count):
        Image.fromarray(numbered(k)).save(path / name.format(first + k * step))
    return path


@pytest.mark.parametrize("name", ["{}.png", "frame-{:05d}.jpg", "shot3 {}.webp", "v2_{}.JPEG"])
def test_images_follow_their_numbers(tmp_path, name):
    folder = folder_of(tmp_path / "clip", 20, name, first=5)
    clip = read_clip(folder, frame_rate=10)
    assert clip.fps == 10
    assert clip.audio is None
    assert numbers_of(clip.video) == list(range(20))


def test_windows_rates_and_sizes_are_those_of_files(tmp_path):
    folder = folder_of(tmp_path / "clip", 60, first=0, step=5)
    clip = read_clip(folder, frame_rate="30000/1001", start=0.5, seconds=1.0, fps=10, size=(32, 16))
    assert clip.video.shape == (10, 32, 16, 3)
    rate = Fraction(30_000, 1001)
    whole = read_clip(folder, frame_rate=rate, start=0.5, seconds=1.0, fps=10)
    wanted = (0.5 + np.arange(10) / 10) * float(rate)
    assert np.abs(np.array(numbers_of(whole.video)) - wanted).max() <= 0.51
    with pytest.raises(UserError, match=r"clip: the picture is 2\.00 s long, the window 1\.00-2\.40 s needs more"):
        read_clip(folder, frame_rate=30, start=1.0, seconds=1.4)


@pytest.mark.parametrize("place", ["clip/sound.wav", "clip.wav", "clip.flac"])
def test_sound_in_the_folder_or_beside_it(tmp_path, place):
    folder = folder_of(tmp_path / "clip", 20)
    soundfile.write(tmp_path / place, with_burst(0.9, 2.0, 16_000), 16_000)
    clip = read_clip(folder, frame_rate=10)
    assert burst_at(clip.audio, 16_000) == pytest.approx(0.9)
    assert numbers_of(clip.video) == list(range(20))
    info = probe(folder, frame_rate=10)
    assert (info.seconds, info.fps, info.frames) == (2.0, 10, 20)
    assert (info.height, info.width, info.sample_rate, info.channels) == (64, 64, 16_000, 1)
    assert read_clip(folder, frame_rate=10, audio=False).audio is None
    assert read_clip(folder, frame_rate=10, video=False).video is None


def test_several_sounds_leave_a_doubt(tmp_path):
    folder = folder_of(tmp_path / "clip")
    for name in ("a.wav", "b.flac"):
        soundfile.write(folder / name, np.zeros(100), 16_000)
    with pytest.raises(UserError, match=r"several sound files \(a\.wav, b\.flac\)"):
        read_clip(folder, frame_rate=10)


@pytest.mark.parametrize("call", [read_clip, probe])
def test_the_rate_must_be_given(tmp_path, call):
    with pytest.raises(UserError, match=r"clip is a folder of .*frames, which does not know .*Give frame_rate"):
        call(folder_of(tmp_path / "clip"))
    with pytest.raises(ValueError, match="frame_rate must be above 0"):
        call(tmp_path / "clip", frame_rate=0)


def test_a_lost_frame_is_noticed(tmp_path):
    folder = folder_of(tmp_path / "clip")
    (folder / "7.png").unlink()
    with pytest.raises(UserError, match=r"8\.png follows 6\.png, expected number 7; a frame is missing or double"):
        read_clip(folder, frame_rate=10)
    Image.fromarray(numbered(0)).save(folder / "7.png")
    Image.fromarray(numbered(0)).save(folder / "07.png")
    with pytest.raises(UserError, match="a frame is missing or double"):
        read_clip(folder, frame_rate=10)


def test_images_must_agree(tmp_path):
    folder = folder_of(tmp_path / "clip", 5)
    Image.fromarray(numbered(5, 64, 48)).save(folder / "5.png")
    with pytest.raises(UserError, match=r"5\.png is 48x64, 0\.png is 64x64 pixels"):
        read_clip(folder, frame_rate=10)
    Image.fromarray(numbered(5)).save(folder / "cover.png")
    with pytest.raises(UserError, match=r"cover\.png has no number"):
        read_clip(folder, frame_rate=10)


def test_bad_images_are_named(tmp_path):
    folder = folder_of(tmp_path / "clip", 5)
    whole = (folder / "3.png").read_bytes()
    (folder / "3.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"3\.png cannot be read as an image"):
        read_clip(folder, frame_rate=10)
    Image.fromarray(np.zeros((64, 64), np.uint16)).save(folder / "3.png")
    with pytest.raises(UserError, match=r"3\.png has pixels of more than 8 bits"):
        read_clip(folder, frame_rate=10)


def test_grey_palette_and_transparent_images_become_rgb(tmp_path):
    folder = tmp_path / "clip"
    folder.mkdir()
    colour = Image.fromarray(numbered(77))
    for n, mode in enumerate(["L", "P", "RGBA", "RGB", "1"]):
        colour.convert(mode).save(folder / f"{n}.png")
    assert numbers_of(read_clip(folder, frame_rate=1).video) == [77] * 5


def test_which_folders_are_clips(tmp_path):
    folder = folder_of(tmp_path / "clip", 2)
    assert is_frame_folder(folder)
    assert not is_frame_folder(tmp_path)
    assert not is_frame_folder(tmp_path / "missing")
    assert not is_frame_folder(folder / "0.png")
    (folder / "0.mp4").touch()
    assert not is_frame_folder(folder)
