"""Parts of the dual U-Net (paper, Figure 1 and section F): residual blocks, attention, resampling.

Video is (B, F, H, W, C), audio (B, T, C), the time embedding (B, time_width). Convolutions of video are 2D+1D: 3x3 over
a frame, then 3 over the frames, with no nonlinearity between. Group normalisation runs over all positions of a sample,
in attention over the attended sequence. What ends a residual branch starts at zero.
"""

from torch import Tensor, nn
from torch.nn.functional import interpolate, scaled_dot_product_attention, silu

from cmmd_gen.cmmd.fusion import EasyFusion
from cmmd_gen.cmmd.layers import (
    AudioConv,
    AudioPointwise,
    GroupNorm,
    SpatialConv,
    TemporalConv,
    VideoPointwise,
    zeroed,
)


class VideoConv(nn.Module):
    """2D+1D convolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.spatial = SpatialConv(inputs, outputs)
        self.temporal = TemporalConv(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(B, F, H, W, inputs) -> (B, F, H, W, outputs)."""
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
        pointwise: type[VideoPointwise] | type[AudioPointwise],
        groups: int,
        time_width: int,
    ) -> None:
        super().__init__()
        self.norm_in = GroupNorm(groups, inputs)
        self.conv = conv
        self.time = nn.Linear(time_width, 2 * outputs)
        self.norm_out = GroupNorm(groups, outputs)
        self.out = zeroed(pointwise(outputs, outputs))
        self.skip = nn.Identity() if inputs == outputs else pointwise(inputs, outputs)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """(B, ..., inputs) -> (B, ..., outputs)."""
        h = self.conv(silu(self.norm_in(x)).to(x.dtype))
        scale, shift = self.time(silu(time)).view(len(x), *[1] * (x.ndim - 2), -1).chunk(2, -1)
        h = self.norm_out(h) * (1 + scale) + shift
        out: Tensor = self.skip(x) + self.out(silu(h).to(x.dtype))
        return out


class Attention(nn.Module):
    """Self-attention within sequences, without positions: the convolutions give them, and any length works."""

    def __init__(self, width: int, *, head_width: int, groups: int) -> None:
        super().__init__()
        self.heads = width // head_width
        self.norm = GroupNorm(groups, width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = zeroed(nn.Linear(width, width))

    def forward(self, x: Tensor) -> Tensor:
        """N sequences of L tokens, (N, L, C) -> what is to be added to them."""
        N, L, _ = x.shape
        q, k, v = self.qkv(self.norm(x).to(x.dtype)).view(N, L, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        h = scaled_dot_product_attention(q, k, v)
        out: Tensor = self.out(h.transpose(1, 2).flatten(2))
        return out


class VideoAttention(nn.Module):
    """Attention among the pixels of a frame, then among the frames of a pixel."""

    def __init__(self, width: int, *, head_width: int, groups: int) -> None:
        super().__init__()
        self.spatial = Attention(width, head_width=head_width, groups=groups)
        self.temporal = Attention(width, head_width=head_width, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        """(B, F, H, W, C) -> the same shape."""
        B, F, H, W, C = x.shape
        x = x + self.spatial(x.reshape(B * F, H * W, C)).view(x.shape)
        # Copied even where a view would do, as for one sample: matrix products over strided sequences are slow.
        pixels = x.movedim(1, 3).contiguous()
        y: Tensor = self.temporal(pixels.view(B * H * W, F, C)).view(pixels.shape)
        return x + y.movedim(3, 1)


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
            pointwise=VideoPointwise,
            groups=groups,
            time_width=time_width,
        )
        self.audio = Residual(
            audio_in,
            audio_out,
            conv=AudioConv(audio_in, audio_out),
            pointwise=AudioPointwise,
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
            video, audio = self.video_attention(video), audio + self.audio_attention(audio)
        return video, audio


class Down(nn.Module):
    """Halves H, W and T; F stays."""

    def __init__(self, widths: tuple[int, int]) -> None:
        super().__init__()
        video, audio = widths
        self.video = SpatialConv(video, video, stride=2)
        self.audio = AudioConv(audio, audio, stride=2)

    def forward(self, video: Tensor, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Either side at half the resolution."""
        return self.video(video), self.audio(audio)


class Up(nn.Module):
    """Doubles H, W and T by repetition, then convolves; F stays."""

    def __init__(self, widths: tuple[int, int]) -> None:
        super().__init__()
        video, audio = widths
        self.video = SpatialConv(video, video)
        self.audio = AudioConv(audio, audio)

    def forward(self, video: Tensor, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Either side at twice the resolution."""
        images = interpolate(video.flatten(0, 1).movedim(-1, 1), scale_factor=2)
        repeated = images.movedim(1, -1).reshape(*video.shape[:2], *images.shape[2:], -1)
        return self.video(repeated), self.audio(audio.repeat_interleave(2, 1))
