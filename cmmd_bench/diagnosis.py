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
from cmmd_bench.plugins import check as check_plugin
from cmmd_bench.plugins import installed

ENOUGH_DISK = 2**30


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
        ("codecs", _codecs),
        ("cache", _cache),
        *((f"generator {name}", lambda name=name: _plugin(name)) for name in installed()),
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


def _plugin(name: str) -> tuple[bool, str]:
    found = check_plugin(name)
    return found == "ok", found
