"""A training in a folder: resume to the bit, refusals, and what is left after a kill at any moment."""

import json
import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from cmmd_bench.errors import UserError
from cmmd_bench.types import Clip, Item
from cmmd_gen.checkpoint import load, read_card
from cmmd_gen.training import Learner, Plan, Session, log, rates
from cmmd_gen.training import session as session_module
from cmmd_gen.training.log import read_rows
from cmmd_gen.training.session import step_seed


@pytest.fixture(autouse=True)
def _no_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    # Drawing takes longer than all steps; one test does it.
    monkeypatch.setattr(session_module, "draw", lambda *_: None)


def plan(**changes: object) -> Plan:
    fields = {
        "model": "toy", "preset": "tiny", "config": {"width": 8}, "steps": 24, "batch": 8, "seed": 3,
        "save_every": 5, "sample_every": 24, "settings": {"command": "train toy"},
    }  # fmt: skip
    return Plan(**{**fields, **changes})  # type: ignore[arg-type]


def learner(average: float | None = 0.99) -> Learner:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.2), nn.Linear(8, 4))
    return Learner(
        module,
        torch.optim.Adam(module.parameters()),
        rate=rates.cosine(1e-2, steps=24, warm_up=3),
        clip=1.0,
        average=None if average is None else rates.average(average),
    )


def train(out: Path, *, stop: int | None = None, spoil: int | None = None, **changes: object) -> Learner:
    toy = learner()
    with Session(out, plan(**changes), {"toy": toy}) as session:
        for step in session.steps():
            if step == stop:
                return toy
            x = torch.randn(8, 4, generator=session.generator)
            loss = (session.models["toy"](x) - x.roll(1, 1)).square().mean()
            session.update("toy", loss * (float("nan") if step == spoil else 1))
            session.record(loss=loss)
    return toy


def losses(out: Path) -> list[dict[str, float]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in read_rows(out / "losses.csv")]


def test_a_resumed_training_equals_an_uninterrupted_one_to_the_bit(tmp_path: Path) -> None:
    whole = train(tmp_path / "whole")
    train(tmp_path / "cut", stop=13)
    assert len(losses(tmp_path / "cut")) == 13
    resumed = train(tmp_path / "cut")
    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")
    assert len(losses(tmp_path / "whole")) == 24
    for name, tensor in whole.best.state_dict().items():
        assert torch.equal(tensor, resumed.best.state_dict()[name])
    assert (tmp_path / "cut/model.safetensors").read_bytes() == (tmp_path / "whole/model.safetensors").read_bytes()


def test_the_exported_model_has_the_averaged_weights_and_says_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "draw", log.draw)
    toy = train(tmp_path)
    tensors, card = load(tmp_path / "model.safetensors", models=("toy",))
    assert all(torch.equal(tensors[name], tensor) for name, tensor in toy.best.state_dict().items())
    assert not torch.equal(tensors["0.weight"], toy.module.state_dict()["0.weight"])
    assert (card.preset, card.step, card.config) == ("tiny", 24, {"width": 8})
    assert card.training["command"] == "train toy"
    assert card.training["losses"]["loss"] == pytest.approx(
        np.mean([row["loss"] for row in losses(tmp_path)]), abs=1e-5
    )
    assert (tmp_path / "losses.png").stat().st_size > 5000


def test_a_finished_training_is_left_as_it_is(tmp_path: Path) -> None:
    train(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    train(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


def test_another_plan_in_the_same_folder_is_refused_with_the_difference(tmp_path: Path) -> None:
    train(tmp_path, stop=6)
    with pytest.raises(UserError, match=r"batch: 8 there, 16 now.*another --out"):
        train(tmp_path, batch=16)
    train(tmp_path)


def test_a_loss_that_is_not_a_number_stops_and_keeps_the_last_good_weights(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"stopped at step 13: the loss of toy is nan; .* good weights of step 10"):
        train(tmp_path, spoil=13)
    assert read_card(tmp_path / "model.safetensors").step == 10
    train(tmp_path)
    assert losses(tmp_path)[-1]["step"] == 23


def test_gradients_that_are_not_finite_are_skipped_and_then_stop(tmp_path: Path) -> None:
    toy = learner()
    before = toy.module.state_dict()["0.weight"].clone()
    with Session(tmp_path, plan(), {"toy": toy}) as session, pytest.raises(UserError, match="not finite 10 times"):
        for _ in session.steps():
            # A square root at 0: a finite loss whose gradient is not.
            session.update("toy", (toy.module[0].weight * 0).sum().sqrt())
            session.record(loss=0.0)
    assert torch.equal(toy.module.state_dict()["0.weight"], before)


def test_a_state_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    train(tmp_path, stop=13)
    state = tmp_path / "state.pt"
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"cannot go on from .*state\.pt"):
        train(tmp_path)


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch acted",)


def test_a_state_that_asks_for_code_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    train(tmp_path / "t", stop=6)
    torch.save({"step": 5, "learners": Evil()}, tmp_path / "t/state.pt")
    with pytest.raises(UserError, match="cannot go on from"):
        train(tmp_path / "t")
    assert not (tmp_path / "acted").exists()


def test_a_training_starts_from_a_kept_state_of_another_and_counts_on(tmp_path: Path) -> None:
    train(tmp_path / "first", keep_every=10)
    assert sorted(path.name for path in (tmp_path / "first").glob("state-*.pt")) == [
        "state-0000010.pt",
        "state-0000020.pt",
    ]
    again = learner()
    start = tmp_path / "first/state-0000020.pt"
    with Session(tmp_path / "second", plan(), {"toy": again}, start=start) as session:
        assert session.step == 20
        done = []
        for step in session.steps():
            session.record(loss=1.0)
            done.append(step)
    assert done == [20, 21, 22, 23]


def test_draws_of_a_step_depend_on_seed_step_and_rank_alone() -> None:
    seeds = {step_seed(seed, step, rank) for seed in range(3) for step in range(50) for rank in range(3)}
    assert len(seeds) == 3 * 50 * 3
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_memory_that_runs_out_is_a_sentence_that_says_what_to_lower(tmp_path: Path) -> None:
    toy = learner()
    with (
        pytest.raises(UserError, match=r"memory ran out at step 0 with batches of 8\. Lower --batch"),
        Session(tmp_path, plan(), {"toy": toy}) as session,
    ):
        for _ in session.steps():
            torch.empty(1 << 60)


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_a_kill_at_any_write_leaves_a_folder_that_goes_on(
    done: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {"steps": 6, "save_every": 2, "sample_every": 0, "keep_every": 4}
    train(tmp_path / "whole", **changes)
    model = (tmp_path / "whole/model.safetensors").read_bytes()
    # The plan; a state and a model at each of three saves; one more state that is kept.
    for last in range(8):
        out = tmp_path / str(last)
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(os, "replace", dying(last, done))
            train(out, **changes)
        train(out, **changes)
        assert losses(out) == losses(tmp_path / "whole")
        assert (out / "model.safetensors").read_bytes() == model


def dying(last: int, done: bool) -> object:
    """`os.replace` whose call number `last` is the last thing that happens, or no longer happens."""
    calls, replace = iter(range(100)), os.replace

    def dies(source: object, target: object) -> None:
        number = next(calls)
        if done or number != last:
            replace(source, target)  # type: ignore[call-overload]
        if number == last:
            raise KeyboardInterrupt

    return dies


def test_how_often_to_save_and_look_may_change(tmp_path: Path) -> None:
    train(tmp_path, stop=6)
    # As an earlier version wrote it.
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"save_every": 5, "sample_every": 24}))
    train(tmp_path, save_every=12, sample_every=0, keep_every=12)
    assert (tmp_path / "state-0000012.pt").is_file()
    with pytest.raises(UserError, match="batch: 8 there, 9 now"):
        train(tmp_path, batch=9)


def test_after_a_start_nothing_is_good_until_it_was_saved(tmp_path: Path) -> None:
    train(tmp_path / "first", keep_every=10)
    start = tmp_path / "first/state-0000020.pt"
    with (
        pytest.raises(UserError, match="stopped at step 20.*nothing was saved yet"),
        Session(tmp_path / "second", plan(), {"toy": learner()}, start=start) as session,
    ):
        for _ in session.steps():
            session.update("toy", torch.tensor(float("nan"), requires_grad=True))


def test_a_model_that_is_exported_again_keeps_its_losses(tmp_path: Path) -> None:
    train(tmp_path)
    whole = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").unlink()
    train(tmp_path)
    assert (tmp_path / "model.safetensors").read_bytes() == whole


@pytest.mark.parametrize("average", [None, 0.99])
def test_what_is_looked_at_has_no_dropout(average: float | None, tmp_path: Path) -> None:
    toy, seen = learner(average), []

    def samples(step: int) -> list[tuple[Item, Clip]]:
        seen.append([module.training for module in toy.best.modules()])
        noise = np.random.default_rng(step).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
        return [(Item("a", "a"), Clip(noise, Fraction(10)))]

    with Session(tmp_path, plan(steps=2, sample_every=1), {"toy": toy}, samples=samples) as session:
        for _ in session.steps():
            assert all(module.training for module in toy.module.modules())
            session.record(loss=1.0)
    assert len(seen) == 2
    assert not any(map(any, seen))


def test_plan_is_written_before_anything_is_learned(tmp_path: Path) -> None:
    train(tmp_path, stop=0)
    assert json.loads((tmp_path / "plan.json").read_text())["steps"] == 24
    assert not (tmp_path / "state.pt").exists()
