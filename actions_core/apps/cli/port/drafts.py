"""`actions port draft` and `actions port catalogue`: packages made of published definitions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from actions_core.apps.cli.output import printable, stderr, stdout
from actions_core.apps.cli.port.fetching import fetch_published, find_node
from actions_core.apps.cli.port.published import Published
from actions_core.apps.cli.port.recording import Drafting
from actions_core.apps.cli.shared import quiet_failures, run_async
from actions_core.authoring.port.catalogue import Row, catalogue_page, needs_of
from actions_core.authoring.port.packages import PACKAGE, VERSION

if TYPE_CHECKING:
    from actions_core.apps.cli.port.recording import Draft

Out = Annotated[Path, typer.Option("--out", metavar="FILE", dir_okay=False, help="Where the page goes.")]
Only = Annotated[
    list[str] | None, typer.Option("--only", metavar="NAME", help="Only this destination; may be repeated.")
]
Rows = Annotated[
    Path | None,
    typer.Option("--rows", metavar="FILE", help="Keep what was counted here, and go on from there."),
]


def catalogue(*, out: Out = Path("catalogue.md"), only: Only = None, rows: Rows = None) -> None:
    """Draft every published destination, and write the page of what came of it."""
    node = find_node()
    folder = fetch_published(lambda text: stderr().print(printable(text), soft_wrap=True))
    with quiet_failures():
        found = run_async(_catalogue(node, folder, only, rows))
    out.write_text(catalogue_page(found, f"`{PACKAGE}` {VERSION}"), encoding="utf-8")
    stdout().print(printable(f"Wrote {out}: {len(found)} destinations"), soft_wrap=True)


async def _catalogue(node: str, folder: Path, only: list[str] | None, kept: Path | None) -> list[Row]:
    known = {} if kept is None or not kept.exists() else _read_rows(kept)
    found = []
    async with Published(node, folder) as published:
        listed = await published.ask("destinations")
    names = [one["folder"] for one in listed if "error" not in one]
    for number, name in enumerate(names, 1):
        if only and name not in only:
            continue
        if name not in known:
            known[name] = await _row(node, folder, name)
            if kept is not None:
                with kept.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(_row_json(known[name]), ensure_ascii=False) + "\n")
            stderr().print(printable(f"{number}/{len(names)} {name}: {known[name].kind}"), soft_wrap=True)
        found.append(known[name])
    return found


async def _row(node: str, folder: Path, name: str) -> Row:
    """Draft one destination in a process of its own, so that none can spoil another."""
    async with Published(node, folder) as published:
        draft = await Drafting(published).draft(name)
        sources = [
            source
            for one in draft.actions[:1]
            for source in await published.ask("sources", destination=name, action=one.key)
        ]
        everything = {source["path"]: source for source in sources}
        for one in draft.actions[1:]:
            for source in await published.ask("sources", destination=name, action=one.key):
                everything.setdefault(source["path"], source)
    return row_of(draft, needs_of(everything.values()))


def row_of(draft: Draft, needs: tuple[str, ...]) -> Row:
    """Return the row of a draft."""
    return Row(
        draft.folder,
        str(draft.definition.get("name", draft.folder)),
        len(draft.actions),
        tuple(one.key for one in draft.actions if one.is_equal),
        tuple(one.key for one in draft.actions if one.request is not None and not one.is_equal),
        {one.key: one.reason for one in draft.actions if one.request is None},
        needs,
    )


def _row_json(row: Row) -> dict[str, object]:
    return {
        "folder": row.folder,
        "name": row.name,
        "actions": row.actions,
        "equal": list(row.equal),
        "different": list(row.different),
        "reasons": dict(row.reasons),
        "needs": list(row.needs),
    }


def _read_rows(file: Path) -> dict[str, Row]:
    found = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        data = json.loads(line)
        for key in ("equal", "different", "needs"):
            data[key] = tuple(data[key])
        found[data["folder"]] = Row(**data)
    return found
