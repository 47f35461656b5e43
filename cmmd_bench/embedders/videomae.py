"""`videomae:MODEL`: features of a VideoMAE model of the Hugging Face Hub, from a folder on this machine.

Video (F, H, W, 3) uint8, F >= 16 -> 16 frames, the middle ones of 16 equal stretches of the clip (all of 16) ->
shorter side to 224 (bilinear, antialiased), centre crop, u/255, the model's mean and standard deviation -> the encoder
of transformers -> one vector for all tokens -> (1, D) float32, D = 768 for the base models. Frame count and side are
the model's own; 16 and 224 are those of all published ones.

The vector of a model fine-tuned to classify is the layer norm (`fc_norm`) of the mean token, what its classifier sees;
that of a model that was only pretrained is the mean of its layer-normed tokens. The first is what CD-FVD found to
weigh motion more than I3D does ("On the Content Bias in Fréchet Video Distance", 2024), but its network (ViT-g,
Something-Something) and its frames (not normalised, aspect not kept) are others, so values differ from CD-FVD's.

MODEL is a registered name (`MCG-NJU/videomae-base`) or a folder with config.json, model.safetensors (pickles are not
read) and preprocessor_config.json; without the last, frames are normalised as VideoMAE was trained, by ImageNet's mean
and standard deviation. Nothing is fetched.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate, layer_norm

from cmmd_bench.embedders.hub_folder import CONFIG, PREPROCESSOR, digest_of, read_json
from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_bench.types import Clip, Features, Modality, Video
from cmmd_bench.weights import check_shapes, load_tensors, weights_digest, weights_folder
from cmmd_bench.weights.registry import WEIGHTS

TENSORS = "model.safetensors"
IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BILINEAR = 2
# transformers builds the classifier's norm with PyTorch's own eps, whatever the configuration says.
FC_NORM_EPS = 1e-5
HEADS = ("decoder.", "encoder_to_decoder.", "mask_token", "classifier.")


@dataclass(frozen=True, slots=True)
class Look:
    """How a model wants to be shown a video: frames, side in pixels, mean and deviation of R, G, B in [0, 1]."""

    frames: int
    side: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]


@dataclass(slots=True, eq=False)
class VideoMAE:
    """Features of one VideoMAE model, (1, D) per clip."""

    name: str
    digest: str
    look: Look
    network: Callable[[Tensor], Tensor]
    device: str = "cpu"
    version: str = "1"
    modality: Modality = "video"

    @torch.inference_mode()
    def embed(self, clip: Clip) -> Features:
        """Features of the picture, (1, D); raises ValueError without video or with fewer frames than the model sees."""
        if clip.video is None:
            raise ValueError(f"{self.name} needs video, found a clip without it")
        if len(clip.video) < self.look.frames:
            raise ValueError(f"{self.name} needs at least {self.look.frames} frames, found {len(clip.video)}")
        pixels = prepare(clip.video, self.look, device=self.device)
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            vector = self.network(pixels)
        return vector.to("cpu", torch.float32).numpy().astype(np.float32)


def open_videomae(variant: str, *, device: str = "cpu") -> VideoMAE:
    """The embedder `videomae:<variant>`: a registered model or a folder.

    Raises UserError: no or an unknown name; (environment) weights that are missing, or no VideoMAE model.
    """
    if not variant:
        known = [weights.name for weights in WEIGHTS if _is_folder(weights.files)]
        raise UserError(f"videomae needs a model: videomae:FOLDER or one of videomae:{', videomae:'.join(known)}.")
    folder = Path(variant)
    registered = not folder.is_dir()
    if registered:
        folder = weights_folder(variant)
    look, network = load_videomae(folder, device=device)
    digest = weights_digest(variant) if registered else digest_of(folder, folder / TENSORS)
    return VideoMAE(f"videomae:{variant}", digest, look, network, device)


def load_videomae(folder: Path, *, device: str = "cpu") -> tuple[Look, Callable[[Tensor], Tensor]]:
    """What the model in `folder` wants to be shown, and its function from pixels (1, frames, 3, side, side) to (1, D).

    Raises UserError (environment): a file is missing or damaged, or it is not a VideoMAE model for RGB squares.
    """
    from transformers import VideoMAEConfig, VideoMAEModel

    described = read_json(folder / CONFIG)
    if described.get("model_type") != "videomae":
        raise _unfit(folder / CONFIG, "model_type", described.get("model_type"), "'videomae'")
    try:
        config: Any = VideoMAEConfig.from_dict(described)
        look = _look(config, folder)
        with torch.device("meta"):
            expected = {name: tuple(value.shape) for name, value in VideoMAEModel(config).state_dict().items()}
    except UserError:
        raise
    except Exception as error:  # its checks raise what they like: types of their own, TypeError, ValueError
        reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        raise UserError(f"{folder / CONFIG} describes no VideoMAE model: {reason}.", exit_code=ENVIRONMENT) from None
    tensors = _renamed(load_tensors(folder / TENSORS, what="VideoMAE"))
    classifies = bool(config.use_mean_pooling)
    norm = {f"fc_norm.{part}": (config.hidden_size,) for part in ("weight", "bias")} if classifies else {}
    check_shapes(tensors, {**expected, **norm}, what=f"the VideoMAE model described by {folder / CONFIG}")
    encoder: Any = VideoMAEModel(config)
    encoder.eval().requires_grad_(False)
    encoder.load_state_dict({name: tensors[name] for name in expected})
    encoder.to(device)
    weight, bias = (tensors[name].to(device, torch.float32) for name in norm) if classifies else (None, None)

    def network(pixels: Tensor) -> Tensor:
        tokens: Tensor = encoder(pixel_values=pixels).last_hidden_state
        mean = tokens.mean(dim=1)
        return layer_norm(mean, mean.shape[-1:], weight, bias, FC_NORM_EPS) if classifies else mean

    return look, network


def prepare(video: Video, look: Look, *, device: str = "cpu") -> Tensor:
    """The model's input for a video (F, H, W, 3) uint8: (1, frames, 3, side, side) float32, on `device`."""
    chosen = video[middles(len(video), look.frames)]
    frames = torch.from_numpy(chosen).to(device).permute(0, 3, 1, 2)
    height, width = frames.shape[-2:]
    if min(height, width) != look.side:
        # The longer side is rounded down and pixels stay uint8, as in transformers' own preparation.
        size = [side * look.side // min(height, width) for side in (height, width)]
        frames = interpolate(frames, size, mode="bilinear", align_corners=False, antialias=True)
        height, width = size
    top, left = (height - look.side) // 2, (width - look.side) // 2
    square = frames[..., top : top + look.side, left : left + look.side].to(torch.float32) / 255
    mean, deviation = (torch.tensor(values, device=device).reshape(3, 1, 1) for values in (look.mean, look.deviation))
    return ((square - mean) / deviation).contiguous()[None]


def middles(frames: int, count: int) -> NDArray[np.intp]:
    """Indices of the frames in the middle of `count` equal stretches of `frames`, evenly spread in time."""
    return (2 * np.arange(count) + 1) * frames // (2 * count)


def _look(config: Any, folder: Path) -> Look:
    path = folder / CONFIG
    side = config.image_size
    if not isinstance(side, int) or not isinstance(config.patch_size, int) or side % config.patch_size:
        raise _unfit(path, "image_size", side, f"a square of whole patches of {config.patch_size}")
    if config.num_channels != 3:
        raise _unfit(path, "num_channels", config.num_channels, "3")
    if config.num_frames < 2 or config.num_frames % config.tubelet_size:
        raise _unfit(path, "num_frames", config.num_frames, f"a multiple of the tubelet size {config.tubelet_size}")
    path = folder / PREPROCESSOR
    if not path.is_file():
        return Look(config.num_frames, side, IMAGENET_MEAN, IMAGENET_DEVIATION)
    described = read_json(path)
    for key in ("do_resize", "do_center_crop", "do_rescale", "do_normalize"):
        if described.get(key, True) is not True:
            raise _unfit(path, key, described[key], "true")
    expected: dict[str, tuple[Any, ...]] = {
        "size": (side, {"shortest_edge": side}),
        "crop_size": (side, {"height": side, "width": side}),
        "resample": (BILINEAR,),
    }
    for key, known in expected.items():
        if described.get(key, known[0]) not in known:
            raise _unfit(path, key, described[key], " or ".join(map(str, known)))
    factor = described.get("rescale_factor", 1 / 255)
    if not isinstance(factor, int | float) or abs(factor - 1 / 255) > 1e-9:
        raise _unfit(path, "rescale_factor", factor, "1/255")
    return Look(
        config.num_frames, side, _colours(described, "image_mean", path), _colours(described, "image_std", path)
    )


def _colours(described: Mapping[str, Any], key: str, path: Path) -> tuple[float, ...]:
    values = described.get(key)
    if not isinstance(values, list) or len(values) != 3 or not all(isinstance(value, int | float) for value in values):
        raise _unfit(path, key, values, "three numbers")
    if key == "image_std" and not min(values) > 0:
        raise _unfit(path, key, values, "three numbers above 0")
    return tuple(float(value) for value in values)


def _renamed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The encoder's tensors under transformers' present names, without the heads and decoders that are not run."""
    kept = {}
    for name, tensor in tensors.items():
        if not name.startswith(HEADS):
            name = name.removeprefix("videomae.")
            name = name.replace(".attention.q_bias", ".attention.query.bias")
            kept[name.replace(".attention.v_bias", ".attention.value.bias")] = tensor
    return kept


def _unfit(path: Path, key: str, found: object, expected: str) -> UserError:
    return UserError(f"{path}: {key} is {found!r}, expected {expected}. Use another model.", exit_code=ENVIRONMENT)


def _is_folder(files: tuple[Any, ...]) -> bool:
    return CONFIG in [file.name for file in files]
