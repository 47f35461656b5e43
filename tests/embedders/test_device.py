"""Devices: what torch cannot use is refused before any work, and features never mix."""

import pytest
import torch

from cmmd_bench.embedders import get_embedder, identity
from cmmd_bench.embedders.device import choose_device, device
from cmmd_bench.errors import ENVIRONMENT, UserError


def test_the_cpu_is_the_default_and_leaves_no_trace():
    choose_device("cpu")
    assert device() == "cpu"
    assert identity(get_embedder("logmel-stats")).endswith(get_embedder("logmel-stats").digest)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is such a device")
@pytest.mark.parametrize("name", ["cuda", "cuda:7", "no-such-thing"])
def test_a_device_that_is_not_there_is_refused(name):
    with pytest.raises(UserError, match=f"cannot use the device '{name}' here: .*Leave --device out") as refusal:
        choose_device(name)
    assert refusal.value.exit_code == ENVIRONMENT
    assert device() == "cpu"


def test_features_of_another_device_have_another_identity():
    class Elsewhere:
        name, version, digest, modality, device = "net", "1", "abc", "video", "cuda"

    assert identity(Elsewhere()) == "net/1/abc/cuda"
