"""A generator of another package, installed by pip as its author would, stands in one table with ours."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from generators import made

ROOT = Path(__file__).resolve().parents[2]
BUILD = '\n[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'

SUITE = """
schema = 1
name = "small"
about = "Two dances."
tasks = ["v2a"]
samples_per_condition = 1

[data]
dataset = "beatdance"
split = "test"
conditions = 2
reference = 4

[clip]
seconds = 0.9
fps = 10
size = [64, 64]
sample_rate = 16000

[[metrics]]
metric = "fad"
task = "v2a"
embedder = "logmel-stats"
"""


def test_the_package_of_the_readme_runs_beside_cmmd(tmp_path: Path) -> None:
    blocks = {
        language: re.search(rf"^```{language}\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
        for language in ("toml", "python")
    }
    package, site = tmp_path / "package", tmp_path / "site"
    package.mkdir()
    (package / "pyproject.toml").write_text(blocks["toml"][1] + BUILD)
    (package / "cmmd_bench_hum.py").write_text(blocks["python"][1])
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation",
         "--target", str(site), str(package)],
        check=True,
    )  # fmt: skip

    latents, digest = made.autoencoder(tmp_path)
    (tmp_path / "small.toml").write_text(SUITE)
    words = ["run", "--models", "cmmd,hum", "--suite", "small.toml", "--out", "run", "--workers", "1", "--json"]
    words += ["--checkpoint", f"cmmd={made.cmmd(tmp_path, digest)}", "--option", f"cmmd.autoencoder={latents}"]
    words += ["--option", "cmmd.steps=1", "--option", "cmmd.batch=2", "--option", "hum.hertz=220"]
    done = subprocess.run(
        [sys.executable, "-m", "cmmd_bench", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = {(r["model"], r["metric"]): r["value"] for r in json.loads(done.stdout)["results"]}
    assert {model for model, _ in rows} == {"cmmd", "hum", "ground-truth", "shuffled", "noise"}
    assert all(value is not None for value in rows.values())
    manifest = json.loads((tmp_path / "run/run.json").read_text())
    assert manifest["config"]["models"]["hum"]["source"] == "cmmd-bench-hum 0.1 cmmd_bench_hum:Hum"
    assert manifest["described"]["cmmd"]["sampling"]["steps"] == 1
