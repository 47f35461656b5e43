"""The blocks that both streams run through side by side: stem, residual block, heads.

Each maps video (B, F, H, W, C) and audio (B, L, C) to a pair of the same kind.
"""

from typing import Literal

from torch import Tensor, nn

from cmmd_gen.mmdiff.attention import SelfAttention
from cmmd_gen.mmdiff.layers import (
    AudioConv,
    AudioPointwise,
    Norm,
    VideoConv,
    VideoPointwise,
    blank,
    pool_audio,
    pool_video,
    repeat_audio,
    repeat_video,
)
from cmmd_gen.types import Pair

Resample = Literal["down", "up"]


class Stem(nn.Module):
    """From pixels and samples to features."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.video_conv = VideoConv(3, width)
        self.audio_conv = AudioConv(1, width)

    def forward(self, video: Tensor, audio: Tensor) -> Pair:
        """Video (B, F, H, W, 3), audio (B, L, 1), of any layout and precision."""
        dtype = self.audio_conv.audio_conv.weight.dtype
        return Pair(self.video_conv(video.to(dtype).contiguous()), self.audio_conv(audio.to(dtype).contiguous()))


class ResBlock(nn.Module):
    """Two convolutions per modality around what the diffusion step scales and shifts; then self-attention, if any.

    groups: of the norms
    dilation: of the first audio convolution
    heads: of self-attention within frames and over frames; 0 for none
    audio_attention: self-attention of the sound beside that of the video
    resample: "down" halves the video and quarters the audio, "up" undoes it; both after the first convolution
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        embedding: int,
        groups: int,
        *,
        dilation: int,
        dropout: float,
        heads: int = 0,
        audio_attention: bool = False,
        resample: Resample | None = None,
    ) -> None:
        super().__init__()
        self.video_in_layers = nn.Sequential(*_activation(inputs, groups), VideoConv(inputs, outputs))
        self.audio_in_layers = nn.Sequential(*_activation(inputs, groups), AudioConv(inputs, outputs, dilation))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(embedding, 2 * outputs))
        self.video_out_layers = nn.Sequential(
            *_activation(outputs, groups), nn.Dropout(dropout), VideoPointwise(outputs, outputs, zero=True)
        )
        self.audio_out_layers = nn.Sequential(
            *_activation(outputs, groups), nn.Dropout(dropout), AudioPointwise(outputs, outputs, zero=True)
        )
        if inputs != outputs:
            self.video_skip_connection = VideoPointwise(inputs, outputs)
            self.audio_skip_connection = AudioPointwise(inputs, outputs)
        if heads:
            self.spatial_attention_block = SelfAttention(outputs, heads, groups)
            self.temporal_attention_block = SelfAttention(outputs, heads, groups)
        if audio_attention:
            self.audio_attention_block = SelfAttention(outputs, heads, groups)
        self.channels_change = inputs != outputs
        self.heads, self.audio_attention, self.resample = heads, audio_attention, resample

    def forward(self, video: Tensor, audio: Tensor, embedding: Tensor) -> Pair:
        """Embedding (B, E) float32; both streams share what it says."""
        down = self.resample == "down"
        scale, shift = self.emb_layers(embedding).chunk(2, dim=1)
        norm, _, convolution = self.video_in_layers
        v = convolution(norm(video), halve=down)
        norm, _, convolution = self.audio_in_layers
        a = convolution(norm(audio), quarter=down)
        v = _modulated(self.video_out_layers, v, scale, shift)
        a = _modulated(self.audio_out_layers, a, scale, shift)
        if down:
            video, audio = pool_video(video), pool_audio(audio)
        if self.channels_change:
            video, audio = self.video_skip_connection(video), self.audio_skip_connection(audio)
        video, audio = video + v, audio + a
        if self.resample == "up":
            # The official code repeats before the second norm; what follows it treats copies alike, so once is enough.
            # Dropout then drops all copies of a value or none.
            video, audio = repeat_video(video), repeat_audio(audio)
        if self.heads:
            video = self.spatial_attention_block.within_frames(video)
            video = self.temporal_attention_block.over_frames(video)
        if self.audio_attention:
            audio = self.audio_attention_block(audio)
        return Pair(video, audio)


class Head(nn.Sequential):
    """From features to the prediction for one modality; zero at first."""

    def __init__(self, convolution: nn.Module, width: int, groups: int) -> None:
        blank(convolution)
        super().__init__(*_activation(width, groups), convolution)


def _activation(channels: int, groups: int) -> tuple[nn.Module, nn.Module]:
    """Norm and SiLU at once; official keys count them as two layers."""
    return Norm(channels, groups, activate=True), nn.Identity()


def _modulated(layers: nn.Sequential, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """The second half of a residual branch, its norm scaled and shifted: x (B, ..., C), scale and shift (B, C)."""
    norm, _, dropout, convolution = layers
    y: Tensor = convolution(dropout(norm(x, scale, shift)))
    return y
