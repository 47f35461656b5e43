"""From requests to clips through CMMD's parts: autoencoder, mel, the sampled network, vocoder.

Any length and size of condition: pictures are taken at 10 frames a second, cut to the centred square and scaled; sound
is taken at 16 kHz. Fusion knows which mel frame goes with which picture by the ratio of their numbers, so the network
runs on a length at which that ratio is the one it was trained with (18 to 112: multiples of 9 frames), and what was not
asked for is cut off: 36 frames have 224 mel frames, 16 are made as 18.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from cmmd_bench.types import Clip, Request, Task
from cmmd_gen.autoencoder import Autoencoder
from cmmd_gen.batches import even_batches
from cmmd_gen.cmmd.config import CMMDConfig
from cmmd_gen.cmmd.presets import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME
from cmmd_gen.cmmd.sampling import EpsMode, Solver, sample
from cmmd_gen.cmmd.scales import Scales
from cmmd_gen.cmmd.unet import CMMDUNet
from cmmd_gen.conditions import pictures, sound, to_audio, to_video
from cmmd_gen.diffusion.schedules import cosine
from cmmd_gen.noise import Noise
from cmmd_gen.types import Pair
from cmmd_gen.vocoder.mel import log_mel
from cmmd_gen.vocoder.opening import Vocoder


@dataclass(frozen=True)
class Sampling:
    """How a network is sampled (`sampling.sample`); guidance is lambda by task."""

    steps: int
    guidance: Mapping[Task, float]
    solver: Solver = "ddim"
    eps_mode: EpsMode = "predicted"


@dataclass(frozen=True)
class Pipeline:
    """The parts, on one device. size: of the pictures that the autoencoder sees; batch: clips sampled together."""

    unet: CMMDUNet
    scales: Scales
    autoencoder: Autoencoder
    vocoder: Vocoder
    size: int
    batch: int
    sampling: Sampling
    device: torch.device

    def clips(self, requests: Sequence[Request]) -> Iterator[Clip]:
        """One clip per request, in order."""
        for batch, asked in even_batches(requests, self.batch):
            yield from islice(self._clips(batch, batch[0].task, batch[0].seconds), asked)

    def _clips(self, requests: Sequence[Request], task: Task, seconds: float) -> Iterator[Clip]:
        asked, samples = round(seconds * FPS), round(seconds * SAMPLE_RATE)
        config = self.unet.config
        frames, length = whole_lengths(asked, config)
        side = config.latent_size
        made = sample(
            self.unet,
            task,
            alpha_bar=torch.from_numpy(cosine()),
            noise=Noise([request.seed for request in requests], self.device),
            shapes=((frames, config.latent_channels, side, side), (config.mel_bands, length)),
            condition=self._condition(requests, task, frames, length),
            steps=self.sampling.steps,
            solver=self.sampling.solver,
            guidance=self.sampling.guidance[task],
            eps_mode=self.sampling.eps_mode,
            audio_range=self.scales.mel_range,
        )
        yield from self._decoded(made, task, asked, samples)

    @torch.inference_mode()
    def _condition(self, requests: Sequence[Request], task: Task, frames: int, length: int) -> Tensor | None:
        """The given sides (B, ...) as the network sees them."""
        given = [request.condition for request in requests if request.condition is not None]
        if task == "v2a":
            size = self.size
            seen = torch.stack([pictures(clip, fps=FPS, frames=frames, size=size) for clip in given])
            mean, _ = self.autoencoder.encode(seen.to(self.device))
            return self.scales.latents(mean).clone()
        if task == "a2v":
            samples = frames * SAMPLES_PER_FRAME
            heard = torch.stack([sound(clip, sample_rate=SAMPLE_RATE, samples=samples) for clip in given])
            return self.scales.mel(log_mel(heard))[..., :length].to(self.device).clone()
        return None

    @torch.inference_mode()
    def _decoded(self, made: Pair, task: Task, frames: int, samples: int) -> Iterator[Clip]:
        """The generated sides as clips, one at a time."""
        for latents, mel in zip(made.video, made.audio, strict=True):
            video = audio = None
            if task != "v2a":
                video = to_video(self.autoencoder.decode(self.scales.raw_latents(latents[:frames])[None])[0])
            if task != "a2v":
                audio = to_audio(self.vocoder(self.scales.raw_mel(mel)[None], samples)[0], SAMPLE_RATE)
            yield Clip(video, FPS, audio, SAMPLE_RATE)


def whole_lengths(frames: int, config: CMMDConfig) -> tuple[int, int]:
    """The fewest frames, at least `frames`, with their mel frames, that the network can run on in its trained ratio."""
    unit = config.frames * config.divisor
    whole = next(count for count in range(frames, frames + unit) if count * config.mel_length % unit == 0)
    return whole, whole * config.mel_length // config.frames
