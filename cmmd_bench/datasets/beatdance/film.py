"""From a performance to frames: the dancer on the stage, seen by the camera."""

import numpy as np
from numpy.typing import NDArray

from cmmd_bench.datasets.beatdance.body import Joint, joints
from cmmd_bench.datasets.beatdance.choreography import draw_dance, pose_at
from cmmd_bench.datasets.beatdance.dress import paint_dancer
from cmmd_bench.datasets.beatdance.paint import Brush, Layer, Values, View, empty_layer
from cmmd_bench.datasets.beatdance.score import Song
from cmmd_bench.datasets.beatdance.stage import Stage, draw_camera, draw_stage, film_scene, paint_scene
from cmmd_bench.datasets.beatdance.streams import Key
from cmmd_bench.datasets.beatdance.wardrobe import draw_look
from cmmd_bench.datasets.painting import to_bytes

_PIXELS = 1_000_000
"""How many pixels are painted at a time: large enough to be fast, small enough for the memory."""


def render_film(song: Song, key: Key, times: Values, height: int, width: int) -> NDArray[np.uint8]:
    """Frames at the given times in seconds, (F, height, width, 3) uint8."""
    dance, look = draw_dance(song, key), draw_look(song.style, key)
    stage = draw_stage(song.style, key, look.top)
    scene = paint_scene(stage, height, width)
    video = np.empty((len(times), height, width, 3), np.uint8)
    at_once = max(_PIXELS // (height * width), 1)
    for start in range(0, len(times), at_once):
        now = times[start : start + at_once]
        view = draw_camera(key, now, height, width)
        body = joints(pose_at(dance, song, now), look.bones, dance.turnout)
        earlier = joints(pose_at(dance, song, now - 0.09), look.bones, dance.turnout)
        layer = empty_layer(len(now), height, width)
        paint_dancer(Brush(layer, view, stage.light), body, earlier["head"] - body["head"], look)
        frames = film_scene(scene, view, height, width)
        _drop_shadows(frames, body, view, stage)
        if stage.gloss:
            _mirror_on_floor(frames, layer, view, stage.gloss)
        frames *= 1 - layer[:, 3:4]
        frames += layer[:, :3]
        video[start : start + at_once] = to_bytes(frames).transpose(0, 2, 3, 1)
    return video


def _drop_shadows(frames: Layer, body: dict[str, Joint], view: View, stage: Stage) -> None:
    """Darken the floor under the body and, more sharply, under each foot that is near it."""
    _, _, height, width = frames.shape
    x = np.arange(width, dtype=np.float32) + np.float32(0.5)
    y = np.arange(height, dtype=np.float32)[:, None] + np.float32(0.5)
    under = body["pelvis"] * (1, 0, 1) + np.array([-0.12 * stage.side, 0, -0.05])
    spots = [(under, 0.26, 0.05, 0.32, body["pelvis"][:, 1] - 0.4)]
    for side in ("left", "right"):
        sole = 0.5 * (body[f"{side} ankle"] + body[f"{side} toe"])
        spots.append((sole * (1, 0, 1), 0.075, 0.022, 0.55, np.maximum(sole[:, 1] - 0.03, 0.0)))
    # Nothing is dark above the dancer's knees.
    top = int(np.clip(np.min(view.y) - 0.35 * np.max(view.scale), 0, height - 1))
    dark = np.zeros((len(frames), height - top, width), np.float32)
    for place, wide, tall, strength, above in spots:
        centre = view.project(place)
        spread = (view.scale * (1.0 + 2.0 * above)).astype(np.float32)[:, None, None]
        across = (x - centre[:, 0, None, None]) / (np.float32(wide) * spread)
        down = (y[top:] - centre[:, 1, None, None]) / (np.float32(tall) * spread)
        fade = (strength / (1.0 + 9.0 * above)).astype(np.float32)[:, None, None]
        dark = np.maximum(dark, fade * np.exp(-across * across) * np.exp(-down * down))
    frames[:, :, top:] *= (1 - dark)[:, None]


def _mirror_on_floor(frames: Layer, layer: Layer, view: View, gloss: float) -> None:
    """Lay a faint picture of the dancer, upside down, onto a glossy floor."""
    height = frames.shape[2]
    for i, line in enumerate(view.y):
        first = int(min(max(line, 0), height))
        rows = np.arange(first, height) + 0.5
        source = np.clip(2.0 * line - rows - 0.5, 0.0, height - 1.0)
        before = source.astype(np.intp)
        after = np.minimum(before + 1, height - 1)
        share = (source - before).astype(np.float32)[:, None]
        weight = (gloss * np.clip(1.0 - (rows - line) / (0.35 * view.scale[i]), 0.0, 1.0)).astype(np.float32)[:, None]
        image = weight * (
            layer[i, :4, before].transpose(1, 0, 2) * (1 - share) + layer[i, :4, after].transpose(1, 0, 2) * share
        )
        frames[i, :, first:] = frames[i, :, first:] * (1 - image[3]) + image[:3]
