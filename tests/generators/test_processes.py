"""Two processes that torchrun started train one model: its gradient is of both shares, and one of them speaks."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from cmmd_bench.errors import UserError
from cmmd_gen.training.processes import Processes, join

SCRIPT = """
import sys
from pathlib import Path
import torch
from torch import nn
from cmmd_gen.training import Learner, Plan, Session
from cmmd_gen.training.processes import join

out = Path(sys.argv[1])
processes = join("cpu")
with processes.first_alone():
    seen = (out / "prepared").is_file()
    (out / "prepared").touch()
torch.manual_seed(processes.index)  # each begins elsewhere, as a bug would have it; the first one's weights count
line = nn.Linear(3, 1)
learner = Learner(line, torch.optim.SGD(line.parameters(), lr=1.0), rate=lambda step: 0.1)
gradients, weights = [], [line.weight.detach().clone()]
plan = Plan(model="cmmd", preset="tiny", config={}, steps=3, batch=8, seed=5, sample_every=0)
with Session(out / "training", plan, {"line": learner}) as session:
    weights = [line.weight.detach().clone()]
    for _ in session.steps():
        x = torch.randn(session.batch, 3, generator=session.generator)
        own = 2 * ((x @ line.weight.detach().T + line.bias.detach()) * x).mean(0)
        session.update("line", session.models["line"](x).square().mean())
        gradients.append(own)
        weights.append(line.weight.detach().clone()[0])
torch.save({"seen": seen, "gradients": gradients, "weights": weights}, out / f"rank-{processes.index}.pt")
"""


def torchrun(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def test_a_step_descends_the_mean_gradient_of_both_shares(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = torchrun(str(tmp_path / "script.py"), str(tmp_path))
    assert done.returncode == 0, done.stderr
    one, two = (torch.load(tmp_path / f"rank-{rank}.pt", weights_only=True) for rank in (0, 1))
    assert (one["seen"], two["seen"]) == (False, True)
    for a, b in zip(one["weights"], two["weights"], strict=True):
        assert torch.equal(a, b)
    for step, (a, b) in enumerate(zip(one["gradients"], two["gradients"], strict=True)):
        assert not torch.allclose(a, b)
        moved = one["weights"][step + 1] - one["weights"][step].view(-1)
        torch.testing.assert_close(moved, -0.1 * (a + b) / 2)
    rows = (tmp_path / "training" / "losses.csv").read_text().splitlines()
    assert len(rows) == 4


def test_the_command_under_torchrun(tmp_path: Path) -> None:
    """Clips are prepared once, one process says where the model is, and a repetition has nothing left to do."""
    words = ["-m", "cmmd_bench", "train", "mmdiff-sr", "--data", "beatdance:3", "--steps", "2", "--batch", "2"]
    places = ["--cache", str(tmp_path / "cache"), "--out", str(tmp_path / "out"), "--sample-every", "0"]
    done = torchrun(*words, *places)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(tmp_path / "out" / "model.safetensors")]
    assert "Traceback" not in done.stderr
    plan = json.loads((tmp_path / "out" / "plan.json").read_text())
    assert (plan["batch"], plan["settings"]["processes"]) == (2, 2)
    (index,) = (tmp_path / "cache").glob("beatdance-*/items.jsonl")
    assert len(index.read_text().splitlines()) == 3


def test_a_batch_is_dealt_out_evenly_or_not_at_all() -> None:
    assert Processes(1, 4).share(8) == 2
    assert not Processes(1, 4).first
    with pytest.raises(UserError, match="all 4 processes, and 6 cannot be dealt out evenly"):
        Processes(1, 4).share(6)


def test_without_torchrun_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    alone = join("cpu")
    assert alone == Processes(0, 1)
    assert alone.first
    with alone.first_alone():
        assert alone.share(3) == 3
