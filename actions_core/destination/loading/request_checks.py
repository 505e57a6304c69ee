"""The requests of a definition: each part reads only what there will be, and the parts fit each other.

A fault has the path of the value that is wrong, however deep in a body that is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actions_core.destination.requests.batches import find_each, without_each
from actions_core.destination.requests.judging import RESPONSE
from actions_core.destination.requests.parts import FRAMING, PLACE
from actions_core.destination.requests.results import ENTRY, ENTRY_PARTS
from actions_core.destination.requests.scope import DELETED, condition_reads, event_scope, shared_scope
from actions_core.destination.requests.serving import ITEM, ITEM_PARTS, READ, serving_scope
from actions_core.destination.requests.writing import PARTS
from actions_core.errors import FqlError, Problem, child_path
from actions_core.http.wire import name_fault
from actions_core.mapping import mapping_reads, validate_mapping
from actions_core.subscriptions import parse_filter
from actions_core.values.paths import parse_path
from actions_core.values.wording import shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from actions_core.destination.requests.scope import Scope
    from actions_core.destination.specs import ActionSpec
    from actions_core.values.types import Json, JsonObject

#: What only a base can give; a definition without one gives it to no request.
_OF_BASE: Final = ("headers", "params", "basic", "expect")


def shared_request_problems(key: str, raw: JsonObject, settings: Collection[str]) -> Iterator[Problem]:
    """Yield every problem of a request that belongs to no action, by its key in the definition."""
    scope = shared_scope(settings)
    if key == "request":
        yield from _base(raw, scope)
    elif key in READ:
        yield from _serving(f"$.{key}", key, raw, serving_scope(key, settings, ()))
    else:
        yield from _request(f"$.{key}", raw, {"payload": DELETED, **scope} if key == "onDelete" else scope)


def action_request_problems(
    path: str, action: ActionSpec, fields: Collection[str], settings: Collection[str]
) -> Iterator[Problem]:
    """Yield every problem of the requests of an action; `path` is the action's."""
    scope = event_scope(settings, list(action.hooks))
    if action.request is not None:
        yield from _request(f"{path}.request", action.request, {"payload": fields, **scope})
    for field, raw in action.choices.items():
        place = child_path(f"{path}.choices", field)
        root = field.partition(".")[0]
        if root not in fields:
            message = f"is for the field {shown(root)}, which the action does not have"
            yield Problem(place, message + suggestion(root, list(fields)))
        if isinstance(raw, dict):
            yield from _serving(place, "choices", raw, serving_scope("choices", settings, fields))
            for part in ITEM_PARTS:
                if raw.get(part) is not None:
                    yield from value_problems(f"{place}.{part}", raw[part], ITEM)
    if action.batch_request is not None:
        yield from _batch_request(path, action, {"payload": fields, **scope})


def _batch_request(path: str, action: ActionSpec, scope: Scope) -> Iterator[Problem]:
    """Check a request for batches, whose guards are for items where it makes items."""
    raw, here = action.batch_request or {}, f"{path}.batchRequest"
    of_batch = {
        "payloads": scope["payload"],
        **{root: below for root, below in scope.items() if root != "event"},
    }
    places = list(find_each(raw.get("json"), f"{here}.json"))
    guards: JsonObject = {key: raw[key] for key in ("when", "require") if places and key in raw}
    shared = {key: value for key, value in raw.items() if key not in guards}
    yield from _request(
        here,
        {**shared, "json": without_each(raw.get("json"))},
        {"items": None, **of_batch} if places else of_batch,
    )
    yield from _guards(here, guards, scope)
    for place, option in places:
        if option != places[0][1]:
            yield Problem(place, f"differs from {places[0][0]}, but a payload makes one item")
        elif not isinstance(option, str):
            yield from value_problems(place, option, scope)
        elif (action.request or {}).get(option) is None or option not in ("json", "form", "params"):
            message = f"there is no {shown(option)} in the action's request, of which it names a part"
            yield Problem(place, message)
    yield from _results(f"{here}.results", raw.get("results"))


def _serving(path: str, name: str, raw: JsonObject, scope: Scope) -> Iterator[Problem]:
    """Check a request that serves a person or the engine, and what is read from its response."""
    yield from _request(path, raw, scope)
    for part in READ[name]:
        if raw.get(part) is not None:
            yield from value_problems(f"{path}.{part}", raw[part], RESPONSE)


def _results(path: str, raw: Json) -> Iterator[Problem]:
    if not isinstance(raw, dict):
        return
    yield from value_problems(f"{path}.in", raw.get("in"), RESPONSE)
    for part in ENTRY_PARTS:
        if raw.get(part) is not None:
            yield from value_problems(f"{path}.{part}", raw[part], ENTRY)
    if raw.get("failed") is not None:
        yield from condition_problems(f"{path}.failed", raw["failed"], ENTRY)
    if not any(raw.get(part) is not None for part in ("index", "status", "failed")):
        message = (
            "needs 'index', where only what failed is told of, or 'failed' or 'status', which say what did"
        )
        yield Problem(path, message)


def _base(raw: JsonObject, scope: Scope) -> Iterator[Problem]:
    for part in ("baseUrl", "headers", "params", "basic"):
        if raw.get(part) is not None:
            yield from value_problems(f"$.request.{part}", raw[part], scope)
    for part in _OF_BASE if raw.get("baseUrl") is None else ():
        if raw.get(part) is not None:
            message = "is given to requests below the 'baseUrl' only, and there is none"
            yield Problem(f"$.request.{part}", message)
    yield from _basic("$.request", raw)
    yield from _expect("$.request.expect", raw.get("expect"))
    sign = raw.get("sign")
    if isinstance(sign, dict):
        yield from value_problems("$.request.sign.with", sign.get("with"), scope)
        header = sign.get("header")
        fault = name_fault((header,)) if isinstance(header, str) else ""
        if fault or (isinstance(header, str) and header.lower() in FRAMING):
            yield Problem("$.request.sign.header", fault or f"{shown(header)} is not for a definition to set")


def _request(path: str, raw: JsonObject, scope: Scope) -> Iterator[Problem]:
    for part in PARTS:
        if raw.get(part) is not None:
            yield from value_problems(f"{path}.{part}", raw[part], scope)
    if raw.get("json") is not None and raw.get("form") is not None:
        yield Problem(path, "has both 'json' and 'form', but a request has one body")
    yield from _places(path, raw)
    yield from _basic(path, raw)
    yield from _guards(path, raw, scope)
    yield from _expect(f"{path}.expect", raw.get("expect"))


def _guards(path: str, raw: JsonObject, scope: Scope) -> Iterator[Problem]:
    if raw.get("when") is not None:
        yield from _test(f"{path}.when", raw["when"], scope)
    required = raw.get("require")
    for index, item in enumerate(required if isinstance(required, list) else ()):
        yield from _requirement(f"{path}.require[{index}]", item, scope)


def _places(path: str, raw: JsonObject) -> Iterator[Problem]:
    """Compare the places in the URL with the values of `path`."""
    values, url = raw.get("path"), raw.get("url")
    if not isinstance(values, dict):
        return
    if not isinstance(url, str):
        yield Problem(f"{path}.path", "has values for places in the URL, which must be plain text then")
        return
    places = PLACE.findall(url)
    for key in values:
        if key not in places:
            message = f"there is no {{{key}}} in the URL{suggestion(key, places)}"
            yield Problem(child_path(f"{path}.path", key), message)
    for place in places:
        if place not in values:
            yield Problem(f"{path}.url", f"has {{{place}}}, for which 'path' has no value")
    if any(place in url.partition("?")[2] for place in map("{{{}}}".format, places)):
        yield Problem(
            f"{path}.url", "has a place behind the '?': what belongs into the query goes into 'params'"
        )


def _basic(path: str, raw: JsonObject) -> Iterator[Problem]:
    headers = raw.get("headers")
    if raw.get("basic") is None or not isinstance(headers, dict):
        return
    for name in headers:
        if name.lower() == "authorization":
            message = "has both 'basic' and a header Authorization, which is what 'basic' makes"
            yield Problem(f"{path}.basic", message)


def _requirement(path: str, raw: Json, scope: Scope) -> Iterator[Problem]:
    if not isinstance(raw, dict):
        return
    fields = raw.get("anyOf")
    if fields is None:
        if raw.get("if") is not None:
            yield from _test(f"{path}.if", raw["if"], scope)
            if raw.get("message") is None:
                yield Problem(
                    path, "needs a 'message' that says what is wrong where the condition does not hold"
                )
        else:
            yield Problem(path, "needs 'anyOf' with fields of which one must be given, or a condition 'if'")
        return
    if raw.get("if") is not None:
        yield Problem(path, "has both 'anyOf' and 'if'; write two requirements")
    if "payload" not in scope:
        yield Problem(
            path, f"'anyOf' names fields of the payload, which this request has not: {', '.join(scope)}"
        )
        return
    for index, field in enumerate(fields if isinstance(fields, list) else ()):
        fault = unreadable(f"$.payload.{field}", scope) if isinstance(field, str) else ""
        if fault:
            yield Problem(f"{path}.anyOf[{index}]", fault)


def _expect(path: str, raw: Json) -> Iterator[Problem]:
    if not isinstance(raw, dict):
        return
    for key in ("if", "retry", "unauthorized"):
        if raw.get(key) is not None:
            yield from condition_problems(f"{path}.{key}", raw[key], RESPONSE)
    if raw.get("message") is not None:
        yield from value_problems(f"{path}.message", raw["message"], RESPONSE)


def _test(path: str, raw: Json, scope: Scope) -> Iterator[Problem]:
    """Check a condition, or a mapping whose value has to be there."""
    if isinstance(raw, dict) and "if" in raw:
        path, raw = f"{path}.if", raw["if"]
    if isinstance(raw, str):
        yield from condition_problems(path, raw, scope)
    else:
        yield from value_problems(path, raw, scope)


def condition_problems(path: str, text: Json, scope: Scope) -> Iterator[Problem]:
    """Yield what is wrong with a condition: it cannot be read, or reads what there is not."""
    if not isinstance(text, str):
        return
    try:
        condition = parse_filter(text)
    except FqlError as error:
        yield Problem(path, str(error))
        return
    for message in condition.warnings:
        yield Problem(path, message, "warning")
    for read in condition_reads(condition):
        fault = unreadable(read, scope)
        if fault:
            yield Problem(path, fault)


def value_problems(path: str, value: Json, scope: Scope) -> Iterator[Problem]:
    """Yield what is wrong with a value that is a mapping: each fault at the directive that has it."""
    problems = [
        Problem(path + problem.path.removeprefix("$.v"), problem.message, problem.severity)
        for problem in validate_mapping({"v": value})
    ]
    yield from problems
    if any(problem.is_error for problem in problems):
        return
    for read in mapping_reads({"v": value}):
        fault = unreadable(read, scope)
        if fault:
            for place in _readers(path, value, read):
                yield Problem(place, fault)


def _readers(path: str, value: Json, read: str) -> Iterator[str]:
    """Yield the path of each directive inside a value that reads a path itself."""
    inside = False
    for key, item in _inner(value):
        if isinstance(item, dict | list) and read in mapping_reads({"v": item}):
            inside = True
            yield from _readers(child_path(path, key), item, read)
    if not inside:
        yield path


def _inner(value: Json) -> Iterable[tuple[str | int, Json]]:
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


def unreadable(read: str, scope: Scope) -> str:
    """Say why a path that is read can never have a value; empty where it may have one."""
    steps = [step.removesuffix("[]") for step in parse_path(read)]
    if not steps:
        return ""
    root = steps.pop(0)
    if root not in scope:
        near = suggestion(root, list(scope))
        return f"reads {shown(root)}, but this is written over {', '.join(scope)}{near}"
    if root == "payloads" and steps and (steps[0].isdecimal() or steps[0] in ("", "length")):
        del steps[0]
    below = scope[root]
    if below is None or not steps or steps[0] in below:
        return ""
    near = suggestion(steps[0], list(below))
    return f"reads {shown(steps[0])} of the {root}, which there is not{near}"
