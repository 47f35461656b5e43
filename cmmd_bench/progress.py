"""How long work tells its caller how far it is: `progress(stage, total)` gives a function to call once per item."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

Advance = Callable[[], None]


class Progress(Protocol):
    """Opens one bar per stage; the context closes it."""

    def __call__(self, stage: str, total: int) -> AbstractContextManager[Advance]:
        """Start `stage` of `total` items."""
        ...


def silent(stage: str, total: int) -> AbstractContextManager[Advance]:  # noqa: ARG001  (a Progress that shows nothing)
    """Show nothing."""
    return nullcontext(lambda: None)
