"""`actions auth-test`: whether the destinations of a workspace accept their credentials."""

from typing import Annotated

import typer

from actions_core.apps.cli.event_loop import run_async
from actions_core.apps.cli.options import AsJson, Settings, WorkspaceFile, load_workspace
from actions_core.apps.cli.output import Exit, cell, err, out, print_json, table
from actions_core.apps.cli.run.tally import reason_of
from actions_core.engine import Engine
from actions_core.engine.results import Result, Status
from actions_core.errors import RequestError
from actions_core.http.errors import TransportError

InstanceOption = Annotated[
    list[str] | None, typer.Option("--instance", metavar="ID", help="Only this instance; may be given again.")
]

_WORDS = {
    Status.SENT: ("good", "green"),
    Status.FAILED: ("refused", "red"),
    Status.SKIPPED: ("no test", "yellow"),
    Status.NOT_TRIED: ("not tried", "yellow"),
}


def auth_test(
    workspace: WorkspaceFile,
    *,
    instance: InstanceOption = None,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Test the credentials in a workspace.

    No event is sent. Exit code 0 when all are good, 1 when some are not, 3 when none is.
    """
    loaded = load_workspace(workspace, settings)
    known = [spec.id for spec in loaded.destinations if spec.enabled]
    for wanted in instance or ():
        if wanted not in known:
            message = f"no enabled instance is called {wanted!r}; there are {', '.join(known)}"
            raise typer.BadParameter(message, param_hint="--instance")
    results = run_async(_test(Engine(loaded), instance or known))
    if as_json:
        print_json([_row(result) for result in results])
    else:
        _print_results(results)
    failed = [result for result in results if result.status is Status.FAILED]
    if not failed:
        raise typer.Exit(Exit.OK)
    raise typer.Exit(Exit.UNDELIVERABLE if len(failed) == len(results) else Exit.FAILURES)


async def _test(engine: Engine, instances: list[str]) -> list[Result]:
    async with engine:
        return [await _verdict(engine, instance) for instance in instances]


async def _verdict(engine: Engine, instance: str) -> Result:
    try:
        return await engine.test_authentication(instance)
    except RequestError as error:
        if error.code != "NOT_SUPPORTED":
            raise
        return Result(instance, "", "", Status.SKIPPED, error, str(error))


def _verdict_of(result: Result) -> tuple[str, str]:
    """The word for a result, and its colour."""
    if isinstance(result.error, TransportError):
        return "no answer", "red"
    return _WORDS[result.status]


def _row(result: Result) -> dict[str, str | int | None]:
    return {
        "instance": result.instance,
        "verdict": _verdict_of(result)[0],
        "reason": reason_of(result) if result.status is not Status.SENT else None,
        "status": None if result.error is None else result.error.status,
    }


def _print_results(results: list[Result]) -> None:
    if not results:
        err().print("the workspace has no enabled instance")
        return
    shown = table("Instance", "Credentials", "Why")
    for result in results:
        word, style = _verdict_of(result)
        why = "" if result.status is Status.SENT else reason_of(result)
        shown.add_row(cell(result.instance, "cyan"), cell(word, style), cell(why))
    out().print(shown)
