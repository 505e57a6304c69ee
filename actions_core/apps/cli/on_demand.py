"""`actions auth-test` and `actions delete`: what the destinations of a workspace do without an event."""

import json
import sys
from collections.abc import Mapping
from typing import Annotated, Final, TypeAlias

import typer
from rich.text import Text

from actions_core.apps.cli.output import (
    Exit,
    cell,
    fail,
    make_table,
    print_json,
    print_request,
    printable,
    stderr,
    stdout,
)
from actions_core.apps.cli.run.failures import reason_of
from actions_core.apps.cli.shared import (
    AsJson,
    Instances,
    Settings,
    WorkspaceFile,
    check_instances,
    load_workspace,
    run_async,
)
from actions_core.engine import Engine, Explanation
from actions_core.engine.results import Report, Result, Status
from actions_core.errors import RequestError
from actions_core.http.curl import request_json
from actions_core.http.errors import TransportError
from actions_core.values.types import Json, JsonObject

#: The word for each status and its colour.
StatusWords: TypeAlias = Mapping[Status, tuple[str, str]]

_CREDENTIALS: Final[StatusWords] = {
    Status.SENT: ("good", "green"),
    Status.FAILED: ("refused", "red"),
    Status.SKIPPED: ("no test", "yellow"),
    Status.NOT_TRIED: ("not tried", "yellow"),
}
_DELETIONS: Final[StatusWords] = {
    Status.SENT: ("accepted", "green"),
    Status.FAILED: ("failed", "red"),
    Status.SKIPPED: ("skipped", "yellow"),
    Status.NOT_TRIED: ("not tried", "yellow"),
}
#: The action of a deletion. Subscriptions for events of type `delete` may stand beside it.
_DELETION: Final = "onDelete"


def auth_test(
    workspace: WorkspaceFile,
    *,
    instance: Instances = None,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Test the credentials in a workspace, and show the quota where a destination tells it.

    No event is sent. Exit code 0 when all are good, 1 when some are not, 3 when none is.
    """
    loaded = load_workspace(workspace, settings)
    known = [spec.id for spec in loaded.destinations if spec.enabled]
    check_instances(instance or (), known, kind="enabled instance")
    tested = run_async(_test_all(Engine(loaded), instance or known))
    results = [result for result, _ in tested]
    if as_json:
        print_json([{**_credentials_row(result), "account": account} for result, account in tested])
    else:
        _print_credentials(results)
        for result, account in tested:
            if account is not None:
                _print_account(result.instance, account)
    raise typer.Exit(_exit_code(results, [result for result in results if result.status is Status.FAILED]))


def _exit_code(results: list[Result], failed: list[Result]) -> Exit:
    if not failed:
        return Exit.OK
    return Exit.UNDELIVERABLE if len(failed) == len(results) else Exit.FAILURES


async def _test_all(engine: Engine, instances: list[str]) -> list[tuple[Result, Json]]:
    async with engine:
        results = [await _test(engine, instance) for instance in instances]
        return [(result, await _account(engine, result)) for result in results]


async def _account(engine: Engine, result: Result) -> Json:
    """Return what the destination says of the account; None where it says nothing or the key is refused."""
    if result.status is Status.FAILED:
        return None
    try:
        return await engine.account(result.instance)
    except RequestError:
        return None  # the credentials are what is tested; a key may be good and not see the quota


def _print_account(instance: str, account: Json) -> None:
    shown = Text(f"{printable(instance)}: ", style="cyan")
    shown.append(printable(json.dumps(account, ensure_ascii=False)), style="not bold default")
    stdout().print(shown, soft_wrap=True)


async def _test(engine: Engine, instance: str) -> Result:
    try:
        return await engine.test_authentication(instance)
    except RequestError as error:
        if error.code != "NOT_SUPPORTED":
            raise
        return Result(instance, "", "", Status.SKIPPED, error, str(error))


def _credentials(result: Result) -> tuple[str, str]:
    """Return the word for the result of a test, and its colour."""
    if isinstance(result.error, TransportError):
        return "no response", "red"
    return _CREDENTIALS[result.status]


def _credentials_row(result: Result) -> JsonObject:
    return {"instance": result.instance, "verdict": _credentials(result)[0], **_reason_and_status(result)}


def _reason_and_status(result: Result) -> JsonObject:
    return {
        "reason": reason_of(result) if result.status is not Status.SENT else None,
        "status": None if result.error is None else result.error.status,
    }


def _print_credentials(results: list[Result]) -> None:
    if not results:
        stderr().print("the workspace has no enabled instance")
        return
    shown = make_table("Instance", "Credentials", "Why")
    for result in results:
        shown.add_row(cell(result.instance, "cyan"), cell(*_credentials(result)), cell(_why(result)))
    stdout().print(shown)


def _why(result: Result) -> str:
    return "" if result.status is Status.SENT else reason_of(result)


UserId = Annotated[str | None, typer.Option("--user-id", metavar="ID", help="The user's id.")]
AnonymousId = Annotated[
    str | None, typer.Option("--anonymous-id", metavar="ID", help="The user's id before they were known.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Delete without asking.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print the requests, secrets masked; delete nothing.")
]


def delete(
    workspace: WorkspaceFile,
    *,
    user_id: UserId = None,
    anonymous_id: AnonymousId = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Delete a user at the destinations of a workspace.

    Exit code 0 when all have accepted it, 1 when some have not, or when you answer no, 3 when none has.
    """
    given = {"userId": user_id, "anonymousId": anonymous_id}
    known = {key: value for key, value in given.items() if value}
    if not known:
        raise typer.BadParameter("give --user-id, --anonymous-id, or both", param_hint="--user-id")
    engine = Engine(load_workspace(workspace, settings))
    able = [instance.id for instance in engine.instances.values() if instance.enabled and instance.deletion]
    unable = [instance for instance in engine.instances if instance not in able]
    if not able:
        fail("no enabled destination of this workspace can delete users")
    if unable:
        line = Text(f"cannot delete users: {printable(', '.join(unable))}", style="yellow")
        stderr().print(line, soft_wrap=True)
    if dry_run:
        raise typer.Exit(_print_dry_run(run_async(_explain(engine, known)), as_json=as_json))
    who = printable(", ".join(f"{key} {value}" for key, value in known.items()))
    if not yes and not _confirm(f"Delete {who} at {printable(', '.join(able))}? This cannot be undone."):
        stderr().print("nothing was deleted")
        raise typer.Exit(Exit.FAILURES)
    report = run_async(_delete(engine, user_id, anonymous_id))
    results = [
        result
        for result in report.results
        if result.status is not Status.SKIPPED or result.action == _DELETION
    ]
    _print_deletions(results, as_json=as_json)
    failed = [result for result in results if result.status is not Status.SENT]
    raise typer.Exit(_exit_code(results, failed))


def _confirm(question: str) -> bool:
    """Ask on standard error, because standard output may be for a program."""
    stderr().print(f"{question} [y/N]", end=" ", soft_wrap=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


async def _explain(engine: Engine, known: dict[str, str]) -> Explanation:
    async with engine:
        return await engine.explain({"type": "delete", **known})


async def _delete(engine: Engine, user_id: str | None, anonymous_id: str | None) -> Report:
    async with engine:
        return await engine.delete(user_id=user_id or None, anonymous_id=anonymous_id or None)


def _print_dry_run(explanation: Explanation, *, as_json: bool) -> Exit:
    """Print what would be sent, and the reasons for what would not."""
    shown = [
        delivery for delivery in explanation.deliveries if delivery.matched or delivery.action == _DELETION
    ]
    if as_json:
        print_json(
            [
                {
                    "instance": delivery.instance,
                    "action": delivery.action,
                    "request": None if delivery.request is None else request_json(delivery.request),
                    "reason": delivery.reason or None,
                }
                for delivery in shown
            ]
        )
    for delivery in () if as_json else shown:
        head = Text(printable(f"# {delivery.instance}: {delivery.action}"), style="dim")
        stdout().print(head, soft_wrap=True)
        if delivery.request is not None:
            print_request(delivery.request)
        else:
            stdout().print(Text(printable(delivery.reason), style="red"), soft_wrap=True)
        stdout().print()
    return Exit.OK if all(delivery.request is not None for delivery in shown) else Exit.FAILURES


def _print_deletions(results: list[Result], *, as_json: bool) -> None:
    if as_json:
        print_json([_deletion_row(result) for result in results])
        return
    shown = make_table("Instance", "Action", "Deletion", "Why")
    for result in results:
        word = cell(*_DELETIONS[result.status])
        shown.add_row(cell(result.instance, "cyan"), cell(result.action), word, cell(_why(result)))
    stdout().print(shown)


def _deletion_row(result: Result) -> JsonObject:
    return {
        "instance": result.instance,
        "action": result.action,
        "verdict": _DELETIONS[result.status][0],
        **_reason_and_status(result),
    }
