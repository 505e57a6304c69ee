"""What reads users' text, each as a function of one text: formats, filters, directives, parsers, masking."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from actions_core import (
    ActionsError,
    Engine,
    PayloadValidator,
    Registry,
    Response,
    Workspace,
    compile_mapping,
    normalize_email,
    normalize_phone,
    parse_fql,
    read_time,
    to_text,
    validate_mapping,
)
from actions_core.testing import RecordingTransport
from tests.fuzz.documents import FIELD_TYPES, FORMATS
from tests.fuzz.languages import LIQUID_FILTERS
from tests.fuzz.patterns import SIZE, UNITS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Arguments of the filters that need some.
_ARGUMENTS: Final = {
    "'a'": "append prepend split remove remove_first remove_last default",
    "'a', 'aa'": "replace",
    "'a', 'b'": "replace_first replace_last",
    "9": "truncate truncatewords",
    "0, 9": "slice",
    "'%Y'": "date",
    "1": "plus minus at_least at_most",
    "2": "times divided_by modulo round",
}
_FILTERS_WITH: Final = {name: given for given, names in _ARGUMENTS.items() for name in names.split()}


def texts() -> Iterator[str]:
    """Give worst texts for anything: each unit over and over, and behind it what does not fit."""
    for unit in UNITS:
        body = (unit * (SIZE // len(unit) + 1))[: SIZE - 1]
        yield body + "\0"
    for prefix, unit in (
        ("1.", "0"),
        ("1e", "9"),
        ("2026-01-02T03:04:05.", "9"),
        ("0x", "f"),
        ("-", "-"),
        ("a@", "a."),
    ):
        yield prefix + unit * (SIZE // len(unit))
        yield prefix + unit * (SIZE // len(unit)) + "!"


def _text_of(directive: str) -> Callable[[str], None]:
    return lambda text: _quietly(compile_mapping, {"v": {directive: text}})


def _condition(condition: str) -> Callable[[str], object]:
    matches = parse_fql(condition).matches
    return lambda text: matches({"properties": {"a": text}})


def readers() -> dict[str, Callable[[str], None]]:  # noqa: C901 - one loop for each kind of reader
    """Give every reader by a name."""
    found: dict[str, Callable[[str], None]] = {
        "fql": parse_fql,
        "fql, a text": lambda text: _quietly(parse_fql, f'event = "{text}"'),
        "to_text": to_text,
        "read_time": read_time,
        "normalize_email": normalize_email,
        "normalize_phone": normalize_phone,
        "secrets": _mask,
    }  # type: ignore[assignment]  # their results are not looked at
    for kind in FIELD_TYPES:
        found[f"type {kind}"] = _payload({"type": kind})
    for form in FORMATS:
        if form not in (None, "nope"):
            found[f"format {form}"] = _payload({"type": "string", "format": form})
    for name in LIQUID_FILTERS:
        directive = {"@liquid": f"{{{{ properties.a | {name}{_arguments(name)} }}}}"}
        if not any(problem.is_error for problem in validate_mapping({"v": directive})):  # some are refused
            found[f"filter {name}"] = _value(directive)
    for condition in ("properties.a > 5", "properties.a contains '9'", "properties.a == 5"):
        found[f"liquid {condition}"] = _value({"@liquid": f"{{% if {condition} %}}x{{% endif %}}"})
    for expression in ("to_number(properties.a)", "contains(properties.a, 'x')", "reverse(properties.a)"):
        found[f"jmespath {expression}"] = _value({"@jmespath": expression})
    value = {"@path": "$.properties.a"}
    for name, directive in {
        "@json decode": {"@json": {"mode": "decode", "value": value}},
        "@json encode": {"@json": {"mode": "encode", "value": value}},
        "@replace": {"@replace": {"pattern": "a", "replacement": "$&", "ignorecase": True, "value": value}},
        "@case": {"@case": {"operator": "upper", "value": value}},
        "@path of a path": {"@path": value},
        "@template of a template": {"@template": value},
        "@template": {"@template": "{{{properties.a}}} {{properties.a}}"},
    }.items():
        found[name] = _value(directive)
    for name in ("@path", "@template", "@jmespath", "@liquid"):
        found[f"the text of {name}"] = _text_of(name)
    for condition in ("properties.a > 5", 'contains(properties.a, "aaa!")', 'match(properties.a, "*a!")'):
        found[f"fql {condition}"] = _condition(condition)
    return {name: _forgiving(read) for name, read in found.items()}


def _arguments(name: str) -> str:
    return f": {_FILTERS_WITH[name]}" if name in _FILTERS_WITH else ""


def _forgiving(read: Callable[[str], Any]) -> Callable[[str], None]:
    return lambda text: _quietly(read, text)


def _quietly(function: Callable[[Any], Any], argument: Any) -> None:
    try:
        function(argument)
    except ActionsError as error:
        str(error)


def _value(directive: Any) -> Callable[[str], None]:
    mapping = compile_mapping({"v": directive})
    return lambda text: mapping.resolve({"type": "track", "properties": {"a": text}})


def _payload(field: dict[str, Any]) -> Callable[[str], None]:
    validator = PayloadValidator({"a": {"label": "L", "description": "D.", **field}})
    return lambda text: validator.check({"a": text})


@cache
def _masked() -> tuple[asyncio.AbstractEventLoop, Engine, list[str]]:
    said: list[str] = []
    transport = RecordingTransport([lambda _: Response(400, {"x": said[-1]}, said[-1].encode())] * 1_000)
    workspace = {
        "destinations": [
            {
                "id": "one",
                "destination": "actions-fullstory-cloud",
                "settings": {"apiKey": 'a/key+x==aaaa\\"%41<&'},
                "subscriptions": "presets",
                "delivery": {"retry": {"tries": 1}},
            }
        ]
    }
    engine = Engine(Workspace.from_dict(workspace), registry=Registry().discover(), transport=transport)
    return asyncio.new_event_loop(), engine, said


def _mask(text: str) -> None:
    """Have a response with the text and with half a secret over and over masked."""
    loop, engine, said = _masked()
    said.append(text)
    event = {"type": "identify", "userId": "u", "traits": {"email": "a@b.test"}}
    report = loop.run_until_complete(engine.send(event))
    for result in report.results:
        repr(result.response), str(result.error)
        if result.response is not None:
            result.response.text  # noqa: B018 - it is masked when it is asked for


def close() -> None:
    """Give back the event loop."""
    if _masked.cache_info().currsize:
        _masked()[0].close()
        _masked.cache_clear()
