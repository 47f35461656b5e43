"""Who dances: proportions, hair and clothes, drawn at random with the taste of the music's style."""

from dataclasses import dataclass

from cmmd_bench.datasets.painting import Colour, hsv, mix

from .body import Proportions
from .streams import Key, between, pick, stream


@dataclass(frozen=True, slots=True)
class Look:
    """One dancer.

    girth: thickness of limbs, 1 = average; waist and chest: half-widths of the torso in body heights
    sleeve: how far the sleeves reach, 0 = none, 1 = elbow, 2 = wrist; trousers: 0 = hip, 1 = knee, 2 = ankle
    skirt: length in body heights, 0 = none; flare: its half-width at the hem; wide: width of the trouser legs
    stripes: on the top, 0 = plain; upright: they run along the body
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


HAIRDOS = ("short", "crop", "bob", "long", "ponytail", "bun", "afro", "curls", "mohawk", "bald")
HATS = ("none", "cap", "beanie", "hat")

_SKINS: tuple[Colour, ...] = (
    (0.98, 0.82, 0.70), (0.94, 0.74, 0.58), (0.84, 0.62, 0.45), (0.70, 0.48, 0.33), (0.52, 0.34, 0.23), (0.38, 0.25, 0.18),
)  # fmt: skip
_HAIRS: tuple[Colour, ...] = (
    (0.10, 0.08, 0.08), (0.16, 0.10, 0.08), (0.33, 0.20, 0.11), (0.55, 0.33, 0.16), (0.86, 0.68, 0.36), (0.66, 0.24, 0.10),
    (0.75, 0.75, 0.78), (0.90, 0.35, 0.55), (0.25, 0.45, 0.85),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Taste:
    """What a style likes to wear: hues of the top (turns), saturation, value, and chances of some garments."""

    hues: tuple[float, float]
    saturation: tuple[float, float]
    value: tuple[float, float]
    hats: tuple[str, ...]
    hairdos: tuple[str, ...]
    skirt: float
    shorts: float
    sleeveless: float
    long_sleeves: float
    stripes: float
    wide: tuple[float, float]


_TASTES: dict[str, _Taste] = {
    "house": _Taste((0.75, 1.10), (0.6, 0.9), (0.75, 1.0), ("none", "none", "none", "cap"), HAIRDOS,
                    0.25, 0.35, 0.35, 0.15, 0.3, (0.9, 1.15)),
    "boom bap": _Taste((0.0, 1.0), (0.5, 0.85), (0.45, 0.95), ("cap", "beanie", "cap", "none"), HAIRDOS,
                       0.05, 0.35, 0.1, 0.55, 0.25, (1.25, 1.6)),
    "ballet": _Taste((0.80, 1.02), (0.12, 0.45), (0.85, 1.0), ("none",), ("bun", "bun", "bun", "ponytail", "crop", "short"),
                     0.72, 0.0, 0.5, 0.3, 0.0, (0.75, 0.85)),
    "swing": _Taste((0.95, 1.15), (0.45, 0.8), (0.6, 0.95), ("none", "hat", "hat"), ("short", "crop", "bob", "curls", "ponytail"),
                    0.5, 0.0, 0.15, 0.6, 0.45, (1.0, 1.25)),
    "funk": _Taste((0.02, 0.20), (0.7, 0.95), (0.8, 1.0), ("none", "none", "hat"), ("afro", "afro", "curls", "long", "bob"),
                   0.15, 0.1, 0.25, 0.5, 0.45, (1.1, 1.4)),
    "techno": _Taste((0.30, 0.60), (0.5, 1.0), (0.3, 1.0), ("none", "none", "beanie"), ("mohawk", "crop", "bald", "ponytail", "short", "bob"),
                     0.1, 0.3, 0.5, 0.3, 0.3, (0.85, 1.2)),
    "halftime": _Taste((0.50, 0.75), (0.25, 0.8), (0.35, 0.9), ("none", "beanie", "none"), HAIRDOS,
                       0.1, 0.2, 0.2, 0.6, 0.15, (1.2, 1.55)),
    "salsa": _Taste((0.93, 1.08), (0.75, 0.95), (0.75, 1.0), ("none", "none", "hat"), ("long", "bun", "ponytail", "curls", "short", "crop"),
                    0.65, 0.0, 0.45, 0.3, 0.2, (0.95, 1.2)),
}  # fmt: skip


def draw_look(style: str, key: Key) -> Look:
    """The dancer of one performance."""
    rng = stream(key, "body")
    taste = _TASTES[style]
    hue = between(rng, taste.hues)
    skin = pick(rng, _SKINS)
    top = hsv(hue, between(rng, taste.saturation), between(rng, taste.value))
    if max(abs(a - b) for a, b in zip(top, skin, strict=True)) < 0.25:
        # A garment in the colour of the skin would look like none.
        top = (skin[2], skin[1], skin[0]) if skin[0] > 0.6 else (0.90, 0.86, 0.78)
    second = hsv(hue + (0.5 if rng.random() < 0.4 else 0.12) * (1 if rng.random() < 0.5 else -1), 0.35 + 0.5 * rng.random(),
                 0.25 + 0.7 * rng.random())  # fmt: skip
    dark = mix((0.13, 0.14, 0.20), second, 0.25 * rng.random())
    bottom = pick(rng, (dark, (0.22, 0.30, 0.50), second, (0.88, 0.86, 0.80), dark))
    skirt = rng.random() < taste.skirt
    shorts, sleeves = rng.random(), rng.random()
    slim = float(rng.random())
    heavy = float(rng.random())
    ballet = style == "ballet"
    tutu = ballet and rng.random() < 0.6
    return Look(
        bones=Proportions(
            shin=0.225 + 0.02 * rng.random(),
            thigh=0.225 + 0.02 * rng.random(),
            shoulders=0.088 + 0.022 * (1 - slim),
            upper_arm=0.155 + 0.02 * rng.random(),
            head=0.072 + 0.011 * rng.random(),
        ),
        girth=1.06 + 0.28 * heavy,
        chest=0.062 + 0.014 * (1 - slim) + 0.012 * heavy,
        waist=0.040 + 0.012 * (1 - slim) + 0.02 * heavy,
        hip=0.056 + 0.012 * slim + 0.012 * heavy,
        skin=skin,
        hair=pick(rng, _HAIRS),
        top=top,
        trim=mix(second, (1.0, 1.0, 1.0), 0.5 * rng.random()),
        bottom=mix(top, (1.0, 1.0, 1.0), 0.35) if tutu else (top if skirt and rng.random() < 0.6 else bottom),
        shoes=top if ballet else pick(rng, ((0.95, 0.95, 0.95), (0.12, 0.12, 0.14), second, (0.85, 0.15, 0.15))),
        socks=pick(rng, ((0.95, 0.95, 0.95), second, (0.2, 0.2, 0.22))),
        sock=0.6 + 0.5 * rng.random(),
        hairdo=pick(rng, taste.hairdos),
        hat=pick(rng, taste.hats),
        sleeve=0.0
        if sleeves < taste.sleeveless
        else 1.95
        if sleeves > 1 - taste.long_sleeves
        else 0.55 + 0.3 * rng.random(),
        trousers=0.35 if skirt else (0.8 if shorts < taste.shorts else 1.9),
        wide=between(rng, taste.wide),
        skirt=0.0 if not skirt else 0.11 if tutu else 0.17 + 0.16 * rng.random(),
        flare=0.21 + 0.05 * rng.random() if tutu else 0.10 + 0.07 * rng.random(),
        stripes=float(pick(rng, (2.0, 3.0, 4.0))) if rng.random() < taste.stripes else 0.0,
        upright=rng.random() < 0.3,
    )
