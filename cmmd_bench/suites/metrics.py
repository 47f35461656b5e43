"""The metrics that a suite may ask for, as types: what stands in a `[[metrics]]` table, with ranges.

Every metric has a `label`, which names its results, and knows what has to look at which clips. Results of different
labels are never compared.
"""

from collections.abc import Collection
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, PositiveFloat, PositiveInt, field_validator, model_validator

from cmmd_bench.metrics.av_align import Dialect as AvDialect
from cmmd_bench.metrics.dialects import DIALECTS
from cmmd_bench.metrics.kernel_subsets import SUBSET_DIALECTS
from cmmd_bench.metrics.onsets import Convention
from cmmd_bench.toml_files import Strict
from cmmd_bench.types import Direction, Modality, Task

Against = Literal["reference", "conditions"]


class SetMetric(Strict):
    """A distance between the set of generated clips and a set of real ones, in the space of `embedder`.

    fvd, fad: Fréchet distance. fvd-inf, fad-inf: the same extrapolated to infinitely many clips.
    kvd: unbiased cubic polynomial MMD². kad: unbiased Gaussian MMD², times 100.
    fad-clip: mean over clips of the Fréchet distance between one clip's frames and the reference.
    precision, recall, density, coverage: of clips, by their mean features and balls of 5 nearest neighbours.

    against = "conditions" compares with the ground truths of the same conditions (the paper's pairwise FVD and KVD),
    "reference" with the suite's reference items. `samples` limits how many samples of each condition count.
    `frames` and `size` show a video embedder the first frames only, scaled to size x size pixels (the columns of the
    paper's Table 1). `dialect` names a published convention: of a Fréchet distance (`cmmd_bench.metrics.dialects`), or
    of kvd, where "by-condition" leaves out pairs of samples of one condition, whose likeness pulls the value up.
    """

    metric: Literal[
        "fvd", "fvd-inf", "kvd", "fad", "fad-inf", "fad-clip", "kad", "precision", "recall", "density", "coverage"
    ]
    task: Task
    embedder: str
    against: Against = "reference"
    samples: PositiveInt | None = None
    frames: PositiveInt | None = None
    size: PositiveInt | None = None
    dialect: str | None = None

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if (self.frames is None) != (self.size is None):
            raise ValueError("frames and size go together: the first `frames` frames at `size` x `size` pixels")
        if self.frames is not None and self.modality == "audio":
            raise ValueError(f"{self.metric} measures sound; frames and size are for video embedders")
        if self.dialect is not None:
            known = _DIALECTS_OF.get(self.metric)
            if known is None:
                raise ValueError(f"dialects are conventions of fvd, fad and kvd, found one for {self.metric}")
            if self.dialect not in known:
                raise ValueError(f"no dialect {self.dialect!r} of {self.metric}; known: {', '.join(sorted(known))}")
        return self

    @property
    def label(self) -> str:
        """`fad[logmel-stats]`, `pairwise-fvd[i3d@16f64]`, `fvd:tats[i3d:tats]`; never compare different labels."""
        pairwise = "pairwise-" if self.against == "conditions" else ""
        return f"{pairwise}{self.metric}{f':{self.dialect}' if self.dialect else ''}[{self.features}]"

    @property
    def features(self) -> str:
        """The extractor whose features are compared: the embedder, and what part of a clip it is shown."""
        return self.embedder if self.frames is None else f"{self.embedder}@{self.frames}f{self.size}"

    @property
    def extractors(self) -> tuple[str, ...]:
        """Who has to look at a generated clip."""
        return (self.features,)

    @property
    def modality(self) -> Modality | None:
        """The side of the clip that the metric looks at; None where that is the embedder's choice."""
        if self.metric.startswith(("fad", "kad")):
            return "audio"
        return "video" if self.metric.startswith(("fvd", "kvd")) else None

    @property
    def real(self) -> Against | None:
        """Which real clips have to be looked at as well."""
        return self.against

    @property
    def direction(self) -> Direction:
        """Which way is better."""
        return "higher" if self.metric in ("precision", "recall", "density", "coverage") else "lower"


_DIALECTS_OF: dict[str, Collection[str]] = {
    "fvd": DIALECTS,
    "fad": DIALECTS,
    "kvd": ("by-condition", "jedi", *SUBSET_DIALECTS),
}


class _Alignment(Strict):
    """Scores of a single clip, with the level that unrelated clips reach by chance."""

    @property
    def direction(self) -> Direction:
        """Which way is better."""
        return "higher"

    @property
    def modality(self) -> Modality | None:
        """What the metric's extractors look at is fixed."""
        return None


class _Heard(_Alignment):
    """What is heard in the generated sound against what is heard in the condition's own, or what is known of it.

    against = "sound": what the same tracker or detector finds in the ground-truth audio (the paper).
    against = "truth": the true times, for datasets that know them; the ground-truth row is then the detector's ceiling.
    """

    task: Literal["v2a", "joint"] = "v2a"
    against: Literal["sound", "truth"] = "sound"

    @property
    def real(self) -> Against | None:
        """Which real clips have to be looked at as well."""
        return "conditions" if self.against == "sound" else None

    def _in_brackets(self, listener: str | None) -> str:
        """What a label has to say of the reference and of who listened, where that is not the usual."""
        notes = [*(["truth"] if self.against == "truth" else []), *([listener] if listener else [])]
        return f"[{','.join(notes)}]" if notes else ""


class BeatHit(_Heard):
    """Share of reference beats with a generated beat within ± `tolerance_ms`, matched one to one.

    beat-precision: share of generated beats that hit. beat-f1: harmonic mean of both. beat-any-hit: hits without
    matching, as older work counts them. tracker: a name or `module:function` (`cmmd_bench.trackers`).
    """

    metric: Literal["beat-hit", "beat-precision", "beat-f1", "beat-any-hit"]
    tolerance_ms: PositiveFloat
    tracker: Annotated[str, Field(pattern=r"^[^\[\],\s]+$")] = "librosa"

    @field_validator("tracker")
    @classmethod
    def _no_other_word(cls, value: str) -> str:
        if value == "truth":
            raise ValueError('a tracker cannot be called "truth", which labels use for the true beats')
        return value

    @property
    def label(self) -> str:
        """`beat-hit@100ms`; `beat-hit@100ms[truth,mymodule:track]`: against the dataset's own beats, by another."""
        return f"{self.metric}@{self.tolerance_ms:g}ms" + self._in_brackets(_unusual(self, "tracker"))

    @property
    def extractors(self) -> tuple[str, ...]:
        """Who has to look at a generated clip."""
        return (f"beats:{self.tracker}",)


class OnsetScore(_Heard):
    """Onsets within ± `tolerance_ms`: F1, accuracy (recall) and average precision (`cmmd_bench.metrics.onsets`).

    dialect = "condfoleygen" counts as that paper does; give it detector = "condfoley" and 100 ms.
    """

    metric: Literal["onset-f1", "onset-accuracy", "onset-ap"]
    tolerance_ms: PositiveFloat = 50.0
    detector: str = "fine"
    dialect: Convention = "one-to-one"

    @property
    def label(self) -> str:
        """`onset-f1@50ms`, `onset-ap:condfoleygen@100ms[condfoley]`."""
        dialect = _unusual(self, "dialect")
        name = f"{self.metric}{f':{dialect}' if dialect else ''}@{self.tolerance_ms:g}ms"
        return name + self._in_brackets(_unusual(self, "detector"))

    @property
    def extractors(self) -> tuple[str, ...]:
        """Who has to look at a generated clip."""
        return (f"onsets:{self.detector}",)


class SecondHit(_Heard):
    """Onsets in bins of whole seconds, as D2M-GAN and CDCD score "beats": seconds covered, and seconds hit.

    Coverage is a ratio of counts, 1 for as many as in the reference, wherever they are: it has no chance level, and
    more is not better.
    """

    metric: Literal["cdcd-coverage", "cdcd-hit"]
    against: Literal["sound"] = "sound"

    @property
    def direction(self) -> Direction:
        """Which way is better."""
        return "towards 1" if self.metric == "cdcd-coverage" else "higher"

    @property
    def label(self) -> str:
        """`cdcd-hit`."""
        return self.metric

    @property
    def extractors(self) -> tuple[str, ...]:
        """Who has to look at a generated clip."""
        return ("onsets:cdcd",)


class AvAlign(_Alignment):
    """AV-Align: peaks of motion against onsets of sound within one clip, intersection over union."""

    metric: Literal["av-align"]
    task: Task
    dialect: AvDialect = "one-to-one"

    @property
    def label(self) -> str:
        """`av-align`, or `av-align:javisbench` for another way of counting."""
        dialect = _unusual(self, "dialect")
        return f"av-align:{dialect}" if dialect else "av-align"

    @property
    def extractors(self) -> tuple[str, ...]:
        """Who has to look at a generated clip."""
        return ("motion", "onsets:av-align")

    @property
    def real(self) -> Against | None:
        """Which real clips have to be looked at as well."""
        return None


def _unusual(metric: Strict, name: str) -> str | None:
    """The value of a setting if it is not the default: labels of usual metrics stay short."""
    value: str = getattr(metric, name)
    return None if value == type(metric).model_fields[name].default else value


Metric = SetMetric | BeatHit | OnsetScore | SecondHit | AvAlign
MetricConfig = Annotated[Metric, Field(discriminator="metric")]

METRICS: dict[str, type[Metric]] = {
    name: kind for kind in get_args(Metric) for name in get_args(kind.model_fields["metric"].annotation)
}
"""What may stand as `metric`, and the type of its table."""
