"""The loop of MM-Diffusion goes on as if it had not stopped, and its network can learn a clip by heart."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from generators.made import SMALL_MMDIFF

from cmmd_gen.data.cache import Cache
from cmmd_gen.data.clips import TrainingSet, open_clips
from cmmd_gen.mmdiff.objective import objective
from cmmd_gen.mmdiff.presets import PRESETS
from cmmd_gen.mmdiff.training import train
from cmmd_gen.mmdiff.unet import MMDiffUNet
from cmmd_gen.training import Plan
from cmmd_gen.types import Pair

SMALL = replace(PRESETS["tiny"], network=SMALL_MMDIFF, frame_size=16)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    return open_clips([TrainingSet("beatdance", 2)], SMALL.source, tmp_path_factory.mktemp("clips"))


def weights(folder: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(folder / "state.pt", weights_only=True)["learners"]["unet"]["module"]
    return state


def test_going_on_equals_never_stopping(tmp_path: Path, cache: Cache) -> None:
    plan = Plan("mmdiff", "tiny", SMALL.meaning, 4, batch=2, seed=3, save_every=2)
    done = []

    def advance() -> None:
        done.append(1)
        if len(done) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "a", cache, SMALL, plan, advance=advance)
    train(tmp_path / "a", cache, SMALL, plan)
    train(tmp_path / "b", cache, SMALL, plan)
    first, second = weights(tmp_path / "a"), weights(tmp_path / "b")
    assert first.keys() == second.keys()
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def test_one_clip_is_learned_by_heart() -> None:
    torch.manual_seed(0)
    turn = torch.arange(8)[:, None, None, None] * 0.5 + torch.arange(16) * 0.4
    video = (0.7 * turn.sin()).expand(8, 3, 16, 16)
    audio = 0.6 * torch.sin(torch.arange(SMALL_MMDIFF.samples) * 0.05)[None]
    clean = Pair(video.expand(4, -1, -1, -1, -1), audio.expand(4, -1, -1))
    unet, alpha_bar = MMDiffUNet(SMALL_MMDIFF), SMALL.alpha_bar()
    optimizer = torch.optim.Adam(unet.parameters(), lr=4e-3)
    random = torch.Generator().manual_seed(1)
    course = []
    for _ in range(60):
        # The noisiest quarter, where only what was learned tells the clip.
        n = torch.randint(750, 1000, (4,), generator=random)
        noise = Pair(*(torch.randn(side.shape, generator=random) for side in clean))
        loss = objective(lambda *given: unet(*given, generator=random), clean, n, noise, alpha_bar, "velocity")
        total = (loss.video + loss.audio).mean()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        course.append(Pair(*(float(side.detach().mean()) for side in loss)))
    for side in Pair._fields:
        early, late = (sum(getattr(losses, side) for losses in part) for part in (course[:5], course[-5:]))
        assert late < 0.4 * early, f"{side}: {early / 5:.3f} -> {late / 5:.3f}"
