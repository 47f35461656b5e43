"""Every block of commands in README and docs, run in order in an empty folder, as a reader would; slow, with the result
stored.

Lines that install are what `.ci/run` does. The others run as they stand but for `SHORTER`, which makes hours seconds,
and `REFUSED`, which need what is not here (a connection, weights, GPUs, a person's data) and have to say so.
"""

import contextlib
import datetime
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cmmd_bench
from cmmd_bench.datasets import open_dataset
from cmmd_bench.media import write_clip
from cmmd_bench.types import ClipSpec

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]
STORED = ROOT / "tests" / "data" / "proofs" / "docs_commands.json"

INSTALLS = re.compile(r"^(python3 -m venv .*?|pip install .*?)( && (?=cmmd-bench)|$)")
SHORTER = (
    (r"beatdance:4000", "beatdance:8"),
    (r"kitchen:2000", "kitchen:4"),
    (r"--keep-every 3000", "--keep-every 1"),
    (r"state-0009000", "state-0000002"),
    (r"--steps 10000", "--steps 1"),
    (r"^(cmmd-bench train (?!.*--steps).*)$", r"\1 --steps 2"),
    (r"^(cmmd-bench train (?!.*--batch).*)$", r"\1 --batch 2"),
    (r"bench generators --presets paper", "bench generators --presets tiny --repeats 1"),
    (r"^(cmmd-bench validate (?!.*--data ).*)$", r"\1 --clips 16"),
    (r"--nproc-per-node 8", "--nproc-per-node 1"),
)
REFUSED = {
    "cmmd-bench weights get": r"could not|cannot|failed|no connection|Name or service|refused",
    "torchrun": r"(?i)cuda",
}
SERVERS = ("cmmd-bench study serve", "cmmd-bench study preview")

MUSHRA = "session_test_id,email,age,session_uuid,trial_id,rating_stimulus,rating_score,rating_time,rating_comment\n" + (
    "".join(
        f"t,a@b.c,30,u{rater},song{clip},{stimulus},{score},1,\n"
        for rater in range(4)
        for clip in range(3)
        for stimulus, score in (("reference", 100), ("C1", 40 + 5 * rater + clip), ("C2", 60 - 3 * rater + 2 * clip))
    )
)
VOTES = (
    "HITId,workerid,assignment_id,assignmentstatus,file,short_file_name,vote,question_type,condition_num\n"
    + "".join(
        f"h{k},w{k % 3},a{k},Approved,https://host/x/cmmd_take{k}.wav,cmmd_take{k}.wav,4,MOS_SIG,03\n" for k in range(6)
    )
)


def lines_of(page: str) -> list[str]:
    """Commands of all blocks, without what only installs; those of studies with raters, as the page tells."""
    blocks = re.findall(r"^```bash\n(.*?)^```$", (ROOT / page).read_text(), flags=re.DOTALL | re.MULTILINE)
    found = [re.sub(INSTALLS, "", line) for block in blocks for line in block.splitlines()]
    if page == "docs/studies.md":
        simulated = re.search(r"`(cmmd-bench study simulate [^`]+)`", (ROOT / page).read_text())
        assert simulated is not None
        found.insert(found.index("cmmd-bench study freeze dance") + 1, simulated[1])
    return [line for line in found if line and "pip install" not in line]


def shorter(line: str) -> str:
    for pattern, short in SHORTER:
        line = re.sub(pattern, short, line)
    return line


def test_every_block_is_run_or_installs():
    found = {page: lines_of(page) for page in PAGES}
    assert sum(map(len, found.values())) >= 45
    assert all(line.startswith(("cmmd-bench ", "torchrun ")) for lines in found.values() for line in lines)


def test_the_stored_run_is_of_these_pages():
    stored = json.loads(STORED.read_text())
    assert {page: [one["command"] for one in stored[page]["commands"]] for page in PAGES} == {
        page: lines_of(page) for page in PAGES
    }
    assert all(one["as_told"] for page in PAGES for one in stored[page]["commands"])


@pytest.fixture(scope="module")
def around(tmp_path_factory) -> dict[str, str]:
    """The environment of all commands: programs of this one, the README's model installed, nothing of the user's."""
    site = tmp_path_factory.mktemp("site")
    block = re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), flags=re.DOTALL | re.MULTILINE)[0]
    (site / "cmmd_bench_hum.py").write_text(block)
    info = site / "cmmd_bench_hum-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: cmmd-bench-hum\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[cmmd_bench.generators]\nhum = cmmd_bench_hum:Hum\n")
    home = tmp_path_factory.mktemp("home")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(site), "XDG_CACHE_HOME": str(home), "COLUMNS": "160"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory, around) -> Path:
    """What the README's first line leaves; other pages go on from there."""
    folder = tmp_path_factory.mktemp("demo")
    line = next(line for line in lines_of("README.md") if "--models cmmd,mmdiff" in line)
    subprocess.run(shlex.split(line), cwd=folder, env=around, check=True, capture_output=True, timeout=900)
    return folder / "runs" / "demo"


def prepare(folder: Path, page: str, demo: Path) -> None:
    """What a page takes for granted: the demo's run, and the reader's own clips and tables."""
    if page != "README.md":
        (folder / "runs").mkdir()
        (folder / "runs" / "demo").symlink_to(demo)
    spec = ClipSpec(1.8, 10, 64, 64, 16_000)
    dataset = open_dataset("beatdance", spec, root=None, size=20)
    random = np.random.default_rng(0)
    for item in dataset.items()[:20]:
        clip = dataset.load(item)
        for place in ("out/ours", "out/theirs", "data/test", "CLIPS"):
            (folder / place).mkdir(parents=True, exist_ok=True)
            noise = random.normal(0, 0.05, len(clip.audio)) if place == "out/theirs" else 0
            audio = np.clip(clip.audio + noise, -1, 1).astype(np.float32)
            made = cmmd_bench.Clip(clip.video, clip.fps, audio, clip.sample_rate)
            write_clip(folder / place / f"{item.id}.mkv", made)
    (folder / "results" / "test").mkdir(parents=True)
    (folder / "results" / "test" / "mushra.csv").write_text(MUSHRA)
    (folder / "votes.csv").write_text(VOTES)


def study(folder: Path, around: dict[str, str]) -> None:
    """The README's study, for the page that writes one up."""
    for line in lines_of("README.md"):
        if line.startswith("cmmd-bench study") and "export" not in line.split("dance")[0]:
            subprocess.run(shlex.split(line), cwd=folder, env=around, check=True, capture_output=True, timeout=300)
            if "simulate" in line:
                return


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_commands_do_what_the_page_says(page, tmp_path, around, demo):
    prepare(tmp_path, page, demo)
    if page == "docs/reports.md":
        study(tmp_path, around)
    record = [run(shorter(line), line, tmp_path, around) for line in lines_of(page)]
    stored = json.loads(STORED.read_text()) if STORED.exists() else {}
    stored[page] = {"made": datetime.datetime.now(datetime.UTC).date().isoformat(), "commands": record}
    STORED.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n")
    failed = [one for one in record if not one["as_told"]]
    assert not failed, json.dumps(failed, indent=1)


def run(short: str, line: str, folder: Path, around: dict[str, str]) -> dict[str, Any]:
    begun = time.monotonic()
    if short.startswith(SERVERS):
        code, said, as_told = served(short, folder, around)
    else:
        done = subprocess.run(
            ["bash", "-c", short], cwd=folder, env=around, capture_output=True, text=True, timeout=900, check=False
        )
        code, said = done.returncode, done.stdout + done.stderr
        refusal = next((pattern for begin, pattern in REFUSED.items() if line.startswith(begin)), None)
        as_told = code == 0 if refusal is None else code != 0 and re.search(refusal, said) is not None
    changed = {} if short == line else {"run_as": short}
    told = {} if as_told and code == 0 else {"said": said[-600:]}
    seconds = round(time.monotonic() - begun, 1)
    return {"command": line, **changed, "exit": code, "seconds": seconds, "as_told": as_told, **told}


def served(line: str, folder: Path, around: dict[str, str]) -> tuple[int, str, bool]:
    """A server answers within a minute, and ends at Ctrl-C."""
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(shlex.split(line), cwd=folder, env=around, stdout=log, stderr=subprocess.STDOUT)
    answered = False
    for _ in range(120):
        time.sleep(0.5)
        try:
            with urllib.request.urlopen("http://127.0.0.1:8501/", timeout=2):
                answered = True
        except urllib.error.HTTPError:
            answered = True
        except OSError:
            continue
        break
    server.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(timeout=30)
    code = server.poll()
    server.kill()
    said = (folder / "server.log").read_text().replace(str(folder), ".")
    return code if code is not None else -1, said, answered and code in (0, 130)
