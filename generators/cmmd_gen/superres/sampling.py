"""Enlarging the frames of generated videos: DDIM without noise, the same first noise for all frames of a clip.

Where neighbours look alike they so become alike, and detail does not flicker.
"""

import torch
from torch import Tensor

from cmmd_gen.diffusion.gaussian import Chain, chain, ddim_step
from cmmd_gen.diffusion.schedules import linear
from cmmd_gen.noise import Noise
from cmmd_gen.superres.parametrization import estimated, limited, shown
from cmmd_gen.superres.unet import SuperresUNet

PIXELS = 2**18
"""Of large frames seen at once, which bounds the memory: 64 frames of 64x64, 4 of 256x256."""


@torch.inference_mode()
def upscale(unet: SuperresUNet, video: Tensor, noise: Noise, spec: str = "ddim25") -> Tensor:
    """Large frames (B, F, 3, f h, f w) in [-1, 1], f being the factor of the network.

    Clip by clip, so that a clip does not depend on those beside it. Draws once per clip from `noise`.

    Args:
        unet: in evaluation mode.
        video: small frames (B, F, 3, h, w) in [-1, 1], on the network's device.
        noise: one source per clip.
        spec: the steps to visit (`spacing.respaced`).

    Raises:
        ValueError: no such video, sizes that the network cannot make, a spec that `respaced` refuses.
    """
    if video.ndim != 5 or video.shape[2] != 3 or not video.is_floating_point() or 0 in video.shape:
        raise ValueError(
            f"video must be (B, F, 3, h, w), floating point and not empty, got {tuple(video.shape)} of {video.dtype}"
        )
    steps = chain(linear(), spec)
    height, width = (unet.config.factor * size for size in video.shape[-2:])
    unet.config.check_size(height, width)
    starts = noise.normal(3, height, width).to(video)
    if len(starts) != len(video):
        raise ValueError(f"noise must have one source per clip, got {len(starts)} for {len(video)} clips")
    at_once = max(1, PIXELS // (height * width))
    return torch.stack(
        [
            torch.cat([_ddim(unet, small, start, steps) for small in clip.split(at_once)])
            for clip, start in zip(video, starts, strict=True)
        ]
    )


def _ddim(unet: SuperresUNet, small: Tensor, start: Tensor, steps: Chain) -> Tensor:
    """Large frames (N, 3, H, W) of small ones, all from the noise `start` (3, H, W)."""
    config = unet.config
    x = start.expand(len(small), -1, -1, -1)
    for i in reversed(range(len(steps.steps))):
        n = torch.full((len(x),), int(steps.steps[i]), device=x.device)
        level = torch.full((len(x),), float(steps.alpha_bar[i]), dtype=torch.float64, device=x.device)
        x0 = estimated(x, unet(x, small, n)[:, :3].to(x), level, config)
        x = ddim_step(steps, i, x, limited(x0, small, config))
    return shown(x, small, config).clamp(-1, 1)
