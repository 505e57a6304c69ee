"""The API's calls, the roles that may make them, and their functions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import unquote

import attrs

from actions_core import MISSING
from actions_fullstory.sandbox.answers import answer, invalid, missing

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core import Json, Request, Response
    from actions_fullstory.sandbox.batches import Batches, Kind
    from actions_fullstory.sandbox.organization import Organization

_WRITERS: Final = frozenset({"USER", "ARCHITECT", "ADMIN"})
_KEEPERS: Final = frozenset({"ARCHITECT", "ADMIN"})


@attrs.frozen
class Call:
    """A parsed request and the data that it works on."""

    request: Request
    role: str
    parts: dict[str, str]
    query: dict[str, list[str]]
    organization: Organization
    batches: Batches

    def part(self, name: str) -> str:
        """Return a part of the path, decoded."""
        return unquote(self.parts[name])

    def asked(self, name: str) -> str:
        """Return a parameter of the query, "" if it is absent."""
        return self.query.get(name, [""])[0]

    @property
    def kind(self) -> Kind:
        """`users` or `events`: the kind of a batch."""
        return "users" if self.parts["kind"] == "users" else "events"

    @property
    def body(self) -> Json:
        """The request's JSON; raises a refusal where it has none."""
        if self.request.json is not MISSING:
            return self.request.json
        raise invalid("request body must be JSON") if self.request.body else missing("request body")


def _me(call: Call) -> Response:
    return answer({"email": "sandbox@example.com", "orgId": "SANDBOX", "role": call.role})


def _quotas(call: Call) -> Response:
    used = len(call.organization.events)
    return answer({"quotas": [{"type": "SERVER_EVENTS", "used": used, "limit": 1_000_000}]})


def _set_properties(call: Call) -> Response:
    call.organization.set_properties(call.part("uid"), call.body)
    return answer({})


def _track_custom(call: Call) -> Response:
    call.organization.track_custom(call.part("uid"), call.body)
    return answer({})


def _create_user(call: Call) -> Response:
    return answer({"id": call.organization.upsert(call.body).id})


def _update_user(call: Call) -> Response:
    return answer({"id": call.organization.update(call.part("id"), call.body).id})


def _get_user(call: Call) -> Response:
    return answer(call.organization.user(call.part("id")).to_json())


def _list_users(call: Call) -> Response:
    uid = call.asked("uid")
    found = [call.organization.find(uid)] if uid else list(call.organization.users.values())
    results = [user.to_json() for user in found if user is not None]
    return answer({"results": results, "total_records": str(len(results)), "next_page_token": ""})


def _delete_user(call: Call) -> Response:
    call.organization.delete(call.asked("uid"))
    return answer({})


def _create_event(call: Call) -> Response:
    call.organization.track(call.body)
    return answer({})


def _create_batch(call: Call) -> Response:
    return call.batches.create(call.kind, call.body)


def _batch_status(call: Call) -> Response:
    return call.batches.status(call.kind, call.part("job"))


def _batch_page(which: Literal["imports", "errors"]) -> Callable[[Call], Response]:
    return lambda call: call.batches.page(call.kind, call.part("job"), which, call.asked("page_token"))


@attrs.frozen
class Route:
    """One call of the API; `roles` is None where any key may make it."""

    method: str
    path: re.Pattern[str]
    work: Callable[[Call], Response]
    roles: frozenset[str] | None = None
    idempotent: bool = False


def _route(
    call: str, work: Callable[[Call], Response], roles: frozenset[str] | None, *, idempotent: bool = False
) -> Route:
    method, _, path = call.partition(" ")
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path.replace("{kind}", "(?P<kind>users|events)"))
    return Route(method, re.compile(pattern), work, roles, idempotent)


ROUTES: Final = (
    _route("GET /me", _me, None),
    _route("GET /v2/organization/quotas", _quotas, None),
    _route("POST /users/v1/individual/{uid}/customvars", _set_properties, _WRITERS),
    _route("POST /users/v1/individual/{uid}/customevent", _track_custom, _WRITERS),
    _route("POST /v2/users", _create_user, _WRITERS, idempotent=True),
    _route("GET /v2/users", _list_users, _KEEPERS),
    _route("DELETE /v2/users", _delete_user, _KEEPERS),
    _route("POST /v2/events", _create_event, _WRITERS, idempotent=True),
    _route("POST /v2/{kind}/batch", _create_batch, _WRITERS, idempotent=True),
    _route("GET /v2/{kind}/batch/{job}", _batch_status, _WRITERS),
    _route("GET /v2/{kind}/batch/{job}/imports", _batch_page("imports"), _KEEPERS),
    _route("GET /v2/{kind}/batch/{job}/errors", _batch_page("errors"), _KEEPERS),
    _route("POST /v2/users/{id}", _update_user, _WRITERS),
    _route("GET /v2/users/{id}", _get_user, _KEEPERS),
)
