import csv
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cmmd_bench.types import Clip, ClipSpec, Item
from cmmd_gen.data.cache import Cache
from cmmd_gen.data.clips import TrainingSet, open_clips
from cmmd_gen.training import Plan
from cmmd_gen.vocoder.config import DiscriminatorConfig, GeneratorConfig, MelGANConfig
from cmmd_gen.vocoder.discriminator import Discriminator, Opinion
from cmmd_gen.vocoder.mel import MEL_16K, log_mel
from cmmd_gen.vocoder.melgan import Generator, load_generator
from cmmd_gen.vocoder.objective import adversarial_loss, discriminator_loss, feature_loss, mel_loss
from cmmd_gen.vocoder.presets import PRESETS, Preset
from cmmd_gen.vocoder.training import copies, draw, train

NETWORK = MelGANConfig(
    generator=GeneratorConfig(base=2, ratios=(8, 8, 4), blocks=1),
    discriminator=DiscriminatorConfig(scales=2, base=4, widest=16, layers=2),
)
SMALL = replace(PRESETS["tiny"], network=NETWORK, segment=2048, warm_up=0.5)


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Cache:
    spec = ClipSpec(1.0, 10, 16, 16, 16_000)
    return open_clips([TrainingSet("beatdance", 3)], spec, tmp_path_factory.mktemp("clips"))


def plan(steps: int, preset: Preset = SMALL) -> Plan:
    config, course = asdict(preset.network), preset.course
    return Plan("melgan", "tiny", config, steps, batch=2, seed=3, save_every=2, settings=course)


def losses(folder: Path) -> list[dict[str, str]]:
    with (folder / "losses.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    state = torch.load(folder / "state.pt", weights_only=True)["learners"]
    return {f"{side}.{name}": t for side, learner in state.items() for name, t in learner["module"].items()}


def test_steps_move_all_weights_and_losses_are_finite(tmp_path, cache):
    preset = replace(SMALL, warm_up=0.0)
    train(tmp_path, cache, preset, plan(2, preset))
    torch.manual_seed(3)
    start = {f"generator.{name}": t for name, t in Generator(NETWORK.generator).state_dict().items()}
    start |= {f"discriminator.{name}": t for name, t in Discriminator(NETWORK.discriminator).state_dict().items()}
    after = weights(tmp_path)
    assert start.keys() == after.keys()
    assert not [name for name, t in start.items() if torch.equal(t, after[name])]
    rows = losses(tmp_path)
    assert len(rows) == 2
    assert {"discriminator", "adversarial", "features", "mel"} < rows[0].keys()
    assert np.isfinite([float(value) for row in rows for value in row.values()]).all()


def test_going_on_equals_never_stopping(tmp_path, cache):
    done = []

    def advance() -> None:
        done.append(1)
        if len(done) == 3:
            raise KeyboardInterrupt

    # The state is of step 2; the critics come in step 2, so that both phases are gone through twice.
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "a", cache, SMALL, plan(4), advance=advance)
    train(tmp_path / "a", cache, SMALL, plan(4))
    train(tmp_path / "b", cache, SMALL, plan(4))
    assert losses(tmp_path / "a") == losses(tmp_path / "b")
    ours, theirs = weights(tmp_path / "a"), weights(tmp_path / "b")
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(t, theirs[name]) for name, t in ours.items())
    # Half of the steps are warm-up, in which the critics rest.
    assert [row["discriminator"] == "nan" for row in losses(tmp_path / "b")] == [True, True, False, False]
    assert not any(row["mel"] == "nan" for row in losses(tmp_path / "b"))


def test_the_distance_of_mels_falls(tmp_path, cache):
    preset = replace(SMALL, warm_up=1.0, filtered=0.0, peak_rate=1e-2)
    train(tmp_path, cache, preset, replace(plan(100, preset), save_every=100))
    mel = [float(row["mel"]) for row in losses(tmp_path)]
    assert np.mean(mel[-20:]) < 0.85 * np.mean(mel[:20])


def test_the_model_file_vocodes(tmp_path, cache):
    clip = Clip(np.zeros((3, 8, 8, 3), np.uint8), 10, np.zeros(4800, np.float32), 16_000)
    shown = []

    def samples(generator: Generator):
        show = copies(generator, [(Item("silence", "silence"), clip)], MEL_16K)

        def keep(step: int):
            shown.append(show(step)[0][1])
            return show(step)

        return keep

    train(tmp_path, cache, SMALL, plan(2), samples=samples)
    assert all((tmp_path / "samples" / "step-0000002" / name).is_file() for name in ("sheet.png", "silence.mp4"))
    generator, settings = load_generator(tmp_path / "model.safetensors")
    made = generator(log_mel(torch.zeros(1, 4800 + 256), settings))[0, :4800]
    np.testing.assert_allclose(shown[0].audio, made, atol=1e-3)
    assert shown[0].video is clip.video


def test_copies_need_sound(cache):
    silent = Clip(np.zeros((3, 8, 8, 3), np.uint8), 10)
    with pytest.raises(ValueError, match="clips with sound"):
        copies(Generator(NETWORK.generator), [(Item("a", "a"), silent)], MEL_16K)(0)


def test_examples_are_the_generators_own(cache):
    first, again, other = (draw(cache, SMALL, 3, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert first.shape == (3, 2048)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_fit_together(name):
    preset = PRESETS[name]
    assert preset.segment % preset.network.mel.hop == 0
    assert preset.source.samples >= preset.segment
    assert preset.source.sample_rate == preset.network.mel.sample_rate


def opinions(*values: float) -> list[Opinion]:
    """Two critics: features of 2 and 3 values, scores of 4."""
    return [Opinion((torch.full((2, 1, 2), v), torch.full((2, 3, 1), 2 * v)), torch.full((2, 1, 4), v)) for v in values]


def test_the_objectives_by_hand():
    real, made = opinions(0.9, 0.5), opinions(0.25, -1.0)
    apart = discriminator_loss(real, made)
    assert apart.item() == pytest.approx(0.1**2 + 0.25**2 + 0.5**2 + 1.0)
    assert adversarial_loss(made).item() == pytest.approx(0.75**2 + 2.0**2)
    assert feature_loss(real, made).item() == pytest.approx((0.65 + 1.3) + (1.5 + 3.0))
    assert discriminator_loss(opinions(1.0, 1.0), opinions(0.0, 0.0)).item() == 0
    assert adversarial_loss(opinions(1.0, 1.0)).item() == 0
    assert feature_loss(real, real).item() == 0


def test_feature_matching_teaches_the_made_side_only():
    real, made = opinions(1.0, 2.0), opinions(3.0, 4.0)
    for opinion in real + made:
        for x in opinion.features:
            x.requires_grad_()
    feature_loss(real, made).backward()
    assert all(x.grad is None for opinion in real for x in opinion.features)
    assert all(x.grad is not None for opinion in made for x in opinion.features)


def test_the_distance_of_mels_is_in_natural_logarithms():
    sound = 0.1 * torch.randn(2, 3000, generator=torch.Generator().manual_seed(0))
    # Half the amplitude is ln 2 lower in every band, unless it is at the floor.
    assert mel_loss(sound, 0.5 * sound).item() == pytest.approx(np.log(2), rel=1e-3)
    assert mel_loss(sound, sound).item() == 0
