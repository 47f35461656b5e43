"""A reference without clips: the mean and covariance of a real set, as published in a file (`statistics_file`).

A Fréchet distance needs no more than these; everything that compares clips with clips does, and is refused by name. In
the file a set stands under the name of what embedded it: `clap-2023` for the embedder of that name, the model's own
name for `fadtk:MODEL` and `laion-clap:CHECKPOINT`, the whole name for variants and windows (`i3d:tats`, `i3d@16f64`).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cmmd_bench.content import content_digest
from cmmd_bench.datasets.folder import clips_below
from cmmd_bench.embedders import FAMILIES, split_window, weights_of
from cmmd_bench.errors import UserError
from cmmd_bench.extraction import Views
from cmmd_bench.extractors import get_extractor
from cmmd_bench.metrics import Gaussian
from cmmd_bench.metrics.dialects import dialect
from cmmd_bench.statistics_file import Origin, models_in, read_origin, read_statistics
from cmmd_bench.suites.labels import parse_metric
from cmmd_bench.suites.metrics import AvAlign, Metric, SetMetric
from cmmd_bench.weights import require_weights

OF_MOMENTS = ("fvd", "fvd-inf", "fad", "fad-inf", "fad-clip")
"""Metrics that need no more of the real set than its mean and covariance."""

_OTHERS_NAMES = ("fadtk:", "laion-clap:")


@dataclass(frozen=True)
class Published:
    """Statistics of real clips in a file or folder. digest: SHA-256 of what they were when clips were scored."""

    path: Path
    digest: str
    _gaussians: dict[tuple[str, int], Gaussian] = field(default_factory=dict, compare=False, repr=False)

    def gaussian(self, extractor: str, ddof: int = 1, *, embedder: str | None = None) -> Gaussian:
        """Mean and covariance in the space of `extractor`, the covariance divided by n - `ddof`.

        embedder: the identity that they must have been made with, where the file states one. Raises UserError when the
        file has no such statistics or is another by now, and ValueError for ddof 0 where it does not say n.
        """
        key = (extractor, ddof)
        if key not in self._gaussians:
            if ddof == 1:
                self._check_unchanged()
                self._gaussians[key] = read_statistics(self.path, model_key(extractor), embedder=embedder)
            else:
                self._gaussians[key] = _rescaled(self.gaussian(extractor), self.rows(extractor), ddof)
        return self._gaussians[key]

    def origin(self, extractor: str) -> Origin:
        """What the file says of how the statistics were made."""
        return read_origin(self.path, model_key(extractor))

    def rows(self, extractor: str) -> int:
        """How many rows of features the statistics were made of; 0 if the file does not say."""
        return self.origin(extractor).n or 0

    def check_width(self, extractor: str, width: int) -> None:
        """UserError unless the statistics are of as many features as the embedder gives."""
        if self.gaussian(extractor).mean.size != width:
            read_statistics(self.path, model_key(extractor), width=width)

    def describe(self, metrics: Sequence[Metric]) -> dict[str, Any]:
        """What a protocol has to say of this reference: what was used of it, and nothing of the machine."""
        origins = {name: self.origin(name) for name in _spaces(metrics)}
        return {
            "statistics": self.path.name,
            "sha256": self.digest,
            "embedders": {name: {"n": origin.n, "embedder": origin.embedder} for name, origin in origins.items()},
        }

    def _check_unchanged(self) -> None:
        if not self.path.exists():
            raise UserError(f"the reference statistics {self.path} are gone. Restore them, or score the clips again.")
        if digest_of(self.path) != self.digest:
            raise UserError(
                f"the reference statistics {self.path} are not those that the clips were scored with. "
                "Restore the old ones, or score the clips again."
            )


def published_at(path: Path) -> Published | None:
    """The statistics at `path`: an .npz file, a folder with stats/<model>/mu.npy, or its subfolder `stats`.

    None where `path` is anything else, such as a folder of clips, whatever was computed of them beside them. UserError
    for an .npz file that is no archive or holds no statistics.
    """
    if path.is_dir():
        if path.name == "stats" and any(path.glob("*/mu.npy")):
            path = path.resolve().parent
        elif not models_in(path) or clips_below(path):
            return None
    elif path.suffix != ".npz":
        return None
    if not models_in(path):
        raise UserError(f"{path} holds no statistics: no array in it is called <model>.mu.")
    return Published(path.resolve(), digest_of(path))


def digest_of(path: Path) -> str:
    """SHA-256 of a statistics file, or of the statistics in a folder, whatever else lies there."""
    return content_digest(path / "stats" if path.is_dir() else path)


def model_key(features: str) -> str:
    """The name in a statistics file of what is embedded as `features`."""
    for prefix in _OTHERS_NAMES:
        if features.startswith(prefix):
            return features.removeprefix(prefix)
    return features


def refuse_what_needs_clips(metrics: Iterable[Metric], published: Published) -> None:
    """One UserError for all metrics that mean and covariance do not suffice for, each with what it needs."""
    reasons = {metric.label: why for metric in metrics if (why := _lacks(metric, published))}
    if reasons:
        listing = "\n".join(f"  {label} {why}" for label, why in reasons.items())
        raise UserError(
            f"{published.path} holds the mean and covariance of real clips, not the clips:\n{listing}\n"
            "Leave these metrics out, or give a folder of real clips as --reference."
        )


def check_statistics(metrics: Iterable[Metric], published: Published) -> None:
    """UserError unless the file has sound statistics for every set metric, made with the embedder of this version."""
    for name in _spaces(metrics):
        published.gaussian(name, embedder=get_extractor(name).model)


def check_widths(metrics: Iterable[Metric], published: Published, views: Views, clips: Sequence[str]) -> None:
    """UserError unless the embedders gave the first of `clips` that they saw as many features as the file holds."""
    for name in _spaces(metrics):
        seen = next((array for clip in clips if (array := views.get(clip, name)) is not None), None)
        if seen is not None:
            published.check_width(name, seen.shape[1])


def metrics_of(published: Published) -> list[Metric]:
    """Fréchet metrics with every embedder of this package that the file has statistics of; UserError if it is none."""
    found = models_in(published.path)
    known = [name for name in found if split_window(name)[0].partition(":")[0] in FAMILIES]
    if not known:
        raise UserError(
            f"{published.path} holds statistics of {', '.join(found)}, and no embedder here has such a name. Say which "
            f"one to use with --metric, such as 'fad[fadtk:{found[0]}]' for a model of fadtk."
        )
    require_weights(weights for name in known for weights in weights_of(name))
    labels = []
    for name in known:
        sound = get_extractor(name).modality == "audio"
        labels += [f"fad[{name}]", f"fad-clip[{name}]"] if sound else [f"fvd[{name}]"]
    return [parse_metric(label) for label in labels]


def _spaces(metrics: Iterable[Metric]) -> list[str]:
    return sorted({metric.features for metric in metrics if isinstance(metric, SetMetric)})


def _lacks(metric: Metric, published: Published) -> str:
    """What the metric needs beside mean and covariance; empty if nothing."""
    if isinstance(metric, AvAlign):
        return ""
    if not isinstance(metric, SetMetric):
        return "needs each clip's own real sound"
    if metric.against == "conditions":
        return "needs each clip's own real clip"
    if metric.metric not in OF_MOMENTS:
        return "compares clips with real clips, one by one"
    divided_by_n = metric.dialect is not None and dialect(metric.dialect).ddof == 0
    if divided_by_n and model_key(metric.features) in models_in(published.path):
        n = published.rows(metric.features)
        return "" if n > 1 else "divides the covariance by n, which the file does not say"
    return ""


def _rescaled(gaussian: Gaussian, n: int, ddof: int) -> Gaussian:
    if n < 2:
        raise ValueError("the covariance in the file is divided by n - 1, and it does not say n")
    return Gaussian(gaussian.mean, gaussian.factor * math.sqrt((n - 1) / (n - ddof)))
