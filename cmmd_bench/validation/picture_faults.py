"""Faults of the picture: video (F, H, W, 3) uint8 in, the same shape out, worse by `level`.

Nothing is modified in place. What is drawn at random is drawn from `rng`, so a clip's fault is the same everywhere.
"""

# ruff: noqa: ARG001 (every fault has the same arguments, whether it needs them or not)

from fractions import Fraction
from io import BytesIO

import av
import numpy as np

from cmmd_bench.types import Video

REFERENCE_HEIGHT = 64
"""Pixels. Blur is given at this height and grows with the picture."""


def blurred(video: Video, level: float, rng: np.random.Generator) -> Video:
    """Gaussian blur; level: standard deviation in pixels of a picture 64 pixels high."""
    import cv2

    sigma = level * video.shape[1] / REFERENCE_HEIGHT
    return np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in video]).astype(np.uint8)


def noisy(video: Video, level: float, rng: np.random.Generator) -> Video:
    """White noise, new in each frame; level: standard deviation in grey levels of 255."""
    noise = rng.normal(0.0, level, video.shape)
    return np.clip(np.rint(video + noise), 0, 255).astype(np.uint8)


def frozen(video: Video, level: float, rng: np.random.Generator) -> Video:
    """The picture stops for a stretch at a random place; level: share of the frames that are held."""
    held = round(level * (len(video) - 1))
    start = int(rng.integers(0, len(video) - held))
    index = np.arange(len(video))
    index[start : start + held + 1] = start
    return video[index]


def shuffled(video: Video, level: float, rng: np.random.Generator) -> Video:
    """Frames change places within groups of `level` neighbours; the whole clip from the clip's length on."""
    index = np.arange(len(video))
    group = max(2, int(level))
    for start in range(0, len(index), group):
        rng.shuffle(index[start : start + group])
    return video[index]


def dropped(video: Video, level: float, rng: np.random.Generator) -> Video:
    """Single frames are lost at random and the one before is shown again; level: share of the frames lost."""
    lost = rng.random(len(video)) < level
    lost[0] = False
    return video[np.maximum.accumulate(np.where(lost, 0, np.arange(len(video))))]


def compressed(video: Video, level: float, rng: np.random.Generator) -> Video:
    """Through H.264 at constant rate factor `level` (0..51, higher is worse) and back; sides are made even by edges."""
    height, width = video.shape[1:3]
    padded = np.pad(video, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    out = BytesIO()
    with av.open(out, "w", format="mp4") as container:
        # In plain C: the same pictures on every processor. With AVX-512 they differed even from run to run.
        options = {"crf": f"{level:g}", "preset": "fast", "threads": "1", "x264-params": "asm=0"}
        stream = container.add_stream("libx264", rate=Fraction(10), options=options)
        stream.height, stream.width, stream.pix_fmt = padded.shape[1], padded.shape[2], "yuv420p"
        for pixels in padded:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    out.seek(0)
    with av.open(out, "r") as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return np.asarray(np.stack(frames)[:, :height, :width], dtype=np.uint8)
