"""`cmmd-bench train` as a user types it: real data, few steps, and refusals."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cmmd_bench.cli import app
from cmmd_bench.errors import UserError
from cmmd_bench.progress import silent
from cmmd_gen.checkpoint import read_card
from cmmd_gen.cli.train import TRAINERS
from cmmd_gen.training import log, session
from cmmd_gen.training.order import Order
from cmmd_gen.training.processes import Processes
from generators import made

DATA = ["--data", "beatdance:3", "--data", "kitchen:2"]


def train(model: str, out: Path, *words: str, cache: Path | None = None) -> None:
    given = ["train", model, "--out", str(out), "--cache", str(cache or out.parent / "cache"), "--workers", "1", "-q"]
    outcome = CliRunner().invoke(app, [*given, *words])
    if outcome.exception is not None and not isinstance(outcome.exception, SystemExit):
        raise outcome.exception
    assert outcome.exit_code == 0, outcome.output
    assert str(out / "model.safetensors") in outcome.output


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _no_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    # Drawing takes longer than two steps; the first model does it.
    monkeypatch.setattr(session, "draw", lambda *_: None)


@pytest.mark.parametrize(("model", "looks"), [("autoencoder", 2), ("melgan", 0), ("mmdiff", 0), ("mmdiff-sr", 0)])
def test_each_model_trains_saves_and_shows(
    model: str, looks: int, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if looks:
        monkeypatch.setattr(session, "draw", log.draw)
    few = ["--steps", "2", "--batch", "2", "--save-every", "1", "--sample-every", str(looks)]
    train(model, tmp_path / model, *DATA, *few, cache=cache)
    card = read_card(tmp_path / model / "model.safetensors")
    assert (card.model, card.preset, card.step) == (model, "tiny", 2)
    assert card.training["command"].startswith(f"cmmd-bench train {model} --preset tiny --data beatdance:3")
    assert str(tmp_path) not in json.dumps(card.training)
    if not looks:
        assert not (tmp_path / model / "samples").exists()
        return
    assert (tmp_path / model / "losses.png").is_file()
    sheets = list((tmp_path / model / "samples/step-0000002").iterdir())
    assert any(path.name == "sheet.png" for path in sheets)
    assert len([path for path in sheets if path.suffix == ".mp4"]) >= 4


def test_ncmmd_then_cmmd_and_its_control_from_the_same_state(cache: Path, tmp_path: Path) -> None:
    latents, _ = made.autoencoder(tmp_path)
    common = [*DATA, "--autoencoder", str(latents), "--batch", "2", "--save-every", "1", "--sample-every", "0"]
    train("ncmmd", tmp_path / "ncmmd", *common, "--steps", "2", "--keep-every", "1", cache=cache)
    start = str(tmp_path / "ncmmd/state-0000001.pt")
    for name, eta in (("cmmd", "0.01"), ("control", "0")):
        train("cmmd", tmp_path / name, *common, "--steps", "3", "--start", start, "--eta", eta, cache=cache)
        card = read_card(tmp_path / name / "model.safetensors")
        assert (card.step, card.training["eta"], card.training["start"]) == (3, float(eta), "state-0000001.pt")
    rows = {name: (tmp_path / name / "losses.csv").read_text().splitlines() for name in ("cmmd", "control")}
    # The same windows, steps and noise: before any update the positive pairs cost the same.
    first = {name: dict(zip(lines[0].split(","), lines[1].split(","), strict=True)) for name, lines in rows.items()}
    for side in ("video", "audio"):
        assert float(first["cmmd"][side]) == pytest.approx(float(first["control"][side]), rel=1e-5)
    assert float(first["cmmd"]["negative_audio"]) > 0


def test_another_number_of_processes_is_another_plan(tmp_path: Path) -> None:
    order = Order(
        model="melgan",
        preset="tiny",
        sets=(),
        out=tmp_path,
        cache=tmp_path,
        seed=0,
        device="cpu",
        precision="fp32",
        steps=None,
        batch=None,
        save_every=1,
        sample_every=0,
        keep_every=None,
        workers=1,
        progress=silent,
        own={},
    )
    assert "processes" not in order.plan(steps=1, batch=3, config={}).settings
    order = replace(order, processes=Processes(0, 2))
    assert order.plan(steps=1, batch=2, config={}).settings["processes"] == 2
    with pytest.raises(UserError, match="all 2 processes, and 3 cannot be dealt out evenly"):
        order.plan(steps=1, batch=3, config={})


def test_words_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="model to train.*'cmmdd'.*cmmd"):
        train("cmmdd", tmp_path, *DATA)
    with pytest.raises(UserError, match="--eta belongs to cmmd, not to mmdiff"):
        train("mmdiff", tmp_path, *DATA, "--eta", "0.1")
    with pytest.raises(UserError, match="eta must be in .0, 0.5.|--eta"):
        train("cmmd", tmp_path, *DATA, "--eta", "5")
    with pytest.raises(UserError, match="preset.*'huge'"):
        train("mmdiff", tmp_path, *DATA, "--preset", "huge")
    with pytest.raises(UserError, match="paper uses Stable Diffusion's autoencoder"):
        train("autoencoder", tmp_path, *DATA, "--preset", "paper")
    with pytest.raises(UserError, match=r"--start .*nothing\.pt is not there"):
        train("cmmd", tmp_path, *DATA, "--start", str(tmp_path / "nothing.pt"))
    assert not (tmp_path / "plan.json").exists()


def test_one_group_has_no_negatives(cache: Path, tmp_path: Path) -> None:
    latents, _ = made.autoencoder(tmp_path)
    with pytest.raises(UserError, match="all of one group"):
        train("cmmd", tmp_path / "c", "--data", "beatdance:1", "--autoencoder", str(latents), cache=cache)


def test_the_paper_preset_says_which_weights_it_needs(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="stabilityai/sd-vae-ft-mse"):
        train("ncmmd", tmp_path / "c", *DATA, "--preset", "paper")


def test_every_model_has_a_trainer_with_a_command() -> None:
    from importlib import import_module

    for module, _ in TRAINERS.values():
        assert callable(import_module(module).train)
