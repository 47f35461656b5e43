"""What `doctor` looks at: each check is one function that says what it found, and never raises."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import cmmd_bench
from cmmd_bench.atomic import require_writable
from cmmd_bench.embedders.cache import default_root
from cmmd_bench.plugins import COMMANDS, GENERATORS, Slot, find, imported, installed
from cmmd_bench.plugins import check as check_plugin
from cmmd_bench.trackers import SLOT as BEAT_TRACKERS
from cmmd_bench.weights import WEIGHTS, Weights, weights_root
from cmmd_bench.weights.store import missing_files, part_of, path_of, state

ENOUGH_DISK = 2**30

OPENCV = "opencv-python-headless"

_STATES = {
    "damaged": "of another size than it should be; bring it anew with `{get}`",
    "missing": "missing; get it with `{get}`",
    "partial": "download begun; go on with `{get}`",
    "unchecked": "here, not read since it came or changed; prove it with `{verify}`",
    "here": "here, digest verified",
}
"""What a file's state means, the worst first."""


EXTRAS = {
    "report": ("jinja2", "matplotlib"),
    "study": ("httptools", "httpx2", "pyloudnorm", "sqlalchemy", "streamlit"),
    "postgresql": ("psycopg",),
    "train": ("accelerate", "matplotlib"),
    "sd-vae": ("diffusers",),
}
"""What each part of cmmd-bench needs beside the core; pyproject.toml has the versions."""


class Check(NamedTuple):
    """One finding."""

    name: str
    ok: bool
    found: str


def diagnose() -> list[Check]:
    """All checks, in the order in which one would mend them."""
    checks: list[tuple[str, Callable[[], tuple[bool, str]]]] = [
        ("cmmd-bench", lambda: (True, cmmd_bench.__version__)),
        ("python", lambda: (sys.version_info >= (3, 11), f"{sys.version.split()[0]} on {platform.platform()}")),
        ("cores", lambda: (True, str(os.cpu_count()))),
        ("torch", _torch),
        ("torchvision", lambda: _optional("torchvision")),
        ("torchaudio", lambda: _optional("torchaudio")),
        ("transformers", lambda: (True, version("transformers"))),
        ("opencv", _opencv),
        ("codecs", _codecs),
        *((f"extra {name}", lambda name=name: _extra(name)) for name in EXTRAS),
        ("cache", _cache),
        ("weights", _store),
        *((f"weights {w.name}", lambda w=w: _weights(w)) for w in WEIGHTS if _begun(w)),
        *(
            (f"{slot.what} {name}", lambda name=name, slot=slot: _plugin(name, slot))
            for slot in (GENERATORS, BEAT_TRACKERS)
            for name in installed(slot)
        ),
        *((f"command {name}", lambda name=name: _command(name)) for name in installed(COMMANDS)),
    ]
    return [Check(name, *_guarded(look)) for name, look in checks]


def _guarded(look: Callable[[], tuple[bool, str]]) -> tuple[bool, str]:
    try:
        return look()
    except Exception as error:
        return False, f"{type(error).__name__}: {error}"


def _torch() -> tuple[bool, str]:
    import torch

    if not torch.cuda.is_available():
        return True, f"{torch.__version__}, no CUDA device, {torch.get_num_threads()} threads"
    return True, f"{torch.__version__}, {torch.cuda.get_device_name()}"


def _optional(package: str) -> tuple[bool, str]:
    """Not needed here, but a build that does not fit torch breaks transformers' imports."""
    try:
        found = version(package)
    except PackageNotFoundError:
        return True, "not installed (not needed)"
    done = subprocess.run([sys.executable, "-c", f"import {package}"], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return True, found
    last = (done.stderr.strip().splitlines() or ["no message"])[-1]
    return False, f"{found} does not import ({last}); uninstall it or install the build for this torch"


def _extra(name: str) -> tuple[bool, str]:
    """Missing parts are no fault: their commands say so."""
    found, missing = [], []
    for package in EXTRAS[name]:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            missing.append(package)
    if not missing:
        return True, ", ".join(found)
    return True, f"not installed: {', '.join(missing)} (pip install 'cmmd-bench[{name}]')"


def _command(name: str) -> tuple[bool, str]:
    imported(find(name, COMMANDS), COMMANDS)
    return True, "ok"


def _opencv() -> tuple[bool, str]:
    """Several wheels of OpenCV overwrite each other's files: the one that answers may be another than is recorded."""
    import cv2

    found, recorded = cv2.__version__, version(OPENCV)
    if recorded == found or recorded.startswith(f"{found}."):
        return True, recorded
    return False, (
        f"{OPENCV} {recorded} is installed, but OpenCV {found} answers; uninstall every other opencv package, then "
        f"`pip install --force-reinstall {OPENCV}`"
    )


def _codecs() -> tuple[bool, str]:
    import av
    import numpy as np

    from cmmd_bench.media import read_clip, write_clip, write_preview
    from cmmd_bench.types import Clip

    rng = np.random.default_rng(0)
    video = rng.integers(0, 256, (5, 33, 35, 3), dtype=np.uint8)
    audio = rng.uniform(-1, 1, 8_000).astype(np.float32)
    clip = Clip(video, Fraction(10), audio, 16_000)
    with tempfile.TemporaryDirectory() as folder:
        write_clip(Path(folder) / "clip.mkv", clip)
        back = read_clip(Path(folder) / "clip.mkv")
        write_preview(Path(folder) / "clip.mp4", clip)
        read_clip(Path(folder) / "clip.mp4")
    sides = ((back.video, video), (back.audio, audio))
    exact = all(read is not None and np.array_equal(read, written) for read, written in sides)
    return exact, f"PyAV {av.__version__}, lossless round trip {'exact' if exact else 'NOT exact'}, MP4 preview plays"


def _cache() -> tuple[bool, str]:
    root = default_root()
    require_writable(root)
    free = shutil.disk_usage(root).free
    return free > ENOUGH_DISK, f"{root}, {free / 1e9:.1f} GB free"


def _store() -> tuple[bool, str]:
    """Missing weights are no fault: what needs them says so."""
    here = sum(not missing_files(weights) for weights in WEIGHTS)
    return True, f"{weights_root()}, {here} of {len(WEIGHTS)} here"


def _begun(weights: Weights) -> bool:
    """Whether any of its files is here, or a part of one."""
    return any(path_of(weights, file).is_file() or part_of(weights, file).is_file() for file in weights.files)


def _weights(weights: Weights) -> tuple[bool, str]:
    """The worst state among its files; looks at sizes and at what was written down, reads nothing."""
    states = [state(weights, file) for file in weights.files]
    worst = next(name for name in _STATES if name in states)
    commands = {what: f"cmmd-bench weights {what} {weights.name}" for what in ("get", "verify")}
    return worst != "damaged", _STATES[worst].format(**commands)


def _plugin(name: str, slot: Slot) -> tuple[bool, str]:
    found = check_plugin(name, slot)
    return found == "ok", found
