"""What is scored: the finished samples of a model on a task."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from cmmd_bench.types import Task, Truth


@dataclass(frozen=True, slots=True)
class Sample:
    """A generated clip: its name among the views, its id for people, the condition it answers and which answer it is.

    real: the name among the views of the condition's own real clip; None if there is none (unpaired scoring)
    truth: what the dataset knows of the condition
    """

    view: str
    id: str
    condition: str
    index: int
    real: str | None
    truth: Truth = field(default_factory=Truth)


@dataclass(frozen=True, slots=True)
class RowOfTable:
    """All finished samples of one model on one task, in the order of their ids."""

    model: str
    task: Task
    samples: Sequence[Sample]
