"""Rotation, pixel shape, cut, scaling and colours."""

from fractions import Fraction

import av
import numpy as np
import pytest
from media_samples import write_media
from PIL import Image

from cmmd_bench.errors import UserError
from cmmd_bench.media import probe, read_clip, write_clip
from cmmd_bench.types import Clip

H, W = 48, 80


def corners() -> np.ndarray:
    """A picture without symmetry: each quarter has its own colour."""
    picture = np.empty((H, W, 3), np.uint8)
    picture[: H // 2, : W // 2] = 230, 30, 30
    picture[: H // 2, W // 2 :] = 30, 230, 30
    picture[H // 2 :, : W // 2] = 30, 30, 230
    picture[H // 2 :, W // 2 :] = 220, 220, 220
    return picture


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("mirror", [(False, False), (True, False), (False, True)])
def test_display_rotations_and_mirrorings_are_applied(tmp_path, degrees, mirror):
    path = write_media(
        tmp_path / "phone.mp4",
        "mp4",
        pictures=[(k / 10, corners()) for k in range(3)],
        fps=10,
        codec_options={"crf": "4"},
        rotation=(degrees, *mirror),
    )
    # FFmpeg turns by `degrees` counter-clockwise, then mirrors.
    wanted = np.rot90(corners(), degrees // 90)
    wanted = wanted[:, ::-1] if mirror[0] else wanted
    wanted = wanted[::-1] if mirror[1] else wanted
    clip = read_clip(path)
    assert clip.video.shape[1:] == wanted.shape
    assert np.abs(clip.video[1].astype(int) - wanted).mean() < 6
    info = probe(path)
    assert (info.height, info.width) == wanted.shape[:2]


@pytest.mark.parametrize("degrees", [0, 90])
def test_pixels_that_are_not_square_count_in_the_cut(tmp_path, degrees):
    # 2:1 pixels show an ellipse, stored 40 wide and 80 high, as a circle.
    y, x = np.mgrid[:96, :96]
    ellipse = (((x - 47.5) / 20) ** 2 + ((y - 47.5) / 40) ** 2 < 1)[..., None] * np.full(3, 220, np.uint8)
    path = write_media(
        tmp_path / "wide.mp4",
        "mp4",
        pictures=[(0, ellipse), (0.1, ellipse)],
        fps=10,
        aspect=Fraction(2),
        codec_options={"crf": "4"},
        rotation=(degrees, False, False) if degrees else None,
    )
    picture = read_clip(path, size=(48, 48)).video[0]
    bright = picture.mean(axis=-1) > 110
    # Displayed it is 192 by 96; the cut takes the middle 96 by 96 and halves it: 40 pixels across, both ways.
    assert bright.any(axis=0).sum() == pytest.approx(40, abs=1)
    assert bright.any(axis=1).sum() == pytest.approx(40, abs=1)
    assert read_clip(path).video.shape == (2, 96, 96, 3)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).integers(0, 256, (1, height, width, 3), np.uint8)


@pytest.mark.parametrize(
    ("stored", "size", "box"),
    [
        ((60, 100), (30, 30), (20, 0, 80, 60)),
        ((100, 60), (30, 30), (0, 20, 60, 80)),
        ((50, 101), (25, 25), (25.5, 0, 75.5, 50)),
        ((40, 40), (64, 64), (0, 0, 40, 40)),
        ((40, 60), (20, 30), (0, 0, 60, 40)),
        ((33, 47), (16, 16), (7, 0, 40, 33)),
    ],
)
def test_cut_from_the_centre_then_scaled_without_aliasing(tmp_path, stored, size, box):
    video = noise(*stored)
    write_clip(tmp_path / "clip.mkv", Clip(video, 10))
    wanted = Image.fromarray(video[0]).resize((size[1], size[0]), Image.Resampling.BICUBIC, box=box)
    np.testing.assert_array_equal(read_clip(tmp_path / "clip.mkv", size=size).video[0], np.asarray(wanted))


def test_a_fine_grid_becomes_grey_instead_of_aliasing(tmp_path):
    grid = np.zeros((1, 128, 128, 3), np.uint8)
    grid[:, :, ::2] = 255
    write_clip(tmp_path / "clip.mkv", Clip(grid, 10))
    small = read_clip(tmp_path / "clip.mkv", size=(42, 42)).video[0, 4:-4, 4:-4].astype(float)
    assert small.mean() == pytest.approx(127.5, abs=1.5)
    assert small.std() < 4


def yuv_to_rgb(yuv: np.ndarray, kr: float, kb: float, full: bool) -> np.ndarray:
    """The standards' formula, in real numbers."""
    y, u, v = (yuv[..., i].astype(float) for i in range(3))
    luma = y / 255 if full else (y - 16) / 219
    blue, red = ((c - 128) / (255 if full else 224) for c in (u, v))
    r, b = luma + 2 * (1 - kr) * red, luma + 2 * (1 - kb) * blue
    g = (luma - kr * r - kb * b) / (1 - kr - kb)
    return np.stack([r, g, b], axis=-1) * 255


@pytest.mark.parametrize(
    ("tags", "kr", "kb", "full"),
    [
        ({}, 0.299, 0.114, False),
        ({"colorspace": 1, "color_range": 1}, 0.2126, 0.0722, False),
        ({"colorspace": 6, "color_range": 2}, 0.299, 0.114, True),
    ],
    ids=["unlabelled", "bt709", "full range"],
)
def test_colours_follow_the_formula_of_their_label(tmp_path, tags, kr, kb, full):
    rgb = np.random.default_rng(5).uniform(10, 245, (32, 32, 3))
    luma = kr * rgb[..., 0] + (1 - kr - kb) * rgb[..., 1] + kb * rgb[..., 2]
    blue, red = (rgb[..., 2] - luma) / (2 * (1 - kb)), (rgb[..., 0] - luma) / (2 * (1 - kr))
    scales = (1, 1, 1) if full else (219 / 255, 224 / 255, 224 / 255)
    stored = [
        plane * scale + base
        for plane, scale, base in zip((luma, blue, red), scales, (0 if full else 16, 128, 128), strict=True)
    ]
    yuv = np.stack(stored).round().astype(np.uint8)
    with av.open(str(tmp_path / "c.mkv"), "w") as out:
        stream = out.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv444p"
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        frame = av.VideoFrame.from_ndarray(yuv, format="yuv444p")
        out.mux(stream.encode(frame) + stream.encode(None))
    found = read_clip(tmp_path / "c.mkv").video[0]
    np.testing.assert_allclose(found, yuv_to_rgb(np.moveaxis(yuv, 0, -1), kr, kb, full).clip(0, 255), atol=1.01)


@pytest.mark.parametrize(
    ("pixel_format", "error"),
    [("gray", None), ("yuv420p", 1.5), ("yuv420p10le", 1.5), ("yuva420p", 1.5), ("yuv444p", 0.5), ("gbrp10le", 0)],
)
def test_every_pixel_format_becomes_eight_bit_rgb(tmp_path, pixel_format, error):
    grain = np.random.default_rng(5).integers(0, 256, (5, 5, 3), np.uint8)
    picture = np.asarray(Image.fromarray(grain).resize((64, 64), Image.Resampling.BICUBIC))
    if error is None:
        picture, error = picture[..., :1].repeat(3, axis=-1), 0.5
    with av.open(str(tmp_path / "p.mkv"), "w") as out:
        stream = out.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, pixel_format
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        out.mux(stream.encode(frame) + stream.encode(None))
    found = read_clip(tmp_path / "p.mkv").video[0].astype(int)
    assert np.abs(found - picture).mean() <= error
    assert abs((found - picture).mean()) < 0.1


def test_a_picture_that_changes_its_size_needs_one(tmp_path):
    with av.open(str(tmp_path / "p.mkv"), "w") as out:
        stream = out.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuvj420p"
        for number, side in enumerate((32, 32, 48)):
            encoder = av.CodecContext.create("mjpeg", "w")
            encoder.width = encoder.height = side
            encoder.pix_fmt, encoder.time_base = "yuvj420p", Fraction(1, 10)
            frame = av.VideoFrame.from_ndarray(np.full((side, side, 3), 99, np.uint8), format="rgb24")
            frame.pts = number
            for packet in encoder.encode(frame):
                packet.stream = stream
                out.mux(packet)
    with pytest.raises(UserError, match=r"p\.mkv: the picture changes from 32x32 to 48x48 pixels\. Ask for one size"):
        read_clip(tmp_path / "p.mkv")
    assert read_clip(tmp_path / "p.mkv", size=(16, 16)).video.shape == (3, 16, 16, 3)


def test_large_frames_that_several_threads_decode_are_the_same(tmp_path):
    tile = np.random.default_rng(6).integers(0, 256, (90, 160, 3), np.uint8)
    video = np.stack([np.roll(np.tile(tile, (8, 8, 1)), 5 * k, axis=1) for k in range(3)])
    write_clip(tmp_path / "large.mkv", Clip(video, 10))
    np.testing.assert_array_equal(read_clip(tmp_path / "large.mkv").video, video)
    first = (tmp_path / "large.mkv").read_bytes()
    write_clip(tmp_path / "large.mkv", Clip(video, 10))
    assert (tmp_path / "large.mkv").read_bytes() == first
