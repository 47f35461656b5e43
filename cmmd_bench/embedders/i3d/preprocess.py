"""From frames to what I3D is shown, in the dialects of published codes; they differ by more than models often do.

    video (F, H, W, 3) RGB, uint8 in 0..255 or float32 in [0, 1]  ->  x (1, 3, F, 224, 224) float32 in [-1, 1]

videogpt                VideoGPT, common_metrics: u/255, shorter side to 224, centre crop, minus 0.5, times 2
fvd-comparison          common_metrics' StyleGAN-V way: as videogpt, and floats stay floats
tats                    TATS, cd-fvd on arrays: straight to 224x224 whatever the shape, in 0..255; then 2u/255 - 1
cd-fvd                  cd-fvd on files at its default resolution, 256: u/255, shorter side to 256 antialiased, centre
                        crop, truncated to uint8, then as tats
cd-fvd-64, cd-fvd-128   the same at resolutions 64 and 128
mm-diffusion            MM-Diffusion's evaluator: bicubic to fit 64x64, black bars, its round trip through [-1, 1] that
                        darkens 63 grey levels by one, then as videogpt; torchvision 0.15.2, without antialias
mm-diffusion-antialias  the same with the antialiased bicubic that is torchvision's default since 0.17
tf-original             google-research's FVD: as tats, but output pixel i samples input position i * size / 224
styleganv               StyleGAN-V: uint8 as it is; the TorchScript file resizes and scales

Resizing is bilinear with half-pixel centres and no antialias unless said. Floats become uint8 by truncation of 255 v
first, as codes that write videos do, except in `fvd-comparison`. Every frame of the clip is used.
"""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate, pad

from cmmd_bench.embedders.i3d.network import SIDE
from cmmd_bench.errors import unknown_name

SMALL = 64

Size = tuple[int, int]


def prepare(video: NDArray[np.uint8] | NDArray[np.float32], dialect: str, *, device: str = "cpu") -> Tensor:
    """The network's input for `video` in `dialect`, on `device`: (1, 3, F, 224, 224) float32 in [-1, 1].

    `styleganv` gives (1, 3, F, H, W) uint8 instead. Raises UserError for an unknown dialect and ValueError for a video
    of another shape, type or range.
    """
    if dialect not in DIALECTS:
        raise unknown_name("I3D dialect", dialect, DIALECTS)
    check_frames(video)
    # Torch cannot step backwards, and warns of read-only memory that nobody writes to; only such videos are copied.
    frames = torch.from_numpy(np.require(video, requirements=["C", "W"])).to(device).permute(0, 3, 1, 2)
    if frames.is_floating_point() and dialect != "fvd-comparison":
        frames = (frames * 255).to(torch.uint8)
    return DIALECTS[dialect](frames).permute(1, 0, 2, 3)[None]


def check_frames(video: NDArray[np.uint8] | NDArray[np.float32]) -> None:
    """Raise ValueError unless `video` is (F, H, W, 3), uint8 or float32 in [0, 1], with no empty axis."""
    if video.ndim != 4 or video.shape[-1] != 3 or 0 in video.shape:
        raise ValueError(f"video must be an array of shape (F, H, W, 3), found shape {video.shape}")
    if video.dtype not in (np.uint8, np.float32):
        raise ValueError(f"video must be uint8 in 0..255 or float32 in [0, 1], found {video.dtype}")
    if video.dtype == np.float32:
        low, high = float(video.min()), float(video.max())
        if not 0 <= low <= high <= 1:
            raise ValueError(f"float32 video must be in [0, 1], found values from {low:g} to {high:g}")


def shorter_side_to(side: int, height: int, width: int) -> Size:
    """Height and width with the shorter one at `side`, the longer one rounded up, as in VideoGPT and its many copies.

    The ratio is rounded before it is used, so that some sizes come out one pixel longer than they should: 150 x 100
    becomes 337 x 224. Results are only comparable with that pixel in.
    """
    ratio = side / min(height, width)
    return (side, math.ceil(width * ratio)) if height < width else (math.ceil(height * ratio), side)


def crop_offsets(side: int, height: int, width: int) -> Size:
    """Top and left of the `side` x `side` square in the middle, rounded down."""
    return (height - side) // 2, (width - side) // 2


def fit_into(side: int, height: int, width: int) -> Size:
    """Height and width, each rounded down, of the frame that fits into a `side` x `side` square."""
    ratio = min(float(side) / height, float(side) / width)
    return int(height * ratio), int(width * ratio)


def darken(frames: Tensor) -> Tensor:
    """uint8 to [-1, 1] and back as MM-Diffusion's evaluator does it: truncation lowers 63 of 256 levels by one."""
    return ((frames.to(torch.float32) / 127.5 - 1 + 1) * 127.5).to(torch.uint8)


def frames_at_64(frames: Tensor, *, antialias: bool) -> Tensor:
    """The 64 x 64 frames that MM-Diffusion's evaluator has I3D look at, (F, 3, 64, 64) uint8 from (F, 3, H, W)."""
    height, width = fit_into(SMALL, *frames.shape[-2:])
    if min(height, width) < 1:
        raise ValueError(f"frames of {frames.shape[-1]}x{frames.shape[-2]} pixels vanish when fitted into 64x64")
    if (height, width) != tuple(frames.shape[-2:]):
        real = frames.to(torch.float32)
        real = interpolate(real, (height, width), mode="bicubic", align_corners=False, antialias=antialias)
        frames = real.clamp(0, 255).round().to(torch.uint8)
    top, left = (SMALL - height) // 2, (SMALL - width) // 2
    return darken(pad(frames, (left, SMALL - width - left, top, SMALL - height - top)))


def _videogpt(frames: Tensor) -> Tensor:
    unit = frames if frames.is_floating_point() else frames.to(torch.float32) / 255
    return (_shorter_side_cropped(unit, SIDE, antialias=False) - 0.5) * 2


def _tats(frames: Tensor) -> Tensor:
    resized = interpolate(frames.to(torch.float32), (SIDE, SIDE), mode="bilinear", align_corners=False)
    return 2.0 * resized / 255.0 - 1


def _cd_fvd(frames: Tensor, *, resolution: int) -> Tensor:
    unit = _shorter_side_cropped(frames.to(torch.float32) / 255, resolution, antialias=True)
    return _tats((unit * 255).to(torch.uint8))


def _mm_diffusion(frames: Tensor, *, antialias: bool) -> Tensor:
    return _videogpt(frames_at_64(frames, antialias=antialias))


def _tf_original(frames: Tensor) -> Tensor:
    real = frames.to(torch.float32)
    for axis in (2, 3):
        size = real.shape[axis]
        # float32 positions, as TensorFlow computes them.
        position = torch.arange(SIDE, device=real.device, dtype=torch.float32) * (size / SIDE)
        before = position.floor().long()
        after = (before + 1).clamp(max=size - 1)
        weight = (position - before).reshape((-1, 1) if axis == 2 else (-1,))
        low, high = real.index_select(axis, before), real.index_select(axis, after)
        real = low + (high - low) * weight
    return 2.0 * real / 255.0 - 1


def _as_it_is(frames: Tensor) -> Tensor:
    return frames


def _shorter_side_cropped(frames: Tensor, side: int, *, antialias: bool) -> Tensor:
    size = shorter_side_to(side, *frames.shape[-2:])
    frames = interpolate(frames, size, mode="bilinear", align_corners=False, antialias=antialias)
    top, left = crop_offsets(side, *size)
    return frames[..., top : top + side, left : left + side]


DIALECTS: dict[str, Callable[[Tensor], Tensor]] = {
    "videogpt": _videogpt,
    "fvd-comparison": _videogpt,
    "tats": _tats,
    "cd-fvd": partial(_cd_fvd, resolution=256),
    "cd-fvd-64": partial(_cd_fvd, resolution=64),
    "cd-fvd-128": partial(_cd_fvd, resolution=128),
    "mm-diffusion": partial(_mm_diffusion, antialias=False),
    "mm-diffusion-antialias": partial(_mm_diffusion, antialias=True),
    "tf-original": _tf_original,
    "styleganv": _as_it_is,
}
