import csv
import logging
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cmmd_bench.progress import silent
from cmmd_bench.types import Clip, ClipSpec, Item
from cmmd_gen.data.cache import Cache
from cmmd_gen.data.clips import TrainingSet, open_clips
from cmmd_gen.diffusion.gaussian import chain
from cmmd_gen.diffusion.schedules import linear
from cmmd_gen.diffusion.velocity import noised
from cmmd_gen.noise import Noise
from cmmd_gen.superres import command
from cmmd_gen.superres.config import SuperresConfig
from cmmd_gen.superres.objective import objective, tables
from cmmd_gen.superres.parametrization import hidden
from cmmd_gen.superres.presets import PRESETS, Preset
from cmmd_gen.superres.sampling import upscale
from cmmd_gen.superres.spoiling import Spoiling, shrunk, spoiled
from cmmd_gen.superres.training import enlargements, train
from cmmd_gen.superres.unet import SuperresUNet, enlarged
from cmmd_gen.superres.weights import open_superres
from cmmd_gen.training import Plan, Session
from cmmd_gen.training.order import Order

NETWORK = SuperresConfig(
    size=16,
    width=16,
    multipliers=(1,),
    blocks=1,
    attention=(),
    heads=2,
    groups=4,
    time=1,
    factor=2,
    patch=2,
    detail=0.2,
)
SPEC = ClipSpec(0.4, 10, 16, 16, 16_000)
SMALL = replace(PRESETS["tiny"], network=NETWORK, source=SPEC, spec="ddim5")
PUBLISHED = replace(SMALL, network=replace(NETWORK, detail=None, patch=1, multipliers=(1, 2)), spoiling=Spoiling())
BOTH = pytest.mark.parametrize("preset", [SMALL, PUBLISHED], ids=["tiny", "published"])


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Cache:
    return open_clips([TrainingSet("beatdance", 3)], SPEC, tmp_path_factory.mktemp("clips"))


def plan(steps: int, preset: Preset = SMALL) -> Plan:
    return Plan("mmdiff-sr", "tiny", {"network": asdict(preset.network)}, steps, batch=4, seed=3, save_every=2)


def losses(folder: Path) -> list[dict[str, str]]:
    with (folder / "losses.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def state(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "state.pt", weights_only=True)["learners"]["unet"]["module"]


def test_going_on_equals_never_stopping(tmp_path, cache):
    done = []

    def advance() -> None:
        done.append(1)
        if len(done) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "a", cache, SMALL, plan(4), advance=advance)
    train(tmp_path / "a", cache, SMALL, plan(4))
    train(tmp_path / "b", cache, SMALL, plan(4))
    assert losses(tmp_path / "a") == losses(tmp_path / "b")
    assert all(torch.equal(tensor, state(tmp_path / "b")[name]) for name, tensor in state(tmp_path / "a").items())


def test_the_first_loss_is_that_of_knowing_nothing(tmp_path, cache):
    train(tmp_path, cache, PUBLISHED, plan(1, PUBLISHED))
    (row,) = losses(tmp_path)
    # Noise is predicted as 0, so the error is the mean of 4 x 3 x 256 squared normal values.
    assert float(row["simple"]) == pytest.approx(1, abs=0.1)
    assert float(row["vlb"]) > 0


def test_one_frame_is_learned_by_heart():
    torch.manual_seed(0)
    grid = torch.arange(16)
    # Detail that enlarging cannot bring back: a checkerboard.
    frame = ((grid[:, None] + grid) % 2 * 1.2 - 0.6).expand(1, 3, 16, 16).contiguous()
    small = shrunk(frame, 2, "area")
    unet, table = SuperresUNet(NETWORK), tables(chain(linear()))
    optimizer = torch.optim.Adam(unet.parameters(), lr=5e-3)
    for _ in range(100):
        n, noise = torch.randint(1000, (8,)), torch.randn(8, 3, 16, 16)
        x0 = hidden(frame, small, NETWORK).expand(8, -1, -1, -1)
        x = noised(x0, noise, table.alpha_bar[n])
        loss, _ = objective(unet(x, small.expand(8, -1, -1, -1), n), x, x0, noise, n, table, NETWORK)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    made = upscale(unet.eval(), small[None], Noise([0]), "ddim5")[0]
    before = (enlarged(small, 2) - frame).square().mean()
    assert (made - frame).square().mean() < 0.1 * before


def test_weights_to_start_with_are_started_with(tmp_path, cache):
    torch.manual_seed(9)
    start = SuperresUNet(NETWORK).state_dict()
    still = replace(SMALL, peak_rate=0.0)
    train(tmp_path, cache, still, plan(1), start=start)
    assert all(torch.equal(tensor, start[name]) for name, tensor in state(tmp_path).items())


@BOTH
def test_validation_shows_small_made_and_true_beside_each_other(preset):
    torch.manual_seed(0)
    unet = SuperresUNet(preset.network)
    frames = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    sound = np.linspace(-0.5, 0.5, 480, dtype=np.float32)
    [(item, shown)] = enlargements(unet, preset, [(Item("a", "g"), Clip(frames, 10, sound, 1600))])(7)
    assert item.id.startswith("a-")
    assert item.id.endswith("dB")
    assert shown.video is not None
    assert shown.video.shape == (3, 16, 48, 3)
    assert (shown.video[:, :, 32:] == frames).all()
    squares = shown.video[:, :, :16]
    assert (squares[:, ::2] == squares[:, 1::2]).all()
    if preset is SMALL:
        means = frames.reshape(3, 8, 2, 8, 2, 3).mean(axis=(2, 4))
        assert np.abs(squares[:, ::2, ::2] - means).max() <= 0.51
    assert shown.audio is sound


@BOTH
def test_losses_that_rise_are_warned_of(tmp_path, cache, preset, monkeypatch):
    from cmmd_gen.superres import training

    asked = []
    monkeypatch.setattr(
        training, "Session", lambda *words, watch, **others: (asked.append(watch), Session(*words, **others))[1]
    )
    train(tmp_path, cache, preset, plan(1, preset))
    (row,) = losses(tmp_path)
    assert set(asked[0]) == {"simple", "vlb"} & row.keys()


def test_half_precision_knows_every_step():
    torch.manual_seed(0)
    unet, seen = SuperresUNet(NETWORK), []
    unet.time_embed.register_forward_hook(lambda _, inputs, out: seen.append((inputs[0], out)))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        unet(torch.zeros(2, 3, 16, 16), torch.zeros(2, 3, 8, 8), torch.tensor([998, 999]))
    [(given, embedding)] = seen
    assert given.dtype == embedding.dtype == torch.float32
    assert not torch.equal(embedding[0], embedding[1])


def test_validation_needs_pictures():
    sound = Clip(audio=np.zeros(10, np.float32), sample_rate=16_000)
    with pytest.raises(ValueError, match="need clips with pictures"):
        enlargements(SuperresUNet(NETWORK), SMALL, [(Item("a", "g"), sound)])(0)


def test_frames_of_another_size_are_refused(tmp_path, cache):
    odd = replace(SMALL, network=replace(NETWORK, size=24, patch=12))
    with pytest.raises(ValueError, match="multiples of 12 .the patch and the levels., got 16 and 16"):
        train(tmp_path, cache, odd, plan(1, odd))


@pytest.mark.parametrize("name", ["paper", "tiny"])
def test_presets_belong_together(name):
    preset = PRESETS[name]
    assert preset.source.height == preset.source.width == preset.network.size
    assert len(chain(linear(), preset.spec).steps) >= 2
    frames = torch.zeros(1, 3, preset.network.size, preset.network.size)
    small = spoiled(frames, preset.network.factor, preset.spoiling, torch.Generator().manual_seed(0))
    assert small.shape[-1] * preset.network.factor == preset.network.size


def test_training_as_ordered(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(command, "PRESETS", {"toy": SMALL})
    torch.manual_seed(5)
    begin = {**SuperresUNet(NETWORK).state_dict(), "label_emb.weight": torch.zeros(10, 16)}
    torch.save(begin, tmp_path / "upsampler.pt")
    order = Order(
        "mmdiff-sr", "toy", (TrainingSet("kitchen", 2),), tmp_path / "out", tmp_path / "cache", 0, "cpu", "fp32",
        2, 2, 2, 2, None, 1, silent, {"init": tmp_path / "upsampler.pt"},
    )  # fmt: skip
    with caplog.at_level(logging.WARNING):
        command.train(order)
    assert "1 tensors are dropped: label_emb.weight" in caplog.text
    unet, card = open_superres(tmp_path / "out" / "model.safetensors")
    assert unet.config == NETWORK
    assert (card.model, card.preset, card.step) == ("mmdiff-sr", "toy", 2)
    assert card.training["spoiling"]["shrink"] == "area"
    assert (tmp_path / "out" / "samples" / "step-0000002" / "sheet.png").is_file()
