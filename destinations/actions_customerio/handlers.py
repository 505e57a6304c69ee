"""Customer.io's requests: an operation goes alone or in a batch, a metric of a delivery always alone.

A batch with operations that are not good has the status 207: it lists those by their index, and the others
were taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from actions_core import (
    ActionsError,
    Client,
    Context,
    Destination,
    Items,
    MultiStatus,
    Payload,
    PayloadError,
    Request,
    Response,
    present,
)
from actions_customerio.operations import ACTIONS, operation, size_of
from actions_customerio.times import seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions_core import Json

#: How large a batch may be, in bytes, without what surrounds the operations.
MOST_BYTES: Final = 500_000 - len('{"batch":[]}')
_MULTI_STATUS: Final = 207
#: What became of the operations that such a response does not list.
TAKEN: Final = Response(200, {}, b"{}")

destination: Final = Destination.from_package(__package__)


@destination.action(*ACTIONS)
def send_one(payload: Payload, context: Context) -> Request:
    """Send an operation alone."""
    return Request("POST", "/api/v2/entity", json=operation(payload, context))


@destination.batch(*ACTIONS, each=operation)
async def send_many(items: Items, client: Client) -> MultiStatus:
    """Send many operations, in as few requests as Customer.io allows."""
    outcomes = MultiStatus(len(items))
    for part in _parts(items):
        outcome: Response | ActionsError
        refused: dict[int, str] = {}
        try:
            response = await client.send(Request("POST", "/api/v2/batch", json={"batch": part.values}))
            outcome, refused = _outcome(response, len(part))
        except ActionsError as error:
            outcome = error
        part.results(outcome, refused, into=outcomes)
    return outcomes


@destination.action("reportDeliveryEvent")
def report_delivery(payload: Payload, context: Context) -> Request:
    """Say what became of a message; where nothing says when, it was when the event was."""
    metadata = present({key: payload.get(key) for key in ("action_name", "action_value")})
    body = {key: payload.get(key) for key in ("delivery_id", "metric", "recipient", "reason", "href")}
    time = payload.get("timestamp")
    body["timestamp"] = seconds(context.event.get("timestamp") if time in (None, "") else time)
    return Request("POST", "/api/v1/metrics", json=present({**body, "metadata": metadata or None}))


def _parts(items: Items) -> Iterator[Items]:
    """Yield the items, in their order, by the request that has room for them."""
    part_of: list[int] = []
    part = size = 0
    for value in items.values:
        more = size_of(value) + len(",")
        if size and size + more > MOST_BYTES:
            part, size = part + 1, 0
        size += more
        part_of.append(part)
    yield from items.groups(lambda item: part_of[item.place]).values()


def _outcome(response: Response, count: int) -> tuple[Response | ActionsError, dict[int, str]]:
    """Return what a success means for all operations of a request, and why some of them were refused.

    Where it is not said which ones were, none counts as taken.
    """
    refused: dict[int, str] = {}
    errors = _errors(response.json)
    for error in errors:
        index = error.get("batch_index")
        if type(index) is not int or not 0 <= index < count:
            return PayloadError(_message(error)), {}
        refused.setdefault(index, _message(error))
    if response.status != _MULTI_STATUS:
        return response, refused
    if not errors:
        return PayloadError("Customer.io refuses a part of the batch, and does not say which."), {}
    return TAKEN, refused


def _errors(body: Json) -> list[dict[str, Any]]:
    errors = body.get("errors") if isinstance(body, dict) else None
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def _message(error: dict[str, Any]) -> str:
    words = [error.get(key) for key in ("field", "message", "reason")]
    return "Customer.io says: " + (": ".join(str(word) for word in words if word) or "no reason")
