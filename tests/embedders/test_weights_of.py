"""Which weights an embedder needs is known without building it, and is what building it asks for."""

import re
import subprocess
import sys

import pytest

from cmmd_bench.embedders import FAMILIES, get_embedder, split_window, weights_of
from cmmd_bench.embedders.adapters import CHECKPOINTS
from cmmd_bench.embedders.i3d import VARIANTS
from cmmd_bench.errors import ENVIRONMENT, UserError

NAMES = [
    *(name for name, family in FAMILIES.items() if family.weights and not family.named),
    *(f"i3d:{variant}" for variant in VARIANTS),
    "videomae:MCG-NJU/videomae-base-finetuned-kinetics",
    "clap-hub:laion/larger_clap_general",
]


@pytest.fixture(autouse=True)
def _empty_store(tmp_path, monkeypatch):
    monkeypatch.setenv("CMMD_BENCH_WEIGHTS", str(tmp_path))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_said_is_what_building_asks_for(name):
    with pytest.raises(UserError) as caught:
        get_embedder(name)
    assert caught.value.exit_code == ENVIRONMENT
    asked = re.search(r"`cmmd-bench weights get (\S+)`", str(caught.value))
    assert weights_of(name) == (asked[1],)
    assert weights_of(f"{name}@16f64") == (asked[1],)


def test_some_need_none(tmp_path):
    for name in ("logmel-stats", "conv3d-random", "fadtk:vggish", f"clap-hub:{tmp_path}", f"videomae:{tmp_path}"):
        assert weights_of(name) == ()
    assert [weights_of(f"laion-clap:{name}") for name in CHECKPOINTS] == [(name,) for name in CHECKPOINTS]
    with pytest.raises(UserError, match="no embedder named 'i3dd:tats'. Did you mean 'i3d'"):
        weights_of("i3dd:tats")


def test_windows():
    assert split_window("i3d:tats@16f64") == ("i3d:tats", (16, 64))
    assert split_window("clap-hub:a@b") == ("clap-hub:a@b", None)


def test_asking_loads_no_network():
    code = "from cmmd_bench.embedders import weights_of; import sys; weights_of('i3d'); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
