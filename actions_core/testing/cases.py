"""Behaviour as data: a case is an event and the request, or the problems, that it must give.

A case file contains one case or a list of them:

    {"action": "trackEventV2", "event": {...}, "settings": {...}, "mapping": {...}?,
     "expect": {"request": {...}} | {"problems": ["$.name"]}}

`mapping` is the action's own by default. `events` in place of `event` is a batch, which goes to the batch
handler. `responses` are what the network responds with, in their order (`{"status": 200, "json": …}`);
without them, and after them, it responds with 200 and `{}`.

Of the request, only what `expect` names is compared: `method`,
`url`, `headers` (those named), `json`, `form`, `body`.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.destination.registry import Registry
from actions_core.engine import Engine
from actions_core.engine.results import Status
from actions_core.engine.workspace import Workspace
from actions_core.errors import ActionsError, Problem
from actions_core.http.requests import Response
from actions_core.testing.recording import RecordingTransport
from actions_core.validation.coercion import same_json
from actions_core.values.json_files import read_json
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from actions_core.destination import Destination
    from actions_core.engine.results import Result
    from actions_core.http.requests import Request
    from actions_core.values.types import Json, JsonObject

#: The id of the one instance of an engine that tries a destination.
TRIAL: Final = "trial"

_KNOWN = {
    *("name", "action", "event", "events", "settings", "mapping", "subscribe", "responses", "expect"),
    "$schema",
}
_RESPONSE_KEYS = {"status", "headers", "json", "body"}


@attrs.frozen
class Case:
    """A case, named after its file and its place in it."""

    name: str
    data: JsonObject


def load_cases(folder: str | Path) -> list[Case]:
    """Load the cases of all JSON files in a folder, in the order of their names."""
    cases = []
    for path in sorted(Path(folder).glob("*.json")):
        data = read_json(path)
        for index, item in enumerate(data if isinstance(data, list) else [data]):
            name = f"{path.name}[{index}]" if isinstance(data, list) else path.name
            if isinstance(item, dict) and "name" in item:
                name = f"{name} {item['name']}"
            cases.append(Case(name, item))
    return cases


def run_cases(destination: Destination, folder: str | Path) -> int:
    """Run every case of a folder and return their number.

    Raise `AssertionError` with every difference of every case; also when the folder contains no case.
    """
    cases = load_cases(folder)
    if not cases:
        raise AssertionError(f"there are no cases in {folder}")
    found = [f"{case.name}: {text}" for case in cases for text in check_case(destination, case.data)]
    if found:
        raise AssertionError("\n".join(found))
    return len(cases)


def check_case(destination: Destination, case: JsonObject) -> list[str]:
    """Run a case and return a sentence for each difference from what it expects."""
    error = _malformed(case)
    if error:
        return [error]
    expected = case["expect"]
    try:
        result, requests = asyncio.run(_deliver(destination, case))
    except ActionsError as refusal:
        return [f"the case cannot run: {refusal}"]
    if "problems" in expected and result is not None:
        return _compare_problems(expected["problems"], result, requests)
    if not requests and result is None:
        return ["no request was made for the batch"]
    if result is not None and not requests:
        return [f"no request was made: {result.reason or result.status}"]
    return list(_compare_request(expected["request"], requests[0]))


def _malformed(case: JsonObject) -> str:
    """Return what is wrong with the form of a case; empty where nothing is."""
    unknown = sorted(set(case) - _KNOWN)
    if unknown:
        return f"the case has unknown keys: {', '.join(unknown)}"
    given = "events" if "events" in case else "event"
    missing = [key for key in ("action", given, "expect") if key not in case]
    if missing:
        return f"the case lacks {', '.join(missing)}"
    odd = _malformed_batch(case) or _malformed_responses(case)
    if odd:
        return odd
    expected = case["expect"]
    if not isinstance(expected, dict) or len(expected) != 1 or not {"request", "problems"} & set(expected):
        return "'expect' must contain either 'request' or 'problems'"
    return ""


def _malformed_batch(case: JsonObject) -> str:
    if "events" in case:
        if not isinstance(case["events"], list) or not case["events"] or "event" in case:
            return "'events' must be a list with at least one event, without 'event' beside it"
        if isinstance(case.get("expect"), dict) and "problems" in case["expect"]:
            return "'problems' are those of one 'event'; a batch of 'events' is expected to make a request"
    return ""


def _malformed_responses(case: JsonObject) -> str:
    for response in case["responses"] if isinstance(case.get("responses"), list) else ():
        if not isinstance(response, dict) or set(response) - _RESPONSE_KEYS:
            return f"each of 'responses' is an object with {', '.join(sorted(_RESPONSE_KEYS))}"
    return ""


def trial_engine(
    destination: Destination, subscription: JsonObject, settings: JsonObject, transport: RecordingTransport
) -> Engine:
    """Return an engine with one instance of a destination, which has one subscription and never retries."""
    registry = Registry()
    registry.register(destination)
    instance = {
        "id": TRIAL,
        "destination": destination.slug,
        "settings": settings,
        "subscriptions": [subscription],
        "delivery": {"retry": {"tries": 1}},
    }
    workspace = Workspace.from_dict({"destinations": [instance]}, lenient=True)
    return Engine(workspace, registry=registry, transport=transport)


def _responses(case: JsonObject) -> list[Response]:
    """Return what the network responds with in a case."""
    found = []
    for given in case.get("responses") or ():
        body = str(given.get("body", "")).encode()
        headers = {"content-type": "application/json"} if "json" in given else {}
        if "json" in given:
            body = json.dumps(given["json"]).encode()
        headers.update({name.lower(): str(value) for name, value in (given.get("headers") or {}).items()})
        found.append(Response(given.get("status", 200), headers, body))
    return found


async def _deliver(destination: Destination, case: JsonObject) -> tuple[Result | None, list[Request]]:
    """Deliver the event of a case, or its batch, which has no result of its own."""
    first = case["events"][0] if "events" in case else case.get("event")
    kind = first.get("type", "track") if isinstance(first, dict) else "track"
    subscription: JsonObject = {
        "partnerAction": case["action"],
        "subscribe": case.get("subscribe", f"type = {json.dumps(kind)}"),
    }
    if "mapping" in case:
        subscription["mapping"] = case["mapping"]
    transport = RecordingTransport(_responses(case))
    async with trial_engine(destination, subscription, case.get("settings", {}), transport) as engine:
        if "events" in case:
            await engine.send_batch(case["events"])
            return None, transport.requests
        report = await engine.send(case["event"])
    return report.results[0], transport.requests


def _compare_problems(expected: Json, result: Result, requests: list[Request]) -> list[str]:
    if result.status is not Status.FAILED or result.error is None:
        return [f"problems were expected, but the event was {result.status}"]
    if requests:
        return ["problems were expected before any request, but a request was made"]
    problems = result.error.problems or (Problem("$", str(result.error)),)
    found = sorted({problem.path for problem in problems})
    wanted = sorted(set(expected))
    return (
        []
        if found == wanted
        else [f"problems at {wanted} were expected, but they are at {found}: {result.error}"]
    )


def _compare_request(expected: JsonObject, request: Request) -> list[str]:
    differences = []
    headers = {name.lower(): value for name, value in request.headers.items()}
    if request.json is not MISSING:
        headers.setdefault("content-type", "application/json")
    for key, wanted in expected.items():
        if key == "headers":
            for name, value in wanted.items():
                differences += _differs(f"header {name}", value, headers.get(name.lower()))
        elif key in ("method", "url", "json", "form", "body"):
            differences += _differs(key, wanted, getattr(request, key))
        else:
            differences.append(f"'expect.request' has an unknown key {key!r}")
    return differences


def _differs(what: str, wanted: Any, found: Any) -> list[str]:
    if found is not MISSING and same_json(wanted, found):
        return []
    return [f"{what} must be {json.dumps(wanted, ensure_ascii=False)} but it is {_shown(found)}"]


def _shown(value: Any) -> str:
    return "missing" if value is MISSING else json.dumps(value, ensure_ascii=False, default=str)
