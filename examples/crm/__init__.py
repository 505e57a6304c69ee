"""A made-up CRM: one destination that uses every feature of the framework."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from actions_core import (
    Audience,
    Choices,
    Client,
    Context,
    Destination,
    Items,
    Job,
    JobStatus,
    JsonObject,
    MultiStatus,
    Node,
    Payload,
    Poll,
    Request,
    Tokens,
    hash_personal,
    present,
)

destination = Destination.from_definition(Path(__file__).with_name("destination.json"))


# -- every request, and its credentials ------------------------------------------------------------


@destination.prepare
def prepare(request: Request, context: Context) -> Request:
    """Add the base URL and the current access token."""
    token = context.auth.access_token
    return request.with_base(context.settings["baseUrl"], {"authorization": f"Bearer {token}"})


@destination.refresh_access_token
async def refresh(refresh_token: str, refresh_token_url: str, client: Client) -> Tokens:
    """Exchange the refresh token. The engine calls this once, however many events wait for it."""
    answer = await client.send(Request("POST", refresh_token_url, form={"refresh_token": refresh_token}))
    return Tokens(answer.json["access_token"], answer.json.get("refresh_token"))


@destination.test_authentication
def test_authentication() -> Request:
    """Ask for whom the token speaks."""
    return Request("GET", "/me")


# -- contacts: sync modes, a hook's output, batches with an outcome for each ---------------------------


def contact(payload: Payload, context: Context) -> JsonObject:
    """Return a contact as the API takes it."""
    email = str(payload["email"])
    listed = context.hook_outputs.get("onMappingSave", {}).get("listId")
    return present(
        {
            "email_sha256": hash_personal(email, normalize="email"),
            "list": payload.get("listId", listed),
            "properties": payload.get("properties", {}),
        }
    )


@destination.action("syncContact")
def sync_contact(
    email: str,
    reason: str | None = None,
    list_id: str | None = None,
    properties: dict[str, object] | None = None,
    *,
    context: Context,
) -> Request:
    """Send one contact, or delete it."""
    payload = {"email": email, "properties": properties or {}}
    body = contact(payload if list_id is None else {**payload, "listId": list_id}, context)
    if context.sync_mode == "delete":
        return Request("POST", "/contacts/delete", json={**body, "reason": reason})
    return Request("POST", "/contacts", json=body)


@destination.batch("syncContact", each=contact)
async def sync_contacts(items: Items, client: Client) -> MultiStatus:
    """Send many contacts in one request; the API answers with an outcome for each."""
    answer = await client.send(Request("POST", "/contacts/batch", json=items.values))
    outcomes = {
        place: Node(outcome["status"], body=outcome, errormessage=outcome.get("message"))
        for place, outcome in enumerate(answer.json)
    }
    return items.results(answer, outcomes)


@destination.hook("syncContact", "onMappingSave")
async def make_list(name: str, client: Client) -> dict[str, str]:
    """Make a list when the mapping is saved; its id is kept in the mapping."""
    answer = await client.send(Request("POST", "/lists", json={"name": name}))
    return {"listId": answer.json["id"]}


@destination.dynamic_field("syncContact", "listId")
async def lists(query: str | None, page: str | None, client: Client) -> Choices:
    """List the lists, page by page."""
    answer = await client.send(Request("GET", "/lists", params={"q": query, "page": page}))
    choices = tuple({"label": item["name"], "value": item["id"]} for item in answer.json["lists"])
    return Choices(choices, answer.json.get("next"))


@destination.dynamic_field("syncContact", "properties.__keys__")
async def property_names(client: Client) -> Choices:
    """List the properties that the CRM knows."""
    answer = await client.send(Request("GET", "/properties"))
    return Choices(tuple({"label": name, "value": name} for name in answer.json))


@destination.dynamic_field("syncContact", "properties.__values__")
async def property_values(selected_key: str, client: Client) -> Choices:
    """List the values that a property may have."""
    answer = await client.send(Request("GET", f"/properties/{quote(selected_key, safe='')}"))
    return Choices(tuple({"label": value, "value": value} for value in answer.json))


# -- an import that the API works off later ---------------------------------------------------------


@destination.action("importContacts")
def import_contact(email: str) -> Request:
    """Import one contact at once."""
    return Request("POST", "/contacts", json={"email": email})


@destination.batch("importContacts")
async def import_contacts(payloads: list[dict[str, object]], client: Client) -> Job:
    """Hand over many contacts and remember the job."""
    emails = [payload["email"] for payload in payloads]
    answer = await client.send(Request("POST", "/imports", json=emails))
    return Job(answer.json["job"])


@destination.poll("importContacts")
async def poll_import(job_id: str, upload_count: int, client: Client) -> Poll:
    """Ask how the job is doing; the API names the contacts that it refused by their position."""
    answer = (await client.send(Request("GET", f"/imports/{quote(job_id, safe='')}"))).json
    if answer["state"] == "running":
        return Poll(JobStatus.IN_PROGRESS)
    outcomes = MultiStatus()
    for index in range(upload_count):
        refusal = answer["refused"].get(str(index))
        if refusal is None:
            outcomes.add_success()
        else:
            outcomes.add_failure(400, refusal, body=refusal)
    return Poll(JobStatus.SUCCEEDED, outcomes)


# -- audiences ---------------------------------------------------------------------------------------


@destination.create_audience
async def create_audience(audience_name: str, audience_settings: dict[str, str], client: Client) -> Audience:
    """Create an audience."""
    body = {"name": audience_name, "folder": audience_settings["folder"]}
    return Audience((await client.send(Request("POST", "/audiences", json=body))).json["id"])


@destination.get_audience
async def get_audience(external_id: str, client: Client) -> Audience:
    """Look an audience up."""
    return Audience(
        (await client.send(Request("GET", f"/audiences/{quote(external_id, safe='')}"))).json["id"]
    )


@destination.action("syncAudience")
def sync_audience(user_id: str, audience_id: str, context: Context) -> Request:
    """Add the user to the audience, or take the user out, as the event says."""
    method = "DELETE" if context.membership is False else "POST"
    return Request(method, f"/audiences/{quote(audience_id, safe='')}/members", json=[user_id])


@destination.batch("syncAudience")
async def sync_members(payloads: list[dict[str, object]], context: Context, client: Client) -> None:
    """Add and take out many users with at most two requests; their memberships are in the payloads' order."""
    for member, method in ((True, "POST"), (False, "DELETE")):
        users = [
            payload["userId"]
            for payload, inside in zip(payloads, context.memberships, strict=True)
            if inside is member
        ]
        if users:
            url = f"/audiences/{quote(str(payloads[0]['audienceId']), safe='')}/members"
            await client.send(Request(method, url, json=users))
