"""A folder belongs to the settings its files were made with: they are written first, and other ones are refused."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cmmd_bench.atomic import write_json
from cmmd_bench.errors import UserError


def claim(path: Path, settings: Mapping[str, Any], *, instead: str) -> bool:
    """Write `settings` to `path` and return True, or return False if exactly these stand there already.

    Raises UserError that lists what differs and ends with `instead`, what to do about it.
    """
    # As JSON will give it back: tuples are lists, keys are text.
    wanted = json.loads(json.dumps(settings, allow_nan=False))
    if not path.is_file():
        write_json(path, wanted)
        return True
    try:
        present = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise UserError(f"{path} is not JSON. Restore it, or {instead}.") from None
    changed = list(differences(present, wanted))
    if changed:
        raise UserError(f"{path.parent} was made with other settings ({'; '.join(changed)}). To go on, {instead}.")
    return False


def differences(there: Any, here: Any, at: str = "") -> Iterable[str]:
    """`data.conditions: 48 there, 50 now` for every leaf that differs."""
    if isinstance(there, dict) and isinstance(here, dict):
        for key in sorted({*there, *here}):
            yield from differences(there.get(key), here.get(key), f"{at}.{key}" if at else key)
    elif there != here:
        yield f"{at}: {there!r} there, {here!r} now"
