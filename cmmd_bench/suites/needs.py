"""What metrics need beside this package and their clips: pretrained weights, and code that is not packaged."""

from collections.abc import Iterable

from cmmd_bench.embedders import weights_of
from cmmd_bench.suites.metrics import BeatHit, Metric, SetMetric


def weights_needed(metrics: Iterable[Metric]) -> list[str]:
    """Names of the weights that the metrics' embedders need, each once; UserError for an embedder that does not exist.

    What a package such as fadtk fetches for itself is not among them.
    """
    embedders = [metric.embedder for metric in metrics if isinstance(metric, SetMetric)]
    return list(dict.fromkeys(name for embedder in embedders for name in weights_of(embedder)))


def modules_needed(metrics: Iterable[Metric]) -> list[str]:
    """The `module:function` among the metrics' beat trackers, which may lie in the folder one stands in."""
    trackers = [metric.tracker for metric in metrics if isinstance(metric, BeatHit)]
    return list(dict.fromkeys(name for name in trackers if ":" in name))
