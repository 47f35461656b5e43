import csv
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from cmmd_bench.types import Clip, ClipSpec, Item
from cmmd_gen.autoencoder import open_autoencoder
from cmmd_gen.autoencoder.objective import autoencoder_loss
from cmmd_gen.autoencoder.presets import PRESETS
from cmmd_gen.autoencoder.tiny import TinyAutoencoder, TinyConfig
from cmmd_gen.autoencoder.training import reconstructions, train
from cmmd_gen.conditions import to_tensor, to_video
from cmmd_gen.data.cache import Cache
from cmmd_gen.data.clips import TrainingSet, open_clips
from cmmd_gen.data.pictures import draw_pictures, psnr
from cmmd_gen.training import Plan

NETWORK = TinyConfig(widths=(16, 24, 32), encoder_blocks=(0, 1, 1), decoder_blocks=(1, 1, 1))
SMALL = replace(PRESETS["tiny"], network=NETWORK)


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Cache:
    return open_clips(
        [TrainingSet("beatdance", 4)], ClipSpec(0.4, 10, 32, 32, 16_000), tmp_path_factory.mktemp("clips")
    )


def stored(folder: Path, *clips: np.ndarray) -> Cache:
    items = tuple(Item(str(index), "") for index in range(len(clips)))
    paths = tuple(folder / f"{item.id}.safetensors" for item in items)
    for path, frames in zip(paths, clips, strict=True):
        save_file({"frames": frames}, path)
    return Cache(items, paths)


def plan(steps: int, **changes) -> Plan:
    fields = {"batch": 4, "seed": 3, "save_every": 2, "sample_every": 1000, **changes}
    return Plan("autoencoder", "tiny", asdict(NETWORK), steps, **fields)


def losses(folder: Path) -> list[dict[str, str]]:
    with (folder / "losses.csv").open() as stream:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(stream)]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "state.pt", weights_only=True)["learners"]["autoencoder"]["module"]


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
    ours, theirs = weights(tmp_path / "a"), weights(tmp_path / "b")
    assert all(torch.equal(t, theirs[name]) for name, t in ours.items())
    torch.manual_seed(3)
    start = TinyAutoencoder(NETWORK).state_dict()
    assert start.keys() == ours.keys()
    assert not [name for name, t in start.items() if torch.equal(t, ours[name])]


def test_eight_pictures_are_learnt_and_the_file_gives_them_back(tmp_path, cache):
    clip = cache[0]["frames"], cache[1]["frames"]
    few = stored(tmp_path, *clip)
    shown = []

    def samples(network):
        item, video = Item("dancer", "song"), Clip(np.concatenate(clip), 10)

        def show(step):
            shown.extend(reconstructions(network, [(item, video)])(step))
            return shown[-1:]

        return show

    preset = replace(SMALL, peak_rate=1e-2, average=0.9)
    train(tmp_path / "out", few, preset, plan(200, batch=8, save_every=200), samples=samples)
    opened = open_autoencoder(str(tmp_path / "out" / "model.safetensors"))
    pictures = to_tensor(np.concatenate(clip))
    made = opened.decode(opened.encode(pictures[None])[0])[0]
    achieved = float(psnr(made, pictures).mean())
    assert achieved > 25
    # What is shown: originals beside what the averaged weights make of them, and how near that is.
    [(item, both)] = shown
    assert item.id == f"dancer-{achieved:.1f}dB"
    assert item.group == "song"
    assert np.array_equal(both.video[:, :, :32], np.concatenate(clip))
    assert np.abs(both.video[:, :, 32:].astype(int) - to_video(made)).max() <= 1
    assert (tmp_path / "out" / "samples" / "step-0000200" / f"{item.id}.mp4").is_file()
    rows = losses(tmp_path / "out")
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"]) / 4


def test_the_first_loss_is_that_of_the_drawn_pictures(tmp_path, cache):
    train(tmp_path, cache, SMALL, plan(1))
    from cmmd_gen.training.session import step_seed

    torch.manual_seed(3)
    network = TinyAutoencoder(NETWORK)
    generator = torch.Generator().manual_seed(step_seed(3, 0))
    pictures = draw_pictures(cache, 4, generator)
    made, mean, log_variance = network(pictures, torch.randn(4, 8, 4, 4, generator=generator))
    terms = autoencoder_loss(made, pictures, mean, log_variance)
    row = losses(tmp_path)[0]
    assert [float(row[name]) for name in ("loss", "l1", "mse")] == pytest.approx(
        [terms.loss.item(), terms.l1.item(), terms.mse.item()], rel=1e-4
    )


def test_drawn_pictures_are_frames_of_the_clips_all_of_them_alike_often(tmp_path):
    # Every frame has its own brightness, and clips may have different lengths.
    lengths = (2, 3)
    values = np.arange(sum(lengths), dtype=np.uint8) * 10
    frames = np.broadcast_to(values[:, None, None, None], (5, 8, 8, 3)).copy()
    cache = stored(tmp_path, frames[:2], frames[2:])
    generator = torch.Generator().manual_seed(0)
    drawn = draw_pictures(cache, 600, generator)
    assert drawn.shape == (600, 3, 8, 8)
    assert drawn.dtype == torch.float32
    found, counts = np.unique(to_video(drawn)[:, 0, 0, 0], return_counts=True)
    assert found.tolist() == values.tolist()
    expected = np.array([1 / 4, 1 / 4, 1 / 6, 1 / 6, 1 / 6]) * 600
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()
    assert torch.equal(drawn, draw_pictures(cache, 600, torch.Generator().manual_seed(0)))


def test_pictures_of_a_wrong_size(tmp_path):
    cache = stored(tmp_path, np.zeros((2, 12, 16, 3), np.uint8))
    with pytest.raises(ValueError, match="divisible by 8, found 12x16"):
        train(tmp_path / "out", cache, SMALL, plan(1))


def test_reconstructions_need_pictures():
    sound = Clip(audio=np.zeros(10, np.float32), sample_rate=16_000)
    with pytest.raises(ValueError, match="need clips with pictures"):
        reconstructions(TinyAutoencoder(NETWORK), [(Item("a", ""), sound)])(0)
