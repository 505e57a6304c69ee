"""The file of a port: which differences from the published destination are meant, and why.

It lies beside the definition and is called `differences.json`:

    {"destination": "actions-slack",
     "differences": {"*": {"headers.x-version": "we name our own version"},
                     "track": {"json.events[].time": "written with milliseconds"}},
     "responses": {"track": [{"url": "/search$", "status": 200, "json": {…}}]},
     "settings": {"region": ["EU", "US"]}, "fields": {"track": {"email": ["a@b.co"]}}}

Under an action, or `*` for all of them, a leaf has its reason; `*` in a leaf stands for anything.
`responses`, `settings` and `fields` say what the trials are made with, beside what they take from the
source.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.errors import DefinitionError, Problem
from actions_core.values.json_files import read_json
from actions_core.values.wording import kind, shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from actions_core.values.types import Json, JsonObject

FILE_NAME: Final = "differences.json"
_KEYS: Final = (
    "destination",
    "differences",
    "responses",
    "settings",
    "fields",
    "returned",
    "features",
    "$schema",
)
_RESPONSE_KEYS: Final = ("url", "method", "status", "headers", "json", "body", "failure", "weight")
_ALL: Final = "*"


@attrs.frozen
class PortFile:
    """What a port's author has written down about it."""

    destination: str | None = None
    differences: Mapping[str, Mapping[str, str]] = attrs.field(factory=dict)
    responses: Mapping[str, list[JsonObject]] = attrs.field(factory=dict)
    settings: Mapping[str, Json] = attrs.field(factory=dict)
    fields: Mapping[str, Mapping[str, list[Json]]] = attrs.field(factory=dict)
    #: Where Segment itself sends what the published functions return, which make no request then.
    returned: str | None = None
    #: The switches of Segment's host with which the published functions run.
    features: Mapping[str, Json] = attrs.field(factory=dict)

    def reason(self, action: str, leaf: str) -> tuple[str, str] | None:
        """Return the pattern and the reason that explain a difference, or None."""
        for place in (action, _ALL):
            for pattern, reason in self.differences.get(place, {}).items():
                if _pattern(pattern).fullmatch(leaf):
                    return f"{place}: {pattern}", reason
        return None

    def responses_of(self, action: str) -> list[JsonObject]:
        """Return the responses to choose from for an action."""
        return [*self.responses.get(action, []), *self.responses.get(_ALL, [])]

    def fields_of(self, action: str) -> dict[str, list[Json]]:
        """Return the values to choose from for the fields of an action."""
        return {**self.fields.get(_ALL, {}), **self.fields.get(action, {})}

    def patterns(self) -> list[str]:
        """Return every pattern, with its action, as `reason` names it."""
        return [f"{place}: {leaf}" for place, leaves in self.differences.items() for leaf in leaves]


@functools.lru_cache(maxsize=512)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL)


def read_port_file(file: Path) -> PortFile:
    """Read the file of a port. Raises `DefinitionError` with every problem of it."""
    data = read_json(file)
    problems = list(_problems(data))
    if problems:
        raise DefinitionError(f"{file} is faulty:", problems=problems)
    return PortFile(**{key: value for key, value in data.items() if key != "$schema"})


def _problems(data: Json) -> list[Problem]:
    if not isinstance(data, dict):
        return [Problem("$", f"must be an object but is {kind(data)}")]
    found = [
        Problem(f"$.{key}", f"is not a key of this file{suggestion(key, _KEYS)}")
        for key in data
        if key not in _KEYS
    ]
    destination = data.get("destination")
    if destination is not None and not isinstance(destination, str):
        found.append(Problem("$.destination", "must be the published slug"))
    if not isinstance(data.get("returned", ""), str):
        found.append(Problem("$.returned", "must be the URL to which what the functions return is sent"))
    if not isinstance(data.get("settings", {}), dict):
        found.append(Problem("$.settings", "must be an object: a setting and its value, or a list of values"))
    if not isinstance(data.get("features", {}), dict):
        found.append(Problem("$.features", "must be an object: a switch and its value"))
    _check_entries(data, found)
    return found


def _check_entries(data: JsonObject, found: list[Problem]) -> None:
    for action, leaves in _entries(data, "differences", dict, found):
        for leaf, reason in leaves.items():
            if not isinstance(reason, str) or not reason.strip():
                found.append(Problem(f"$.differences.{action}.{leaf}", "must be the reason, in a sentence"))
    for action, fields in _entries(data, "fields", dict, found):
        for key, values in fields.items():
            if not isinstance(values, list) or not values:
                found.append(Problem(f"$.fields.{action}.{key}", "must be a list of values"))
    for action, responses in _entries(data, "responses", list, found):
        for index, response in enumerate(responses):
            found += _response_problems(response, f"$.responses.{action}[{index}]")


def _entries(data: JsonObject, key: str, wanted: type[Any], found: list[Problem]) -> list[tuple[str, Any]]:
    value = data.get(key, {})
    if not isinstance(value, dict):
        found.append(Problem(f"$.{key}", f"must be an object by action, or '*', but is {kind(value)}"))
        return []
    for action, item in value.items():
        if not isinstance(item, wanted):
            what = "an object" if wanted is dict else "a list"
            found.append(Problem(f"$.{key}.{action}", f"must be {what} but is {kind(item)}"))
    return [(action, item) for action, item in value.items() if isinstance(item, wanted)]


def _response_problems(response: Json, path: str) -> list[Problem]:
    if not isinstance(response, dict):
        return [Problem(path, f"must be an object but is {kind(response)}")]
    found = [
        Problem(f"{path}.{key}", f"is not a key of a response{suggestion(key, _RESPONSE_KEYS)}")
        for key in response
        if key not in _RESPONSE_KEYS
    ]
    if "url" in response:
        try:
            re.compile(response["url"])
        except (re.error, TypeError):
            found.append(Problem(f"{path}.url", f"{shown(response['url'])} is not a regular expression"))
    status = response.get("status", 200)
    if not isinstance(status, int) or isinstance(status, bool) or not 200 <= status <= 599:  # noqa: PLR2004 - of HTTP
        found.append(Problem(f"{path}.status", "must be a status of HTTP from 200 to 599"))
    return found
