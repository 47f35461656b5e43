"""What the metrics are, for people: the source of `cmmd-bench metrics` and of the README's table."""

from typing import NamedTuple


class Entry(NamedTuple):
    """One metric."""

    name: str
    measures: str
    unit: str
    better: str
    needs: str
    minimum: str


CATALOGUE = (
    Entry("fvd", "set of pictures: Fréchet distance", "squared feature units", "lower", "real clips", "2 clips"),
    Entry(
        "kvd", "set of pictures: unbiased cubic polynomial MMD²", "MMD²", "lower (0 ± noise)", "real clips", "2 clips"
    ),
    Entry("fad", "set of sounds: Fréchet distance", "squared feature units", "lower", "real clips", "2 clips"),
    Entry(
        "fad-clip", "mean over clips of each one's own FAD", "squared feature units", "lower", "real clips", "2 clips"
    ),
    Entry(
        "beat-hit",
        "share of real beats hit within ± a tolerance, one to one",
        "share",
        "higher",
        "each clip's own sound",
        "1 beat",
    ),
)
