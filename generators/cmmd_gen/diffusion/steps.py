"""Diffusion steps n: drawn for a batch in training, and as what a network reads of them."""

import math

import torch
from torch import Tensor


def draw_steps(batch: int, steps: int, generator: torch.Generator, *, stratified: bool) -> Tensor:
    """Steps n of a batch, (B,) int64, each uniform on 0..steps - 1.

    Stratified: one from each of B equal parts of the range, in random order, so that a small batch always sees noisy
    and clean levels and its loss varies less.
    """
    if not stratified:
        return torch.randint(steps, (batch,), generator=generator)
    order = torch.randperm(batch, generator=generator)
    place = (order + torch.rand(batch, generator=generator, dtype=torch.float64)) / batch
    # A place just below 1 may round up to it.
    return (place * steps).long().clamp(max=steps - 1)


def step_embedding(n: Tensor, width: int) -> Tensor:
    """[cos | sin] of n (B,) times frequencies from 1 down to almost 1/10000: (B, width) float32."""
    half = width // 2
    frequencies = torch.exp(-math.log(10_000) * torch.arange(half, dtype=torch.float32, device=n.device) / half)
    angles = n[:, None].float() * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=1)
