"""The MM-Diffusion plugin keeps the contract, speaks of what it does, and reads official files only if they are."""

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from cmmd_bench.errors import UserError
from cmmd_bench.testing import check_generator
from cmmd_bench.types import TASKS, Clip, Request
from cmmd_gen.checkpoint import load, save
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
    check_generator(generator(file, scale=0.1), requests=2, seconds=0.8)


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


MUSIC = Clip(audio=np.sin(np.arange(12_800) / 20).astype(np.float32) / 2, sample_rate=16_000)


def edited(file: str, path: Path, change: Callable[[dict[str, object]], object]) -> str:
    """A copy of a checkpoint with another config on its card."""
    tensors, card = load(Path(file), models=("mmdiff",))
    change(card.config)
    save(path, tensors, card)
    return str(path)


class TestTheCard:
    """What the weights mean stands on it, whatever the preset says by now."""

    @pytest.mark.parametrize(
        ("name", "value", "task"),
        [
            ("prediction", "noise", "joint"),
            ("schedule", "linear", "joint"),
            ("mu", 0.0, "a2v"),
            ("mu", 0.0, "v2a"),
            ("frame_size", 16, "v2a"),
        ],
    )
    def test_it_decides_and_not_the_preset(
        self, file: str, tmp_path: Path, name: str, value: object, task: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        frames = np.random.default_rng(0).integers(0, 256, (8, 64, 64, 3), dtype=np.uint8)
        given = {"joint": None, "a2v": MUSIC, "v2a": Clip(frames, Fraction(10))}[task]
        request = Request("a", task, 1, 0.8, given)

        def answer(path: str) -> np.ndarray:
            (clip,) = generator(path, batch=1, scale=0).generate([request])
            made = clip.video if clip.audio is None else clip.audio
            assert made is not None
            return made

        before = answer(file)
        other = edited(file, tmp_path / "other.safetensors", lambda config: config.__setitem__(name, value))
        assert not np.array_equal(answer(other), before)
        monkeypatch.setattr("cmmd_gen.mmdiff.presets.PRESETS", {"tiny": replace(PRESETS["tiny"], **{name: value})})
        assert np.array_equal(answer(file), before)

    def test_all_of_it_is_what_training_writes(self) -> None:
        assert {"prediction", "schedule", "mu", "frame_size"} < PRESETS["tiny"].meaning.keys()
        assert json.loads(json.dumps(PRESETS["paper"].meaning))["prediction"] == "noise"

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            (lambda config: config.pop("prediction"), r"has no prediction\..*Train it again"),
            (lambda config: config.pop("mu"), r"has no mu\..*Train it again"),
            (lambda config: config.update(prediction="x0"), "prediction must be noise or velocity, got 'x0'"),
            (lambda config: config.update(schedule=None), "schedule must be linear or cosine, got None"),
            (lambda config: config.update(mu="loud"), "mu must be a number from 0, got 'loud'"),
            (lambda config: config.update(frame_size=24), "frame_size must be a multiple of the network's 16, got 24"),
            (lambda config: config.pop("network"), "has no 'network'"),
            (lambda config: config["network"].update(depth=3), "depth"),
            (lambda config: config["network"].update(width=32), r"not the weights of mmdiff|shape"),
        ],
    )
    def test_one_that_says_less_or_something_else(
        self, file: str, tmp_path: Path, change: Callable[[dict[str, object]], object], told: str
    ) -> None:
        path = edited(file, tmp_path / "odd.safetensors", change)
        with pytest.raises(UserError, match=rf"(?s)odd\.safetensors.*({told})|({told}).*odd\.safetensors"):
            generator(path)

    def test_a_preset_of_another_version(self, file: str, tmp_path: Path) -> None:
        tensors, card = load(Path(file), models=("mmdiff",))
        save(tmp_path / "huge.safetensors", tensors, replace(card, preset="huge"))
        with pytest.raises(UserError, match=r"huge\.safetensors is of the preset 'huge'"):
            generator(str(tmp_path / "huge.safetensors"))


class TestDefaults:
    def test_each_chain_has_its_own(self, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("cmmd_gen.mmdiff.presets.PRESETS", {"tiny": replace(PRESETS["paper"], superres=False)})
        few, ddpm = (MMDiffusion(file, chain=chain).pipeline.sampling for chain in ("few-step", "ddpm"))
        assert (few.steps, few.order, few.sampler, few.sampler_steps) == (20, 2, "few-step", 20)
        assert (ddpm.steps, ddpm.sampler, ddpm.sampler_steps) == (1000, "dpm-solver", 20)
        assert MMDiffusion(file).pipeline.sampling == ddpm
        assert few.scale != ddpm.scale

    def test_batches_are_those_of_the_published_scripts(self, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("cmmd_gen.mmdiff.presets.PRESETS", {"tiny": replace(PRESETS["paper"], superres=False)})
        model = MMDiffusion(file, quirks="official")
        assert (model.pipeline.batch["v2a"], model.pipeline.batch["a2v"]) == (2, 1)
        assert dict(model.pipeline.sampling.scale) == {"v2a": 3.0, "a2v": 3.0}
        assert dict(MMDiffusion(file, batch=5).pipeline.batch) == dict.fromkeys(TASKS, 5)

    def test_each_task_is_sampled_in_its_own_batches(self, file: str) -> None:
        model = generator(file, batch=None)
        sizes = []
        small = replace(model.pipeline, batch={"v2a": 2, "a2v": 1, "joint": 3})
        handle = model.pipeline.unet.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
        video = Clip(np.full((8, 64, 64, 3), 90, np.uint8), Fraction(10))
        given = {"v2a": video, "a2v": MUSIC, "joint": None}
        asked = [Request(f"{task}{i}", task, i, 0.8, given[task]) for task in given for i in range(2)]
        assert len(list(small.clips(asked))) == 6
        handle.remove()
        assert sizes == [2, 2, 1, 1, 1, 1, 3, 3]

    def test_paper_is_guided_as_strongly_as_the_published_scripts(self) -> None:
        scale = PRESETS["paper"].sampling.scale
        assert scale["v2a"] == pytest.approx(3 * 2**20 / (2 * 16 * 3 * 64 * 64))
        assert scale["a2v"] == pytest.approx(3 * 2**20 / 25_600)


class TestFromNothing:
    @pytest.mark.parametrize("sampler", ["few-step", "dpm-solver", "ancestral", "ddim"])
    def test_every_sampler_can_be_reached(self, file: str, sampler: str) -> None:
        model = generator(file, sampler=sampler, steps=4)
        assert model.describe()["sampling"]["sampler"] == sampler
        calls = []
        handle = model.pipeline.unet.register_forward_pre_hook(lambda *_: calls.append(1))
        (clip,) = model.generate([Request("a", "joint", 1, 0.8)])
        handle.remove()
        assert clip.video is not None
        assert clip.audio is not None
        assert len(calls) == 4

    def test_the_adaptive_one_takes_clips_one_by_one_and_its_own_time(self, file: str) -> None:
        model = generator(file, sampler="dpm-solver-adaptive")
        # A network that has learned nothing says nothing, and needs few steps for it.
        for head in (model.pipeline.unet.video_out, model.pipeline.unet.audio_out):
            for parameter in head.parameters():
                parameter.zero_()
        sizes = []
        handle = model.pipeline.unet.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
        assert len(list(model.generate([Request(str(i), "joint", i, 0.8) for i in range(2)]))) == 2
        handle.remove()
        assert set(sizes) == {1}
        assert len(sizes) > 2 * 4

    def test_they_differ(self, file: str) -> None:
        made = [
            next(iter(generator(file, sampler=sampler, steps=4).generate([Request("a", "joint", 1, 0.8)]))).audio
            for sampler in ("few-step", "dpm-solver", "ancestral", "ddim")
        ]
        assert len({audio.tobytes() for audio in made}) == 4

    def test_their_own_steps(self, file: str) -> None:
        assert MMDiffusion(file, superres="none", sampler="ddim").pipeline.sampling.sampler_steps == 25
        assert MMDiffusion(file, superres="none", sampler="ancestral").pipeline.sampling.sampler_steps == 1000
        with pytest.raises(UserError, match='steps=300 do not fit sampler="ddim": no whole stride'):
            generator(file, sampler="ddim", steps=300)


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
