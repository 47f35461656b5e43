"""From requests to clips through MM-Diffusion: small frames, low-rate sound, the sampled network, super-resolution.

The network runs on as many frames as were asked for, at least its largest window, and on as many samples for each of
them as in training; what was not asked for is cut off, and sound that is missing at the end is silence.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cmmd_bench.types import Audio, Clip, Request, Task
from cmmd_gen.batches import even_batches
from cmmd_gen.conditions import to_audio, to_video
from cmmd_gen.diffusion.gaussian import Chain, chain
from cmmd_gen.mmdiff.conditional import Guidance, conditional, conditional_few_step
from cmmd_gen.mmdiff.objective import as_noise
from cmmd_gen.mmdiff.presets import SOURCE_RATE, Preset, Sampling
from cmmd_gen.mmdiff.sampling import Shapes, ancestral, ddim, dpm_solver, dpm_solver_adaptive, few_step
from cmmd_gen.mmdiff.shifts import Quirks, with_shifts
from cmmd_gen.mmdiff.unet import MMDiffUNet
from cmmd_gen.mmdiff.windows import expanded, given_sound, given_video, held
from cmmd_gen.noise import Noise
from cmmd_gen.types import Denoiser, Pair

SHIFT_SEED = 0
"""Of the attention windows while sampling: the same for every clip, so that none depends on its neighbours."""


@dataclass(frozen=True)
class Pipeline:
    """The parts, on one device.

    batch: clips sampled together, by task
    upscale: from small frames (B, F, 3, s, s) and noise to large ones, or None
    mirror: whether the network has learned mirrored pictures, as the official checkpoints have
    """

    unet: MMDiffUNet
    batch: Mapping[Task, int]
    upscale: Callable[[Tensor, Noise], Tensor] | None
    preset: Preset
    sampling: Sampling
    quirks: Quirks
    mirror: bool
    device: torch.device

    def clips(self, requests: Sequence[Request]) -> Iterator[Clip]:
        """One clip per request, in order."""
        for task, group in groupby(requests, key=lambda request: request.task):
            for batch, asked in even_batches(list(group), self.batch[task]):
                yield from islice(self._clips(batch, task, batch[0].seconds), asked)

    def _clips(self, requests: Sequence[Request], task: Task, seconds: float) -> Iterator[Clip]:
        config = self.unet.config
        asked = round(seconds * config.fps)
        frames = max(asked, *config.windows)
        samples = frames * (config.samples // config.frames)
        noise = Noise([request.seed for request in requests], self.device)
        shapes = ((frames, 3, config.size, config.size), (1, samples))
        made = self._sampled(task, self._condition(requests, task, frames, samples), noise, shapes)
        video = self._enlarged(made.video, noise) if task != "v2a" else made.video
        for pictures, heard in zip(video, made.audio, strict=True):
            yield Clip(
                to_video(pictures[:asked]) if task != "v2a" else None,
                self.preset.source.fps,
                self._audio(heard, round(seconds * SOURCE_RATE)) if task != "a2v" else None,
                SOURCE_RATE,
            )

    def _condition(self, requests: Sequence[Request], task: Task, frames: int, samples: int) -> Tensor | None:
        """The given sides (B, ...) as the network sees them."""
        given = [request.condition for request in requests if request.condition is not None]
        if task == "v2a":
            video = torch.stack([given_video(clip, self.preset, frames) for clip in given])
            return (video.flip(-1) if self.mirror else video).to(self.device)
        if task == "a2v":
            return torch.stack([given_sound(clip, self.preset, samples) for clip in given]).to(self.device)
        return None

    def _sampled(self, task: Task, condition: Tensor | None, noise: Noise, shapes: Shapes) -> Pair:
        denoiser = with_shifts(self.unet, SHIFT_SEED, quirks=self.quirks)
        alpha_bar, how = self.preset.alpha_bar().numpy(), self.sampling
        if self.preset.prediction == "velocity":
            denoiser = as_noise(denoiser, self.preset.alpha_bar())
        if task == "joint" or condition is None:
            return _from_nothing(denoiser, how, alpha_bar, noise, shapes)
        scale = how.scale[task]
        guidance: Guidance = "gradient" if scale > 0 else "replacement"
        if how.chain == "few-step":
            return conditional_few_step(
                denoiser,
                task,
                condition,
                alpha_bar=alpha_bar,
                noise=noise,
                shapes=shapes,
                steps=how.steps,
                order=how.order,
                guidance=guidance,
                scale=scale,
            )
        return conditional(
            denoiser,
            task,
            condition,
            chain=_chain(alpha_bar, how.steps),
            noise=noise,
            shapes=shapes,
            guidance=guidance,
            scale=scale,
            quirks=self.quirks,
            # The published scripts sample in half precision, and never divide its factor out again.
            fp16_flag=self.quirks == "official" and guidance == "gradient",
        )

    def _enlarged(self, video: Tensor, noise: Noise) -> Tensor:
        upright = video.flip(-1) if self.mirror else video
        return upright if self.upscale is None else self.upscale(upright.clamp(-1, 1), noise)

    def _audio(self, heard: Tensor, samples: int) -> Audio:
        rate = self.unet.config.sample_rate
        audio = held(to_audio(expanded(heard[0], self.preset.mu), rate), rate)[:samples]
        return np.pad(audio, (0, samples - len(audio)))


def _from_nothing(
    denoiser: Denoiser, how: Sampling, alpha_bar: NDArray[np.float64], noise: Noise, shapes: Shapes
) -> Pair:
    match how.sampler:
        case "few-step":
            return few_step(
                denoiser, alpha_bar=alpha_bar, noise=noise, shapes=shapes, steps=how.sampler_steps, order=how.order
            )
        case "dpm-solver":
            return dpm_solver(denoiser, alpha_bar=alpha_bar, noise=noise, shapes=shapes, evaluations=how.sampler_steps)
        case "dpm-solver-adaptive":
            return dpm_solver_adaptive(denoiser, alpha_bar=alpha_bar, noise=noise, shapes=shapes)
        case "ancestral":
            return ancestral(denoiser, chain=_chain(alpha_bar, how.sampler_steps), noise=noise, shapes=shapes)
        case "ddim":
            return ddim(denoiser, chain=chain(alpha_bar, f"ddim{how.sampler_steps}"), noise=noise, shapes=shapes)


def _chain(alpha_bar: NDArray[np.float64], steps: int) -> Chain:
    return chain(alpha_bar, None if steps == len(alpha_bar) else str(steps))
