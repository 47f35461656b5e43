"""What a player reports of one clip, and what must be in it before an answer counts.

The page measures; a dishonest page can report anything, so the report is stored with the answer and screened later
(`played` and `stalled` of `cmmd_bench.metrics.opinion.screening`). What is refused here is a page that says itself that
the clip was not seen.
"""

import math
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from cmmd_bench.toml_files import Strict

LONGEST = 86_400.0
"""Seconds in any one field: a page that was left open over night is still believed."""


class Proof(Strict):
    """played: seconds of the clip that were played, each part once. ended: it reached its end. plays: how often.

    viewing: seconds from the start to the end of the last whole play. visible: share of it with the page in sight.
    rate: of playing, 1 is as recorded. volume: 0 to 1, 0 when muted. stalls: waits for data. screen: CSS pixels of the
    picture, width and height. answering: seconds from the first end to the answer. age: milliseconds that the answer
    waited to be sent, by a clock that nobody can set. failure: why the clip could not be played, else empty.
    """

    played: float = Field(default=0.0, ge=0, le=LONGEST)
    ended: bool = False
    plays: int = Field(default=0, ge=0, le=10_000)
    viewing: float = Field(default=0.0, ge=0, le=LONGEST)
    visible: float = Field(default=0.0, ge=0, le=1)
    rate: float = Field(default=1.0, ge=0, le=16)
    volume: float = Field(default=1.0, ge=0, le=1)
    stalls: int = Field(default=0, ge=0, le=10_000)
    screen: tuple[int, int] = (0, 0)
    answering: float = Field(default=0.0, ge=0, le=LONGEST)
    age: int = Field(default=0, ge=0, le=7 * 86_400_000)
    failure: str = Field(default="", max_length=200)


def unseen(proof: Proof, *, seconds: float, least_share: float, most_plays: int | None) -> str | None:
    """Why a clip of this length does not count as seen and heard, or None if it does."""
    needed = least_share * seconds
    # Ranges that browsers report end up to a frame early.
    if not proof.ended or proof.played < needed - 0.05:
        return f"{proof.played:.2f} s of the clip were played, {math.ceil(needed * 100) / 100:.2f} s are needed"
    if proof.rate != 1:
        return f"the clip was played at {proof.rate:g} times its speed"
    if proof.volume == 0:
        return "the sound was off"
    if most_plays is not None and proof.plays > most_plays:
        return f"the clip was played {proof.plays} times, {most_plays} at most are allowed"
    return None


def as_stored(proof: Proof) -> Mapping[str, Any]:
    """The JSON that stands beside an answer."""
    return proof.model_dump(mode="json")
