"""What synthetic raters think: honest ones see the truth through noise, the others do not.

    honest     mean of the system + taste of the rater + luck of clip and sample + noise, rounded to the scale
    random     any value, equally likely
    straight   the same value for everything
    inverted   honest, with the scale turned round
    harsh      honest, and a point and a half below

The parts of an honest answer are those of `cmmd_bench.metrics.opinion.simulate`, with the same sizes.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from cmmd_bench.errors import UserError
from cmmd_bench.metrics.opinion.simulate import Components
from cmmd_study.questionnaires import Question
from cmmd_study.types import Stimulus

Kind = Literal["honest", "random", "straight", "inverted", "harsh"]
KINDS: tuple[Kind, ...] = get_args(Kind)
HARSH = 1.5


@dataclass(frozen=True, slots=True)
class Truth:
    """Expected answer of each system, on a scale from 1 to 5, the same for all questions."""

    means: Mapping[str, float]
    seed: int
    components: Components

    def of(self, system: str) -> float:
        """The mean of one system."""
        return self.means[system]


def default_truth(systems: list[str], references: set[str], given: Mapping[str, float]) -> dict[str, float]:
    """Means for all systems: those given, 4.5 for ground truth, the others evenly from 2.2 to 3.8 by name."""
    if unknown := sorted(given.keys() - set(systems)):
        raise UserError(f"--truth names {unknown[0]!r}, which is not rated; {', '.join(systems)} are.")
    if wrong := [name for name, mean in given.items() if not 1 <= mean <= 5]:
        raise UserError(f"--truth {wrong[0]}={given[wrong[0]]:g}: means are from 1 to 5.")
    others = sorted(set(systems) - references)
    even = dict(zip(others, np.linspace(3.8, 2.2, max(len(others), 2)).tolist(), strict=False))
    return {system: given.get(system, even.get(system, 4.5)) for system in systems}


@dataclass(frozen=True, slots=True)
class Opinion:
    """How one rater answers."""

    rater: str
    kind: Kind
    truth: Truth

    def answer(self, stimulus: Stimulus, question: Question, attempt: int) -> int:
        """The answer to `question` about `stimulus`, seen for the `attempt`-th time."""
        scale = question.scale
        own = self._draw("answer", stimulus.id, question.id, str(attempt))
        if self.kind == "random":
            return int(own.integers(scale.lowest, scale.highest + 1))
        if self.kind == "straight":
            return int(self._draw("always").integers(scale.lowest, scale.highest + 1))
        parts, at = self.truth.components, f"{question.id}/{stimulus.section}"
        value = self.truth.of(stimulus.system) - (HARSH if self.kind == "harsh" else 0.0)
        value += parts.rater * self._normal(self.rater, at)
        value += parts.clip * self._normal(stimulus.clip, at)
        value += parts.rater_clip * self._normal(self.rater, stimulus.clip, at)
        value += parts.rater_system * self._normal(self.rater, stimulus.system, at)
        value += parts.clip_system * self._normal(stimulus.clip, stimulus.system, at)
        value += parts.sample * self._normal(stimulus.id, at)
        value += parts.noise * float(own.standard_normal())
        share = (value - 1) / 4
        if self.kind == "inverted":
            share = 1 - share
        whole = round(scale.lowest + share * (scale.highest - scale.lowest))
        return min(max(whole, scale.lowest), scale.highest)

    def _normal(self, *what: str) -> float:
        # Named, not drawn in turn: two raters of one clip meet the same luck of it.
        return float(_generator(self.truth.seed, *what).standard_normal())

    def _draw(self, *what: str) -> np.random.Generator:
        return _generator(self.truth.seed, self.rater, *what)


def _generator(seed: int, *what: str) -> np.random.Generator:
    digest = hashlib.sha256("\0".join((str(seed), *what)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))
