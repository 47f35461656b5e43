"""The command line: a shell over one Python call each. Nothing heavy is imported before a command runs.

Results go to stdout, progress and messages to stderr; `--json` prints one JSON object and nothing else. Exit codes:
0 all that was asked for was done, 1 some items or metrics failed, 2 usage, 3 environment, 130 interrupted.
"""

import sys

from cmmd_bench.cli.app import app
from cmmd_bench.errors import UserError

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line; a UserError is shown as its sentence, with its traceback only under `--debug`."""
    # Anywhere on the line: whoever asks for a traceback has just seen an error and appends a word.
    debug = "--debug" in sys.argv
    sys.argv = [word for word in sys.argv if word != "--debug"]
    try:
        app()
    except UserError as error:
        if debug:
            raise
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
