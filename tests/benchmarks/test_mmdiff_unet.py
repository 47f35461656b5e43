"""MM-Diffusion's network against a plain form that works as the published code does, on the same weights.

OMP_NUM_THREADS=1 pytest tests/benchmarks/test_mmdiff_unet.py --benchmark-only --benchmark-group-by=group

On a busy machine add --benchmark-timer=time.process_time, which counts the time on the processor alone. At the paper's
size one evaluation takes about 20 seconds of it. Both forms give memory back and take it again for large tensors; see
what that costs with MALLOC_MMAP_THRESHOLD_=2000000000 MALLOC_TRIM_THRESHOLD_=8000000000.
"""

import pytest
import torch
from generators.plain_mmdiff import plain

from cmmd_gen.mmdiff.config import PRESETS
from cmmd_gen.mmdiff.unet import MMDiffUNet

BATCH = {"paper": 1, "tiny": 4}
ROUNDS = {"paper": {"rounds": 1}, "tiny": {"rounds": 5, "warmup_rounds": 1}}


@pytest.fixture(scope="module", params=["tiny", "paper"])
def setting(request):
    """A network that does something, and one batch with its shifts."""
    torch.manual_seed(0)
    config = PRESETS[request.param]
    unet = MMDiffUNet(config).eval()
    with torch.no_grad():
        for parameter in unet.parameters():
            if not parameter.any():
                parameter.normal_(std=0.02)
    batch = BATCH[request.param]
    video = torch.randn(batch, config.frames, 3, config.size, config.size)
    audio = torch.randn(batch, 1, config.samples)
    shifts = unet.draw_shifts(torch.Generator().manual_seed(0), config.frames)
    return request.param, unet, (video, audio, torch.full((batch,), 437)), shifts


FORMS = {"plain": plain, "ours": lambda unet, *inputs: unet(*inputs[:-1], shifts=inputs[-1])}


@pytest.mark.parametrize("form", FORMS)
def test_forward(benchmark, setting, form):
    name, unet, inputs, shifts = setting
    benchmark.group = f"forward, {name}, batch {BATCH[name]}"

    def run():
        with torch.no_grad():
            return FORMS[form](unet, *inputs, shifts)

    made = benchmark.pedantic(run, **ROUNDS[name])
    if form == "ours":
        with torch.no_grad():
            expected = plain(unet, *inputs, shifts)
        for own, other in zip(made, expected, strict=True):
            torch.testing.assert_close(own, other, rtol=0, atol=1e-4)


@pytest.mark.parametrize("form", FORMS)
def test_forward_and_gradient_of_the_input(benchmark, setting, form):
    name, unet, inputs, shifts = setting
    if name == "paper":
        pytest.skip("minutes, and memory of tens of GB")
    benchmark.group = f"forward and gradient of the video, {name}, batch {BATCH[name]}"
    unet.requires_grad_(False)

    def run():
        video = inputs[0].clone().requires_grad_()
        return torch.autograd.grad(FORMS[form](unet, video, *inputs[1:], shifts)[1].square().sum(), video)

    benchmark.pedantic(run, **ROUNDS[name])
    unet.requires_grad_(True)


@pytest.mark.parametrize("form", FORMS)
def test_training_step(benchmark, setting, form):
    name, unet, inputs, shifts = setting
    if name == "paper":
        pytest.skip("minutes, and memory of tens of GB")
    benchmark.group = f"training step, {name}, batch {BATCH[name]}"
    optimizer = torch.optim.AdamW(unet.parameters(), 0.0, weight_decay=0.0)

    def run():
        video, audio = FORMS[form](unet, *inputs, shifts)
        optimizer.zero_grad()
        ((video - inputs[0]).square().mean() + (audio - inputs[1]).square().mean()).backward()
        optimizer.step()

    benchmark.pedantic(run, **ROUNDS[name])
