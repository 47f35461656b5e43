"""Random-shift multi-modal attention (RS-MMA), paper section 3.2: each modality attends to a window of the other.

With F frames, W frames in a window, p = floor(l / F) audio tokens to a frame and a shift s of the windows:
queries of frame i see the audio tokens ((i + s) p + j) mod l, j < W p;
queries of the sound's segment i (p tokens; the last has what is left over) see the video tokens
((i + s) HW + j) mod (F HW), j < W HW.
Windows run forward from frame i + s, as in the official code: with W = 1 the sound seen is s frames ahead.
"""

import torch
from torch import Tensor, nn

from cmmd_gen.mmdiff.attention import attend
from cmmd_gen.mmdiff.layers import AudioPointwise, Norm, Pointwise, VideoPointwise
from cmmd_gen.types import Pair


class CrossAttention(nn.Module):
    """x + proj(attention to the other modality), for both; `window` None means all frames, and no shift."""

    def __init__(self, channels: int, head_width: int, window: int | None, groups: int) -> None:
        super().__init__()
        self.v_norm = Norm(channels, groups)
        self.a_norm = Norm(channels, groups)
        self.v_qkv = Pointwise(channels, 3 * channels, 1)
        self.a_qkv = Pointwise(channels, 3 * channels, 1)
        self.video_proj_out = VideoPointwise(channels, channels, zero=True)
        self.audio_proj_out = AudioPointwise(channels, channels, zero=True)
        self.heads = channels // head_width
        self.window = window

    def forward(self, video: Tensor, audio: Tensor, shift: int = 0) -> Pair:
        """Video (B, F, H, W, C), audio (B, l, C), shift 0 to F - W -> both anew."""
        frames = video.shape[1]
        window = self.window or frames
        q_video, k_video, v_video = self.v_qkv(self.v_norm(video).flatten(1, 3)).chunk(3, dim=-1)
        q_audio, k_audio, v_audio = self.a_qkv(self.a_norm(audio)).chunk(3, dim=-1)
        from_audio = _attend_windows(q_video, k_audio, v_audio, self.heads, frames, window, shift)
        from_video = _attend_windows(q_audio, k_video, v_video, self.heads, frames, window, shift)
        return Pair(video + self.video_proj_out(from_audio.view(video.shape)), audio + self.audio_proj_out(from_video))


def _attend_windows(q: Tensor, k: Tensor, v: Tensor, heads: int, frames: int, window: int, shift: int) -> Tensor:
    """Queries (B, Q, C) of one modality, keys and values (B, K, C) of the other -> (B, Q, C)."""
    batch, tokens = q.shape[:2]
    if window == frames and k.shape[1] % frames == 0:
        # All queries see all tokens, and the order of keys does not matter.
        return attend(q, k, v, heads)
    k, v = (_windows(x, frames, window, shift) for x in (k, v))
    whole = tokens // frames * frames
    y = attend(q[:, :whole].reshape(batch * frames, -1, q.shape[2]), k.flatten(0, 1), v.flatten(0, 1), heads)
    y = y.reshape(batch, whole, -1)
    if whole == tokens:
        return y
    return torch.cat([y, attend(q[:, whole:], k[:, -1], v[:, -1], heads)], dim=1)


def _windows(x: Tensor, frames: int, window: int, shift: int) -> Tensor:
    """What each frame's queries see of x (B, K, C): (B, F, W p, C)."""
    length = x.shape[1]
    p = length // frames
    if length % frames:
        starts = (torch.arange(frames, device=x.device) + shift) * p
        index = (starts[:, None] + torch.arange(window * p, device=x.device)) % length
        return x[:, index]
    x = x.roll(-shift * p, dims=1)
    around = torch.cat([x, x[:, : (window - 1) * p]], dim=1)
    return around.unfold(1, window * p, p).transpose(2, 3)
