"""Links to seats: shown once, written only to a file that nobody else can read."""

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path

from cmmd_bench.atomic import explained
from cmmd_bench.errors import UserError


def links(tokens: Sequence[str], url: str) -> list[str]:
    """The address of each seat's page."""
    if not url.startswith(("http://", "https://")):
        raise UserError(f"--url must begin with http:// or https://, found {url!r}.")
    return [f"{url.rstrip('/')}/?t={token}" for token in tokens]


def write_links(path: Path, made: Sequence[str]) -> None:
    """A CSV with one seat a line; UserError if there is such a file already: its links would be lost."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["seat", "link"])
    writer.writerows(enumerate(made, start=1))
    try:
        with explained(path):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(text.getvalue())
    except UserError as error:
        if path.exists():
            raise UserError(f"{path} exists already. Give another name, or remove it. {_lost(made)}") from None
        raise UserError(f"{error} {_lost(made)}", exit_code=error.exit_code) from None


def _lost(made: Sequence[str]) -> str:
    # The seats are there already; without this their links would be gone for good.
    return "The links are: " + " ".join(made)
