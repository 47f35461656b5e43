"""Who dances: proportions, hair and clothes, drawn at random with the taste of the music's style."""

from dataclasses import dataclass

import numpy as np

from cmmd_bench.datasets.beatdance.body import Proportions
from cmmd_bench.datasets.beatdance.streams import Key, between, pick, stream
from cmmd_bench.datasets.painting import Colour, hsv, mix


@dataclass(frozen=True, slots=True)
class Look:
    """One dancer.

    girth: thickness of limbs, 1 = average; waist and chest: half-widths of the torso in body heights
    sleeve: how far the sleeves reach, 0 = none, 1 = elbow, 2 = wrist; trousers: 0 = hip, 1 = knee, 2 = ankle
    skirt: length in body heights, 0 = none; flare: its half-width at the hem; wide: width of the trouser legs
    stripes: on the top, 0 = plain; upright: they run along the body
    hairdo: short, crop, bob, long, ponytail, bun, afro, curls, mohawk or bald; hat: none, cap, beanie or hat
    """

    bones: Proportions
    girth: float
    chest: float
    waist: float
    hip: float
    skin: Colour
    hair: Colour
    top: Colour
    trim: Colour
    bottom: Colour
    shoes: Colour
    socks: Colour
    sock: float
    hairdo: str
    hat: str
    sleeve: float
    trousers: float
    wide: float
    skirt: float
    flare: float
    stripes: float
    upright: bool


_SKINS: tuple[Colour, ...] = (
    (0.98, 0.82, 0.70),
    (0.94, 0.74, 0.58),
    (0.84, 0.62, 0.45),
    (0.70, 0.48, 0.33),
    (0.52, 0.34, 0.23),
    (0.38, 0.25, 0.18),
)
_HAIRS: tuple[Colour, ...] = (
    (0.10, 0.08, 0.08),
    (0.16, 0.10, 0.08),
    (0.33, 0.20, 0.11),
    (0.55, 0.33, 0.16),
    (0.86, 0.68, 0.36),
    (0.66, 0.24, 0.10),
    (0.75, 0.75, 0.78),
    (0.90, 0.35, 0.55),
    (0.25, 0.45, 0.85),
)
_WHITE: Colour = (1.0, 1.0, 1.0)
_ANY = ("short", "crop", "bob", "long", "ponytail", "bun", "afro", "curls", "mohawk", "bald")


@dataclass(frozen=True, slots=True)
class _Taste:
    """What a style likes to wear.

    hues (in turns), saturation, value: limits for the colour of the top; hats, hairdos: to pick from
    skirt, shorts, bare, long, stripes: chances of a skirt, shorts, no sleeves, long sleeves, a striped top
    wide: limits for the width of the trouser legs
    """

    hues: tuple[float, float]
    saturation: tuple[float, float]
    value: tuple[float, float]
    wide: tuple[float, float]
    skirt: float
    shorts: float
    bare: float
    long: float
    stripes: float
    hats: tuple[str, ...] = ("none",)
    hairdos: tuple[str, ...] = _ANY


_TASTES: dict[str, _Taste] = {
    "house": _Taste(
        (0.75, 1.10), (0.6, 0.9), (0.75, 1.0), (0.9, 1.15), skirt=0.25, shorts=0.35, bare=0.35, long=0.15, stripes=0.3,
        hats=("none", "none", "none", "cap"),
    ),
    "boom bap": _Taste(
        (0.0, 1.0), (0.5, 0.85), (0.45, 0.95), (1.25, 1.6), skirt=0.05, shorts=0.35, bare=0.1, long=0.55, stripes=0.25,
        hats=("cap", "beanie", "cap", "none"),
    ),
    "ballet": _Taste(
        (0.80, 1.02), (0.12, 0.45), (0.85, 1.0), (0.75, 0.85), skirt=0.72, shorts=0.0, bare=0.5, long=0.3, stripes=0.0,
        hairdos=("bun", "bun", "bun", "ponytail", "crop", "short"),
    ),
    "swing": _Taste(
        (0.95, 1.15), (0.45, 0.8), (0.6, 0.95), (1.0, 1.25), skirt=0.5, shorts=0.0, bare=0.15, long=0.6, stripes=0.45,
        hats=("none", "none", "hat"), hairdos=("short", "crop", "bob", "curls", "ponytail"),
    ),
    "funk": _Taste(
        (0.02, 0.20), (0.7, 0.95), (0.8, 1.0), (1.1, 1.4), skirt=0.15, shorts=0.1, bare=0.25, long=0.5, stripes=0.45,
        hats=("none", "none", "none", "hat"), hairdos=("afro", "afro", "curls", "long", "bob"),
    ),
    "techno": _Taste(
        (0.30, 0.60), (0.5, 1.0), (0.3, 1.0), (0.85, 1.2), skirt=0.1, shorts=0.3, bare=0.5, long=0.3, stripes=0.3,
        hats=("none", "none", "beanie"), hairdos=("mohawk", "crop", "bald", "ponytail", "short", "bob"),
    ),
    "halftime": _Taste(
        (0.50, 0.75), (0.25, 0.8), (0.35, 0.9), (1.2, 1.55), skirt=0.1, shorts=0.2, bare=0.2, long=0.6, stripes=0.15,
        hats=("none", "beanie", "none"),
    ),
    "salsa": _Taste(
        (0.93, 1.08), (0.75, 0.95), (0.75, 1.0), (0.95, 1.2), skirt=0.65, shorts=0.0, bare=0.45, long=0.3, stripes=0.2,
        hats=("none", "none", "none", "hat"), hairdos=("long", "bun", "ponytail", "curls", "short", "crop"),
    ),
}  # fmt: skip


def draw_look(style: str, key: Key) -> Look:
    """The dancer of one performance."""
    rng = stream(key, "body")
    taste = _TASTES[style]
    skin = pick(rng, _SKINS)
    hue = between(rng, taste.hues)
    top = hsv(hue, between(rng, taste.saturation), between(rng, taste.value))
    turn = (0.5 if rng.random() < 0.4 else 0.12) * (1 if rng.random() < 0.5 else -1)
    second = hsv(hue + turn, between(rng, (0.35, 0.85)), between(rng, (0.25, 0.95)))
    dark = mix((0.13, 0.14, 0.20), second, 0.25 * rng.random())
    bottom = pick(rng, (dark, (0.22, 0.30, 0.50), second, (0.88, 0.86, 0.80), dark))
    # A garment in the colour of the skin would look like none.
    if _alike(top, skin):
        top = (skin[2], skin[1], skin[0]) if skin[0] > 0.6 else (0.90, 0.86, 0.78)
    if _alike(bottom, skin):
        bottom = (0.22, 0.30, 0.50)
    broad, heavy = rng.random(2).tolist()
    skirt, shorts = rng.random() < taste.skirt, rng.random() < taste.shorts
    tutu = skirt and style == "ballet" and rng.random() < 0.8
    if tutu:
        bottom = mix(top, _WHITE, 0.35)
    elif skirt and rng.random() < 0.6:
        bottom = top
    return Look(
        bones=Proportions(
            shin=between(rng, (0.225, 0.245)),
            thigh=between(rng, (0.225, 0.245)),
            shoulders=0.088 + 0.022 * broad,
            upper_arm=between(rng, (0.155, 0.175)),
            head=between(rng, (0.072, 0.083)),
        ),
        girth=1.06 + 0.28 * heavy,
        chest=0.062 + 0.014 * broad + 0.012 * heavy,
        waist=0.040 + 0.012 * broad + 0.020 * heavy,
        hip=0.068 - 0.012 * broad + 0.012 * heavy,
        skin=skin,
        hair=pick(rng, _HAIRS),
        top=top,
        trim=mix(second, _WHITE, 0.5 * rng.random()),
        bottom=bottom,
        shoes=top
        if style == "ballet"
        else pick(rng, ((0.95, 0.95, 0.95), (0.12, 0.12, 0.14), second, (0.85, 0.15, 0.15))),
        socks=pick(rng, ((0.95, 0.95, 0.95), second, (0.2, 0.2, 0.22))),
        sock=between(rng, (0.6, 1.1)),
        hairdo=pick(rng, taste.hairdos),
        hat=pick(rng, taste.hats),
        sleeve=_sleeve(rng, taste),
        trousers=0.35 if skirt else 0.8 if shorts else 1.9,
        wide=between(rng, taste.wide),
        skirt=0.11 if tutu else between(rng, (0.17, 0.33)) if skirt else 0.0,
        flare=between(rng, (0.21, 0.26) if tutu else (0.10, 0.17)),
        stripes=float(pick(rng, (2, 3, 4))) if rng.random() < taste.stripes else 0.0,
        upright=bool(rng.random() < 0.3),
    )


def _sleeve(rng: np.random.Generator, taste: _Taste) -> float:
    kind, length = rng.random(2)
    if kind < taste.bare:
        return 0.0
    return 1.95 if kind < taste.bare + taste.long else 0.55 + 0.3 * float(length)


def _alike(one: Colour, other: Colour) -> bool:
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) < 0.25
