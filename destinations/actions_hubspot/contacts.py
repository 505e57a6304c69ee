"""Contacts: one by one under their email addresses, or up to 100 of a batch in a request.

HubSpot moves a lifecycle stage only forward. One that it did not take is emptied first, then set again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from actions_core import ActionsError, MultiStatus, Request, RequestError, ResponseError
from actions_hubspot.definition import (
    AGAIN,
    CONFLICT,
    MOST,
    NOT_FOUND,
    body_of,
    destination,
    id_of,
    objects_in,
    part,
    properties_of,
    refusal,
)
from actions_hubspot.memory import contact_fails, contact_is, contact_starts
from actions_hubspot.properties import flat_properties, named_properties

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from actions_core import BatchItem, Client, Context, Items, JsonObject, Payload

_CONTACTS: Final = "/crm/v3/objects/contacts"
_PROPERTIES: Final = (
    *("email", "company", "firstname", "lastname", "phone", "website", "lifecyclestage"),
    *("address", "city", "state", "country", "zip"),
)
_READ: Final = ("email", "lifecyclestage", "hs_additional_emails")
_STAGE: Final = "lifecyclestage"
_MISSING: Final = "OBJECT_NOT_FOUND"


def contact(payload: Payload) -> JsonObject:
    """Return the properties of a contact."""
    return {**named_properties(payload, *_PROPERTIES), **flat_properties(payload.get("properties"))}


@destination.action("upsertContact")
async def upsert_contact(payload: Payload, context: Context, client: Client) -> None:
    """Update a contact, or create the one that is not there, and remember it for its company."""
    contact_starts(context)
    try:
        contact_is(context, await _upsert(payload["email"].strip(), contact(payload), client))
    except BaseException:  # cancelled, too: nobody waits for it any longer
        contact_fails(context)
        raise


async def _upsert(email: str, properties: JsonObject, client: Client) -> str:
    """Write a contact and return its ID."""
    url = f"{_CONTACTS}/{part(email)}?idProperty=email"
    try:
        body = body_of(await client.send(Request("PATCH", url, json={"properties": properties})))
        if properties.get(_STAGE) and properties_of(body).get(_STAGE) != properties[_STAGE]:
            await client.send(Request("PATCH", url, json={"properties": {_STAGE: ""}}))
            await client.send(Request("PATCH", url, json={"properties": properties}))
    except ResponseError as error:
        if error.status != NOT_FOUND:
            raise
        body = await _create(url, properties, client)
    return id_of(body)


async def _create(url: str, properties: JsonObject, client: Client) -> JsonObject:
    """Create a contact, or update the one that somebody else has created meanwhile."""
    body = {"properties": properties}
    try:
        return body_of(await client.send(Request("POST", _CONTACTS, json=body)))
    except ResponseError as error:
        if error.status != CONFLICT:
            raise
        return body_of(await client.send(Request("PATCH", url, json=body)))


@destination.batch("upsertContact", each=contact)
async def upsert_contacts(items: Items, client: Client) -> MultiStatus:
    """Update and create the contacts of many events, up to 100 in a request."""
    outcomes = MultiStatus(len(items))
    for some in _parts(items):
        by_email = some.groups(_email)
        upsert = _Upsert(client, {email: _merged(email, same) for email, same in by_email.items()})
        await upsert.run()
        for email, same in by_email.items():
            same.results(upsert.errors.get(email), into=outcomes)
            for item in same:
                contact_is(item.context, upsert.ids.get(email, ""))
    return outcomes


def _parts(items: Items) -> Iterator[Items]:
    """Yield the items in parts of as many contacts as a request may have."""
    places: dict[str, int] = {}
    for item in items:
        places.setdefault(_email(item), len(places) // MOST)
    yield from items.groups(lambda item: places[_email(item)]).values()


def _email(item: BatchItem) -> str:
    return str(item.payload["email"]).strip().lower()


def _merged(email: str, same: Items) -> dict[str, Any]:
    """Return the properties of one contact, of which several events may tell."""
    merged = {key: value for values in same.values for key, value in values.items()}
    return {**merged, "email": email} if str(merged["email"]).lower() == email else merged


class _Upsert:
    """The contacts of one request by their email addresses; then their IDs, and what went wrong."""

    def __init__(self, client: Client, contacts: dict[str, dict[str, Any]]) -> None:
        self._client = client
        self._contacts = contacts
        self.ids: dict[str, str] = {}
        self.errors: dict[str, ActionsError] = {}

    async def run(self) -> None:
        """Read which contacts there are, create the others, and update these."""
        wanted = {"properties": list(_READ), "idProperty": "email"}
        inputs = [{"id": email} for email in self._contacts]
        body = await self._post("read", {**wanted, "inputs": inputs}, self._contacts)
        if body is None:
            return
        self._note_errors(error for error in objects_in(body, "errors") if error.get("category") != _MISSING)
        known = dict(self._found(body))
        found = {
            email: known[email] for email in self._contacts if email in known and email not in self.errors
        }
        await self._create([email for email in self._contacts if email not in found | self.errors])
        await self._update(found)

    async def _post(self, what: str, body: JsonObject, emails: Iterable[str]) -> JsonObject | None:
        """Send a request about some contacts; return the body of the response, None where it failed."""
        url = f"{_CONTACTS}/batch/{what}"
        try:
            return body_of(await self._client.send(Request("POST", url, json=body)))
        except ActionsError as error:
            # What somebody else has created meanwhile is found when it is tried again.
            again = error.status == CONFLICT and what == "create"
            failure: ActionsError = error
            if again:
                failure = RequestError(str(error), code=error.code, status=AGAIN, retryable=True)
            self.errors.update(dict.fromkeys(emails, failure))
            return None

    def _found(self, body: JsonObject) -> Iterator[tuple[str, str]]:
        """Yield the contacts that there are; one may have several email addresses."""
        for result in objects_in(body, "results"):
            properties = properties_of(result)
            others = str(properties.get("hs_additional_emails") or "").split(";")
            for email in (properties.get("email"), *others):
                if isinstance(email, str) and email in self._contacts and id_of(result):
                    yield email, id_of(result)

    def _note_errors(self, errors: Iterable[JsonObject]) -> None:
        """Note errors of contacts that they name; one that names none is an error of all."""
        for error in errors:
            context = error.get("context")
            named = context.get("ids") if isinstance(context, dict) else None
            emails = map(str, named) if isinstance(named, list) else self._contacts
            self.errors.update({email: refusal(error) for email in emails if email in self._contacts})

    async def _create(self, emails: list[str]) -> None:
        if not emails:
            return
        inputs = [{"properties": self._contacts[email]} for email in emails]
        body = await self._post("create", {"inputs": inputs}, emails)
        if body is not None:
            results = objects_in(body, "results")
            made = {str(properties_of(one).get("email")): id_of(one) for one in results}
            self.ids.update({email: made[email] for email in emails if email in made})
            self._note_refused(body, [email for email in emails if email not in made])

    async def _update(self, found: dict[str, str]) -> None:
        changes: dict[str, dict[str, Any]] = {}
        for email, contact_id in found.items():
            changes.setdefault(contact_id, {}).update(self._contacts[email])
        if not changes:
            return
        for properties in changes.values():
            del properties["email"]  # the contact has it, perhaps as one of several
        body = await self._post("update", _inputs(changes), found)
        if body is None:
            return
        now = {str(one.get("id")): properties_of(one).get(_STAGE) for one in objects_in(body, "results")}
        self.ids.update(found)
        self._note_refused(body, [email for email, contact_id in found.items() if contact_id not in now])
        wanted = {contact_id: changes.get(contact_id, {}).get(_STAGE) for contact_id in now}
        stages = {key: stage for key, stage in wanted.items() if stage and stage != now[key]}
        if stages:
            await self._set_stages(stages, [email for email, key in found.items() if key in stages])

    async def _set_stages(self, stages: dict[str, Any], emails: list[str]) -> None:
        for values in (dict.fromkeys(stages, ""), stages):
            changes = {key: {_STAGE: value} for key, value in values.items()}
            if await self._post("update", _inputs(changes), emails) is None:
                return

    def _note_refused(self, body: JsonObject, emails: list[str]) -> None:
        """Note why contacts are not among those that were written."""
        for error in objects_in(body, "errors"):
            self.errors.update({email: refusal(error) for email in emails})


def _inputs(changes: dict[str, dict[str, Any]]) -> JsonObject:
    return {"inputs": [{"id": key, "properties": properties} for key, properties in changes.items()]}
