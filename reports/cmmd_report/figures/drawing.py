"""What every figure gives back: the picture, and the words for those who do not see it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure with its title and its description, which holds the drawn numbers."""

    figure: "Figure"
    title: str
    description: str


class NotDrawn(ValueError):  # noqa: N818 - an answer rather than a failure
    """Why there is no figure: the message stands on the page in its place."""


def spoken(names: Sequence[str], values: Sequence[float | None]) -> str:
    """`cmmd 0.98, noise none`: names with their numbers, as descriptions list them."""
    return ", ".join(
        f"{name} {'none' if value is None else f'{value:.3g}'}" for name, value in zip(names, values, strict=True)
    )
