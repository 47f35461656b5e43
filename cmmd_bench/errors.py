"""One exception class for users' mistakes.

A `UserError` is shown as its sentence alone, without a traceback; any other exception is a bug and shows one.
The message says what was found, what was expected and what to do.
"""

from collections.abc import Iterable
from difflib import get_close_matches

USAGE = 2
"""Exit code: the command, its configuration or its input is wrong."""
ENVIRONMENT = 3
"""Exit code: a plugin, codec, weight file, folder or disk stands in the way."""


class UserError(Exception):
    """A mistake the user can mend; `exit_code` is what the command line returns for it."""

    def __init__(self, message: str, *, exit_code: int = USAGE) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UserError:
    """`no metric named 'fda'. Did you mean 'fad'? Known: ...`, for every place that looks up a name."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    listing = ", ".join(names) if names else "none"
    return UserError(f"no {kind} named {name!r}.{hint} Known: {listing}.")
