"""Checkpoints are data: every format loads, nothing in a file is ever run, and what is wrong with it is said."""

import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_bench.weights import check_shapes, load_script, load_tensors
from cmmd_bench.weights.checkpoint import fault_of

TENSORS = OrderedDict(a=torch.arange(6.0).reshape(2, 3), b=torch.tensor([1, 2]), c=torch.ones((), dtype=torch.float16))


class Evil:
    """Unpickled without care, it makes the folder it is given."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


class EvilText(Evil):
    """The same through a builtin."""

    def __reduce__(self):
        return exec, (f"import os; os.mkdir({str(self.path)!r})",)


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        load_tensors(path, what="the network")
    assert caught.value.exit_code == ENVIRONMENT
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "Expected the weights of the network" in message
    assert "cmmd-bench weights" in message
    return message


def same(found: dict) -> None:
    assert list(found) == list(TENSORS)
    for name, tensor in TENSORS.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "wrap",
    [
        lambda tensors: tensors,
        lambda tensors: {"state_dict": tensors, "epoch": 3, "name": "x", "optimizer": {"state": {0: {"step": 1}}}},
        lambda tensors: {"model": tensors},
        lambda tensors: {"module": tensors, "args": None},
        lambda tensors: {"state_dict": tensors, "best": np.float64(0.5), "losses": [np.float32(1), np.int64(2)]},
    ],
    ids=["bare", "trainer", "model", "module", "numpy-scalars"],
)
def test_torch_files_load(tmp_path, wrap, zipped):
    path = tmp_path / "x.pt"
    torch.save(wrap(TENSORS), path, _use_new_zipfile_serialization=zipped)
    same(load_tensors(path, what="x"))
    assert fault_of(path) == ""


def test_numpy_scalars_as_old_trainers_named_them(tmp_path):
    """NumPy 1 pickled its scalars as `numpy.core...`; LAION's checkpoints ask for exactly that name."""
    path, old = tmp_path / "new.pt", tmp_path / "old.pt"
    torch.save({"state_dict": TENSORS, "metric": np.float64(0.5)}, path)
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(old, "w") as target:
        for member in source.infolist():
            content = source.read(member)
            if member.filename.endswith("data.pkl"):
                assert b"numpy._core.multiarray" in content
                content = content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
            target.writestr(member.filename, content)
    same(load_tensors(old, what="x"))


def test_safetensors_load_whatever_they_are_called(tmp_path):
    save_file(dict(TENSORS), tmp_path / "x.bin")
    found = load_tensors(tmp_path / "x.bin", what="x")
    same({name: found[name] for name in TENSORS})


def test_what_is_loaded_can_be_changed_without_changing_the_file(tmp_path):
    path = tmp_path / "x.pt"
    torch.save(TENSORS, path)
    before = path.read_bytes()
    load_tensors(path, what="x")["a"].zero_()
    assert path.read_bytes() == before


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("evil", [Evil, EvilText])
@pytest.mark.parametrize("where", ["bare", "beside", "inside"])
def test_a_pickle_that_is_more_than_data_is_refused_and_never_run(tmp_path, zipped, evil, where):
    path, victim = tmp_path / "x.pt", tmp_path / "made-by-the-pickle"
    bad = evil(victim)
    content = {"bare": bad, "beside": {"state_dict": TENSORS, "x": bad}, "inside": {"a": TENSORS["a"], "b": bad}}
    torch.save(content[where], path, _use_new_zipfile_serialization=zipped)
    message = refusal(path)
    assert "which is code and no data; nothing of it was run" in message
    assert (f"asks for {os.mkdir.__module__}.mkdir" if evil is Evil else "asks for exec") in message
    assert not victim.exists()
    # The test would prove nothing if the pickle were harmless.
    torch.load(path, weights_only=False)
    assert victim.exists()


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_a_plain_pickle_is_refused_and_never_run(tmp_path, protocol):
    path, victim = tmp_path / "x.pt", tmp_path / "made-by-the-pickle"
    path.write_bytes(pickle.dumps({"a": Evil(victim)}, protocol=protocol))
    refusal(path)
    assert not victim.exists()


def test_a_whole_module_is_refused(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "x.pt")
    assert "asks for torch.nn.modules.linear.Linear" in refusal(tmp_path / "x.pt")


@pytest.mark.parametrize("keep", [0.0, 0.001, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
def test_a_file_cut_off_anywhere_is_refused(tmp_path, kind, keep):
    path = tmp_path / "x.pt"
    tensors = {f"t{i}": torch.randn(50) for i in range(20)}
    if kind == "safetensors":
        save_file(tensors, path)
    else:
        torch.save(tensors, path, _use_new_zipfile_serialization=kind == "zip")
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    message = refusal(path)
    if keep == 0:
        assert "is empty" in message
    elif kind != "legacy" and keep > 0.1:
        assert "is cut off" in message


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"<!DOCTYPE html><html></html>", "is no checkpoint: it begins with b'<!DOCTYPE html><'"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "is no checkpoint: it begins with b'version"),
        (bytes(1000), "is no checkpoint"),
        (b"\x80\x02", "cannot be read"),
        (struct.pack("<Q", 10**15) + b'{"a": 1}', "its header has 1000000000000000 bytes, the file 16"),
        (struct.pack("<Q", 8) + b'{"a":  }', "its header cannot be read"),
        (struct.pack("<Q", 8) + b"{1234567", "its header cannot be read"),
    ],
)
def test_other_files_are_named_by_what_they_are(tmp_path, content, told):
    path = tmp_path / "x.pt"
    path.write_bytes(content)
    assert told in refusal(path)


def test_a_file_that_is_not_there(tmp_path):
    assert "is not there" in refusal(tmp_path / "x.pt")


def test_a_packed_archive_is_refused_before_it_is_unpacked(tmp_path):
    path, bomb = tmp_path / "x.pt", tmp_path / "bomb.pt"
    torch.save({"a": torch.zeros(4_000_000)}, path)
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as target:
        for member in source.infolist():
            target.writestr(member.filename, source.read(member))
    assert bomb.stat().st_size < 100_000
    assert "is packed, which torch never does with tensors" in refusal(bomb)


def test_a_shape_larger_than_the_file_is_refused(tmp_path):
    path = tmp_path / "x.pt"
    torch.save({"a": torch.zeros(1).expand(1 << 20, 1 << 20)}, path)
    assert f"claims ({1 << 20}, {1 << 20}) for 'a', more than the file holds" in refusal(path)


def test_a_storage_larger_than_its_bytes_is_refused(tmp_path):
    path, bad = tmp_path / "x.pt", tmp_path / "bad.pt"
    torch.save({"a": torch.zeros(1000)}, path)
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(bad, "w") as target:
        for member in source.infolist():
            content = source.read(member)
            if "/data/" in member.filename:
                content = content[:100]
            target.writestr(member.filename, content)
    refusal(bad)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({}, "holds an empty dict, no tensors by name"),
        ([TENSORS["a"]], "holds a list, no tensors by name"),
        ({"a": TENSORS["a"], "b": 5}, "holds int under 'b' where a tensor should be"),
        ({1: TENSORS["a"]}, "holds Tensor under 1 where a tensor should be"),
        ({"a": torch.eye(3).to_sparse()}, "is not plain numbers"),
        ({"state_dict": {"a": {"b": TENSORS["a"]}}}, "holds dict under 'a'"),
    ],
)
def test_other_contents_are_refused(tmp_path, content, told):
    torch.save(content, tmp_path / "x.pt")
    assert told in refusal(tmp_path / "x.pt")


def script(path: Path) -> None:
    module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Dropout())
    torch.jit.save(torch.jit.trace(module.eval(), torch.zeros(1, 2)), str(path))


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_script_is_no_list_of_tensors_and_opens_as_a_module(tmp_path):
    path = tmp_path / "x.pt"
    script(path)
    assert "it is a TorchScript archive, a program" in refusal(path)
    module = load_script(path, what="x")
    assert not module.training
    assert module(torch.zeros(4, 2)).shape == (4, 3)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_script_that_is_damaged_is_a_sentence(tmp_path):
    path = tmp_path / "x.pt"
    script(path)
    whole = path.read_bytes()
    for content, told in [(whole[:-200], "is cut off"), (b"", "is empty"), (b"<html>", "is no checkpoint")]:
        path.write_bytes(content)
        with pytest.raises(UserError, match=told):
            load_script(path, what="x")
    torch.save(TENSORS, path)
    with pytest.raises(UserError, match="is not a TorchScript archive"):
        load_script(path, what="x")


def test_shapes_that_fit_pass():
    check_shapes(TENSORS, {"a": (2, 3), "b": (2,), "c": ()}, what="x")


def test_shapes_that_do_not_fit_are_named_and_counted():
    expected = {"a": (3, 2), "c": (), **{f"layer{i}": (1,) for i in range(5)}}
    with pytest.raises(UserError) as caught:
        check_shapes(TENSORS, expected, what="the network")
    assert str(caught.value).startswith(
        "these are not the weights of the network: of 7 tensors 5 missing (layer0, layer1, layer2, ...), "
        "1 unexpected (b), 1 of another shape (a (2, 3) instead of (3, 2))."
    )
    assert caught.value.exit_code == ENVIRONMENT
