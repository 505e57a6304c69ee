"""Expressions inferred from columns: each rule by what it has to find."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from actions_core.authoring.port.columns import FAILED, Budget, Column
from actions_core.authoring.port.inference import infer
from actions_core.authoring.port.samples import make_sample, without_free_keys
from actions_core.mapping import compile_mapping
from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[[dict[str, Any]], Any]

_TIERS = ("one", "two", "three")


def _payload(number: int) -> dict[str, Any]:
    """Return a payload in which optional values come and go."""
    payload: dict[str, Any] = {
        "id": f"user-{number * 7919:08x}",
        "email": f" Jane{number}@Example.com ",
        "count": number * 3 + 1000,
        "tier": _TIERS[number % 3],
        "active": number % 2 == 0,
        "time": f"2026-01-02T03:04:{number:02d}.000Z",
        "items": [{"sku": f"s{number}-{place}", "price": place + number} for place in range(number % 3)],
        "traits": {f"key{number}": number, f"more{number}": "x"},
        "bag": {f"own{number}": number + 0.5} if number % 4 else {},
        "os": ("ios", "android", "mac", f"os-{number}", f"unknown {number}")[number % 11 % 5],
        "day": f"2026-01-{number + 1:02d}T03:04:05.000Z",
        "when": f"2026-01-02T03:04:{number:02d}.000Z" if number % 4 else "soon",
        "title": f"The Title {number * 31}",
        "words": [f"w{number}-{place}" for place in range(number % 4)],
    }
    if number % 7 < 4:  # an order of its own
        payload["phone"] = f"+1415555{number:04d}"
    if number % 5 < 2:  # an order of its own
        payload["name"] = f"Name {number}"
    return payload


_PAYLOADS = [_payload(number) for number in range(24)]
_SAMPLES = without_free_keys(
    [
        make_sample({"payload": one}, {"key": f"secret.{place % 4}"}, {}, "sent", None)
        for place, one in enumerate(_PAYLOADS)
    ]
)
_OPEN: dict[str, frozenset[str]] = {"$.payload.traits": frozenset(), "$.payload.bag": frozenset()}


def column(make: Make, **options: Any) -> Column:
    """Return the column that a function makes of the payloads."""
    values = [make(one) for one in _PAYLOADS]
    scopes = [one.values for one in _SAMPLES]
    roots = [one.scope for one in _SAMPLES]
    return Column.of(scopes, values, roots=roots, open_objects=_OPEN, **options)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _path(name: str) -> dict[str, str]:
    return {"@path": f"$.payload.{name}"}


_RULES: dict[str, tuple[Make, Any]] = {
    "a constant": (lambda _one: "v2", "v2"),
    "nothing": (lambda _one: MISSING, MISSING),
    "a field": (lambda one: one["id"], _path("id")),
    "a field that comes and goes": (lambda one: one.get("phone", MISSING), _path("phone")),
    "a whole object": (lambda one: one["traits"], _path("traits")),
    "an object of fields": (
        lambda one: {"user": {"id": one["id"]}, "v": 1},
        {"user": {"id": _path("id")}, "v": 1},
    ),
    "a text with fields in it": (
        lambda one: f"/u/{one['id']}/n{one['count']}",
        {"@template": "/u/{{payload.id}}/n{{payload.count}}"},
    ),
    "a number as text": (lambda one: str(one["count"]), {"@template": "{{payload.count}}"}),
    "small letters without blanks": (
        lambda one: one["email"].strip().lower(),
        {"@liquid": "{{ payload.email | strip | downcase }}"},
    ),
    "seconds": (
        lambda one: 1767323040 + int(one["time"][17:19]),
        {"@time": {"value": _path("time"), "as": "s"}},
    ),
    "milliseconds": (
        lambda one: (1767323040 + int(one["time"][17:19])) * 1000,
        {"@time": {"value": _path("time"), "as": "ms"}},
    ),
    "a hashed address": (
        lambda one: _sha256(one["email"].strip().lower()),
        {"@hash": {"value": _path("email"), "as": "email"}},
    ),
    "the first of two": (
        lambda one: one.get("name", one["id"]),
        {"@if": {"exists": _path("name"), "then": _path("name"), "else": _path("id")}},
    ),
    "a field, or nothing worth a word": (
        lambda one: one.get("phone", 0),
        {"@if": {"exists": _path("phone"), "then": _path("phone"), "else": {"@literal": 0}}},
    ),
    "a constant where a field is": (
        lambda one: "sms" if "phone" in one else MISSING,
        {"@if": {"exists": _path("phone"), "then": "sms"}},
    ),
    "a constant where a field is not": (
        lambda one: MISSING if "name" in one else "mail",
        {"@if": {"exists": _path("name"), "else": "mail"}},
    ),
    "one of several by a field": (
        lambda one: {"one": 1, "two": 20, "three": 300}[one["tier"]],
        {"@choose": {"by": _path("tier"), "of": {"one": 1, "two": 20, "three": 300}}},
    ),
    "a few values looked up, the others left out": (
        lambda one: {"ios": "mobile", "android": "mobile", "mac": "desktop"}.get(one["os"], MISSING),
        {
            "@choose": {
                "by": _path("os"),
                "of": {"ios": "mobile", "android": "mobile", "mac": "desktop"},
            }
        },
    ),
    "a few values looked up, the others in capitals": (
        lambda one: "IOS" if one["os"] == "mac" else one["os"].upper(),
        {
            "@choose": {
                "by": _path("os"),
                "of": {"mac": "IOS"},
                "else": {"@liquid": "{{ payload.os | upcase }}"},
            }
        },
    ),
    "a list of made items": (
        lambda one: [{"id": item["sku"], "unit": "pc"} for item in one["items"]],
        {"@arrayPath": ["$.payload.items", {"id": {"@path": "$.sku"}, "unit": "pc"}]},
    ),
    "a field where two are there": (
        lambda one: f"{one['name']}/{one['phone']}" if "name" in one and "phone" in one else MISSING,
        {
            "@if": {
                "exists": _path("name"),
                "then": {
                    "@if": {
                        "exists": _path("phone"),
                        "then": {"@template": "{{payload.name}}/{{payload.phone}}"},
                    }
                },
            }
        },
    ),
    "one thing with a field, another without": (
        lambda one: f"{one['id']} {one['name']}" if "name" in one else f"only {one['id']}",
        {
            "@if": {
                "exists": _path("name"),
                "then": {"@template": "{{payload.id}} {{payload.name}}"},
                "else": {"@template": "only {{payload.id}}"},
            }
        },
    ),
    "the first of two, turned": (
        lambda one: one["name"].upper() if "name" in one else one["id"],
        {
            "@if": {
                "exists": _path("name"),
                "then": {"@liquid": "{{ payload.name | upcase }}"},
                "else": _path("id"),
            }
        },
    ),
    "the date of a time": (
        lambda one: one["day"][:10],
        {"@time": {"value": _path("day"), "as": "date"}},
    ),
    "a time, or null for what is none": (
        lambda one: None if one["when"] == "soon" else 1767323040 + int(one["when"][17:19]),
        {"@time": {"value": _path("when"), "as": "s", "else": None}},
    ),
    "a text in small letters without blanks": (
        lambda one: one["title"].lower().replace(" ", "_"),
        {"@liquid": '{{ payload.title | downcase | replace: " ", "_" }}'},
    ),
    "a hash of small letters without blanks": (
        lambda one: _sha256("".join(one["title"].lower().split())),
        {"@hash": {"value": {"@liquid": '{{ payload.title | downcase | strip | remove: " " }}'}}},
    ),
    "hashes of a list": (
        lambda one: [_sha256(word) for word in one["words"]],
        {"@hash": {"value": _path("words"), "as": "email"}},
    ),
    "a list as text": (lambda one: ",".join(one["words"]), {"@template": "{{payload.words}}"}),
    "a text in Base64": (
        lambda one: base64.b64encode(f"{one['id']}:{one['count']}".encode()).decode(),
        {
            "@liquid": "{% capture text %}{{payload.id}}:{{payload.count}}{% endcapture %}"
            "{{ text | base64_encode }}"
        },
    ),
    "microseconds as text": (
        lambda one: f"{1767323040 + int(one['time'][17:19])}000000",
        {"@json": {"mode": "encode", "value": {"@time": {"value": _path("time"), "as": "us"}}}},
    ),
    "JSON of an object": (
        lambda one: json.dumps({"id": one["id"], "n": one["count"]}, separators=(",", ":")),
        {"@json": {"mode": "encode", "value": {"id": _path("id"), "n": _path("count")}}},
    ),
    "an item for each key of an object": (
        lambda one: [{"name": key, "value": str(value)} for key, value in one["traits"].items()],
        {
            "@values": {
                "value": _path("traits"),
                "each": {"name": {"@path": "$.key"}, "value": {"@template": "{{value}}"}},
                "list": True,
            }
        },
    ),
    "an object with its values as text": (
        lambda one: {key: str(value) for key, value in one["traits"].items()},
        {"@values": {"value": _path("traits"), "as": "text"}},
    ),
    "an object with only its numbers": (
        lambda one: {key: value for key, value in one["traits"].items() if isinstance(value, int)},
        {
            "@values": {
                "value": _path("traits"),
                "each": {
                    "@choose": {"by": {"@jmespath": "type(value)"}, "of": {"number": {"@path": "$.value"}}}
                },
            }
        },
    ),
    "an object that is left out where it is empty": (
        lambda one: {**one["bag"], **({"n": one["name"]} if "name" in one else {})} or MISSING,
        {
            "@transform": {
                "apply": {
                    "@omit": {
                        "value": {
                            "made": {
                                "@merge": {
                                    "objects": [
                                        {
                                            "@if": {
                                                "exists": _path("bag"),
                                                "then": _path("bag"),
                                                "else": {},
                                            }
                                        },
                                        {"n": _path("name")},
                                    ],
                                    "direction": "right",
                                }
                            }
                        },
                        "values": [{}],
                    }
                },
                "mapping": {"@path": "$.made"},
            }
        },
    ),
    "two objects of any keys": (
        lambda one: {**one["traits"], **one["bag"]},
        {
            "@merge": {
                "objects": [
                    {"@if": {"exists": _path("bag"), "then": _path("bag"), "else": {}}},
                    {"@if": {"exists": _path("traits"), "then": _path("traits"), "else": {}}},
                ],
                "direction": "right",
            }
        },
    ),
    "fields over an object": (
        lambda one: {**one["traits"], "id": one["id"]},
        {
            "@merge": {
                "objects": [
                    {"@if": {"exists": _path("traits"), "then": _path("traits"), "else": {}}},
                    {"id": _path("id")},
                ],
                "direction": "right",
            }
        },
    ),
}


@pytest.mark.parametrize(("make", "expected"), _RULES.values(), ids=_RULES)
def test_a_rule_is_found(make: Make, expected: Any) -> None:
    """The expression says what the column is made of."""
    assert infer(column(make)) == expected


@pytest.mark.parametrize("make", [make for make, _ in _RULES.values()], ids=_RULES)
def test_what_is_found_gives_the_column_again(make: Make) -> None:
    """Compiled as a mapping, the expression gives each value of its column."""
    found = infer(column(make))
    mapping = compile_mapping({} if found is MISSING else {"it": found})
    for payload in _PAYLOADS:
        wanted = make(payload)
        assert mapping.resolve({"payload": payload}) == ({} if wanted is MISSING else {"it": wanted})


def test_what_follows_no_rule_fails() -> None:
    """A column that nothing gives is a failure, never a guess."""
    assert infer(column(lambda one: _sha256(one["id"] * 2))) is FAILED


def test_values_of_a_query_are_compared_as_text() -> None:
    """In a query, a number and a boolean are what they are written as."""
    assert infer(column(lambda one: str(one["count"])), text=True) == _path("count")
    flags = column(lambda one: "true" if one["active"] else "false")
    assert infer(flags, text=True) == _path("active")


def test_no_rule_depends_on_which_secret_was_made_up() -> None:
    """What only goes with the made-up settings of the calls is no rule."""
    found = infer(column(lambda one: _PAYLOADS.index(one) % 4 == 0 or MISSING))
    assert "settings" not in str(found)


def test_looking_ends_when_its_budget_is_spent() -> None:
    """What follows no rule is given up after so many columns."""
    budget = Budget(3)
    made = column(lambda one: {"a": {"b": {"c": {"d": _sha256(one["id"] * 2)}}}}, budget=budget)
    assert infer(made) is FAILED
    assert budget.left < 0
