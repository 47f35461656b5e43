"""Commands that other packages bring: entry points of the group `cmmd_bench.commands`, found like generators are.

Nothing is imported for `cmmd-bench run` or any other built-in command; `--help` imports what it lists. A command that
cannot be imported is listed with the reason and costs nobody else anything.
"""

from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from cmmd_bench.errors import UserError
from cmmd_bench.plugins import COMMANDS, find, imported, installed


class Extensible(TyperGroup):
    """The built-in commands, then the installed ones."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names in the order of `--help`."""
        built_in = super().list_commands(ctx)
        return [*built_in, *(name for name in installed(COMMANDS) if name not in built_in)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command called so, imported now if it is not built in; None if nobody has it."""
        found = super().get_command(ctx, cmd_name)
        if found is not None or cmd_name not in installed(COMMANDS):
            return found
        try:
            app = imported(find(cmd_name, COMMANDS), COMMANDS)
        except UserError as error:
            app = _broken(error)
        command = get_command(app)
        command.name = cmd_name
        return command


def _broken(error: UserError) -> typer.Typer:
    app = typer.Typer()

    @app.command(help=str(error), context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
    def broken() -> None:
        raise error

    return app
