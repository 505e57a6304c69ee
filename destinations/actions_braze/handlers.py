"""Aliases, identification, campaigns and Canvases: one request for each event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actions_braze.definition import destination, errors_of, refusal
from actions_core import Choices, PayloadError, Request, present

if TYPE_CHECKING:
    from actions_core import Client, Context, JsonObject, Payload

#: Where each kind of message is sent from, and where those that there are are listed.
_SENDS: Final = {"triggerCampaign": "/campaigns/trigger/send", "triggerCanvas": "/canvas/trigger/send"}


@destination.action("createAlias", "createAlias2")
async def create_alias(payload: Payload, client: Client) -> None:
    """Give a user an alias."""
    alias = present({key: payload.get(key) for key in ("external_id", "alias_name", "alias_label")})
    await _post("/users/alias/new", {"user_aliases": [alias]}, client)


@destination.action("identifyUser", "identifyUser2")
async def identify_user(payload: Payload, client: Client) -> None:
    """Tell who the user of an alias, or of an email address, is."""
    body: JsonObject = {key: payload[key] for key in ("merge_behavior",) if key in payload}
    user = {"external_id": payload["external_id"]}
    if "user_alias" in payload:
        body["aliases_to_identify"] = [{**user, "user_alias": payload["user_alias"]}]
    if "email_to_identify" in payload:
        priorities = _priorities(payload)
        if not priorities:
            raise PayloadError.at("$.prioritization.first_priority", "An email needs a first priority.")
        email = {"email": payload["email_to_identify"], "prioritization": priorities}
        body["emails_to_identify"] = [{**user, **email}]
    await _post("/users/identify", body, client)


@destination.action(*_SENDS)
def trigger(payload: Payload, context: Context) -> Request:
    """Send a campaign, or start a Canvas."""
    recipients = payload.get("recipients")
    if not payload.get("broadcast") and not recipients:
        raise PayloadError.at("$.recipients", 'Recipients are required where "broadcast" is not true.')
    if payload.get("broadcast") and recipients:
        raise PayloadError.at("$.recipients", 'There are no recipients where "broadcast" is true.')
    body = dict(payload)
    if recipients and "prioritization" in payload:
        priorities = _priorities(payload)
        del body["prioritization"]
        if priorities:
            body["recipients"] = [{**one, "prioritization": priorities} for one in recipients]
    return Request("POST", _SENDS[context.action], json=body)


@destination.dynamic_field("triggerCampaign", "campaign_id")
async def campaigns(page: str | None, client: Client) -> Choices:
    """List a page of campaigns."""
    return await _listed("/campaigns/list", "campaigns", page, client)


@destination.dynamic_field("triggerCanvas", "canvas_id")
async def canvases(page: str | None, client: Client) -> Choices:
    """List a page of Canvases."""
    return await _listed("/canvas/list", "canvases", page, client)


async def _listed(path: str, key: str, page: str | None, client: Client) -> Choices:
    """List a page; Braze numbers them from 0, and one behind the last is empty."""
    number = int(page or 0)
    response = await client.send(Request("GET", path, params={"page": str(number)}))
    found = response.json.get(key) or []
    choices = tuple({"label": str(one.get("name")), "value": one["id"]} for one in found)
    return Choices(choices, str(number + 1) if choices else None)


async def _post(path: str, body: JsonObject, client: Client) -> None:
    """Send a body, to which Braze responds with a success even where it refuses it."""
    response = await client.send(Request("POST", path, json=body))
    for error in errors_of(response.json):
        raise refusal(error)


def _priorities(payload: Payload) -> list[str]:
    given = payload.get("prioritization", {})
    return [given[key] for key in ("first_priority", "second_priority") if given.get(key)]
