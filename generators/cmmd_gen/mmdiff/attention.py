"""Self-attention within one modality: tokens of a frame, frames at a pixel, or steps of the sound."""

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from cmmd_gen.mmdiff.layers import Norm, Pointwise, channels_first, channels_last


class SelfAttention(nn.Module):
    """x + proj(attention(qkv(norm(x)))), over all tokens of an item."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.norm = Norm(channels)
        self.qkv = Pointwise(channels, 3 * channels, 1)
        self.proj_out = Pointwise(channels, channels, 1, zero=True)
        self.heads = heads

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, tokens) -> the same; items are normalised each for itself."""
        q, k, v = self.qkv(channels_last(self.norm(x))).chunk(3, dim=-1)
        return x + channels_first(self.proj_out(attend(q, k, v, self.heads)))


def attend(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Attention of queries (N, Q, C) to keys and values (N, K, C) -> (N, Q, C); heads lie one after the other in C."""
    q, k, v = (x.view(*x.shape[:2], heads, -1).transpose(1, 2) for x in (q, k, v))
    return scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


def attend_within_frames(layer: SelfAttention, video: Tensor) -> Tensor:
    """`layer` over the pixels of each frame: (B, C, F, H, W) -> the same."""
    batch, _, frames, height, width = video.shape
    x: Tensor = layer(video.transpose(1, 2).flatten(3).flatten(0, 1))
    return x.view(batch, frames, -1, height, width).transpose(1, 2)


def attend_over_frames(layer: SelfAttention, video: Tensor) -> Tensor:
    """`layer` over the frames at each pixel: (B, C, F, H, W) -> the same."""
    batch, channels, frames, height, width = video.shape
    # Items (pixels) before tokens (frames) in memory: the one change of order that is a copy.
    x = video.permute(0, 3, 4, 2, 1).reshape(batch * height * width, frames, channels)
    x = channels_last(layer(channels_first(x))).reshape(batch, height, width, frames, channels)
    return x.permute(0, 4, 3, 1, 2).contiguous(memory_format=torch.channels_last_3d)
