"""`i3d`, `i3d:<dialect>`: 400 logits of I3D trained on Kinetics-400, what FVD and KVD are computed on.

Video (F, H, W, 3) uint8, F >= 9 -> frames as the dialect prepares them (`preprocess`) -> all of them through I3D
(`network`) -> mean over time -> (1, 400) float32, before any softmax.

`i3d` is the plain way and the default: `videogpt` frames, weights `i3d_pretrained_400.pt`. `styleganv` and
`fvd-comparison` run the module of `i3d_torchscript.pt` itself, as the codes they are named after do: `styleganv` has it
resize and scale, `fvd-comparison` hands it prepared frames. How tensors are named inside that file is not published,
so they are not loaded into this network; both files are ports of one module and give the same logits to rounding.
All other dialects run this network. Features of two dialects must not be compared, so each has its own name.

One clip is one batch, hence nothing depends on which clips are seen together. On a CPU results are the same bits for
the same number of threads, and equal to 1e-5 across numbers of threads. On a GPU, TF32 is off.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cmmd_bench.embedders.i3d.network import CLASSES, MIN_FRAMES, InceptionI3d, load_i3d
from cmmd_bench.embedders.i3d.preprocess import DIALECTS, prepare
from cmmd_bench.errors import ENVIRONMENT, UserError, unknown_name
from cmmd_bench.types import Clip, Features, Modality
from cmmd_bench.weights import load_script, load_tensors, weights_digest, weights_file

DEFAULT = "videogpt"
STATE_DICT = "i3d-pretrained-400"
SCRIPT = "i3d-torchscript"
# What the reference of each dialect asks of the module in the TorchScript file.
SCRIPT_DIALECTS = {
    "styleganv": {"rescale": True, "resize": True},
    "fvd-comparison": {"rescale": False, "resize": False},
}
VARIANTS = tuple(DIALECTS)


def open_i3d(variant: str = "", *, device: str = "cpu") -> "I3d":
    """The embedder `i3d:<variant>`, or `i3d` for "", with its verified weights on `device`.

    Raises UserError: unknown variant; (environment) the weights are missing or are not what they should be.
    """
    if variant and variant not in DIALECTS:
        raise unknown_name("variant of i3d", variant, DIALECTS)
    dialect = variant or DEFAULT
    weights = SCRIPT if dialect in SCRIPT_DIALECTS else STATE_DICT
    return I3d(
        name=f"i3d:{variant}" if variant else "i3d",
        digest=weights_digest(weights),
        dialect=dialect,
        device=device,
        network=_scripted(device, SCRIPT_DIALECTS[dialect]) if weights == SCRIPT else _own(device),
    )


@dataclass(slots=True, eq=False)
class I3d:
    """I3D logits, (1, 400) per clip; `network` takes what `prepare` makes of a clip's frames in `dialect`."""

    name: str
    digest: str
    dialect: str
    device: str
    network: Callable[[Tensor], Tensor]
    version: str = "1"
    modality: Modality = "video"

    @torch.inference_mode()
    def embed(self, clip: Clip) -> Features:
        """Features of the picture, (1, 400); raises ValueError without video or with fewer than 9 frames."""
        if clip.video is None:
            raise ValueError(f"{self.name} needs video, found a clip without it")
        if len(clip.video) < MIN_FRAMES:
            raise ValueError(f"{self.name} needs at least {MIN_FRAMES} frames, found {len(clip.video)}")
        frames = prepare(clip.video, self.dialect, device=self.device)
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            logits = self.network(frames)
        features: Features = logits.to("cpu", torch.float32).numpy().astype(np.float32)
        if features.shape != (1, CLASSES):
            raise ValueError(f"{self.name} is to give (1, {CLASSES}) logits, found {features.shape}: other weights?")
        return features


def _own(device: str) -> InceptionI3d:
    path = weights_file(STATE_DICT)
    return load_i3d(load_tensors(path, what="I3D"), what=f"I3D in {path}").to(device)


def _scripted(device: str, flags: dict[str, bool]) -> Callable[[Tensor], Tensor]:
    # A script is a program: `weights_file` has checked the digest of the bytes before they are read as one.
    path = weights_file(SCRIPT)
    script = load_script(path, what="I3D").to(device)
    asked = {"x", "return_features", *flags}
    # The method's type is not declared; that of a loaded script has a schema.
    forward: Any = script.forward
    taken = [argument.name for argument in forward.schema.arguments if argument.name != "self"]
    if not asked.issubset(taken):
        raise UserError(
            f"{path} is not the I3D of StyleGAN-V: its module takes {', '.join(taken)}, "
            f"expected {', '.join(sorted(asked))}. Get the published file with `cmmd-bench weights get {SCRIPT}`.",
            exit_code=ENVIRONMENT,
        )

    def network(x: Tensor) -> Tensor:
        # Optimised execution replaces code after the first calls, and the last bits of the logits with it.
        with torch.jit.optimized_execution(False):  # type: ignore[attr-defined]
            logits: Tensor = script(x=x, return_features=True, **flags)
        return logits

    return network
