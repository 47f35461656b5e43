"""What a study is made of, in plain values.

Section       one task with its questionnaire: a block of the study, whose clips a rater sees together
Stimulus      one file that raters see: what `system` made for `clip`, its `sample`-th attempt
Presentation  one stimulus at one place of a rater's order
"""

from dataclasses import dataclass
from typing import Literal

Role = Literal["rated", "practice", "gold", "repeat"]
"""rated: counts. practice: before the study, never counts. gold: its answer is known beforehand. repeat: a rated
stimulus once more, to see how far a rater agrees with herself."""


@dataclass(frozen=True, slots=True)
class Stimulus:
    """What `system` made for the conditioning input `clip`: sample 0, 1, ... of several. Raters only ever see `id`."""

    id: str
    section: str
    clip: str
    system: str
    sample: int = 0


@dataclass(frozen=True, slots=True)
class Presentation:
    """A stimulus at one place of an order."""

    stimulus: str
    section: str
    role: Role = "rated"
