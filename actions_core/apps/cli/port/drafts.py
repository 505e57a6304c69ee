"""`actions port draft` and `actions port catalogue`: packages made of published definitions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import attrs
import typer

from actions_core.apps.cli.output import fail, printable, stderr, stdout
from actions_core.apps.cli.port.checking import pick_published
from actions_core.apps.cli.port.fetching import fetch_published, find_node
from actions_core.apps.cli.port.ours import published_run
from actions_core.apps.cli.port.published import Published
from actions_core.apps.cli.port.recording import ActionDraft, Drafting
from actions_core.apps.cli.shared import quiet_failures, run_async
from actions_core.authoring.port.catalogue import Row, catalogue_page, needs_of
from actions_core.authoring.port.definitions import with_marked_texts
from actions_core.authoring.port.differences import FILE_NAME
from actions_core.authoring.port.packages import PACKAGE, VERSION
from actions_core.authoring.port.requests import our_request
from actions_core.authoring.scaffold import BASE, files_from_definition
from actions_core.destination import load_destination
from actions_core.errors import ActionsError
from actions_core.testing.cases import trial_engine
from actions_core.testing.recording import RecordingTransport

if TYPE_CHECKING:
    from actions_core.apps.cli.port.recording import Draft
    from actions_core.authoring.port.requests import PlainRequest
    from actions_core.destination import Destination
    from actions_core.values.types import JsonObject

Source = Annotated[
    str,
    typer.Argument(metavar="DEST", help="A published destination: its slug, or its folder."),
]
Folder = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", file_okay=False, help="The new folder; by default, the slug."),
]
Slug = Annotated[str | None, typer.Option("--slug", help="Another slug for the package.")]
Name = Annotated[str | None, typer.Option("--name", help="Another display name.")]
Out = Annotated[Path, typer.Option("--out", metavar="FILE", dir_okay=False, help="Where the page goes.")]
Only = Annotated[
    list[str] | None, typer.Option("--only", metavar="NAME", help="Only this destination; may be repeated.")
]
Rows = Annotated[
    Path | None,
    typer.Option("--rows", metavar="FILE", help="Keep what was counted here, and go on from there."),
]


def draft(destination: Source, *, out: Folder = None, slug: Slug = None, name: Name = None) -> None:
    """Make a package of a published destination: requests in JSON where they can be inferred, else functions.

    The texts of the definition are the published ones, each marked: write your own before you ship them.
    """
    node = find_node()
    folder = fetch_published(lambda text: stderr().print(printable(text), soft_wrap=True))
    with quiet_failures():
        found, slug, files = run_async(_draft(node, folder, destination, slug=slug, name=name))
        place = out or Path(slug)
        if place.is_symlink() or (place.exists() and (not place.is_dir() or any(place.iterdir()))):
            fail(f"{place} exists already, and nothing is overwritten")
        files = run_async(with_expected_requests(found, files))
    for path, text in files.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_bytes(text.encode())
    for one in found.actions:
        stdout().print(printable(f"{one.key}: {_outcome(one)}"), soft_wrap=True)
    stdout().print(printable(f"Made {place}. Next:\n  actions port check {place}"), soft_wrap=True)


def _outcome(one: ActionDraft) -> str:
    if one.request is None:
        return f"a function to write: {one.reason}"
    if one.is_equal:
        but = ", but for values in the path, which are quoted" if one.differences else ""
        return f"a request in JSON, equal on fresh random events{but}"
    if one.tally is None:
        return f"a request in JSON, which could not be compared: {one.reason}"
    return f"a request in JSON; {one.tally.different} of {one.tally.total} fresh random events differ"


async def _draft(
    node: str, folder: Path, source: str, *, slug: str | None, name: str | None
) -> tuple[Draft, str, dict[str, str]]:
    """Return the draft, its slug and its files; cases of functions say what the published code sends."""
    async with Published(node, folder) as published:
        home = pick_published(await published.ask("destinations"), [source])
        draft = without_doubtful(await Drafting(published).draft(home))
        slug, files = draft_files(draft, slug=slug, name=name)
        return draft, slug, await _with_published_requests(published, draft, files)


def without_doubtful(draft: Draft) -> Draft:
    """Return a draft without requests that differ in most fresh events: those would lead an author astray."""
    actions = dict(draft.definition["actions"])
    kept = []
    for one in draft.actions:
        tally = one.tally
        if tally is not None and 2 * tally.different > tally.total:
            actions[one.key] = {key: part for key, part in actions[one.key].items() if key != "request"}
            many = f"{tally.different} of {tally.total} fresh random events"
            kept.append(ActionDraft(one.key, reason=f"its inferred request differs in {many}"))
        else:
            kept.append(one)
    return attrs.evolve(draft, definition={**draft.definition, "actions": actions}, actions=tuple(kept))


async def _with_published_requests(
    published: Published, draft: Draft, files: dict[str, str]
) -> dict[str, str]:
    """Return the files; cases of functions to write have the requests of the published code."""
    actions = load_destination(draft.definition).spec.actions
    keys = {one.key for one in draft.actions if one.request is None}
    filled = dict(files)
    hosts = set()
    for path, text in files.items():
        cases = json.loads(text) if path.startswith("tests/cases/") else []
        for case in cases:
            if case["action"] not in keys:
                continue
            order = {
                "destination": draft.folder,
                "action": case["action"],
                "event": case["event"],
                "mapping": case.get("mapping", actions[case["action"]].default_mapping),
                "settings": case["settings"],
                "responses": [],
            }
            run = published_run(await published.ask("run", **order), items=0)
            made = [_expected(one) for one in run.requests]
            hosts |= {"/".join(one.url.split("/", 3)[:3]) for one in run.requests}
            if made:
                case["expect"] = {"request": made[0]} if len(made) == 1 else {"requests": made}
                filled[path] = json.dumps(cases, indent=2, ensure_ascii=False) + "\n"
    if len(hosts) == 1:
        (host,) = hosts
        for path in (path for path in files if path.endswith("/handlers.py")):
            filled[path] = files[path].replace(json.dumps(BASE), json.dumps(host))
    return filled


def _expected(request: PlainRequest) -> JsonObject:
    """Return a request as a case expects it, its secrets included: those are samples."""
    headers = {name: text for name, text in request.headers.items() if name != "content-type"}
    return {
        "method": request.method,
        "url": request.address,
        **({"headers": headers} if headers else {}),
        **({request.kind: request.body} if request.kind in ("json", "form") else {}),
    }


def draft_files(draft: Draft, *, slug: str | None, name: str | None) -> tuple[str, dict[str, str]]:
    """Return the slug and the files of a package for a draft, texts marked, with the file of its port."""
    slug, files = files_from_definition(with_marked_texts(draft.definition), slug=slug, name=name)
    home = next(path.rpartition("/")[0] for path in files if path.endswith("/destination.json"))
    meant = {one.key: one.differences for one in draft.actions if one.request is not None and one.differences}
    port = {"destination": draft.folder, "differences": meant}
    files[f"{home}/{FILE_NAME}"] = json.dumps(port, indent=2, ensure_ascii=False) + "\n"
    return slug, files


async def with_expected_requests(draft: Draft, files: dict[str, str]) -> dict[str, str]:
    """Return the files with the requests that the cases of actions in JSON give, where they give one."""
    home = next(path for path in files if path.endswith("/destination.json"))
    definition = json.loads(files[home])
    filled = dict(files)
    keys = {one.key for one in draft.actions if one.request is not None}
    actions = {key: definition["actions"][key] for key in keys}
    written = load_destination({**definition, "actions": actions, "presets": []})
    for path, text in files.items():
        if not path.startswith("tests/cases/"):
            continue
        cases = json.loads(text)
        for case in cases:
            if case["action"] in keys:
                request = await _request_of(written, case)
                if request is not None:
                    case["expect"] = {"request": request}
        filled[path] = json.dumps(cases, indent=2, ensure_ascii=False) + "\n"
    return filled


async def _request_of(destination: Destination, case: JsonObject) -> JsonObject | None:
    """Return the request that a case gives; None where it gives none."""
    subscription: JsonObject = {
        "partnerAction": case["action"],
        "subscribe": f"type = {json.dumps(case['event'].get('type', 'track'))}",
        **({"mapping": case["mapping"]} if "mapping" in case else {}),
    }
    transport = RecordingTransport()
    async with trial_engine(destination, subscription, case["settings"], transport) as engine:
        await engine.send(case["event"])
    if not transport.requests:
        return None
    plain = our_request(transport.requests[0])
    kinds: JsonObject = {plain.kind: plain.body} if plain.kind in ("json", "form") else {}
    return {"method": plain.method, "url": plain.address, **kinds}


def catalogue(*, out: Out = Path("catalogue.md"), only: Only = None, rows: Rows = None) -> None:
    """Draft every published destination, and write the page of what came of it."""
    node = find_node()
    folder = fetch_published(lambda text: stderr().print(printable(text), soft_wrap=True))
    with quiet_failures():
        found, total = run_async(_catalogue(node, folder, only, rows))
    out.write_text(catalogue_page(found, f"`{PACKAGE}` {VERSION}", total), encoding="utf-8")
    stdout().print(printable(f"Wrote {out}: {len(found)} destinations"), soft_wrap=True)


async def _catalogue(
    node: str, folder: Path, only: list[str] | None, kept: Path | None
) -> tuple[list[Row], int]:
    known = {} if kept is None else _read_rows(kept)
    found = []
    async with Published(node, folder) as published:
        listed = await published.ask("destinations")
    names = {one["folder"]: one for one in listed if "error" not in one}
    for number, (name, one) in enumerate(names.items(), 1):
        if only and name not in only:
            continue
        if name not in known:
            known[name] = await _row_or_reason(node, folder, one)
            if kept is not None:
                with kept.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(_row_json(known[name]), ensure_ascii=False) + "\n")
            stderr().print(printable(f"{number}/{len(names)} {name}: {known[name].kind}"), soft_wrap=True)
        found.append(known[name])
    return found, len(names)


async def _row_or_reason(node: str, folder: Path, one: JsonObject) -> Row:
    """Draft one destination; what cannot be drafted has its row too, with the reason."""
    try:
        return await _row(node, folder, one["folder"])
    except ActionsError as error:
        reasons = dict.fromkeys(one["actions"], " ".join(str(error).split()))
        return Row(one["folder"], str(one["name"]), len(reasons), (), (), reasons)


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
        tuple(one.key for one in draft.actions if one.is_equal and one.differences),
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
        "quoted": list(row.quoted),
    }


def _read_rows(file: Path) -> dict[str, Row]:
    found: dict[str, Row] = {}
    if not file.exists():
        return found
    for line in file.read_text(encoding="utf-8").splitlines():
        data = json.loads(line)
        for key in ("equal", "different", "needs", "quoted"):
            data[key] = tuple(data.get(key, ()))
        found[data["folder"]] = Row(**data)
    return found
