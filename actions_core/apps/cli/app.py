"""The commands together; errors that a user can cause become a sentence and an exit code.

A command's module loads when the command runs, or when its help is asked for: most import half of the house.
"""

import importlib
import importlib.metadata
import logging
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_group

from actions_core.apps.cli.output import ConsoleHandler, Exit, print_error
from actions_core.errors import ActionsError

#: Where each command is: a module of this package, and the function or the `Typer` in it.
_COMMANDS: Final = {
    "list": ("catalog", "list_destinations"),
    "describe": ("catalog", "describe"),
    "check": ("check", "check"),
    "run": ("run.command", "run"),
    "worker": ("worker.command", "work"),
    "outbox": ("outbox", "app"),
    "dlq": ("dlq", "app"),
    "explain": ("explain", "explain"),
    "test": ("mapping_tests", "run_tests"),
    "import": ("import_workspace", "import_files"),
    "delete": ("on_demand", "delete"),
    "auth-test": ("on_demand", "auth_test"),
    "sandbox": ("sandbox", "sandbox"),
    "serve": ("serve", "serve"),
    "console": ("console", "console"),
    "schema": ("definitions", "schema"),
    "init": ("scaffold", "init"),
    "add-action": ("scaffold", "add"),
    "port": ("port.command", "app"),
    "diff": ("definitions", "diff"),
    "docs": ("definitions", "docs"),
}


class _LazyGroup(TyperGroup):
    """The commands, of which each loads when it is asked for."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # Their names alone, for suggestions.
        self.commands.update(dict.fromkeys(_COMMANDS, typer.core.TyperCommand(None)))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - the signature of the base class
        """Return a command by its name, None where there is none."""
        return _command(cmd_name) if cmd_name in _COMMANDS else None


def _command(name: str) -> Any:
    module, attribute = _COMMANDS[name]
    found = getattr(importlib.import_module(f"actions_core.apps.cli.{module}"), attribute)
    alone = typer.Typer(rich_markup_mode=None)
    if isinstance(found, typer.Typer):
        alone.add_typer(found, name=name)
    else:
        alone.command(name)(found)
    return get_group(alone).commands[name]


app = typer.Typer(
    name="actions",
    cls=_LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    # Its tracebacks show local variables, and those contain keys.
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001  # the signature of an option's callback
    if wanted:
        typer.echo(importlib.metadata.version("actions-core"))
        raise typer.Exit


@app.callback()
def _actions(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Deliver events to destinations, as a workspace file says.

    Exit codes: 0 all well, 1 some events failed or a check found errors, 2 wrong usage or a faulty file,
    3 nothing could be delivered (authentication, no connection), 130 interrupted.
    """


def run_app() -> int:
    """Run a command, and return its exit code; only an error of ours shows a traceback."""
    logging.getLogger("actions_core").addHandler(ConsoleHandler(logging.WARNING))
    try:
        app()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else Exit.OK
    except ActionsError as error:
        print_error(str(error))
        return Exit.FAULTY
    except OSError as error:
        print_error(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        return Exit.FAULTY
    return Exit.OK
