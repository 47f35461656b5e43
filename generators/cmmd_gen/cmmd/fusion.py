"""Easy fusion (paper, Figure 6 and section B): each side is concatenated with the other, brought to its own rate.

Video is (B, F, H, W, C_v), audio (B, T, C_a). Nearest neighbours in time: step i of `target` steps takes step
floor(i * source / target) of `source`. The audio is repeated over a frame's pixels, the video averaged over them.
A 1x1 projection of the concatenation is added to either side; it starts at zero. As P [v; repeat(a)] equals
P_1 v + repeat(P_2 a), the other side's part is projected once per frame and the repeated tensor never exists.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear


def nearest(source: int, target: int, *, device: torch.device | str = "cpu") -> Tensor:
    """For each of `target` steps the index of the step of `source` that it takes, (target,) int64."""
    if source < 1 or target < 1:
        raise ValueError(f"source and target must be at least 1, got {source} and {target}")
    return torch.arange(target, device=device) * source // target


class EasyFusion(nn.Module):
    """Adds to either side a projection of both; both read the tensors from before the fusion."""

    def __init__(self, video_width: int, audio_width: int) -> None:
        super().__init__()
        self.video = nn.Linear(video_width + audio_width, video_width)
        self.audio = nn.Linear(audio_width + video_width, audio_width)
        for projection in (self.video, self.audio):
            nn.init.zeros_(projection.weight)
            nn.init.zeros_(projection.bias)

    def forward(self, video: Tensor, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Both sides in their own shapes."""
        F, T, C_v, C_a = video.shape[1], audio.shape[1], video.shape[-1], audio.shape[-1]
        own, other = self.video.weight[:, :C_v], self.video.weight[:, C_v:]
        heard = linear(audio.index_select(1, nearest(T, F, device=audio.device)), other, self.video.bias)
        fused_video = video + linear(video, own) + heard[:, :, None, None]
        own, other = self.audio.weight[:, :C_a], self.audio.weight[:, C_a:]
        seen = linear(video.mean((2, 3)), other, self.audio.bias)
        fused_audio = audio + linear(audio, own) + seen.index_select(1, nearest(F, T, device=video.device))
        return fused_video, fused_audio
