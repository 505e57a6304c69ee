"""Which events may go to an instance: their `integrations` and their consent."""

from __future__ import annotations

from typing import Any

import pytest

from actions_core.engine.filters import Permissions

NAMES = ("i-1", "slug", "The Name")
#: What says neither yes nor no.
NOTHING: tuple[Any, ...] = (None, 0, 1, "false", [])


@pytest.mark.parametrize(
    ("integrations", "said_no"),
    [
        (None, ""),
        ([False], ""),
        ({}, ""),
        ({"All": False}, "All"),
        ({"All": {"a": 1}}, ""),
        ({"All": False, "other": True}, "All"),
        ({"All": 0}, ""),
        *(({"All": False, name: yes}, "") for name in NAMES for yes in (True, {}, {"a": 1})),
        *(({"All": True, name: False}, name) for name in NAMES),
        *(({"All": False, name: what}, "All") for name in NAMES for what in NOTHING),
        ({"i-1": True, "slug": False, "The Name": False}, ""),
        ({"slug": False, "The Name": True}, "slug"),
        ({"i-1": 1, "slug": True, "The Name": False}, ""),
    ],
)
def test_the_most_specific_name_in_integrations_decides(integrations: Any, said_no: str) -> None:
    """The first of the names that is true, false or an object decides, then `All`; a `delete` always goes."""
    permissions = Permissions(NAMES)
    refusal = permissions.refusal({"type": "track", "integrations": integrations})
    assert refusal == (f"the event's integrations have {said_no!r} false" if said_no else "")
    assert permissions.refusal({"type": "delete", "integrations": integrations}) == ""
    assert permissions.refusal({"type": "track"}) == ""


@pytest.mark.parametrize(
    ("context", "lacking"),
    [
        (None, ""),
        ([], ""),
        ({}, ""),
        ({"consent": None}, ""),
        ({"consent": {"categoryPreferences": {"Ads": True, "Sales": True, "More": False}}}, ""),
        ({"consent": {"categoryPreferences": {"Ads": True, "Sales": False}}}, "'Sales'"),
        ({"consent": {"categoryPreferences": {"Ads": 1, "Sales": True}}}, "'Ads'"),
        ({"consent": {"categoryPreferences": {}}}, "'Ads', 'Sales'"),
        ({"consent": {"categoryPreferences": ["Ads", "Sales"]}}, "'Ads', 'Sales'"),
        ({"consent": {}}, "'Ads', 'Sales'"),
        ({"consent": "yes"}, "'Ads', 'Sales'"),
        ({"consent": False}, "'Ads', 'Sales'"),
    ],
)
def test_consent_must_grant_every_category(context: Any, lacking: str) -> None:
    """An event with consent goes where all categories are true; a `delete` goes anywhere."""
    event = {"type": "track", "context": context}
    refusal = Permissions(NAMES, ("Ads", "Sales")).refusal(event)
    assert refusal == (f"the event's consent does not grant {lacking}" if lacking else "")
    assert Permissions(NAMES, ("Ads", "Sales")).refusal({**event, "type": "delete"}) == ""
    assert Permissions(NAMES).refusal(event) == ""


def test_integrations_come_before_consent() -> None:
    """Where both hold an event back the first reason is told."""
    event = {"type": "track", "integrations": {"All": False}, "context": {"consent": {}}}
    assert "integrations" in Permissions(NAMES, ("Ads",)).refusal(event)
