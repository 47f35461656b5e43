"""Parts of the dual U-Net (paper, Figure 1 and section F): residual blocks, attention, resampling.

Video is (B, C, F, H, W), audio (B, C, T), the time embedding (B, time_width). Convolutions of video are 2D+1D: 3x3 over
a frame, then 3 over the frames, with no nonlinearity between. Group normalisation runs over all positions of a sample,
in attention over the attended sequence. What ends a residual branch starts at zero.
"""

from typing import TypeVar

from torch import Tensor, nn
from torch.nn.functional import interpolate, scaled_dot_product_attention, silu

from cmmd_gen.cmmd.fusion import EasyFusion

Layer = TypeVar("Layer", nn.Linear, nn.Conv1d, nn.Conv3d)


def zeroed(layer: Layer) -> Layer:
    """The same layer with weights and bias at zero."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class VideoConv(nn.Module):
    """2D+1D convolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.spatial = nn.Conv3d(inputs, outputs, (1, 3, 3), padding=(0, 1, 1))
        self.temporal = nn.Conv3d(outputs, outputs, (3, 1, 1), padding=(1, 0, 0))

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, F, H, W) -> (B, outputs, F, H, W)."""
        out: Tensor = self.temporal(self.spatial(x))
        return out


class Residual(nn.Module):
    """Residual block whose second normalisation is scaled and shifted by the time embedding; either side."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        conv: nn.Module,
        pointwise: type[nn.Conv1d] | type[nn.Conv3d],
        groups: int,
        time_width: int,
    ) -> None:
        super().__init__()
        self.norm_in = nn.GroupNorm(groups, inputs)
        self.conv = conv
        self.time = nn.Linear(time_width, 2 * outputs)
        self.norm_out = nn.GroupNorm(groups, outputs)
        self.out = zeroed(pointwise(outputs, outputs, 1))
        self.skip = nn.Identity() if inputs == outputs else pointwise(inputs, outputs, 1)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """(B, inputs, ...) -> (B, outputs, ...)."""
        h = self.conv(silu(self.norm_in(x)))
        scale, shift = self.time(silu(time))[(...,) + (None,) * (x.ndim - 2)].chunk(2, 1)
        h = self.norm_out(h) * (1 + scale) + shift
        out: Tensor = self.skip(x) + self.out(silu(h))
        return out


class Attention(nn.Module):
    """Self-attention within sequences, without positions: the convolutions give them, and any length works."""

    def __init__(self, width: int, *, head_width: int, groups: int) -> None:
        super().__init__()
        self.heads = width // head_width
        self.norm = nn.GroupNorm(groups, width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = zeroed(nn.Linear(width, width))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, L) -> (N, C, L): N sequences of L tokens."""
        N, C, L = x.shape
        qkv = self.qkv(self.norm(x).transpose(1, 2)).view(N, L, 3, self.heads, C // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        h = scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(N, L, C)
        out: Tensor = x + self.out(h).transpose(1, 2)
        return out


class VideoAttention(nn.Module):
    """Attention among the pixels of a frame, then among the frames of a pixel."""

    def __init__(self, width: int, *, head_width: int, groups: int) -> None:
        super().__init__()
        self.spatial = Attention(width, head_width=head_width, groups=groups)
        self.temporal = Attention(width, head_width=head_width, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, F, H, W) -> the same shape."""
        B, C, F, H, W = x.shape
        x = self.spatial(x.transpose(1, 2).reshape(B * F, C, H * W)).view(B, F, C, H * W)
        x = self.temporal(x.permute(0, 3, 2, 1).reshape(B * H * W, C, F)).view(B, H, W, C, F)
        return x.permute(0, 3, 4, 1, 2)


class Block(nn.Module):
    """A residual block on either side, easy fusion, attention on either side."""

    def __init__(
        self,
        inputs: tuple[int, int],
        outputs: tuple[int, int],
        *,
        attention: bool,
        head_width: int,
        groups: int,
        time_width: int,
    ) -> None:
        super().__init__()
        (video_in, audio_in), (video_out, audio_out) = inputs, outputs
        self.video = Residual(
            video_in,
            video_out,
            conv=VideoConv(video_in, video_out),
            pointwise=nn.Conv3d,
            groups=groups,
            time_width=time_width,
        )
        self.audio = Residual(
            audio_in,
            audio_out,
            conv=nn.Conv1d(audio_in, audio_out, 3, padding=1),
            pointwise=nn.Conv1d,
            groups=groups,
            time_width=time_width,
        )
        self.fusion = EasyFusion(video_out, audio_out)
        self.video_attention = VideoAttention(video_out, head_width=head_width, groups=groups) if attention else None
        self.audio_attention = Attention(audio_out, head_width=head_width, groups=groups) if attention else None

    def forward(self, video: Tensor, audio: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        """Either side in its new width."""
        video, audio = self.fusion(self.video(video, time), self.audio(audio, time))
        if self.video_attention is not None and self.audio_attention is not None:
            video, audio = self.video_attention(video), self.audio_attention(audio)
        return video, audio


class Down(nn.Module):
    """Halves H, W and T; F stays."""

    def __init__(self, widths: tuple[int, int]) -> None:
        super().__init__()
        video, audio = widths
        self.video = nn.Conv3d(video, video, (1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1))
        self.audio = nn.Conv1d(audio, audio, 3, stride=2, padding=1)

    def forward(self, video: Tensor, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Either side at half the resolution."""
        return self.video(video), self.audio(audio)


class Up(nn.Module):
    """Doubles H, W and T by repetition, then convolves; F stays."""

    def __init__(self, widths: tuple[int, int]) -> None:
        super().__init__()
        video, audio = widths
        self.video = nn.Conv3d(video, video, (1, 3, 3), padding=(0, 1, 1))
        self.audio = nn.Conv1d(audio, audio, 3, padding=1)

    def forward(self, video: Tensor, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Either side at twice the resolution."""
        return self.video(interpolate(video, scale_factor=(1, 2, 2))), self.audio(interpolate(audio, scale_factor=2))
