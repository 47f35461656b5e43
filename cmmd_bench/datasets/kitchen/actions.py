"""What happens in a scene, and when: decided before anything is painted or played.

Times are seconds from the start of the clip; an action begins some time before it, so that clips open in the middle of
things, and is drawn event by event, so that a longer clip only adds to a shorter one.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from cmmd_bench.datasets.kitchen.motion import Curve
from cmmd_bench.datasets.kitchen.rhythm import hits_of, spans_of
from cmmd_bench.types import Event

_LABELS = {
    ("ceramic", "stone"): "ceramic / marble collision",
    ("ceramic", "metal"): "metal / ceramic collision",
    ("ceramic", "wood"): "ceramic / wood collision",
    ("glass", "stone"): "glass / marble collision",
    ("glass", "metal"): "metal / glass collision",
    ("glass", "wood"): "wood / glass collision",
    ("metal", "metal"): "metal-only collision",
    ("metal", "plastic"): "metal / plastic collision",
    ("metal", "stone"): "metal / marble collision",
    ("metal", "wood"): "metal / wood collision",
    ("plastic", "stone"): "plastic / marble collision",
    ("plastic", "wood"): "plastic / wood collision",
    ("stone", "wood"): "wood / marble collision",
    ("wood", "wood"): "wood-only collision",
}
CLASSES = (
    "cut / chop",
    "kneading",
    "open / close",
    "pour",
    "scrub / scrape / scour / wipe",
    "stir / mix / whisk",
    "water",
    *_LABELS.values(),
)
"""Labels of events, in the vocabulary of EPIC-Sounds and its manner of naming (it has no wood on marble)."""


@dataclass(frozen=True, slots=True, eq=False)
class Action:
    """The plan of one scene.

    kind: one of KINDS; what: names of the things that take part, by role; size: 0 small .. 1 large
    top: material of the worktop (wood, stone or metal)
    hits: instants of contact, the first before the clip and the last after it; lifts: height of the tool before each
    time: longest duration of a swing; strokes: (M, 2) start and end of what lasts
    """

    kind: str
    top: str
    what: dict[str, str]
    size: float
    events: tuple[Event, ...]
    hits: Curve = field(default_factory=lambda: np.zeros(0))
    lifts: Curve = field(default_factory=lambda: np.zeros(0))
    time: float = 0.5
    strokes: Curve = field(default_factory=lambda: np.zeros((0, 2)))


def plan(kind: str, rng: np.random.Generator, seconds: float) -> Action:
    """The action of one clip of `seconds`; events are those that sound between 0 and `seconds`, cut to that span."""
    top = _one(rng, "wood", "stone", "metal")
    action = _PLANS[kind](rng, seconds, top)
    events = sorted(action.events, key=lambda event: event.start)
    heard = tuple(
        Event(max(e.start, 0.0), min(e.end, seconds), e.label) for e in events if e.end > 0 and e.start < seconds
    )
    return Action(kind, action.top, action.what, action.size, heard, action.hits, action.lifts, action.time,
                  action.strokes)  # fmt: skip


def _chop(rng: np.random.Generator, seconds: float, top: str) -> Action:
    what = {
        "food": _one(rng, "cucumber", "carrot", "leek", "sausage", "aubergine"),
        "board": _one(rng, "wood", "wood", "plastic"),
    }
    size, pace = rng.random(), 0.40 + 0.28 * rng.random()
    hits, force = hits_of(rng, seconds, gap=pace, jitter=0.2, rests=0.14)
    return _struck(top, what, size, hits, 0.13 + 0.12 * force, time=0.5, label="cut / chop", ring=0.12)


def _tap(rng: np.random.Generator, seconds: float, top: str) -> Action:
    what = {
        "vessel": _one(rng, "pot", "glass", "mug", "tub", "bowl"),
        "tool": _one(rng, "metal", "metal", "metal", "wood"),
    }
    if what["tool"] == "wood":
        what["vessel"] = "pot"
    size, pace = rng.random(), 0.44 + 0.32 * rng.random()
    hits, force = hits_of(rng, seconds, gap=pace, jitter=0.22, rests=0.2)
    label = label_of(what["tool"], SUBSTANCE[what["vessel"]])
    return _struck(top, what, size, hits, 0.12 + 0.12 * force, time=0.5, label=label, ring=0.25)


def _stir(rng: np.random.Generator, seconds: float, top: str) -> Action:
    what = {"vessel": _one(rng, "mug", "glass", "bowl", "pot"), "tool": "metal"}
    size, pace = rng.random(), 0.44 + 0.28 * rng.random()
    hits, force = hits_of(rng, seconds, gap=pace, jitter=0.2, rests=0.0)
    label = label_of("metal", SUBSTANCE[what["vessel"]])
    action = _struck(top, what, size, hits, 0.3 + 0.7 * force, time=0.5, label=label, ring=0.15)
    # The spoon keeps turning, before the clip and after it.
    stirring = Event(float(hits[0]), float(hits[-1]), "stir / mix / whisk")
    return Action("stir", action.top, what, size, (stirring, *action.events), hits, action.lifts, 0.5)


def _lid(rng: np.random.Generator, seconds: float, top: str) -> Action:
    what = {"lid": _one(rng, "metal", "metal", "glass"), "vessel": "pot"}
    size, pace = rng.random(), 0.85 + 0.35 * rng.random()
    hits, force = hits_of(rng, seconds, gap=pace, jitter=0.14, rests=0.1)
    return _struck(top, what, size, hits, 0.22 + 0.16 * force, time=1.0, label=label_of(what["lid"], "metal"), ring=0.5)


def _put(rng: np.random.Generator, seconds: float, top: str) -> Action:
    what = {"thing": _one(rng, "mug", "glass", "bowl", "can", "tub", "cup")}
    size, pace = rng.random(), 0.75 + 0.35 * rng.random()
    hits, force = hits_of(rng, seconds, gap=pace, jitter=0.16, rests=0.1)
    label = label_of(SUBSTANCE[what["thing"]], top)
    return _struck(top, what, size, hits, 0.16 + 0.12 * force, time=0.85, label=label, ring=0.3)


def _pound(rng: np.random.Generator, seconds: float, top: str) -> Action:
    size, pace = rng.random(), 0.5 + 0.3 * rng.random()
    hits, force = hits_of(rng, seconds, gap=pace, jitter=0.18, rests=0.12)
    return _struck(top, {"food": "dough"}, size, hits, 0.24 + 0.16 * force, time=0.75, label="kneading", ring=0.2)


def _drawer(rng: np.random.Generator, seconds: float, top: str) -> Action:
    what = {"front": _one(rng, "wood", "white", "green", "blue")}
    size, pace = rng.random(), 0.95 + 0.35 * rng.random()
    hits, force = hits_of(rng, seconds, gap=pace, jitter=0.14, rests=0.08)
    return _struck(top, what, size, hits, 0.28 + 0.14 * force, time=1.05, label="open / close", ring=0.3)


def _pour(rng: np.random.Generator, seconds: float, top: str) -> Action:
    what = {"from": _one(rng, "bottle", "flask"), "drink": _one(rng, "water", "water", "juice", "milk", "tea")}
    return _lasting(rng, seconds, top, what, "pour", length=(0.9, 2.2), wait=(0.35, 0.8))


def _faucet(rng: np.random.Generator, seconds: float, top: str) -> Action:
    what = {"tap": _one(rng, "steel", "brass", "black")}
    return _lasting(rng, seconds, top, what, "water", length=(0.7, 1.9), wait=(0.35, 0.8))


def _scrape(rng: np.random.Generator, seconds: float, top: str) -> Action:
    what = {"pan": _one(rng, "iron", "steel"), "tool": _one(rng, "wood", "metal"),
            "food": _one(rng, "rice", "peas", "onion", "egg")}  # fmt: skip
    return _lasting(rng, seconds, top, what, "scrub / scrape / scour / wipe", length=(0.26, 0.5), wait=(0.06, 0.22))


def _grate(rng: np.random.Generator, seconds: float, top: str) -> Action:
    what = {"food": _one(rng, "cheese", "carrot", "courgette")}
    return _lasting(rng, seconds, top, what, "scrub / scrape / scour / wipe", length=(0.24, 0.44), wait=(0.05, 0.18))


_PLANS: dict[str, Callable[[np.random.Generator, float, str], Action]] = {
    "chop": _chop,
    "drawer": _drawer,
    "faucet": _faucet,
    "grate": _grate,
    "lid": _lid,
    "pound": _pound,
    "pour": _pour,
    "put": _put,
    "scrape": _scrape,
    "stir": _stir,
    "tap": _tap,
}
KINDS = tuple(_PLANS)
"""Every kind of scene."""

SUBSTANCE = {
    "bowl": "ceramic",
    "can": "metal",
    "cup": "wood",
    "glass": "glass",
    "mug": "ceramic",
    "pot": "metal",
    "tub": "plastic",
}
"""What each thing is made of."""


def label_of(a: str, b: str) -> str:
    """The label of two materials that hit each other."""
    first, second = sorted((a, b))
    return _LABELS[first, second]


def _one(rng: np.random.Generator, *names: str) -> str:
    return names[int(rng.random() * len(names))]


def _struck(
    top: str,
    what: dict[str, str],
    size: float,
    hits: Curve,
    lifts: Curve,
    *,
    time: float,
    label: str,
    ring: float,
) -> Action:
    """An action of separate hits; each is an event of at most `ring` seconds that ends before the next one."""
    # What was hit before the clip is not heard in it.
    ends = np.minimum(hits[1:-1] + ring, hits[2:] - 0.02)
    events = tuple(Event(float(a), float(b), label) for a, b in zip(hits[1:-1], ends, strict=True))
    return Action("", top, what, size, events, hits, lifts, time)


def _lasting(
    rng: np.random.Generator,
    seconds: float,
    top: str,
    what: dict[str, str],
    label: str,
    *,
    length: tuple[float, float],
    wait: tuple[float, float],
) -> Action:
    """An action of spans, each an event from its start to its end."""
    size = rng.random()
    spans = spans_of(rng, seconds, length, wait)
    events = tuple(Event(float(a), float(b), label) for a, b in spans)
    return Action("", top, what, size, events, strokes=spans)
