"""Properties that hold for all fields and payloads drawn from our vocabulary."""

from __future__ import annotations

import copy
from typing import Any

import jsonschema
from hypothesis import given, settings
from hypothesis import strategies as st

from actions_core.errors import PayloadError
from actions_core.validation import PayloadValidator
from actions_core.validation.fast_check import compile_check
from actions_core.validation.fields import fields_to_json_schema, read_fields
from actions_core.validation.fields.schema import exact_schema
from actions_core.validation.formats import CHECKS
from actions_core.validation.shaping import shaper
from tests.trials import examples

FAST = settings(deadline=None, derandomize=True, max_examples=examples(120))

KEYS = ["f1", "f2", "f3", "a", "b", "is.active", "extra"]
TEXTS = [
    *[
        "",
        " ",
        "s",
        "a",
        "hello",
        "create",
        "true",
        "false",
        "null",
        "nope",
        "日本語",
        "\U0001f600",
        "\ud800",
    ],
    *["0", "1", "4.5", " 5 ", "5.", "1e3", "0x10", "1e999", "1700000000", "1700000000000", "9" * 400],
    *["2026-01-02", "2026-02-30", "2026-01-02T03:04:05.000Z", "2026-01-02 03:04", "10:20:30Z"],
    *["jane@example.com", "https://x.test/a", "x:y", "example.com", "1.2.3.4", "::1"],
    "550e8400-e29b-41d4-a716-446655440000",
]
NUMBERS = [0, 1, 2, 7, -1, 3.5, 0.0, 5.0, 1e21, 1e-7, 100, 1700000000, 10**30]
UNSPEAKABLE = [float("nan"), float("inf"), 10**400, -(10**400)]
FORMATS = ["date", "time", "date-time", "email", "uri", "uuid", "hostname", "ipv4", "ipv6", "text"]
TYPES = ["string", "text", "password", "number", "integer", "boolean", "datetime", "object"]
SYNC_MODES = [None, "add", "delete"]

scalars = st.sampled_from([None, True, False, *TEXTS, *NUMBERS])


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """JSON with these leaves."""
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
        max_leaves=6,
    )


values = nested(scalars)
condition = st.fixed_dictionaries(
    {"fieldKey": st.sampled_from([*KEYS, "f1.a", "f2.b"]), "operator": st.sampled_from(["is", "is_not"])},
    optional={"value": st.sampled_from(["a", "hello", 1, True, None, ["a", "b", 2], [False]])},
) | st.fixed_dictionaries(
    {
        "type": st.just("syncMode"),
        "operator": st.sampled_from(["is", "is_not"]),
        "value": st.sampled_from(["add", ["add", "delete"]]),
    }
)
conditions = st.fixed_dictionaries(
    {"conditions": st.lists(condition, min_size=1, max_size=3)},
    optional={"match": st.sampled_from(["any", "all"])},
)


@st.composite
def a_field(draw: st.DrawFn, depth: int = 0) -> dict[str, Any]:
    """A field with any options that go together."""
    flag = st.sampled_from([False, False, True])
    field: dict[str, Any] = {
        "type": draw(st.sampled_from(TYPES)),
        "label": draw(st.sampled_from([None, "Label"])),
        "multiple": draw(flag),
        "allowNull": draw(flag),
        "additionalProperties": draw(flag),
        "required": draw(flag | conditions),
        "minimum": draw(st.sampled_from([None, None, 0, 1, 2.5])),
        "maximum": draw(st.sampled_from([None, None, 5, 50])),
        "format": draw(st.sampled_from([None, None, *FORMATS])),
        "choices": draw(
            st.sampled_from([None, None, None, ["a", "hello", {"value": 1}, True], [1, 2.0, "4.5"]])
        ),
    }
    if field["type"] == "object" and depth < 2 and draw(st.booleans()):
        field["properties"] = draw(fields(depth + 1))
    return field


def fields(depth: int = 0) -> st.SearchStrategy[dict[str, Any]]:
    """A few fields."""
    return st.dictionaries(st.sampled_from(KEYS[:-1]), a_field(depth), min_size=1, max_size=4)


@st.composite
def a_value(draw: st.DrawFn, field: dict[str, Any], depth: int = 0) -> Any:
    """A value that often fits the field."""
    if draw(st.integers(0, 3)) == 0 or depth > 3:
        return draw(values)
    if field["multiple"]:
        return draw(st.lists(a_value({**field, "multiple": False}, depth + 1), max_size=3))
    if field["type"] == "object":
        return draw(a_payload(field["properties"], depth + 1)) if "properties" in field else draw(values)
    fitting: dict[str, list[Any]] = {
        "boolean": [True, False, "true"],
        "number": NUMBERS,
        "integer": [1, 2, "7"],
    }
    return draw(st.sampled_from(fitting.get(field["type"], TEXTS)))


@st.composite
def a_payload(draw: st.DrawFn, raw: dict[str, Any], depth: int = 0) -> dict[str, Any]:
    """A payload that often fits the fields."""
    payload = {key: draw(a_value(field, depth)) for key, field in raw.items() if draw(st.integers(0, 4))}
    if draw(st.integers(0, 3)) == 0:
        payload[draw(st.sampled_from(KEYS))] = draw(values)
    return payload


@st.composite
def a_case(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any], str | None]:
    """Fields, a payload, and a sync mode."""
    raw = draw(fields())
    return raw, draw(a_payload(raw)), draw(st.sampled_from(SYNC_MODES))


def format_checker() -> jsonschema.FormatChecker:
    """The formats as jsonschema takes them."""
    checker = jsonschema.FormatChecker(formats=())
    for name, check in CHECKS.items():
        checker.checks(name)(lambda value, check=check: not isinstance(value, str) or check(value))
    return checker


FORMAT_CHECKER = format_checker()


@FAST
@given(a_case())
def test_fast_check_agrees(case: tuple[dict[str, Any], dict[str, Any], str | None]) -> None:
    """The generated check of a shaped payload agrees with jsonschema."""
    raw, payload, sync_mode = case
    specs = read_fields(raw)
    shaped = shaper(specs, additional=False)(payload)
    validator = jsonschema.Draft202012Validator(exact_schema(specs, sync_mode), format_checker=FORMAT_CHECKER)
    check = compile_check(specs, additional=False)
    assert check(shaped, sync_mode, True) is validator.is_valid(shaped)


@FAST
@given(a_case())
def test_the_check_is_the_long_way(case: tuple[dict[str, Any], dict[str, Any], str | None]) -> None:
    """A payload that passes at once would have come out of the long way unchanged."""
    raw, payload, sync_mode = case
    specs = read_fields(raw)
    if compile_check(specs, additional=False)(payload, sync_mode, False):
        assert shaper(specs, additional=False)(payload) is payload


@FAST
@given(a_case())
def test_what_passes_fits_the_published_schema(
    case: tuple[dict[str, Any], dict[str, Any], str | None],
) -> None:
    """What the check lets pass fits the schema that other programs read."""
    raw, payload, sync_mode = case
    try:
        checked = PayloadValidator(raw).check(payload, sync_mode)
    except PayloadError:
        return
    schema = fields_to_json_schema(raw)
    # Conditions on children of lists are read otherwise by us: see `validation.exact`.
    schema.pop("allOf", None)
    jsonschema.Draft202012Validator(schema, format_checker=FORMAT_CHECKER).validate(checked)


@FAST
@given(fields(), st.dictionaries(st.sampled_from(KEYS), nested(scalars | st.sampled_from(UNSPEAKABLE))))
def test_no_other_error(raw: dict[str, Any], payload: dict[str, Any]) -> None:
    """A payload passes or raises a PayloadError with problems; it is never changed."""
    before = copy.deepcopy(payload)
    validator = PayloadValidator(raw)
    problems = None
    try:
        validator.check(payload)
    except PayloadError as error:
        problems = error.problems
    assert problems is None or (problems and all(problem.path.startswith("$") for problem in problems))
    validator.clean(payload)
    assert repr(payload) == repr(before)
