"""Behaviour as data: a case is an event and the request, or the problems, that it must give.

A case file contains one case or a list of them:

    {"action": "trackEventV2", "event": {...}, "settings": {...}, "mapping": {...}?,
     "expect": {"request": {...}} | {"problems": ["$.name"]}}

`mapping` is the action's own by default. `events` in place of `event` is a batch, which goes to the batch
handler. `responses` are what the network responds with, in their order (`{"status": 200, "json": …}`);
without them, and after them, it responds with 200 and `{}`. One that says `to` which requests it responds
(`{"method": "GET", "url": "https://api.example/lists*"}`) is the response to each of them.

`expect` contains the first `request`, or all `requests` in their order; the paths of `problems`; the `result`
of an event, or the `results` of a batch, one for each event: `sent`, `failed`, `skipped`, or an object with
the `status` and a part of the `reason`. Of a request, only what is named is compared: `method`, `url`,
`headers` (those named), `json`, `form`, `body`.
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
from actions_core.testing.recording import RecordingTransport, make_response
from actions_core.validation.coercion import same_json
from actions_core.values.json_files import read_json
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core.destination import Destination
    from actions_core.engine.results import Result
    from actions_core.http.requests import Request, Response
    from actions_core.values.types import Json, JsonObject

#: The id of the one instance of an engine that tries a destination.
TRIAL: Final = "trial"

_KNOWN = {
    *("name", "action", "event", "events", "settings", "mapping", "subscribe", "responses", "expect"),
    "$schema",
}
_RESPONSE_KEYS = {"status", "headers", "json", "body", "to"}
_EXPECTED = {"request", "requests", "problems", "result", "results"}


_STATUSES: Final = ("sent", "failed", "skipped")


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
        found = asyncio.run(_deliver(destination, case))
    except ActionsError as refusal:
        return [f"the case cannot run: {refusal}"]
    differences: list[str] = []
    if "problems" in expected and found.result is not None:
        differences += _compare_problems(expected["problems"], found.result, found.requests)
    if "request" in expected:
        differences += _compare_requests([expected["request"]], found, found.requests[:1])
    if "requests" in expected:
        differences += _compare_requests(expected["requests"], found, found.requests)
    if "result" in expected or "results" in expected:
        wanted = expected["results"] if "results" in expected else [expected["result"]]
        differences += _compare_results(wanted, found.outcomes)
    return differences


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
    return _malformed_expectation(case)


def _malformed_expectation(case: JsonObject) -> str:
    expected = case["expect"]
    if not isinstance(expected, dict) or not expected or set(expected) - _EXPECTED:
        return f"'expect' must contain some of {', '.join(sorted(_EXPECTED))}, and nothing else"
    asks = {"request", "requests"} & set(expected)
    if len(asks) > 1 or (asks and "problems" in expected):
        return "'expect' must contain only one of 'request', 'requests' and 'problems'"
    given, other = ("results", "result") if "events" in case else ("result", "results")
    if other in expected:
        return f"'expect' has '{other}', but here it is '{given}'"
    for key in ("requests", "results"):
        if not isinstance(expected.get(key, []), list):
            return f"'expect.{key}' must be a list"
    wanted = expected.get("results", [expected["result"]] if "result" in expected else [])
    if not all(_is_result(one) for one in wanted):
        return f"a result is {', '.join(_STATUSES)}, or an object with 'status' and 'reason'"
    return ""


def _is_result(wanted: Json) -> bool:
    if isinstance(wanted, dict):
        return (
            not set(wanted) - {"status", "reason"}
            and wanted.get("status") in _STATUSES
            and isinstance(wanted.get("reason", ""), str)
        )
    return isinstance(wanted, str) and wanted in _STATUSES


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
        to = response.get("to", {"url": "*"})
        if not isinstance(to, dict) or not to or set(to) - {"method", "url"}:
            return "'to' of a response is an object with 'method', 'url', or both"
        if not all(isinstance(value, str) for value in to.values()):
            return "'method' and 'url' of a response's 'to' are strings"
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


def _network(case: JsonObject) -> Callable[[Request], Response]:
    """Return what responds to the requests of a case: by what they are, else in the order given."""
    addressed: list[tuple[JsonObject, Response]] = []
    ordered: list[Response] = []
    for given in case.get("responses") or ():
        headers = {name: str(value) for name, value in (given.get("headers") or {}).items()}
        body = str(given.get("body", ""))
        made = make_response(
            given.get("status", 200), json=given.get("json", MISSING), body=body, headers=headers
        )
        if "to" in given:
            addressed.append((given["to"], made))
        else:
            ordered.append(made)
    left = iter(ordered)

    def respond(request: Request) -> Response:
        for to, response in addressed:
            if _is_to(to, request):
                return response
        return next(left, make_response(json={}))

    return respond


def _is_to(to: JsonObject, request: Request) -> bool:
    url = to.get("url", "*")
    fits = request.url.startswith(url[:-1]) if url.endswith("*") else request.url == url
    return fits and to.get("method", request.method) == request.method


@attrs.frozen
class _Found:
    """What came of a case: the requests, and an outcome with its reason for each event.

    `result` is that of a single event; a batch has none of its own.
    """

    requests: list[Request]
    outcomes: list[tuple[str, str]]
    result: Result | None = None


async def _deliver(destination: Destination, case: JsonObject) -> _Found:
    """Deliver the event of a case, or its batch."""
    first = case["events"][0] if "events" in case else case.get("event")
    kind = first.get("type", "track") if isinstance(first, dict) else "track"
    subscription: JsonObject = {
        "partnerAction": case["action"],
        "subscribe": case.get("subscribe", f"type = {json.dumps(kind)}"),
    }
    if "mapping" in case:
        subscription["mapping"] = case["mapping"]
    transport = RecordingTransport(_network(case))
    async with trial_engine(destination, subscription, case.get("settings", {}), transport) as engine:
        if "events" in case:
            together = (await engine.send_batch(case["events"])).results[0]
            outcomes = [
                (together.status_of(place).value, node.errormessage or "")
                for place, node in enumerate(together.nodes)
            ]
            return _Found(transport.requests, outcomes)
        report = await engine.send(case["event"])
    if report.error is not None:
        raise report.error
    result = report.results[0]
    return _Found(transport.requests, [(result.status.value, result.reason)], result)


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


def _compare_requests(expected: list[JsonObject], found: _Found, requests: list[Request]) -> list[str]:
    if expected and not requests:
        if found.result is None:
            return ["no request was made for the batch"]
        return [f"no request was made: {found.result.reason or found.result.status}"]
    differences = []
    if len(expected) != len(requests):
        made = ", ".join(f"{request.method} {request.url}" for request in requests)
        differences.append(f"{len(expected)} requests were expected, but {len(requests)} were made: {made}")
    for place, (wanted, request) in enumerate(zip(expected, requests, strict=False)):
        where = f"request {place}: " if len(expected) > 1 else ""
        differences += [where + text for text in _compare_request(wanted, request)]
    return differences


def _compare_results(expected: list[Json], outcomes: list[tuple[str, str]]) -> list[str]:
    if len(expected) != len(outcomes):
        return [f"{len(expected)} results were expected, but there are {len(outcomes)}"]
    differences = []
    for place, (wanted, (status, reason)) in enumerate(zip(expected, outcomes, strict=True)):
        named = {"status": wanted} if isinstance(wanted, str) else wanted
        where = f"event {place}" if len(expected) > 1 else "the event"
        if named["status"] != status:
            differences.append(f"{where} must be {named['status']} but it is {status}: {reason}".rstrip(": "))
        elif named.get("reason", "") not in reason:
            differences.append(f"the reason of {where} must contain {named['reason']!r} but it is {reason!r}")
    return differences


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
    """Return a sentence for each leaf that differs."""
    if wanted is not MISSING and found is not MISSING and same_json(wanted, found):
        return []
    pairs: dict[str, tuple[Any, Any]] = {}
    if isinstance(wanted, dict) and isinstance(found, dict):
        pairs = {
            f"{what}.{key}": (wanted.get(key, MISSING), found.get(key, MISSING))
            for key in dict.fromkeys([*wanted, *found])
        }
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        pairs = {f"{what}[{place}]": pair for place, pair in enumerate(zip(wanted, found, strict=True))}
    if pairs:
        return [text for below, (one, other) in pairs.items() for text in _differs(below, one, other)]
    return [f"{what} must be {_shown(wanted)} but it is {_shown(found)}"]


def _shown(value: Any) -> str:
    return "missing" if value is MISSING else json.dumps(value, ensure_ascii=False, default=str)
