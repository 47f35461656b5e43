"""Pretrained weights: a table of what there is, files verified before they are used, and checkpoints read as data.

    weights_file("i3d-torchscript")      path of the verified file, or a UserError that says how to get it
    weights_folder("laion/clap-...")     the same for an entry of several files (config.json, model.safetensors)
    weights_digest("i3d-torchscript")    SHA-256 of what is there, for `Embedder.digest`
    load_tensors(path, what="I3D")       its tensors by name; a pickle that is more than data is refused, never run
    check_shapes(tensors, expected, what="I3D")

None of these opens a socket. `get.get_weights` and `cmmd-bench weights get` do, when asked.
"""

from cmmd_bench.weights.checkpoint import check_shapes, load_script, load_tensors
from cmmd_bench.weights.registry import WEIGHTS, WeightFile, Weights
from cmmd_bench.weights.store import require_weights, weights_digest, weights_file, weights_folder, weights_root

__all__ = [
    "WEIGHTS",
    "WeightFile",
    "Weights",
    "check_shapes",
    "load_script",
    "load_tensors",
    "require_weights",
    "weights_digest",
    "weights_file",
    "weights_folder",
    "weights_root",
]
