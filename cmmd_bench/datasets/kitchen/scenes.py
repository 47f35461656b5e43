"""From a plan to a picture: which painters show which kind of action, and the loop over frames."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.datasets.kitchen import board, counter, handwork, table, waterside
from cmmd_bench.datasets.kitchen.actions import Action
from cmmd_bench.datasets.kitchen.motion import shake
from cmmd_bench.datasets.kitchen.stage import Frame, Stage, backdrop_camera, camera, show
from cmmd_bench.datasets.kitchen.view import View
from cmmd_bench.types import ClipSpec, Video

_PIXELS = 40_000
_TOGETHER = 9
_PLANNED = 0.9


@dataclass(frozen=True, slots=True)
class _Scene:
    """Painters of what stands still and of what moves; how far (units) a hit makes the camera jump; framing."""

    still: Callable[[View, Stage, Action], None]
    moving: Callable[[View, Stage, Action, Any], None]
    jump: float = 0.0
    zoom: float = 1.2
    look: tuple[float, float] = (0.0, 0.0)


_SCENES = {
    "chop": _Scene(board.chop_still, board.chop_moving, 0.005, 1.15, (0.02, 0.0)),
    "drawer": _Scene(counter.drawer_still, counter.drawer_moving, 0.008, 1.05, (0.0, -0.02)),
    "faucet": _Scene(waterside.faucet_still, waterside.faucet_moving, 0.0, 1.1, (0.03, 0.06)),
    "grate": _Scene(handwork.grate_still, handwork.grate_moving, 0.0, 1.25, (-0.02, 0.08)),
    "lid": _Scene(table.lid_still, table.lid_moving, 0.007, 1.6, (-0.03, 0.10)),
    "pound": _Scene(handwork.pound_still, handwork.pound_moving, 0.008, 1.2, (0.0, 0.05)),
    "pour": _Scene(waterside.pour_still, waterside.pour_moving, 0.0, 1.25, (0.04, 0.12)),
    "put": _Scene(table.put_still, table.put_moving, 0.011, 1.4, (0.02, 0.06)),
    "scrape": _Scene(counter.scrape_still, counter.scrape_moving, 0.0, 1.2, (0.0, 0.02)),
    "stir": _Scene(table.tap_still, table.stir_moving, 0.002, 1.5, (0.03, 0.06)),
    "tap": _Scene(table.tap_still, table.tap_moving, 0.004, 1.5, (0.04, 0.07)),
}


def film(stage: Stage, action: Action, spec: ClipSpec) -> Video:
    """The frames of a clip, (F, H, W, 3) uint8; frame f shows the instant f / fps."""
    scene = _SCENES[action.kind]
    wide = 0.76 if action.what.get("vessel") in ("pot", "bowl") else 1.0
    frame = Frame(spec.height, spec.width, scene.zoom * wide, scene.look)
    backdrop = backdrop_camera(stage, frame)
    scene.still(backdrop, stage, action)
    together = min(max(_PIXELS // (spec.height * spec.width), 1), _TOGETHER)
    # What is painted together shares bounds, and so the last bit of rounding: the last group is painted whole, because
    # a longer clip has to begin with the very same frames. Nothing is planned for much later than the clip's end.
    painted = -(-spec.frames // together) * together
    # float(k / fps) of the exact fraction: no drift in long clips.
    t = np.minimum([float(k / spec.fps) for k in range(painted)], spec.seconds + _PLANNED)
    frames = np.empty((painted, spec.height, spec.width, 3), np.uint8)
    shade = _vignette(spec.height, spec.width)
    for start in range(0, painted, together):
        now = t[start : start + together]
        jolt = scene.jump * shake(now, action.hits) if len(action.hits) else 0.0 * now
        view = camera(stage, frame, now, jolt)
        show(view, backdrop)
        scene.moving(view, stage, action, now)
        glow = 1.0 + 0.03 * np.sin(0.8 * now + stage.sway[4]) + 0.01 * np.sin(3.1 * now + stage.sway[5])
        frames[start : start + together] = _develop(view.canvas, shade, glow)
    frames = frames[: spec.frames]
    return frames[:, :, ::-1].copy() if stage.mirrored else frames


def _vignette(height: int, width: int) -> NDArray[np.float32]:
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None]
    return (1.0 - 0.16 * (x * x + y * y) ** 1.2 / 2.0).astype(np.float32)


def _develop(canvas: NDArray[np.float32], shade: NDArray[np.float32], glow: Any) -> NDArray[np.uint8]:
    """Linear light to display bytes: brightness of the moment, soft shoulder for highlights, square root."""
    light = canvas * (shade * np.asarray(glow, np.float32)[:, None, None])
    np.maximum(light, 0.0, out=light)
    # Up to 0.7 the curve is nearly straight, above it bends towards white.
    light *= (1.0 + 0.25 * light) / (1.0 + 0.45 * light * light)
    np.sqrt(light, out=light)
    np.minimum(light, 1.0, out=light)
    light *= 255.0
    light += 0.5
    return light.astype(np.uint8).transpose(1, 2, 3, 0)
