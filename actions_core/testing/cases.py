"""Behaviour as data: a case says what event comes in and what request must come out.

A case file holds one case or a list of them:

    {"action": "trackEventV2", "event": {...}, "settings": {...}, "mapping": {...}?,
     "expect": {"request": {...}} | {"problems": ["$.name"]}}

`mapping` is by default the action's own. Of the request only what `expect` names is compared: `method`,
`url`, `headers` (those named), `json`, `form`, `body`.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from actions_core.destination.registry import Registry
from actions_core.engine import Engine
from actions_core.engine.results import Status
from actions_core.engine.workspace import Workspace
from actions_core.errors import ActionsError, Problem
from actions_core.testing.recording import RecordingTransport
from actions_core.values.json_files import read_json
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from actions_core.destination import Destination
    from actions_core.engine.results import Result
    from actions_core.http.requests import Request
    from actions_core.values.types import Json, JsonObject

_KNOWN = {"name", "action", "event", "settings", "mapping", "subscribe", "expect", "$schema"}


@attrs.frozen
class Case:
    """One case and where it stands."""

    name: str
    data: JsonObject


def load_cases(folder: str | Path) -> list[Case]:
    """The cases of all JSON files in a folder, in the order of their names."""
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
    """Run every case of a folder and give their number.

    Raises `AssertionError` with every difference of every case; also when the folder holds no case.
    """
    cases = load_cases(folder)
    if not cases:
        raise AssertionError(f"there are no cases in {folder}")
    found = [f"{case.name}: {text}" for case in cases for text in check_case(destination, case.data)]
    if found:
        raise AssertionError("\n".join(found))
    return len(cases)


def check_case(destination: Destination, case: JsonObject) -> list[str]:
    """The differences between what a case expects and what happens, one sentence for each."""
    fault = _fault(case)
    if fault:
        return [fault]
    expected = case["expect"]
    try:
        result, requests = asyncio.run(_deliver(destination, case))
    except ActionsError as error:
        return [f"the case cannot run: {error}"]
    if "problems" in expected:
        return _compare_problems(expected["problems"], result, requests)
    if not requests:
        return [f"no request was made: {result.reason or result.status}"]
    return list(_compare_request(expected["request"], requests[0]))


def _fault(case: JsonObject) -> str:
    """Why this is no case; empty for one that is."""
    unknown = sorted(set(case) - _KNOWN)
    if unknown:
        return f"the case has unknown keys: {', '.join(unknown)}"
    missing = [key for key in ("action", "event", "expect") if key not in case]
    if missing:
        return f"the case lacks {', '.join(missing)}"
    expected = case["expect"]
    if not isinstance(expected, dict) or len(expected) != 1 or not {"request", "problems"} & set(expected):
        return "'expect' must hold either 'request' or 'problems'"
    return ""


async def _deliver(destination: Destination, case: JsonObject) -> tuple[Result, list[Request]]:
    registry = Registry()
    registry.register(destination)
    kind = case["event"].get("type", "track") if isinstance(case.get("event"), dict) else "track"
    subscription: JsonObject = {
        "partnerAction": case["action"],
        "subscribe": case.get("subscribe", f"type = {json.dumps(kind)}"),
    }
    if "mapping" in case:
        subscription["mapping"] = case["mapping"]
    workspace = Workspace.from_dict(
        {
            "destinations": [
                {
                    "id": "case",
                    "destination": destination.slug,
                    "settings": case.get("settings", {}),
                    "subscriptions": [subscription],
                    "delivery": {"retry": {"tries": 1}},
                }
            ]
        }
    )
    transport = RecordingTransport()
    async with Engine(workspace, registry=registry, transport=transport) as engine:
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
    # JSON's equality, in which true is not 1.
    if found is not MISSING and _canonical(wanted) == _canonical(found):
        return []
    return [f"{what} must be {json.dumps(wanted, ensure_ascii=False)} but it is {_shown(found)}"]


def _canonical(value: Json) -> str:
    def number(item: Json) -> Json:
        if isinstance(item, float) and item.is_integer():
            return int(item)
        if isinstance(item, dict):
            return {key: number(part) for key, part in item.items()}
        return [number(part) for part in item] if isinstance(item, list) else item

    return json.dumps(number(value), sort_keys=True, default=str)


def _shown(value: Any) -> str:
    return "missing" if value is MISSING else json.dumps(value, ensure_ascii=False, default=str)
