"""Disks that are full and folders that are closed: a sentence, no debris, and the earlier file as it was."""

import subprocess
import sys

import numpy as np
import pytest

from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_bench.media import read_clip, write_clip, write_preview
from cmmd_bench.types import Clip

FULL_DISK = """
import resource, sys
import numpy as np
from cmmd_bench.errors import UserError
from cmmd_bench.media import write_clip, write_preview
from cmmd_bench.types import Clip
noise = np.random.default_rng(0).integers(0, 256, (20, 64, 64, 3), np.uint8)
clip = Clip(noise, 10, np.zeros(16_000, np.float32), 16_000)
# No file may grow past 20 kB, which looks to a writer as a full disk does.
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    {"clip.mkv": write_clip, "clip.mp4": write_preview}[sys.argv[2]](sys.argv[1] + "/" + sys.argv[2], clip)
except UserError as error:
    print(error.exit_code, error)
"""
WRITERS = [(write_clip, "clip.mkv"), (write_preview, "clip.mp4")]


def small() -> Clip:
    return Clip(np.full((5, 8, 8, 3), 99, np.uint8), 10, np.zeros(8000, np.float32), 16_000)


@pytest.mark.skipif(sys.platform == "win32", reason="needs the resource module")
@pytest.mark.parametrize(("write", "name"), WRITERS)
def test_a_full_disk_leaves_the_earlier_file(tmp_path, write, name):
    write(tmp_path / name, small())
    before = (tmp_path / name).read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path), name], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(f"{ENVIRONMENT} cannot write {tmp_path / name}: File too large")
    assert done.stderr == ""
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == before


@pytest.mark.parametrize(("write", "name"), WRITERS)
def test_a_folder_that_cannot_be_made(tmp_path, write, name):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=f"cannot write .*file/{name}") as caught:
        write(tmp_path / "file" / name, small())
    assert caught.value.exit_code == ENVIRONMENT


@pytest.mark.parametrize(("write", "name"), WRITERS)
def test_nothing_but_the_file_is_left(tmp_path, write, name):
    write(tmp_path / "new" / name, small())
    write(tmp_path / "new" / name, small())
    assert [path.name for path in (tmp_path / "new").iterdir()] == [name]
    assert read_clip(tmp_path / "new" / name).video.shape == (5, 8, 8, 3)
