"""The MM-Diffusion plugin keeps the contract, speaks of what it does, and reads official files only if they are."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from cmmd_bench.errors import UserError
from cmmd_bench.testing import check_generator
from cmmd_bench.types import Clip, Request
from cmmd_gen.mmdiff import generator as module
from cmmd_gen.mmdiff.config import MMDiffConfig
from cmmd_gen.mmdiff.generator import MMDiffusion
from cmmd_gen.mmdiff.presets import PRESETS
from cmmd_gen.mmdiff.state_dict import load_official
from cmmd_gen.mmdiff.unet import MMDiffUNet
from generators import made


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(made.mmdiff(tmp_path_factory.mktemp("mmdiff")))


def generator(file: str, **options: object) -> MMDiffusion:
    return MMDiffusion(file, **{"superres": "none", "steps": 2, "batch": 2, **options})  # type: ignore[arg-type]


def test_it_keeps_the_contract(file: str) -> None:
    check_generator(generator(file, scale=0.1), requests=3, seconds=0.8)


def test_short_clips_are_cut_out_of_the_largest_window(file: str) -> None:
    music = Clip(audio=np.full(8000, 0.1, np.float32), sample_rate=16_000)
    (clip,) = generator(file).generate([Request("a", "a2v", 1, 0.5, music)])
    assert clip.video is not None
    assert clip.video.shape == (5, 16, 16, 3)


def test_the_official_chain_and_its_quirks(file: str) -> None:
    video = Clip(np.full((10, 64, 64, 3), 90, np.uint8), Fraction(10))
    request = Request("a", "v2a", 1, 1.0, video)
    heard = []
    for quirks in ("fixed", "official"):
        model = generator(file, chain="ddpm", steps=3, scale=0.1, quirks=quirks)
        (clip,) = model.generate([request])
        heard.append(clip.audio)
        assert model.describe()["sampling"]["quirks"] == quirks
    assert not np.array_equal(heard[0], heard[1])
    with pytest.raises(UserError, match='quirks="official" are those of chain="ddpm"'):
        generator(file, quirks="official")


def test_a_mirrored_network_sees_and_shows_mirrored_pictures(file: str) -> None:
    rng = np.random.default_rng(0)
    video = rng.integers(0, 256, (10, 64, 64, 3), dtype=np.uint8)
    asked = [Request("a", "v2a", 1, 1.0, Clip(frames, Fraction(10))) for frames in (video, video[:, :, ::-1].copy())]
    (plain,) = generator(file).generate(asked[:1])
    (mirrored,) = generator(file, mirror=True).generate(asked[1:])
    # Turned around once more in memory, sums are taken in another order.
    assert np.abs(plain.audio - mirrored.audio).max() < 1e-3
    music = Clip(audio=rng.uniform(-1, 1, 16_000).astype(np.float32), sample_rate=16_000)
    request = Request("a", "a2v", 1, 1.0, music)
    (plain,) = generator(file).generate([request])
    (mirrored,) = generator(file, mirror=True).generate([request])
    assert np.abs(plain.video[:, :, ::-1].astype(int) - mirrored.video).max() <= 1


def test_an_official_file_loads_by_its_keys_and_is_mirrored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The published network in small: the same keys, a size that a test can hold.
    small = MMDiffConfig(
        frames=16, size=16, samples=4096, sample_rate=2560, width=32, multipliers=(1, 1, 1, 1), blocks=1, head_width=32
    )
    torch.save(made.scattered(MMDiffUNet(small)).state_dict(), tmp_path / "AIST++.pt")
    monkeypatch.setattr(module, "load_official", lambda path: load_official(path, small))
    paper = replace(PRESETS["paper"], network=small, frame_size=16)
    monkeypatch.setattr(module, "PRESETS", {**PRESETS, "paper": paper})
    model = MMDiffusion(str(tmp_path / "AIST++.pt"), steps=4, batch=1)
    assert model.pipeline.mirror
    assert model.describe()["training"]["official"]
    video = Clip(np.full((16, 16, 16, 3), 90, np.uint8), Fraction(10))
    (clip,) = model.generate([Request("a", "v2a", 1, 1.6, video)])
    assert clip.audio is not None
    assert len(clip.audio) == 25_600


def test_a_file_that_is_not_official_says_what_it_is(tmp_path: Path) -> None:
    torch.save({"time_embed.0.weight": torch.zeros(128, 128)}, tmp_path / "other.pt")
    with pytest.raises(UserError, match=r"other\.pt has 1 tensors, 16,384 numbers; .*of 1046 tensors"):
        MMDiffusion(str(tmp_path / "other.pt"))
    with pytest.raises(UserError, match="is not there"):
        MMDiffusion(str(tmp_path / "nothing.pt"))
