"""The file of a port: which differences from the published destination are meant, and why.

It lies beside the definition and is called `differences.json`:

    {"destination": "actions-slack",
     "differences": {"*": {"headers.x-version": "we name our own version"},
                     "track": {"json.events[].time": "written with milliseconds"}},
     "responses": {"track": [{"url": "/search$", "status": 200, "json": {…}}]},
     "settings": {"region": ["EU", "US"]}, "fields": {"track": {"email": ["a@b.co"]}}}

Under an action, or `*` for all of them, a leaf has its reason; `*` in a leaf stands for anything. A reason
that holds for some values only says which, by their kinds, as texts, or by a regular expression that a whole
text, or other value as JSON, has to match:

    {"json.properties.*": {"reason": "…", "published": "object", "ours": ["list", "missing"]},
     "retry": {"reason": "…", "ours": {"like": "final (The mapping has no catalog*"}},
     "json.time": {"reason": "…", "published": {"matches": "[0-9]{10}"}, "ours": "number"}}

With `"batches": true`, a reason holds for events that go out together only, with false for single ones; with
`"syncMode": "add"`, for mappings of that mode, with null for those without; with `"refusal": "No email*"`,
where that is what ours refuses an event with; with `"requested": "*/lists/undefined/*"`, where the published
one makes a request to such a URL; with `"given": "*: null*"`, where the JSON of events and settings is like
that. Where there are several for one leaf, they stand in a list.

`responses`, `settings` and `fields` say what the trials are made with, beside what they take from the
source.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from actions_core.errors import DefinitionError, Problem
from actions_core.values.json_files import read_json
from actions_core.values.types import MISSING
from actions_core.values.wording import either, kind, shown, suggestion

if TYPE_CHECKING:
    from actions_core.authoring.port.leaves import Difference
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
_SIDES: Final = ("published", "ours")
_REASON_KEYS: Final = ("reason", *_SIDES, "batches", "syncMode", "refusal", "requested", "given")
_PATTERNS: Final = ("like", "matches")
#: What a value may be said to be, and the classes of these values.
_KINDS: Final[Mapping[str, type | tuple[type, ...]]] = {
    "missing": type(MISSING),
    "null": type(None),
    "boolean": bool,
    "number": (int, float),
    "string": str,
    "list": list,
    "object": dict,
}


#: A reason, one that holds for some values only, or several of these.
_Written = str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]]


@attrs.frozen
class Where:
    """The trial in which something differs: what ours refuses, which URLs the published one requests.

    `given` is the JSON of what both sides are given.
    """

    is_batch: bool = False
    sync_mode: str | None = None
    refusals: tuple[str, ...] = ()
    requested: tuple[str, ...] = ()
    given: str = ""

    def fits(self, entry: Mapping[str, Any]) -> bool:
        """Return whether a reason holds there."""
        return (
            entry.get("batches", self.is_batch) == self.is_batch
            and entry.get("syncMode", self.sync_mode) == self.sync_mode
            and _is_among(entry.get("refusal"), self.refusals)
            and _is_among(entry.get("requested"), self.requested)
            and _is_among(entry.get("given"), (self.given,))
        )


@attrs.frozen
class PortFile:
    """What a port's author has written down about it."""

    destination: str | None = None
    differences: Mapping[str, Mapping[str, _Written]] = attrs.field(factory=dict)
    responses: Mapping[str, list[JsonObject]] = attrs.field(factory=dict)
    settings: Mapping[str, Json] = attrs.field(factory=dict)
    fields: Mapping[str, Mapping[str, list[Json]]] = attrs.field(factory=dict)
    #: Where Segment itself sends what the published functions return, which make no request then.
    returned: str | None = None
    #: The switches of Segment's host with which the published functions run.
    features: Mapping[str, Json] = attrs.field(factory=dict)

    def reason(
        self, action: str, difference: Difference, where: Where | None = None
    ) -> tuple[str, str] | None:
        """Return the pattern and the reason that explain a difference, or None."""
        where = where or Where()
        for place in (action, _ALL):
            for pattern, written in self.differences.get(place, {}).items():
                entries = _entries_of(written) if _pattern(pattern).fullmatch(difference.leaf) else []
                for entry in entries:
                    is_meant = all(_is_of(getattr(difference, side), entry.get(side, ())) for side in _SIDES)
                    if is_meant and where.fits(entry):
                        return _name(place, pattern, entry, len(entries)), entry["reason"]
        return None

    def reasons(self, action: str) -> list[str]:
        """Return the reasons that are written under an action, or under `*`, each once."""
        written = self.differences.get(action, {}).values()
        return list(dict.fromkeys(entry["reason"] for one in written for entry in _entries_of(one)))

    def responses_of(self, action: str) -> list[JsonObject]:
        """Return the responses to choose from for an action."""
        return [*self.responses.get(action, []), *self.responses.get(_ALL, [])]

    def fields_of(self, action: str) -> dict[str, list[Json]]:
        """Return the values to choose from for the fields of an action."""
        return {**self.fields.get(_ALL, {}), **self.fields.get(action, {})}

    def patterns(self) -> list[str]:
        """Return every pattern, with its action, as `reason` names it: all of several reasons."""
        named = (
            _name(place, leaf, entry, len(entries))
            for place, leaves in self.differences.items()
            for leaf, entries in ((leaf, _entries_of(written)) for leaf, written in leaves.items())
            for entry in entries
        )
        return list(dict.fromkeys(named))


def _name(place: str, pattern: str, entry: Mapping[str, Any], number: int) -> str:
    """Return a name for a reason: its pattern, and its values where there are several for the pattern."""
    values = {key: entry[key] for key in _REASON_KEYS[1:] if key in entry}
    return f"{place}: {pattern}" if number == 1 else f"{place}: {pattern} {json.dumps(values)}"


def _is_among(pattern: str | None, texts: Sequence[str]) -> bool:
    """Return whether one of the texts is like a pattern; without one, any are."""
    return pattern is None or any(_pattern(pattern).fullmatch(one) for one in texts)


@functools.lru_cache(maxsize=512)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL)


def differences_of(slug: str) -> PortFile:
    """Return the file of the port that the installed package of a destination has, empty without one.

    The package itself is not imported. Raises `DefinitionError` where the file is faulty.
    """
    for point in entry_points(group="actions_core.destinations"):
        found = find_spec(point.module.partition(".")[0]) if point.name == slug else None
        for folder in (found.submodule_search_locations or ()) if found is not None else ():
            return read_port_file_in(Path(folder))
    return PortFile()


def read_port_file_in(folder: Path) -> PortFile:
    """Read the file of a port in a folder, empty where there is none. Raises `DefinitionError`."""
    file = folder / FILE_NAME
    return read_port_file(file) if file.is_file() else PortFile()


def _entries_of(written: _Written) -> list[Mapping[str, Any]]:
    """Return the reasons that are written for a leaf, each as an object."""
    listed = [written] if isinstance(written, str | Mapping) else written
    return [{"reason": one} if isinstance(one, str) else one for one in listed]


def _is_of(value: Json, wanted: Json) -> bool:
    """Return whether a value is of one of the kinds, or like the pattern; without these, any is."""
    if isinstance(wanted, dict):
        if "like" in wanted:
            return isinstance(value, str) and _pattern(wanted["like"]).fullmatch(value) is not None
        text = value if isinstance(value, str) else "" if value is MISSING else json.dumps(value)
        return value is not MISSING and re.fullmatch(wanted["matches"], text, re.DOTALL) is not None
    named = [wanted] if isinstance(wanted, str) else wanted
    is_number = not isinstance(value, bool)
    return not named or any(
        isinstance(value, _KINDS[name]) and (is_number or name == "boolean") for name in named
    )


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
            found += _reason_problems(reason, f"$.differences.{action}.{leaf}")
    for action, fields in _entries(data, "fields", dict, found):
        for key, values in fields.items():
            if not isinstance(values, list) or not values:
                found.append(Problem(f"$.fields.{action}.{key}", "must be a list of values"))
    for action, responses in _entries(data, "responses", list, found):
        for index, response in enumerate(responses):
            found += _response_problems(response, f"$.responses.{action}[{index}]")


def _reason_problems(entry: Json, path: str) -> list[Problem]:
    if isinstance(entry, list) and entry:
        numbered = enumerate(entry)
        return [problem for place, one in numbered for problem in _reason_problems(one, f"{path}[{place}]")]
    if not isinstance(entry, dict):
        is_given = isinstance(entry, str) and entry.strip()
        return [] if is_given else [Problem(path, "must be the reason, in a sentence")]
    found = [
        Problem(f"{path}.{key}", f"is not a key of a reason{suggestion(key, _REASON_KEYS)}")
        for key in entry
        if key not in _REASON_KEYS
    ]
    reason = entry.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        found.append(Problem(f"{path}.reason", "must be the reason, in a sentence"))
    if not isinstance(entry.get("batches", False), bool):
        found.append(Problem(f"{path}.batches", "must be true or false"))
    if not isinstance(entry.get("syncMode"), str | None):
        found.append(Problem(f"{path}.syncMode", "must be a sync mode, or null for mappings without one"))
    if not isinstance(entry.get("refusal", ""), str):
        found.append(Problem(f"{path}.refusal", "must be a text as the message is"))
    if not isinstance(entry.get("requested", ""), str):
        found.append(Problem(f"{path}.requested", "must be a text as the URL is"))
    if not isinstance(entry.get("given", ""), str):
        found.append(Problem(f"{path}.given", "must be a text as the JSON of events is"))
    for side in _SIDES:
        found += _side_problems(entry.get(side, []), f"{path}.{side}")
    return found


def _side_problems(wanted: Json, path: str) -> list[Problem]:
    if isinstance(wanted, dict):
        is_pattern = len(wanted) == 1 and all(
            key in _PATTERNS and isinstance(text, str) for key, text in wanted.items()
        )
        if not is_pattern:
            return [Problem(path, "must have one key with a text: 'like', or 'matches'")]
        return [] if "like" in wanted else _expression_problems(wanted["matches"], f"{path}.matches")
    return [
        Problem(path, f"{shown(name)} is not a kind of value: take {either([*_KINDS])}")
        for name in (wanted if isinstance(wanted, list) else [wanted])
        if not isinstance(name, str) or name not in _KINDS
    ]


def _expression_problems(expression: Json, path: str) -> list[Problem]:
    try:
        re.compile(expression)
    except (re.error, TypeError):
        return [Problem(path, f"{shown(expression)} is not a regular expression")]
    return []


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
        found += _expression_problems(response["url"], f"{path}.url")
    status = response.get("status", 200)
    if not isinstance(status, int) or isinstance(status, bool) or not 200 <= status <= 599:  # noqa: PLR2004 - of HTTP
        found.append(Problem(f"{path}.status", "must be a status of HTTP from 200 to 599"))
    return found
