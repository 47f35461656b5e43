"""The processes of one training: one, or as many as torchrun started, each with its share of every batch.

The first process prepares clips, writes files and shows bars; the others wait for it and read what it wrote.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from cmmd_bench.errors import ENVIRONMENT, UserError

PATIENCE = timedelta(days=7)
"""How long processes wait for the first one, which may have a data set to decode."""


@dataclass(frozen=True, slots=True)
class Processes:
    """This process among `count`, the first of which is 0."""

    index: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this one prepares, writes and shows."""
        return self.index == 0

    @contextmanager
    def first_alone(self) -> Iterator[None]:
        """Inside, the first process runs before the others."""
        if self.count == 1:
            yield
            return
        from accelerate import PartialState

        with PartialState().main_process_first():
            yield

    def share(self, batch: int) -> int:
        """Of a batch, how many samples are this process's. Raises UserError where they cannot be dealt out evenly."""
        if batch % self.count:
            raise UserError(
                f"--batch counts the samples of all {self.count} processes, and {batch} cannot be dealt out evenly. "
                f"Give a multiple of {self.count}, or another number of processes."
            )
        return batch // self.count


def join(device: str) -> Processes:
    """Meet the other processes that torchrun started, if any; "cuda" is then the GPU of this one's local rank.

    Raises UserError (environment) without accelerate.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Processes()
    try:
        from accelerate import PartialState
    except ImportError:
        raise UserError(
            "training on several processes needs accelerate. Install it with: pip install 'cmmd-bench[train]'",
            exit_code=ENVIRONMENT,
        ) from None
    state = PartialState(cpu=device == "cpu", timeout=PATIENCE)
    if state.process_index:
        # What one process has to say, one says; what goes wrong with another is raised.
        logging.getLogger("cmmd_gen").setLevel(logging.ERROR)
    return Processes(state.process_index, state.num_processes)
