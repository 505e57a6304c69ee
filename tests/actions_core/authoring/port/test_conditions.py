"""Conditions inferred from the calls that were refused, or that sent nothing."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from actions_core.authoring.port.conditions import conditions
from actions_core.authoring.port.samples import Sample, make_sample

_KINDS = ("sms", "email", "push")
_MESSAGE = "The destination does not take this."


def _payload(number: int) -> dict[str, Any]:
    payload: dict[str, Any] = {"id": f"id-{number}", "size": number, "kind": _KINDS[number % 3]}
    if number % 5 < 3:
        payload["phone"] = f"+1415555{number:04d}"
    if number % 7 < 3:
        payload["mail"] = f"a{number}@b.example"
    if number % 4 < 2:
        payload["list"] = [number] if number % 8 < 4 else []
    payload["bag"] = {"a": "x", "b": ({"c": 1}, "y", [2], 3)[number * 7 % 13 % 4]} if number % 13 else {}
    payload["url"] = (
        f"https://{'a' if number % 2 else 'b'}.chat.example/{number}"
        if number % 11 % 3
        else f"https://{'abc'[number % 3]}.other.example/{number}"
    )
    return payload


def _samples(refuse: Any, skip: Any) -> list[Sample]:
    """Return calls, of which some are refused with the message that a function gives, or send nothing."""
    samples = []
    for number in range(60):
        payload = _payload(number)
        message = refuse(payload)
        label = "refused" if message else "nothing" if skip(payload) else "sent"
        sample = make_sample({"payload": payload}, {}, {"type": "track"}, label, None)
        samples.append(attrs.evolve(sample, message=message))
    return samples


def _lacks(*names: str) -> Any:
    return lambda one: "" if any(one.get(name) for name in names) else "Say who it is"


_RULES: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "one of two fields": (
        _lacks("phone", "mail"),
        lambda _one: False,
        {"require": [{"anyOf": ["mail", "phone"]}]},
    ),
    "a field for one kind": (
        lambda one: "SMS needs a phone" if one["kind"] == "sms" and "phone" not in one else "",
        lambda _one: False,
        {"require": [{"if": 'payload.kind != "sms" or payload.phone != null', "message": _MESSAGE}]},
    ),
    "two rules with a message each": (
        lambda one: (
            "no push"
            if one["kind"] == "push"
            else "SMS needs a phone"
            if one["kind"] == "sms" and "phone" not in one
            else ""
        ),
        lambda _one: False,
        {
            "require": [
                {"if": 'payload.kind != "push"', "message": _MESSAGE},
                {"if": 'payload.kind != "sms" or payload.phone != null', "message": _MESSAGE},
            ]
        },
    ),
    "the hosts of an address": (
        lambda one: "" if ".chat.example" in one["url"] else "Invalid address",
        lambda _one: False,
        {
            "require": [
                {
                    "if": 'match(payload.url, "https://a.chat.example/*") or '
                    'match(payload.url, "https://b.chat.example/*")',
                    "message": _MESSAGE,
                }
            ]
        },
    ),
    "an object of plain values": (
        lambda one: "no objects" if any(isinstance(value, dict) for value in one["bag"].values()) else "",
        lambda _one: False,
        {
            "require": [
                {
                    "if": {"@jmespath": "!(values(payload.bag || `{}`)[?type(@) == 'object'])"},
                    "message": _MESSAGE,
                }
            ]
        },
    ),
    "an object of texts": (
        lambda one: (
            "Invalid value for 'b'"
            if any(not isinstance(value, str) for value in one["bag"].values())
            else ""
        ),
        lambda _one: False,
        {
            "require": [
                {
                    "if": {"@jmespath": "!(values(payload.bag || `{}`)[?type(@) != 'string'])"},
                    "message": _MESSAGE,
                }
            ]
        },
    ),
    "nothing is sent without a field": (
        lambda _one: "",
        lambda one: "phone" not in one,
        {"when": {"if": "payload.phone != null"}},
    ),
    "nothing is sent without one of two fields": (
        lambda _one: "",
        lambda one: "phone" not in one and "mail" not in one,
        {"when": {"if": "payload.mail != null or payload.phone != null"}},
    ),
    "what is not sent need not have what is required": (
        lambda one: "no phone" if "mail" in one and "phone" not in one else "",
        lambda one: "mail" not in one,
        {"when": {"if": "payload.mail != null"}, "require": [{"anyOf": ["phone"]}]},
    ),
    "what is refused once follows no rule": (
        lambda one: "bad luck" if one["id"] == "id-7" else "",
        lambda _one: False,
        {},
    ),
    "what depends on the size follows no rule that is tried": (
        lambda one: "too large" if one["size"] > 30 else "",
        lambda _one: False,
        {},
    ),
}


@pytest.mark.parametrize(("refuse", "skip", "expected"), _RULES.values(), ids=_RULES)
def test_a_rule_is_found(refuse: Any, skip: Any, expected: dict[str, Any]) -> None:
    """Calls that are refused with one message, or send nothing, give the condition that they do not meet."""
    assert conditions(_samples(refuse, skip)) == expected
