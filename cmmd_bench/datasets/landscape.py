"""`landscape`: the Landscape corpus as MM-Diffusion distributes it, `train/` and `test/` of short nature videos.

Windows of the suite's length end to end; windows of one video form a group.
"""

from pathlib import Path

from cmmd_bench.datasets.folder import folder
from cmmd_bench.datasets.windows import Windows, require_folder
from cmmd_bench.errors import UserError
from cmmd_bench.types import ClipSpec


def landscape(
    spec: ClipSpec, *, root: Path | None, split: str = "test", hop: float | None = None, windows: int | None = None
) -> Windows:
    """Windows of every video of one split."""
    base = require_folder(root, "landscape")
    if not (base / split).is_dir():
        found = sorted(path.name for path in base.iterdir() if path.is_dir())
        raise UserError(f"landscape: {base} has no folder {split!r}; found {', '.join(found) or 'no folders'}.")
    return folder(spec, root=base, split=split, name="landscape", hop=hop, windows=windows)
