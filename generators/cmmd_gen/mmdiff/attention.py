"""Self-attention within one modality: over the pixels of a frame, the frames at a pixel, or the steps of the sound."""

from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from cmmd_gen.mmdiff.layers import Norm, Pointwise


class SelfAttention(nn.Module):
    """x + proj(attention(qkv(norm(x)))), over all tokens of an item."""

    def __init__(self, channels: int, heads: int, groups: int) -> None:
        super().__init__()
        self.norm = Norm(channels, groups)
        self.qkv = Pointwise(channels, 3 * channels, 1)
        self.proj_out = Pointwise(channels, channels, 1, zero=True)
        self.heads = heads

    def forward(self, x: Tensor) -> Tensor:
        """(N, tokens, C) -> the same; items are normalised each for itself."""
        q, k, v = self.qkv(self.norm(x)).chunk(3, dim=-1)
        y: Tensor = x + self.proj_out(attend(q, k, v, self.heads))
        return y

    def within_frames(self, video: Tensor) -> Tensor:
        """Over the pixels of each frame: (B, F, H, W, C) -> the same."""
        y: Tensor = self(video.flatten(2, 3).flatten(0, 1))
        return y.view(video.shape)

    def over_frames(self, video: Tensor) -> Tensor:
        """Over the frames at each pixel: (B, F, H, W, C) -> the same."""
        batch, frames, height, width, channels = video.shape
        pixels = video.permute(0, 2, 3, 1, 4).reshape(batch * height * width, frames, channels)
        y: Tensor = self(pixels)
        return y.view(batch, height, width, frames, channels).permute(0, 3, 1, 2, 4).contiguous()


def attend(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Attention of queries (N, Q, C) to keys and values (N, K, C) -> (N, Q, C); heads lie one after the other in C."""
    q, k, v = (x.view(*x.shape[:2], heads, -1).transpose(1, 2) for x in (q, k, v))
    return scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
