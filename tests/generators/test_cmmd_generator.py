"""The CMMD plugin keeps the contract, on any size and length, and refuses files that are not what they should be."""

import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from cmmd_bench.errors import UserError
from cmmd_bench.testing import check_generator
from cmmd_bench.types import Clip, Request
from cmmd_gen.checkpoint import Card, load, read_card, save
from cmmd_gen.cmmd.config import CMMDConfig
from cmmd_gen.cmmd.generator import CMMD, NCMMD
from cmmd_gen.cmmd.pipeline import whole_lengths
from generators import made


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("cmmd")
    path, digest = made.autoencoder(folder)
    return made.cmmd(folder, digest), path


def generator(files: tuple[Path, Path], **options: object) -> CMMD:
    return CMMD(str(files[0]), autoencoder=str(files[1]), **{"steps": 2, "batch": 2, **options})  # type: ignore[arg-type]


def test_it_keeps_the_contract(files: tuple[Path, Path]) -> None:
    check_generator(generator(files, guidance=0.5), requests=3, seconds=0.8)


def test_any_size_rate_and_length_of_condition(files: tuple[Path, Path]) -> None:
    rng = np.random.default_rng(0)
    wide = Clip(rng.integers(0, 256, (60, 48, 96, 3), dtype=np.uint8), Fraction(30))
    (sound,) = generator(files).generate([Request("a", "v2a", 1, 2.0, wide)])
    assert sound.audio is not None
    assert (len(sound.audio), sound.sample_rate, sound.video) == (32_000, 16_000, None)
    music = Clip(audio=rng.uniform(-1, 1, 44_100 * 2).astype(np.float32), sample_rate=44_100)
    (picture,) = generator(files).generate([Request("b", "a2v", 1, 2.0, music)])
    assert picture.video is not None
    assert (picture.video.shape, picture.fps, picture.audio) == ((20, 64, 64, 3), 10, None)


def test_guidance_and_steps_change_a_clip_and_the_manifest_says_so(files: tuple[Path, Path]) -> None:
    request = Request("a", "v2a", 1, 1.8, Clip(np.full((18, 64, 64, 3), 90, np.uint8), Fraction(10)))
    heard = {}
    for name, options in {"plain": {}, "guided": {"guidance": 5.0}, "longer": {"steps": 3}}.items():
        model = generator(files, **{"guidance": 0.0, **options})
        (clip,) = model.generate([request])
        assert clip.audio is not None
        heard[name] = clip.audio
    assert not np.array_equal(heard["plain"], heard["guided"])
    assert not np.array_equal(heard["plain"], heard["longer"])
    said = generator(files, guidance=5.0).describe()["sampling"]
    assert said["guidance"] == {"v2a": 5.0, "a2v": 5.0, "joint": 0.0}
    assert (said["steps"], said["solver"], said["eps_mode"]) == (2, "ddim", "predicted")


def test_bf16_stays_close(files: tuple[Path, Path]) -> None:
    request = Request("a", "a2v", 1, 1.8, Clip(audio=np.full(28_800, 0.1, np.float32), sample_rate=16_000))
    (full,) = generator(files, guidance=0.0).generate([request])
    (half,) = generator(files, guidance=0.0, precision="bf16").generate([request])
    assert full.video is not None
    assert half.video is not None
    assert np.abs(full.video.astype(int) - half.video.astype(int)).mean() < 2


def test_a_checkpoint_runs_as_either_name(files: tuple[Path, Path]) -> None:
    assert NCMMD(str(files[0]), autoencoder=str(files[1])).card.model == "cmmd"


class TestBadCheckpoints:
    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="is not there"):
            CMMD(str(tmp_path / "nothing.safetensors"))

    def test_cut_off(self, files: tuple[Path, Path], tmp_path: Path) -> None:
        (tmp_path / "cut.safetensors").write_bytes(files[0].read_bytes()[:-100])
        with pytest.raises(UserError, match="cut off"):
            CMMD(str(tmp_path / "cut.safetensors"))

    def test_another_model(self, files: tuple[Path, Path]) -> None:
        with pytest.raises(UserError, match=r"holds the model 'autoencoder' \(preset tiny\), where cmmd or ncmmd"):
            CMMD(str(files[1]))

    def test_another_architecture_than_the_card_says(self, files: tuple[Path, Path], tmp_path: Path) -> None:
        tensors, card = load(files[0], models=("cmmd",))
        first = next(iter(tensors))
        del tensors[first]
        save(tmp_path / "less.safetensors", tensors, card)
        with pytest.raises(UserError, match=f"not the weights of cmmd.*1 missing.*{first}"):
            CMMD(str(tmp_path / "less.safetensors"))

    @pytest.mark.parametrize(
        ("fields", "told"),
        [
            ({"preset": "huge"}, r"is of the preset 'huge', where paper or tiny was expected\. Give"),
            (
                {"network": {"width": 3}},
                r"config on its card does not fit \(TypeError: .*'width'.*Expected that of cmmd",
            ),
            ({"network": None}, r"config on its card does not fit \(TypeError"),
            ({"network": "left out"}, r"config on its card has no 'network'\. Expected"),
            ({"scales": "left out"}, r"config on its card has no 'scales'"),
            ({"scales": {"mel_mean": 0.0}}, r"does not fit \(TypeError: .*missing.*latent_mean"),
            ({"autoencoder": "left out"}, r"config on its card has no 'autoencoder'"),
            ({"autoencoder": {"name": "tiny"}}, r"does not fit \(TypeError: .*missing.*digest"),
        ],
    )
    def test_a_card_that_says_something_else(
        self, files: tuple[Path, Path], tmp_path: Path, fields: dict[str, object], told: str
    ) -> None:
        tensors, card = load(files[0], models=("cmmd",))
        config = {**card.config, **{name: value for name, value in fields.items() if name != "preset"}}
        config = {name: value for name, value in config.items() if value != "left out"}
        path = tmp_path / "odd.safetensors"
        save(path, tensors, replace(card, preset=fields.get("preset", "tiny"), config=config))
        with pytest.raises(UserError, match=rf"odd\.safetensors.*{told}"):
            CMMD(str(path), autoencoder=str(files[1]))

    def test_no_card(self, tmp_path: Path) -> None:
        from safetensors.torch import save_file

        save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors")
        with pytest.raises(UserError, match="no checkpoint that `cmmd-bench train` wrote"):
            CMMD(str(tmp_path / "a.safetensors"))

    def test_a_pickle_that_would_act(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        class Evil:
            def __reduce__(self) -> tuple[object, tuple[str]]:
                return os.system, ("touch acted",)

        monkeypatch.chdir(tmp_path)
        torch.save({"model": Evil()}, tmp_path / "evil.pt")
        with pytest.raises(UserError, match="evil.pt"):
            CMMD(str(tmp_path / "evil.pt"))
        assert not (tmp_path / "acted").exists()

    def test_the_wrong_autoencoder(self, files: tuple[Path, Path], tmp_path: Path) -> None:
        other, _ = made.autoencoder(tmp_path, seed=2)
        with pytest.raises(UserError, match="is not the one that cmmd was trained with"):
            CMMD(str(files[0]), autoencoder=str(other))

    def test_a_vocoder_that_is_not_there(self, files: tuple[Path, Path]) -> None:
        with pytest.raises(UserError, match="the vocoder .* is not there"):
            generator(files, vocoder="nothing.safetensors")

    def test_half_precision_that_overflows_is_not_written(self, tmp_path: Path) -> None:
        card = Card("cmmd", "tiny", {}, 1, {})
        with pytest.raises(ValueError, match="weight has values that are not finite"):
            save(tmp_path / "a.safetensors", {"weight": torch.tensor([1e6])}, card, dtype=torch.float16)
        assert not (tmp_path / "a.safetensors").exists()

    def test_the_card_comes_back_whole(self, files: tuple[Path, Path]) -> None:
        card = read_card(files[0])
        assert (card.model, card.preset, card.step) == ("cmmd", "tiny", 1)
        assert set(card.config) == {"network", "autoencoder", "scales"}
        assert CMMDConfig(**card.config["network"]).latent_channels == 8


@pytest.mark.parametrize(
    ("asked", "frames", "mel"), [(18, 18, 112), (16, 18, 112), (1, 9, 56), (19, 27, 168), (36, 36, 224), (32, 36, 224)]
)
@pytest.mark.parametrize("preset", ["tiny", "paper"])
def test_lengths_keep_the_ratio_of_training(preset: str, asked: int, frames: int, mel: int) -> None:
    assert whole_lengths(asked, made.CMMD[preset]) == (frames, mel)
