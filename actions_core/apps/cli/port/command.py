"""`actions port check`: a destination of ours and the published one on equal random events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from actions_core.apps.cli.output import Exit, fail, print_json, printable, stderr, stdout
from actions_core.apps.cli.port import drafts
from actions_core.apps.cli.port.checking import BATCH_SIZE, Check, Plan, Subject, find_published, find_subject
from actions_core.apps.cli.port.fetching import fetch_published, find_node
from actions_core.apps.cli.port.printing import check_json, print_tally, print_unreached
from actions_core.apps.cli.port.published import Published
from actions_core.apps.cli.shared import AsJson, quiet_failures, read_events, run_async
from actions_core.authoring.port.packages import PACKAGE, VERSION
from actions_core.authoring.port.unreached import unreached_parts
from actions_core.values.wording import shown, suggestion

if TYPE_CHECKING:
    from pathlib import Path

    from actions_core.authoring.port.tally import Tally
    from actions_core.authoring.port.unreached import Unreached
    from actions_core.values.types import JsonObject

app: Final = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Port published destinations, and check them.",
)

SubjectName = Annotated[
    str,
    typer.Argument(
        metavar="PACKAGE_OR_DEFINITION",
        help="A destination of ours: a slug, an import package, a folder, or the file of a definition.",
    ),
]
Actions = Annotated[
    list[str] | None, typer.Option("--action", metavar="KEY", help="Only this action; may be repeated.")
]
Events = Annotated[
    str | None,
    typer.Option("--events", metavar="FILE", help="Events of your own, tried with the default mappings."),
]
Count = Annotated[int, typer.Option("--count", min=0, help="How many random events for each action.")]
Seed = Annotated[int, typer.Option("--seed", help="Another seed gives other events.")]
Batch = Annotated[
    bool,
    typer.Option("--batch", help=f"Try batches of {BATCH_SIZE}, too: one for each {BATCH_SIZE} of --count."),
]
PublishedName = Annotated[
    str | None,
    typer.Option("--published", metavar="SLUG", help="The published destination of another slug."),
]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show every difference, each with its event.")]

#: What the report says of actions that one side alone has.
_ONE_SIDED: Final = {
    "onlyPublished": "not ported",
    "onlyOurs": "only ours",
    "batchesOnlyPublished": "batches only in the published one",
    "batchesOnlyOurs": "batches only in ours",
}


@app.callback()
def _port() -> None:
    """Port published destinations, and check what was ported. Needs node and npm on this machine."""


@app.command("check")
def check(  # noqa: PLR0913  # one for each option
    subject: SubjectName,
    *,
    action: Actions = None,
    events: Events = None,
    count: Count = 200,
    seed: Seed = 1,
    batch: Batch = False,
    published: PublishedName = None,
    verbose: Verbose = False,
    as_json: AsJson = False,
) -> None:
    """Compare a destination with the published one: request by request, on equal random events.

    The published package is fetched by npm once; nothing that it does leaves this machine. Differences that
    are meant stand in `differences.json` beside the definition, each with its reason. Exit code 0 when no
    other is found, 1 when some are.
    """
    node = find_node()
    folder = fetch_published(lambda text: stderr().print(printable(text), soft_wrap=True))
    found = find_subject(subject)
    plan = Plan(count, seed, max(count // BATCH_SIZE, 1) if batch else 0, _events(events))
    with quiet_failures():
        head, tallies, parts = run_async(
            _check(node, folder, found, plan, wanted=action, name=published, quiet=as_json, verbose=verbose)
        )
    if as_json:
        print_json(check_json(head, tallies, parts))
    if any(tally.different for tally, _ in tallies):
        raise typer.Exit(Exit.FAILURES)


def _events(source: str | None) -> tuple[JsonObject, ...]:
    if source is None:
        return ()
    found = read_events(source, option="--events")
    for item in found:
        if item.error is not None or not isinstance(item.event, dict):
            fail(f"--events: {item.place or source}: {item.error or 'it is not an event'}")
    return tuple(item.event for item in found)


async def _check(
    node: str,
    folder: Path,
    subject: Subject,
    plan: Plan,
    *,
    wanted: list[str] | None,
    name: str | None,
    quiet: bool,
    verbose: bool,
) -> tuple[JsonObject, list[tuple[Tally, bool]], list[Unreached]]:
    tallies: list[tuple[Tally, bool]] = []
    async with Published(node, folder) as published:
        home = await find_published(published, subject, name)
        checking = Check(published, home, subject, plan)
        both, missing, extra = await checking.actions()
        _check_wanted(wanted, both, missing)
        chosen = [key for key in both if wanted is None or key in wanted]
        batched, *one_sided = await checking.batched(chosen if plan.batches else [])
        head: JsonObject = {
            "destination": subject.destination.slug,
            "published": home,
            "version": VERSION,
            "seed": plan.seed,
            "onlyPublished": missing,
            "onlyOurs": extra,
            "batchesOnlyPublished": one_sided[0],
            "batchesOnlyOurs": one_sided[1],
        }
        if not quiet:
            stdout().print(f"{subject.destination.slug} and {PACKAGE} {VERSION} ({home}), seed {plan.seed}\n")
        for key in chosen:
            for batch in (False, True):
                if batch and key not in batched:
                    continue
                tally = await checking.run(key, batch=batch)
                tallies.append((tally, batch))
                if not quiet:
                    print_tally(tally, "batches" if batch else "events", verbose=verbose)
        skipped = [key for key in [*both, *missing] if key not in chosen]
        parts = list(unreached_parts(await checking.unreached(), skipped, batches=plan.batches > 0))
    if not quiet:
        _print_end(subject, tallies, parts, head, verbose=verbose, whole=wanted is None)
    return head, tallies, parts


def _check_wanted(wanted: list[str] | None, both: list[str], missing: list[str]) -> None:
    for key in wanted or ():
        if key in missing:
            fail(f"the action {shown(key)} has no function or request of ours yet")
        if key not in both:
            fail(f"there is no action {shown(key)} on both sides{suggestion(key, both)}")


def _print_end(
    subject: Subject,
    tallies: list[tuple[Tally, bool]],
    parts: list[Unreached],
    head: JsonObject,
    *,
    verbose: bool,
    whole: bool,
) -> None:
    stdout().print()
    print_unreached(parts, verbose=verbose)
    for key, words in _ONE_SIDED.items():
        if head[key]:
            stdout().print(printable(f"{words}: {', '.join(head[key])}"), soft_wrap=True)
    used = {pattern for tally, _ in tallies for pattern in tally.used}
    spare = [pattern for pattern in subject.port.patterns() if pattern not in used]
    if spare and whole:
        stdout().print(printable(f"written down, but not seen: {'; '.join(spare)}"), soft_wrap=True)
    different = sum(tally.different for tally, _ in tallies)
    total = sum(tally.total for tally, _ in tallies)
    stdout().print(f"\n{total:,} compared, {different:,} different without a reason")


app.command("draft")(drafts.draft)
app.command("catalogue")(drafts.catalogue)
