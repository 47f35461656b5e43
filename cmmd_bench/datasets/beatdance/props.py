"""Things that stand or hang about the stage, painted onto the scene behind the dancer.

Positions and sizes are in picture heights: x to the right from the middle, y down from the picture's top.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from cmmd_bench.datasets.painting import Colour, Image, Light, Point, capsule, ellipse, mix, polygon, rectangle

_BLACK: Colour = (0.07, 0.07, 0.09)


@dataclass(frozen=True, slots=True, eq=False)
class Easel:
    """The scene to paint on: `unit` pixels to a picture height, the origin (middle, top) at pixel (left, top)."""

    image: Image
    unit: float
    left: float
    top: float
    light: Light
    accent: Colour

    def box(self, x: float, y: float, width: float, height: float, colour: Colour, *, corner: float = 0.0) -> None:
        """A box whose middle is at (x, y)."""
        u = self.unit
        size, bevel = (width * u, height * u), max(0.02 * u, 1.0)
        rectangle(self.image, self._place(x, y), size, colour, corner=corner * u, bevel=bevel, light=self.light)

    def disc(self, x: float, y: float, rx: float, ry: float, colour: Colour) -> None:
        """A ball."""
        ellipse(self.image, self._place(x, y), (rx * self.unit, ry * self.unit), colour, light=self.light)

    def blur(self, x: float, y: float, rx: float, ry: float, colour: Colour, *, fade: float, opacity: float) -> None:
        """A soft spot whose edge is `fade` wide."""
        radii = (rx * self.unit, ry * self.unit)
        ellipse(self.image, self._place(x, y), radii, colour, opacity=opacity, softness=max(fade * self.unit, 1.0))

    def bar(
        self, x0: float, y0: float, x1: float, y1: float, thick: float, colour: Colour, *, thin: float | None = None
    ) -> None:
        """A round bar; `thin` is its thickness at the far end."""
        first, last = 0.5 * thick * self.unit, 0.5 * (thick if thin is None else thin) * self.unit
        ends = self._place(x0, y0), self._place(x1, y1)
        capsule(self.image, *ends, first, colour, end_radius=last, light=self.light)

    def leaf(self, points: list[Point], colour: Colour) -> None:
        """A flat shape with slightly rounded edges."""
        u = self.unit
        corners = [self._place(x, y) for x, y in points]
        polygon(self.image, corners, colour, rounding=0.004 * u, bevel=0.012 * u, light=self.light)

    def _place(self, x: float, y: float) -> Point:
        return self.left + x * self.unit, self.top + y * self.unit


def speakers(easel: Easel, x: float, ground: float) -> None:
    """A tower of loudspeakers on either side."""
    for place in (-x, x):
        easel.blur(place, ground, 0.15, 0.025, _BLACK, fade=0.05, opacity=0.5)
        for level in range(2):
            y = ground - 0.11 - 0.2 * level
            easel.box(place, y, 0.17, 0.2, (0.13, 0.13, 0.15), corner=0.012)
            easel.disc(place, y + 0.03, 0.058, 0.058, mix(_BLACK, easel.accent, 0.35))
            easel.disc(place, y + 0.03, 0.026, 0.026, (0.3, 0.3, 0.32))
            easel.disc(place, y - 0.062, 0.024, 0.024, mix(_BLACK, easel.accent, 0.35))


def boombox(easel: Easel, x: float, ground: float) -> None:
    """A radio cassette player on the pavement."""
    y = ground - 0.055
    easel.blur(x, ground, 0.16, 0.022, _BLACK, fade=0.04, opacity=0.5)
    easel.bar(x - 0.08, y - 0.085, x + 0.08, y - 0.085, 0.014, (0.5, 0.5, 0.52))
    easel.box(x, y, 0.25, 0.12, (0.62, 0.63, 0.66), corner=0.012)
    for away in (-0.078, 0.078):
        easel.disc(x + away, y + 0.008, 0.042, 0.042, _BLACK)
        easel.disc(x + away, y + 0.008, 0.018, 0.018, (0.4, 0.4, 0.42))
    easel.box(x, y + 0.01, 0.06, 0.05, easel.accent)


def street_lamp(easel: Easel, x: float, ground: float) -> None:
    """A lamp post with a halo."""
    side, top = math.copysign(1.0, x), ground - 0.62
    easel.blur(x - 0.1 * side, top + 0.05, 0.3, 0.3, (1.0, 0.85, 0.5), fade=0.42, opacity=0.35)
    easel.bar(x, ground, x, top, 0.026, (0.16, 0.18, 0.2), thin=0.016)
    easel.bar(x, top, x - 0.1 * side, top - 0.01, 0.016, (0.16, 0.18, 0.2))
    easel.disc(x - 0.1 * side, top + 0.022, 0.042, 0.024, (1.5, 1.35, 1.0))


def mirror_ball(easel: Easel, x: float, ground: float) -> None:
    """A ball of small mirrors under the ceiling."""
    x, y, r = 0.6 * x, 0.13, 0.085
    easel.bar(x, y - ground, x, y, 0.006, (0.2, 0.2, 0.22))
    easel.disc(x, y, r, r, (0.75, 0.77, 0.85))
    for row in range(-2, 3):
        wide = math.sqrt(max(1.0 - (row / 2.9) ** 2, 0.0))
        for column in range(-2, 3):
            shine = (row * 3 + column * 5) % 4
            colour = ((1.0, 1.0, 1.0), easel.accent, (0.45, 0.47, 0.58), (0.75, 0.77, 0.85))[shine]
            easel.box(x + wide * column * r / 2.9, y + row * r / 2.9, 0.021 * wide, 0.021, colour)


def palm(easel: Easel, x: float, ground: float) -> None:
    """A palm tree."""
    dark = (0.10, 0.34, 0.20)
    crown_x, crown_y = x - math.copysign(0.05, x), ground - 0.55
    easel.blur(x, ground, 0.1, 0.016, _BLACK, fade=0.04, opacity=0.4)
    easel.bar(x, ground, crown_x, crown_y, 0.045, (0.40, 0.27, 0.17), thin=0.028)
    for i, angle in enumerate((-2.9, -2.3, -1.75, -1.2, -0.7, -0.1)):
        reach = 0.2 + 0.03 * (i % 2)
        tip = (crown_x + reach * math.cos(angle), crown_y + reach * math.sin(angle) + 0.07)
        middle = (crown_x + 0.6 * reach * math.cos(angle), crown_y + 0.75 * reach * math.sin(angle) - 0.015)
        low = (middle[0], middle[1] + 0.04)
        easel.leaf([(crown_x, crown_y), middle, tip, low], mix(dark, (0.35, 0.6, 0.25), 0.25 * (i % 3)))


def flowers(easel: Easel, x: float, ground: float) -> None:
    """A vase of flowers on a column."""
    easel.blur(x, ground, 0.11, 0.018, _BLACK, fade=0.04, opacity=0.4)
    easel.box(x, ground - 0.13, 0.09, 0.26, (0.88, 0.86, 0.84), corner=0.006)
    easel.box(x, ground - 0.27, 0.12, 0.024, (0.93, 0.91, 0.89), corner=0.006)
    easel.bar(x, ground - 0.29, x, ground - 0.34, 0.045, mix(easel.accent, (1.0, 1.0, 1.0), 0.4), thin=0.06)
    for i, (dx, dy) in enumerate(((-0.045, 0.40), (0.045, 0.405), (0.0, 0.445), (-0.02, 0.375), (0.028, 0.37))):
        easel.bar(x, ground - 0.34, x + dx, ground - dy, 0.007, (0.2, 0.45, 0.25))
        easel.disc(x + dx, ground - dy, 0.026, 0.024, mix(easel.accent, (1.0, 0.75, 0.8), 0.25 * (i % 4)))


def microphone(easel: Easel, x: float, ground: float) -> None:
    """A singer's microphone on its stand."""
    easel.disc(x, ground, 0.075, 0.016, (0.12, 0.12, 0.13))
    easel.bar(x, ground, x, ground - 0.44, 0.012, (0.7, 0.7, 0.72))
    easel.bar(x, ground - 0.44, x, ground - 0.50, 0.034, (0.85, 0.82, 0.7))


Prop = Callable[[Easel, float, float], None]
PROPS: dict[str, Prop] = {
    prop.__name__: prop for prop in (speakers, boombox, street_lamp, mirror_ball, palm, flowers, microphone)
}
"""Each takes the easel, x of its place at the side of the stage, and y of the ground there."""
