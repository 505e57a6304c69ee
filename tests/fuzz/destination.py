"""A destination that asks its context and the network for everything there is, for random events.

It trusts nothing: whatever it gets as payload or response, it gives a request or an `ActionsError`, so
what else comes out of it is a fault of the engine.
"""

from __future__ import annotations

from typing import Any

from actions_core import (
    Client,
    Context,
    Destination,
    Job,
    JobStatus,
    MultiStatus,
    Poll,
    Registry,
    Request,
    RequestError,
    Tokens,
)

SLUG = "actions-random"
_TEXT = {"label": "L", "description": "D.", "type": "string"}
_ITEM = {"price": {"@path": "$.price"}, "name": {"@path": "$.name"}}
_FIELDS: dict[str, Any] = {
    "id": {**_TEXT, "allowNull": True, "default": {"@path": "$.userId"}},
    "email": {**_TEXT, "format": "email", "default": {"@path": "$.traits.email"}},
    "total": {**_TEXT, "type": "number", "minimum": 0, "default": {"@path": "$.properties.total"}},
    "count": {**_TEXT, "type": "integer", "default": {"@path": "$.properties.a"}},
    "at": {**_TEXT, "type": "datetime", "default": {"@path": "$.timestamp"}},
    "active": {**_TEXT, "type": "boolean", "default": {"@path": "$.properties.b"}},
    "link": {**_TEXT, "format": "uri", "default": {"@path": "$.context.page.url"}},
    "tags": {**_TEXT, "multiple": True, "default": {"@path": "$.properties.plan"}},
    "data": {**_TEXT, "type": "object", "additionalProperties": True, "default": {"@path": "$."}},
    "items": {
        **_TEXT,
        "type": "object",
        "multiple": True,
        "properties": {"price": {**_TEXT, "type": "number"}, "name": _TEXT},
        "default": {"@arrayPath": ["$.properties.products", _ITEM]},
    },
}  # fmt: skip
_ACTION: dict[str, Any] = {"title": "T", "description": "D.", "fields": _FIELDS}


def definition() -> dict[str, Any]:
    """Make the definition: an action by request, one by functions, one whose batches are jobs."""
    request = {
        "method": "POST",
        "url": {"@template": "/people/{{payload.id}}"},
        "headers": {"x-id": {"@path": "$.payload.email"}, "x-at": {"@path": "$.payload.at"}},
        "params": {"total": {"@path": "$.payload.total"}, "tags": {"@path": "$.payload.tags"}},
        "json": {"@path": "$.payload.data"},
    }
    many = {"method": "POST", "url": "/people", "json": {"@path": "$.payloads"}}
    modes = {"default": "upsert", "choices": [{"value": "upsert"}, {"value": "delete"}]}
    return {
        "slug": SLUG,
        "name": "Random",
        "mode": "cloud",
        "authentication": {"scheme": "oauth2", "fields": {}},
        "actions": {
            "stated": {**_ACTION, "request": request, "batchRequest": many},
            "written": {**_ACTION, "syncMode": modes},
            "later": {**_ACTION, "fields": {"id": _FIELDS["id"]}},
        },
        "onDelete": {"method": "DELETE", "url": {"@template": "/people/{{payload.userId}}"}},
    }


def make_destination() -> Destination:  # noqa: C901 - one function for each role
    """Make the destination with its functions."""
    made = Destination.from_definition(definition())

    @made.prepare
    def prepare(request: Request, context: Context) -> Request:
        return request.with_base("https://api.example.test").with_bearer(str(context.auth.access_token))

    @made.refresh_access_token
    async def refresh(refresh_token: str | None, client: Client) -> Tokens:
        response = await client.send(
            Request("POST", "https://api.example.test/token", form={"t": refresh_token})
        )
        told = response.json
        token = told.get("access_token") if isinstance(told, dict) else None
        if not isinstance(token, str):
            raise RequestError("no token came back")
        return Tokens(token)

    @made.action("written")
    async def written(  # noqa: PLR0917 - the parameters are the fields
        id: str | None = None,  # noqa: A002 - as the field is called
        email: str | None = None,
        total: float | None = None,
        count: int | None = None,
        at: str | None = None,
        active: bool | None = None,  # noqa: FBT001 - as above
        link: str | None = None,
        tags: list[str] | None = None,
        data: dict[str, Any] | None = None,
        items: list[dict[str, Any]] | None = None,
        *,
        context: Context,
        client: Client,
    ) -> None:
        payload = [id, email, total, count, at, active, link, tags, data, items]
        asked = {
            "key": context.idempotency_key,
            "member": context.membership,
            "audience": context.audience_settings,
            "mode": context.sync_mode,
        }
        context.warn("$.data", "is random")
        await client.send(Request("POST", "/written", json={"payload": payload, "asked": asked}))
        await client.send(Request("POST", "/form", form={"id": id, "tags": tags}))

    @made.batch("written")
    async def written_batch(payloads: list[dict[str, Any]], context: Context, client: Client) -> MultiStatus:
        response = await client.send(Request("POST", "/batch", json=[context.memberships, payloads]))
        nodes = MultiStatus()
        for _ in payloads:
            nodes.add_success(response.status, body=response.json)
        return nodes

    @made.action("later")
    def later(id: str | None = None) -> Request:  # noqa: A002 - as above
        return Request("PUT", "/later", body=f"{id}")

    @made.batch("later")
    async def later_batch(payloads: list[dict[str, Any]], client: Client) -> Job:
        await client.send(Request("POST", "/jobs", json=payloads))
        return Job("job")

    @made.poll("later")
    async def poll(job_id: str, client: Client) -> Poll:
        told = (await client.send(Request("GET", f"/jobs/{job_id}"))).json
        if isinstance(told, dict) and "job" in told:
            return Poll(JobStatus.IN_PROGRESS)
        return Poll(JobStatus.SUCCEEDED if isinstance(told, dict) else JobStatus.FAILED)

    return made


def make_registry() -> Registry:
    """Make a registry of the installed destinations and this one."""
    registry = Registry().discover()
    registry.register(make_destination())
    return registry
