"""Batch imports: thousands of users or events uploaded as one job, which FullStory processes later.

An item of a job is the body of the request that its event would make alone, so both ways have the same
checks. What FullStory is known to refuse is not uploaded. The key of an upload comes from the keys of its
events: the same events, uploaded again, are the same job.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import attrs

from actions_core import (
    Job,
    JobStatus,
    MultiStatus,
    Node,
    PayloadError,
    Poll,
    Request,
    RequestError,
    ResponseError,
)
from actions_fullstory.handlers import destination
from actions_fullstory.outcomes import UNKNOWN, nothing_taken, outcomes_of

if TYPE_CHECKING:
    from actions_core import Client, Context, Json, JsonObject

MOST_ITEMS: Final = 50_000
#: For how long FullStory answers an idempotency key as it did before, in seconds.
REPLAYED: Final = 24 * 60 * 60
#: A page of errors repeats what was uploaded, and nobody says how much of it.
_LARGEST_PAGE: Final = 32 * 1024 * 1024
#: After how many items the loop gets a turn.
_TURN: Final = 200
_ACCEPTED: Final = 202
_FORBIDDEN: Final = 403


@attrs.frozen(eq=False, repr=False)
class Upload:
    """The uploaded items, for the polls that ask for their outcome. `digest` identifies its events."""

    path: str
    bodies: list[JsonObject]
    digest: str


@destination.batch("trackEventV2")
async def import_events(payloads: list[JsonObject], context: Context, client: Client) -> Job | MultiStatus:
    """Upload many events."""
    return await _import("trackEventV2", "/v2/events/batch", payloads, context, client)


@destination.batch("identifyUserV2")
async def import_users(payloads: list[JsonObject], context: Context, client: Client) -> Job | MultiStatus:
    """Upload many users."""
    return await _import("identifyUserV2", "/v2/users/batch", payloads, context, client)


@destination.poll("trackEventV2")
@destination.poll("identifyUserV2")
async def poll_import(job_id: str, memo: Upload, context: Context, client: Client) -> Poll:
    """Poll a job, and match its errors to the items where some failed."""
    path = f"{memo.path}/{quote(job_id, safe='')}"
    answer = await client.send(Request("GET", path))
    told = _object(answer.json)
    status = str(_object(told.get("job")).get("status"))[:100]
    if status == "PROCESSING" or answer.status == _ACCEPTED:
        return Poll(JobStatus.IN_PROGRESS)
    failed = _count(told.get("errors"))
    if status == "COMPLETED" and not failed:
        nodes = MultiStatus()
        nodes.add_sent(memo.bodies)
        return Poll(JobStatus.SUCCEEDED, nodes)
    if status not in {"COMPLETED", "FAILED"}:
        message = f"FullStory's job {job_id} ended as {status!r}; what became of its items is not known"
        return Poll(JobStatus.FAILED, message=message)
    try:
        errors = await _errors(path, client)
    except ResponseError as error:
        if error.status != _FORBIDDEN:
            raise
        nodes = _unread(job_id, memo.bodies, failed)
    else:
        if errors is None:
            return Poll(JobStatus.IN_PROGRESS)
        # In a thread: with 50,000 items it takes longer than others can be kept waiting.
        nodes = await asyncio.to_thread(outcomes_of, job_id, memo.bodies, errors, failed)
    if nothing_taken(nodes):
        _forget(memo, context)
    return Poll(JobStatus.FAILED, nodes)


async def _import(
    action: str, path: str, payloads: list[JsonObject], context: Context, client: Client
) -> Job | MultiStatus:
    """Upload the valid items; the others have failed nodes in their places."""
    if len(payloads) > MOST_ITEMS:
        raise PayloadError(f"FullStory takes at most {MOST_ITEMS} at once, not {len(payloads)}.")
    single = destination.handlers[action]
    nodes = MultiStatus(len(payloads))
    places: list[int] = []
    bodies: list[Json] = []
    keys: list[str] = []
    for place, (payload, alone) in enumerate(zip(payloads, context.each, strict=True)):
        if place % _TURN == _TURN - 1:
            await asyncio.sleep(0)
        try:
            request = single.call(payload, alone)
        except PayloadError as error:
            nodes.put(place, error)
        else:
            places.append(place)
            bodies.append(request.json)
            keys.append(f"{request.headers['Idempotency-Key']}\n")
    if not bodies:
        return nodes
    upload = Upload(path, bodies, hashlib.sha256("".join(keys).encode()).hexdigest())
    headers = {"Idempotency-Key": _key(upload, context)}
    try:
        answer = await client.send(Request("POST", path, headers=headers, json={"requests": bodies}))
        job_id = _job_id(answer.json)
    except RequestError as error:
        nodes.put_all(places, error)
        return nodes
    nodes.put_all(places, Node(answer.status))
    return Job(job_id, nodes=nodes, memo=upload)


def _job_id(answer: Json) -> str:
    job_id = _object(_object(answer).get("job")).get("id")
    if not isinstance(job_id, str) or not job_id:
        raise RequestError("FullStory's answer to an upload names no job", status=502)
    return job_id


def _key(upload: Upload, context: Context) -> str:
    return f"{upload.digest}-{_count(context.state.get(_failures(upload)))}"


def _forget(upload: Upload, context: Context) -> None:
    """Give the next upload of the same events a new idempotency key: nothing of this one was accepted.

    Under its key FullStory would answer with the failed job for a day, however often it is tried.
    """
    name = _failures(upload)
    context.state.set(name, _count(context.state.get(name)) + 1, REPLAYED)


def _failures(upload: Upload) -> str:
    return f"failed-imports:{upload.digest}"


async def _errors(path: str, client: Client) -> list[Json] | None:
    """Fetch every error of a job, page by page; return None while FullStory is still processing it.

    A page that cannot be read ends them: how many there must be is known from the job.
    """
    found: list[Json] = []
    token = ""
    seen = {""}
    while True:
        params = {"page_token": token} if token else None
        request = Request("GET", f"{path}/errors", params=params, max_body=_LARGEST_PAGE)
        answer = await client.send(request)
        if answer.status == _ACCEPTED:
            return None
        page = _object(answer.json)
        results = page.get("results")
        found += results if isinstance(results, list) else []
        token = page.get("next_page_token") or ""
        # The last page has no token, an empty one, or the one that led to it.
        if not isinstance(token, str) or token in seen:
            return found
        seen.add(token)


def _unread(job_id: str, bodies: list[JsonObject], failed: int) -> MultiStatus:
    """Return a failure for every item of a partly failed job whose errors the key may not read."""
    count = len(bodies)
    key = "only an Admin or Architect key may read"
    if failed >= count:
        message = f"FullStory refused all {count} items of the job {job_id}; why, {key}."
        code = None
    else:
        refused = f"refused {failed} of the {count} items" if failed else f"did not take all {count} items"
        message = (
            f"FullStory {refused} of the job {job_id}; which ones, {key}, so none of them counts as taken. "
            "To send them again would repeat those that were."
        )
        code = UNKNOWN
    nodes = MultiStatus()
    for body in bodies:
        nodes.add_failure(_FORBIDDEN, message, errortype=code, sent=body)
    return nodes


def _object(value: Json) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: Json) -> int:
    """Read a number that may be written as a str."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
