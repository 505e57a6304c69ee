"""Mapping tests: files that state the expected result of an event, and their comparison with the actual one.

A file contains one test or a list of them (`schemas/test.schema.json`). The expected result is compared
with an explanation, so nothing is sent and no secret is needed: `PlaceholderEngines` makes the engines that
explain. Only this module knows the form in which tests write an explanation: paths instead of sentences, and
a word instead of the idempotency key.
"""

from __future__ import annotations

import difflib
import json
import re
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.authoring.placeholders import fill_environment
from actions_core.engine import Engine
from actions_core.engine.instances import known_destinations
from actions_core.errors import DefinitionError, Problem, WorkspaceError
from actions_core.http.curl import request_json
from actions_core.validation.documents import check_document, schema
from actions_core.values.json_files import read_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from actions_core.destination.registry import Registry
    from actions_core.engine import SubscriptionExplanation
    from actions_core.engine.workspace import Workspace
    from actions_core.values.types import Json, JsonObject

#: The messageId of an event that has none, so that results are the same each time.
MESSAGE_ID: Final = "test"
IDEMPOTENCY_KEY: Final = "<idempotency key>"

_LONGEST_NAME: Final = 60
_CONTEXT: Final = 3


@attrs.frozen(eq=False)
class MappingTest:
    """A test and its place; `index` is its number in the file, None where it is the only one."""

    file: Path
    index: int | None
    data: JsonObject

    @property
    def place(self) -> str:
        """The file's name, with the number of the test where there are several."""
        return self.file.name if self.index is None else f"{self.file.name}[{self.index}]"

    @property
    def name(self) -> str:
        """The name of the test; empty where it has none."""
        return self.data.get("name") or ""

    @property
    def event(self) -> JsonObject:
        """The event, with a messageId that is the same each time."""
        event: JsonObject = self.data["event"]
        return event if event.get("messageId") else {**event, "messageId": MESSAGE_ID}

    @property
    def settings(self) -> JsonObject:
        """The settings that differ from the workspace's, by instance."""
        return self.data.get("settings") or {}

    @property
    def expected(self) -> list[JsonObject] | None:
        """The expected results; None where the test states none yet."""
        return self.data.get("expect")


class PlaceholderEngines:
    """Engines of one workspace that explain the events of tests, each with the settings of its test.

    Not even variables that are set are used: a test gives the same result on every machine. Raises
    `WorkspaceError` where the workspace is faulty.
    """

    def __init__(self, workspace: Workspace, registry: Registry) -> None:
        self._workspace = workspace
        self._registry = registry
        self._engines: dict[str, Engine] = {}
        self.engine({})

    def engine(self, settings: JsonObject) -> Engine:
        """Return the engine for the settings of a test, by instance."""
        key = json.dumps(settings, sort_keys=True)
        if key not in self._engines:
            known = {spec.id for spec in self._workspace.destinations}
            unknown = sorted(settings.keys() - known)
            if unknown:
                raise WorkspaceError(
                    f"the test has settings for {', '.join(unknown)}, which is not an instance"
                )
            changed = tuple(
                attrs.evolve(spec, settings={**spec.settings, **settings.get(spec.id, {})})
                for spec in self._workspace.destinations
            )
            workspace = attrs.evolve(self._workspace, destinations=changed)
            filled = fill_environment(workspace, known_destinations(workspace, self._registry), {})[0]
            self._engines[key] = Engine(filled, registry=self._registry)
        return self._engines[key]


def load_tests(folder: Path) -> list[MappingTest]:
    """Load the tests of all JSON files in a folder, in the order of their names.

    Raise `DefinitionError` for the first file that is not valid, with everything that is wrong in it.
    """
    return [test for file in sorted(folder.glob("*.json")) for test in load_file(file)]


def load_file(file: Path) -> list[MappingTest]:
    """Load the tests of one file; raise `DefinitionError` with everything that is wrong in it."""
    data = read_json(file)
    problems = check_document(data, schema("test"))
    if problems:
        raise DefinitionError(f"{file} is not a file of mapping tests:", problems=problems)
    if isinstance(data, list):
        return [MappingTest(file, index, item) for index, item in enumerate(data)]
    return [MappingTest(file, None, data)]


def expectation(delivery: SubscriptionExplanation) -> JsonObject:
    """Return the result in one subscription that matched, in the form of a test."""
    found: JsonObject = {"instance": delivery.instance, "subscription": delivery.subscription}
    if delivery.payload is not None:
        found["payload"] = delivery.payload
    if delivery.request is not None:
        found["request"] = _without_key(request_json(delivery.request), delivery.idempotency_key)
    for key, problems in (("problems", delivery.problems), ("warnings", delivery.warnings)):
        if problems:
            found[key] = _paths(problems)
    return found


def expectations(deliveries: Iterable[SubscriptionExplanation]) -> list[JsonObject]:
    """Return the results in all subscriptions that matched, in the form of a test."""
    return [expectation(delivery) for delivery in deliveries if delivery.matched]


def differences(expected: Sequence[JsonObject], deliveries: Iterable[SubscriptionExplanation]) -> list[str]:
    """Return the lines of a diff from the expected to the actual results; none where they agree."""
    left = list(expected)
    wanted: list[Json] = []
    found: list[Json] = []
    for actual in expectations(deliveries):
        named = next((item for item in left if _names(item) == _names(actual)), None)
        if named is None:
            found.append(_normal_form(actual))
            continue
        left.remove(named)
        wanted.append(_normal_form(named))
        found.append(_normal_form(_stated_part(actual, named)))
    wanted += [_normal_form(item) for item in left]
    if _text(wanted) == _text(found):
        return []
    return _diff(wanted, found)


def _names(item: JsonObject) -> tuple[str, str]:
    return item["instance"], item["subscription"]


def _stated_part(actual: JsonObject, expected: JsonObject) -> JsonObject:
    """Reduce the actual result to the keys that the test states; problems always count."""
    keys = {**expected, **{key: None for key in actual if key == "problems"}}
    stated = {key: actual[key] for key in keys if key in actual}
    for key in ("payload", "request"):
        if key in expected and expected[key] is None:
            stated.setdefault(key, None)
    for key in ("problems", "warnings"):
        if key in expected:
            stated.setdefault(key, [])
    wanted, made = expected.get("request"), actual.get("request")
    if wanted is not None and made is not None:
        stated["request"] = _stated_part_of_request(made, wanted)
    return stated


def _stated_part_of_request(made: JsonObject, wanted: JsonObject) -> JsonObject:
    stated = {key: made[key] for key in wanted if key in made}
    if "headers" in wanted:
        by_name = {name.lower(): value for name, value in made["headers"].items()}
        named = [name for name in wanted["headers"] if name.lower() in by_name]
        stated["headers"] = {name: by_name[name.lower()] for name in named}
    return stated


def _normal_form(item: JsonObject) -> Json:
    """Return a result in the normal form for comparison."""
    ordered = {key: sorted(set(item[key])) for key in ("problems", "warnings") if key in item}
    return _with_plain_numbers({**item, **ordered})


def _with_plain_numbers(value: Json) -> Json:
    """Return the value with 1.0 as 1, because JSON does not distinguish them."""
    if isinstance(value, dict):
        return {name: _with_plain_numbers(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_plain_numbers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _text(value: Json) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)


def _diff(wanted: Json, found: Json) -> list[str]:
    """Compare without the commas at line ends, which would change the line above each difference."""
    before, after = ([line.rstrip(",") for line in _text(side).split("\n")] for side in (wanted, found))
    lines = difflib.unified_diff(before, after, "expected", "found", lineterm="", n=_CONTEXT)
    return ["…" if line.startswith("@@") else line for line in lines]


def _without_key(request: JsonObject, key: str) -> JsonObject:
    """Replace the idempotency key: it changes with the mapping, and a test must not."""
    if not key:
        return request
    replaced: JsonObject = _replaced(request, key)
    return replaced


def _replaced(value: Json, key: str) -> Json:
    if isinstance(value, str):
        return value.replace(key, IDEMPOTENCY_KEY)
    if isinstance(value, dict):
        return {name: _replaced(item, key) for name, item in value.items()}
    return [_replaced(item, key) for item in value] if isinstance(value, list) else value


def _paths(problems: Iterable[Problem]) -> list[str]:
    return sorted({problem.path for problem in problems})


def write_expectations(file: Path, expected: dict[int | None, list[JsonObject]]) -> None:
    """Write expected results into the tests of a file, by index; everything else stays."""
    data = read_json(file)
    for index, items in expected.items():
        (data if index is None else data[index])["expect"] = items
    _write(file, data)


def write_test(folder: Path, event: JsonObject, expected: list[JsonObject]) -> Path:
    """Write a new test to a file of its own, named after the event; no file is overwritten.

    Raise `DefinitionError` for an event that cannot be written, such as one with a lone surrogate.
    """
    words = [str(event[key]) for key in ("type", "event", "name") if isinstance(event.get(key), str)]
    stem = re.sub(r"[^a-z0-9]+", "-", " ".join(words).lower())[:_LONGEST_NAME].strip("-") or "event"
    folder.mkdir(parents=True, exist_ok=True)
    file, number = folder / f"{stem}.json", 2
    while file.exists():
        file = folder / f"{stem}-{number}.json"
        number += 1
    _write(file, {"name": " ".join(words[1:]) or words[0], "event": event, "expect": expected})
    return file


def _write(file: Path, data: Json) -> None:
    text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    try:
        file.write_bytes(text.encode())
    except UnicodeEncodeError:
        message = f"{file.name} cannot be written: the event contains half a character (a lone surrogate)"
        raise DefinitionError(message) from None
