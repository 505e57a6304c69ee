"""The commands together; errors that a user can cause become a sentence and an exit code."""

import importlib.metadata
import logging
from typing import Annotated

import typer

from actions_core.apps.cli import (
    catalog,
    check,
    console,
    definitions,
    dlq,
    explain,
    import_workspace,
    mapping_tests,
    on_demand,
    outbox,
    sandbox,
    scaffold,
    serve,
)
from actions_core.apps.cli.output import ConsoleHandler, Exit, print_error
from actions_core.apps.cli.port import command as port
from actions_core.apps.cli.run import command
from actions_core.apps.cli.worker import command as worker
from actions_core.errors import ActionsError

app = typer.Typer(
    name="actions",
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


app.command("list")(catalog.list_destinations)
app.command("describe")(catalog.describe)
app.command("check")(check.check)
app.command("run")(command.run)
app.command("worker")(worker.work)
app.add_typer(outbox.app, name="outbox")
app.add_typer(dlq.app, name="dlq")
app.command("explain")(explain.explain)
app.command("test")(mapping_tests.run_tests)
app.command("import")(import_workspace.import_files)
app.command("delete")(on_demand.delete)
app.command("auth-test")(on_demand.auth_test)
app.command("sandbox")(sandbox.sandbox)
app.command("serve")(serve.serve)
app.command("console")(console.console)
app.command("schema")(definitions.schema)
app.command("init")(scaffold.init)
app.command("add-action")(scaffold.add)
app.add_typer(port.app, name="port")
app.command("diff")(definitions.diff)
app.command("docs")(definitions.docs)


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
