"""The loops of ncmmd and cmmd on a small network: resume to the bit, the scales of a start, and one sample by heart."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from generators.made import TWO_LEVELS
from safetensors.numpy import save_file

from cmmd_bench.errors import UserError
from cmmd_bench.types import Item
from cmmd_gen.checkpoint import read_card
from cmmd_gen.cmmd.config import CMMDConfig
from cmmd_gen.cmmd.objective import joint_loss
from cmmd_gen.cmmd.presets import PRESETS
from cmmd_gen.cmmd.training import train
from cmmd_gen.cmmd.unet import CMMDUNet
from cmmd_gen.data.cache import Cache
from cmmd_gen.diffusion.schedules import cosine
from cmmd_gen.training import Plan
from cmmd_gen.training import session as session_module
from cmmd_gen.training.log import read_rows
from cmmd_gen.types import Pair

NETWORK = TWO_LEVELS
SMALL = replace(PRESETS["tiny"], network=NETWORK)


@pytest.fixture(autouse=True)
def _no_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "draw", lambda *_: None)


def clips(folder: Path, *, louder: float = 1.0) -> Cache:
    """Two clips of 26 frames, of noise, each a group of its own."""
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(0)
    items, paths = (Item("a", "a"), Item("b", "b")), (folder / "a.safetensors", folder / "b.safetensors")
    for path in paths:
        moments = louder * random.normal(size=(26, 8, 8, 8))
        sound = random.integers(-9000, 9000, 26 * 1600)
        save_file({"moments": moments.astype(np.float16), "audio": sound.astype(np.int16)}, path)
    return Cache(items, paths)


def plan(model: str, steps: int = 4, *, network: CMMDConfig = NETWORK, digest: str = "1", **changes: object) -> Plan:
    config = {"network": asdict(network), "autoencoder": {"name": "tiny", "digest": digest}}
    more = {"batch": 2, "seed": 1, "save_every": 2, "sample_every": 0, **changes}
    return Plan(model, "tiny", config, steps, **more)  # type: ignore[arg-type]


def losses(out: Path) -> list[dict[str, str]]:
    # As text: what does not exist at a step is nan, which equals nothing.
    rows = read_rows(out / "losses.csv")
    return [{name: repr(value) for name, value in row.items() if name != "seconds"} for row in rows]


@pytest.mark.parametrize(("model", "eta"), [("ncmmd", None), ("cmmd", 0.01)])
def test_going_on_equals_never_stopping(model: str, eta: float | None, tmp_path: Path) -> None:
    cache, done = clips(tmp_path), []

    def advance() -> None:
        done.append(1)
        if len(done) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "cut", cache, SMALL, plan(model), eta=eta, advance=advance)
    train(tmp_path / "cut", cache, SMALL, plan(model), eta=eta)
    train(tmp_path / "whole", cache, SMALL, plan(model), eta=eta)
    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")
    assert len(losses(tmp_path / "cut")) == 4
    files = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("cut", "whole")]
    assert files[0] == files[1]


def test_a_start_brings_its_scales_and_must_be_of_the_same_parts(tmp_path: Path) -> None:
    train(tmp_path / "first", clips(tmp_path / "quiet"), SMALL, plan("ncmmd", 2))
    start, loud = tmp_path / "first/state.pt", clips(tmp_path / "loud", louder=3.0)
    train(tmp_path / "next", loud, SMALL, plan("cmmd", 3), eta=0.01, start=start)
    cards = [read_card(tmp_path / name / "model.safetensors") for name in ("first", "next")]
    assert cards[0].config["scales"] == cards[1].config["scales"]
    assert len(cards[1].training["start_digest"]) == 64
    with pytest.raises(UserError, match=r"--start .*another model \(autoencoder: '1' there, '2' now\)"):
        train(tmp_path / "x", loud, SMALL, plan("cmmd", 3, digest="2"), eta=0.01, start=start)
    wide = replace(NETWORK, time_width=32)
    with pytest.raises(UserError, match=r"another model \(network.time_width: 16 there, 32 now\)"):
        train(tmp_path / "x", loud, replace(SMALL, network=wide), plan("cmmd", 3, network=wide), start=start)
    assert not (tmp_path / "x").exists()


def test_a_state_that_does_not_say_its_scales_is_gone_on_with_but_not_started_from(tmp_path: Path) -> None:
    cache = clips(tmp_path)
    train(tmp_path / "first", cache, SMALL, plan("ncmmd", 2))
    state = torch.load(tmp_path / "first/state.pt", weights_only=True)
    del state["config"]
    torch.save(state, tmp_path / "first/state.pt")
    with pytest.raises(UserError, match="does not say which network, autoencoder and scales"):
        train(tmp_path / "x", cache, SMALL, plan("cmmd", 3), eta=0.01, start=tmp_path / "first/state.pt")
    train(tmp_path / "first", cache, SMALL, plan("ncmmd", 2), start=tmp_path / "first/state.pt")


def test_one_sample_is_learnt_by_heart() -> None:
    torch.manual_seed(0)
    unet, alpha_bar = CMMDUNet(NETWORK), torch.from_numpy(cosine())
    optimizer = torch.optim.Adam(unet.parameters(), lr=3e-3)
    clean = Pair(torch.randn(1, *NETWORK.video_shape), torch.randn(1, *NETWORK.audio_shape))
    eps = Pair(*(torch.randn_like(side) for side in clean))
    found = []
    for _ in range(150):
        loss = sum(joint_loss(unet, clean, torch.tensor([300]), eps, alpha_bar)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    assert found[-1] < found[0] / 4
