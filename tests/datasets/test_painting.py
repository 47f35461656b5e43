import numpy as np
import pytest

from cmmd_bench.datasets.painting import (
    Light,
    capsule,
    ellipse,
    hsv,
    mix,
    polygon,
    polygon_distance,
    rectangle,
    to_bytes,
)

WHITE = (1.0, 1.0, 1.0)


def blank(size: int = 64) -> np.ndarray:
    return np.zeros((size, size, 3), np.float32)


def painted(image: np.ndarray) -> float:
    """Area covered by white paint on black, in pixels."""
    return float(image[..., 0].sum())


def test_areas_are_those_of_the_shapes():
    image = blank()
    capsule(image, (20, 30), (44, 30), 6, WHITE)
    assert painted(image) == pytest.approx(np.pi * 36 + 24 * 12, rel=0.01)
    image = blank()
    ellipse(image, (31.3, 30.8), (20, 9), WHITE, angle=0.7)
    assert painted(image) == pytest.approx(np.pi * 180, rel=0.01)
    image = blank()
    rectangle(image, (32.2, 31.7), (30, 14), WHITE, angle=-0.4)
    assert painted(image) == pytest.approx(420, rel=0.01)
    image = blank()
    polygon(image, [(10, 10), (50, 10), (50, 50)], WHITE)
    assert painted(image) == pytest.approx(800, rel=0.01)


def test_capsule_may_taper():
    image = blank()
    capsule(image, (12, 32), (52, 32), 8, WHITE, end_radius=2)
    columns = image[..., 0].sum(axis=0)
    assert columns[12] == pytest.approx(16, abs=0.5)
    assert columns[32] == pytest.approx(10, abs=0.5)
    assert columns[51] == pytest.approx(4, abs=0.5)


def test_edges_are_smooth_and_the_rest_is_crisp():
    image = blank()
    capsule(image, (32, 32), (32, 32), 10.5, WHITE)
    y, x = np.mgrid[:64, :64] + 0.5
    distance = np.hypot(x - 32, y - 32) - 10.5
    assert np.all(image[distance < -0.5] == 1)
    assert np.all(image[distance > 0.5] == 0)
    assert np.allclose(image[..., 0], np.clip(0.5 - distance, 0, 1), atol=1e-4)


def test_softness_and_opacity():
    image = blank()
    ellipse(image, (32, 32), (12, 12), WHITE, softness=16, opacity=0.5)
    row = image[32, :, 0]
    assert row.max() == pytest.approx(0.5, abs=0.02)
    assert np.count_nonzero((row > 0.02) & (row < 0.48)) > 16


def test_what_lies_outside_is_not_drawn():
    image = blank()
    capsule(image, (-40, 10), (-20, 10), 5, WHITE)
    ellipse(image, (200, 200), (10, 10), WHITE)
    rectangle(image, (32, -50), (10, 10), WHITE)
    polygon(image, [(70, 70), (90, 70), (90, 90)], WHITE)
    assert not image.any()
    capsule(image, (-10, 32), (10, 32), 5, WHITE)
    assert image[32, 0, 0] == 1


def test_light_comes_from_its_direction():
    for paint in (
        lambda image, light: ellipse(image, (32, 32), (20, 20), WHITE, light=light),
        lambda image, light: capsule(image, (32, 20), (32, 44), 12, WHITE, light=light),
        lambda image, light: rectangle(image, (32, 32), (40, 40), WHITE, corner=6, bevel=15, light=light),
        lambda image, light: polygon(image, [(12, 12), (52, 12), (52, 52), (12, 52)], WHITE, bevel=15, light=light),
    ):
        image = blank()
        paint(image, Light(direction=(-1, 0, 0.5)))
        left, right = image[32, 22:30, 0].mean(), image[32, 34:42, 0].mean()
        assert left > right + 0.1


def test_rim_light_shows_on_the_far_side():
    plain, rimmed = blank(), blank()
    ellipse(plain, (32, 32), (20, 20), WHITE, light=Light(direction=(-1, 0, 0.3)))
    ellipse(rimmed, (32, 32), (20, 20), WHITE, light=Light(direction=(-1, 0, 0.3), rim=(0.5, 0, 0)))
    gain = rimmed - plain
    assert gain[32, 50, 0] > 0.2
    assert gain[32, 14, 0] == 0
    assert gain[..., 1:].max() == 0


def test_polygon_distance_against_sampled_outline():
    points = [(10.0, 8.0), (50.0, 20.0), (30.0, 30.0), (44.0, 55.0), (12.0, 40.0)]
    y, x = (np.mgrid[:64:3, :64:3] + 0.37).astype(np.float64)
    share = np.linspace(0, 1, 400)[:, None]
    outline = np.concatenate(
        [np.array(a) + share * (np.array(b) - a) for a, b in zip(points, points[1:] + points[:1], strict=True)]
    )
    apart = np.sqrt((x[..., None] - outline[:, 0]) ** 2 + (y[..., None] - outline[:, 1]) ** 2).min(axis=-1)
    distance, gx, gy = polygon_distance(x, y, points)
    assert np.allclose(np.abs(distance), apart, atol=0.05)
    assert np.allclose(np.hypot(gx, gy)[apart > 0.5], 1, atol=1e-3)
    inside = np.zeros_like(x, bool)
    for (ax, ay), (bx, by) in zip(points, points[1:] + points[:1], strict=True):
        crosses = (ay > y) != (by > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= crosses & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
    assert np.array_equal(distance < 0, inside)


def test_polygon_needs_corners():
    with pytest.raises(ValueError, match="points"):
        polygon_distance(np.zeros(1), np.zeros(1), [])


def test_colours():
    assert hsv(0.0, 1.0, 1.0) == (1.0, 0.0, 0.0)
    assert hsv(1.0 / 3 + 5, 1.0, 1.0) == pytest.approx((0.0, 1.0, 0.0))
    assert mix((0, 0, 0), (1, 0.5, 0), 0.5) == (0.5, 0.25, 0)
    assert to_bytes(np.array([-1.0, 0.0, 0.5, 1.0, 9.0], np.float32)).tolist() == [0, 0, 128, 255, 255]
