"""`actions delete`: have the destinations of a workspace delete a user."""

import sys
from typing import Annotated

import typer
from rich.text import Text

from actions_core.apps.cli.event_loop import run_async
from actions_core.apps.cli.options import AsJson, Settings, WorkspaceFile, load_workspace
from actions_core.apps.cli.output import Exit, cell, err, fail, out, plain, print_json, table
from actions_core.apps.cli.run.dry_run import print_request
from actions_core.apps.cli.run.tally import reason_of
from actions_core.engine import Engine, Explanation
from actions_core.engine.results import Report, Result, Status
from actions_core.http.curl import request_json
from actions_core.values.types import JsonObject

UserId = Annotated[str | None, typer.Option("--user-id", metavar="ID", help="The user's id.")]
AnonymousId = Annotated[
    str | None, typer.Option("--anonymous-id", metavar="ID", help="The user's id before they were known.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Delete without asking.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print the requests, secrets masked; delete nothing.")
]

_WORDS = {
    Status.SENT: ("accepted", "green"),
    Status.FAILED: ("failed", "red"),
    Status.SKIPPED: ("skipped", "yellow"),
    Status.NOT_TRIED: ("not tried", "yellow"),
}
#: The action of a deletion, beside which an event of this type may have subscriptions of its own.
_DELETION = "onDelete"


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
    """Delete a user at a workspace's destinations.

    Exit code 0 when all have accepted it, 1 when some have not, or after a No, 3 when none has.
    """
    given = {"userId": user_id, "anonymousId": anonymous_id}
    known = {key: value for key, value in given.items() if value}
    if not known:
        raise typer.BadParameter("whom? give --user-id, --anonymous-id, or both", param_hint="--user-id")
    engine = Engine(load_workspace(workspace, settings))
    able = [instance.id for instance in engine.instances.values() if instance.enabled and instance.deletion]
    unable = [instance for instance in engine.instances if instance not in able]
    if not able:
        fail("no enabled destination of this workspace can delete users")
    if unable:
        err().print(Text(f"cannot delete users: {plain(', '.join(unable))}", style="yellow"), soft_wrap=True)
    if dry_run:
        raise typer.Exit(_show(run_async(_explain(engine, known)), as_json=as_json))
    who = plain(", ".join(f"{key} {value}" for key, value in known.items()))
    question = f"Delete {who} at {plain(', '.join(able))}? This cannot be undone."
    if not yes and not _agreed(question):
        err().print("nothing was deleted")
        raise typer.Exit(Exit.FAILURES)
    report = run_async(_delete(engine, user_id, anonymous_id))
    raise typer.Exit(
        _report(
            [
                result
                for result in report.results
                if result.status is not Status.SKIPPED or result.action == _DELETION
            ],
            as_json=as_json,
        )
    )


def _agreed(question: str) -> bool:
    """Asks on standard error: standard output may be for a program."""
    err().print(f"{question} [y/N]", end=" ", soft_wrap=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


async def _explain(engine: Engine, known: dict[str, str]) -> Explanation:
    async with engine:
        return await engine.explain({"type": "delete", **known})


async def _delete(engine: Engine, user_id: str | None, anonymous_id: str | None) -> Report:
    async with engine:
        return await engine.delete(user_id=user_id or None, anonymous_id=anonymous_id or None)


def _show(explanation: Explanation, *, as_json: bool) -> Exit:
    """What would be sent, and what would not."""
    meant = [
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
                for delivery in meant
            ]
        )
    for delivery in () if as_json else meant:
        out().print(Text(plain(f"# {delivery.instance}: {delivery.action}"), style="dim"), soft_wrap=True)
        if delivery.request is not None:
            print_request(delivery.request)
        else:
            out().print(Text(plain(delivery.reason), style="red"), soft_wrap=True)
        out().print()
    return Exit.OK if all(delivery.request is not None for delivery in meant) else Exit.FAILURES


def _report(results: list[Result], *, as_json: bool) -> Exit:
    if as_json:
        print_json([_row(result) for result in results])
    else:
        shown = table("Instance", "Action", "Deletion", "Why")
        for result in results:
            why = "" if result.status is Status.SENT else reason_of(result)
            word, style = _WORDS[result.status]
            shown.add_row(cell(result.instance, "cyan"), cell(result.action), cell(word, style), cell(why))
        out().print(shown)
    failed = [result for result in results if result.status is not Status.SENT]
    if not failed:
        return Exit.OK
    return Exit.UNDELIVERABLE if len(failed) == len(results) else Exit.FAILURES


def _row(result: Result) -> JsonObject:
    return {
        "instance": result.instance,
        "action": result.action,
        "verdict": _WORDS[result.status][0],
        "reason": None if result.status is Status.SENT else reason_of(result),
        "status": None if result.error is None else result.error.status,
    }
