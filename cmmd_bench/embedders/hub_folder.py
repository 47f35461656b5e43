"""A model's folder as the Hugging Face Hub keeps it: JSON that describes it, and what names its contents."""

import hashlib
import json
from pathlib import Path
from typing import Any

from cmmd_bench.errors import ENVIRONMENT, UserError
from cmmd_bench.weights.digests import digests

CONFIG = "config.json"
PREPROCESSOR = "preprocessor_config.json"


def read_json(path: Path) -> dict[str, Any]:
    """The object in a file; UserError (environment) if there is no such file, or something else in it."""
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"{path.parent} holds no {path.name}.", exit_code=ENVIRONMENT) from None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise UserError(f"{path} is not a JSON object.", exit_code=ENVIRONMENT)
    return found


def digest_of(folder: Path, tensors: Path) -> str:
    """SHA-256 over what decides a model's features: its description, how input is prepared if that is said, tensors."""
    used = [path for path in (folder / CONFIG, folder / PREPROCESSOR, tensors) if path.is_file()]
    listing = "".join(f"{digests(path).sha256}  {path.name}\n" for path in used)
    return hashlib.sha256(listing.encode()).hexdigest()
