"""The base URL and headers that a definition gives to all requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions_core.destination.context import Auth
from actions_core.destination.requests import SharedBase
from actions_core.http.requests import Request

if TYPE_CHECKING:
    from actions_core.values.types import JsonObject


def test_the_base_is_resolved_once() -> None:
    """What all requests share is resolved for the first one, and again when the access token has changed."""
    settings: JsonObject = {"host": "https://one.example"}
    auth = Auth("t-1")
    base = SharedBase(
        {
            "baseUrl": {"@path": "$.settings.host"},
            "headers": {"authorization": {"@template": "Bearer {{auth.accessToken}}"}},
        },
        settings,
        auth,
    )
    first = base.complete(Request("GET", "/a"))
    assert (first.url, first.headers) == ("https://one.example/a", {"authorization": "Bearer t-1"})
    settings["host"] = "https://two.example"
    assert base.complete(Request("GET", "/a")) == first
    auth.access_token = "t-2"
    again = base.complete(Request("GET", "/b", headers={"Authorization": "own"}))
    assert (again.url, again.headers) == ("https://two.example/b", {"Authorization": "own"})
    assert base.complete(Request("GET", "https://other.example/")).headers == {}
