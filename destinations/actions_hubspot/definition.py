"""The destination itself, to which the other modules add their functions, and what they share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from actions_core import (
    AuthenticationError,
    Destination,
    PayloadError,
    Request,
    ResponseError,
    Tokens,
    to_text,
)

if TYPE_CHECKING:
    from actions_core import Client, Context, Json, JsonObject, Response

destination: Final = Destination.from_package(__package__)

#: How many objects HubSpot takes in one request.
MOST: Final = 100
#: An absolute address, so that the token that has expired does not go there.
_TOKENS: Final = "https://api.hubapi.com/oauth/v1/token"
REFUSED: Final = 400
NOT_FOUND: Final = 404
CONFLICT: Final = 409
#: The status of what is worth trying again, also for one event of a batch.
AGAIN: Final = 503
#: What a part of a path may contain as it is.
#: More characters of a label do not fit a sentence.
_LONGEST_LABEL: Final = 60
_SAFE: Final = "@:!$&'()*+,;=~"


@destination.refresh_access_token
async def refresh_access_token(
    refresh_token: str | None, client_id: str | None, client_secret: str | None, client: Client
) -> Tokens:
    """Get a new access token; one of a private app has no refresh token, and does not expire."""
    if not (refresh_token and client_id and client_secret):
        message = "no access token that HubSpot accepts, and no refresh token with a client to get one"
        raise AuthenticationError(message)
    form = {
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
        "client_id": client_id,
        "client_secret": client_secret,
    }
    body = body_of(await client.send(Request("POST", _TOKENS, form=form)))
    return Tokens(body["access_token"], body.get("refresh_token"), body.get("expires_in"))


def part(value: Json) -> str:
    """Return a value as one part of a path."""
    text = to_text(value)
    if text in ("", ".", ".."):
        raise PayloadError(f'"{text}" cannot name anything in HubSpot.')
    return quote(text, safe=_SAFE)


def body_of(response: Response) -> JsonObject:
    """Return the object that a response has for a body, an empty one where it has none."""
    body = response.json
    return body if isinstance(body, dict) else {}


def refusal(error: JsonObject) -> PayloadError:
    """Return what one of HubSpot's errors says."""
    return PayloadError(f"HubSpot says: {error.get('message') or error.get('category') or 'no reason'}")


def objects_in(body: JsonObject, key: str) -> list[JsonObject]:
    """Return the objects of a list in a body."""
    found = body.get(key)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def is_given(value: Json) -> bool:
    """Return whether a value is one as Segment reads it: an empty list is, 0 and an empty str are not."""
    return value not in (None, False, 0, "")


def id_of(result: JsonObject) -> str:
    """Return the ID that a body gives a result, the empty str where it names none."""
    found = result.get("id")
    return str(found) if is_given(found) else ""


def properties_of(result: JsonObject) -> JsonObject:
    """Return the properties of a result."""
    found = result.get("properties")
    return found if isinstance(found, dict) else {}


def search(object_type: str, fields: JsonObject, properties: list[Json], sorts: list[Json]) -> Request:
    """Return the request for objects of which one of the fields is equal."""
    groups = [
        {"filters": [{"propertyName": key, "operator": "EQ", "value": value}]}
        for key, value in fields.items()
    ]
    body = {"filterGroups": groups, "properties": properties, "sorts": sorts}
    return Request("POST", f"/crm/v3/objects/{part(object_type)}/search", json=body)


async def find(request: Request, field: str, client: Client) -> list[JsonObject]:
    """Return what a search finds; more than one may stand for many. `field` is what it searches by."""
    try:
        body = body_of(await client.send(request))
    except ResponseError as error:
        if error.status != REFUSED:
            raise
        said = body_of(error.response).get("message") or "no reason"
        raise PayloadError.at(f"$.{field}", f"HubSpot cannot search by these fields: {said}") from None
    return objects_in(body, "results")


def sync_mode(context: Context) -> str | None:
    """Return the sync mode of a mapping, the action's default where it names none."""
    spec = destination.spec.actions[context.action].sync_mode
    return None if spec is None else context.sync_mode or spec.default


def association(path: str, label: str) -> dict[str, Any]:
    """Return the category and the type of an association, as its label has them."""
    category, _, number = label.partition(":")
    if not (category and number.isdecimal()):
        given = label if len(label) <= _LONGEST_LABEL else f"{label[:_LONGEST_LABEL]}…"
        message = (
            f'"{given}" is no kind of association: that is a category and a number, HUBSPOT_DEFINED:279.'
        )
        raise PayloadError.at(path, message)
    return {"associationCategory": category, "associationTypeId": number}
