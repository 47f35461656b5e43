"""From samples to a blinded study: picks, files that are alike in all but content, and what still tells them apart."""

from cmmd_study.creation.candidates import Clips, Run
from cmmd_study.creation.create import Created, add, create
from cmmd_study.creation.picks import Selection
from cmmd_study.creation.sections import Look

__all__ = ["Clips", "Created", "Look", "Run", "Selection", "add", "create"]
