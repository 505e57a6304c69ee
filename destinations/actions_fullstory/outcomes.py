"""Outcomes of the items of a failed job, matched with the errors that FullStory lists.

An error says which item it is about by repeating it, without its place. So items are told by content:
where several are the same, as many of them failed as there are errors, and it does not matter which.
An item that FullStory repeats in other words (without its empty lists) is told by whom and what it is
about. Where that does not say who failed, nobody who may have failed counts as taken.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any, Final

from actions_core import MultiStatus, Node
from actions_fullstory.events import event_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions_core import Json, JsonObject

#: The error type of an item that may have been taken: to send it again may be to send it twice.
UNKNOWN: Final = "OUTCOME_UNKNOWN"
#: The status that stands for each of FullStory's codes, since a status says whether to try again.
STATUS_OF: Final = {
    "required_field": 400,
    "invalid_argument": 400,
    "session_page_limit_exceeded": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "resource_not_found": 404,
    "user_not_found": 404,
    "too_many_requests": 429,
    "server_error": 500,
}
#: Final, as the status of what must not be sent again without thinking.
_DOUBT_STATUS: Final = 424
_DOUBT: Final = (
    "FullStory refused items of the job {job} and does not say clearly which: this may be one of them. "
    "To send it again would repeat it if it was taken."
)
#: Where a number may be written as a broken one though it is whole: `1.0`, `1e+22`.
_WHOLE: Final = re.compile(r"\.0[,}\]]|e\+")
#: What tells an item, beside its time.
_IDENTITY: Final = ("name", "user", "session", "uid", "email", "display_name")


def outcomes_of(
    job_id: str, bodies: Sequence[JsonObject], errors: Sequence[Json], failed: int
) -> MultiStatus:
    """Return a node for each of the `bodies` of a job of which `failed` failed, with these errors."""
    found: dict[int, Json] = {}
    doubtful: set[int] = set()
    strange = _by_content(bodies, errors, found)
    if strange:
        strange = _by_identity(bodies, strange, found, doubtful)
    if strange or len(errors) < max(failed, 1):
        # Errors about nobody that is known, and those that are not there, may be about anybody.
        doubtful.update(range(len(bodies)))
    nodes = MultiStatus()
    for index, body in enumerate(bodies):
        if index in found:
            _add_refusal(nodes, found[index], body)
        elif index in doubtful:
            nodes.add_failure(_DOUBT_STATUS, _DOUBT.format(job=job_id), errortype=UNKNOWN, sent=body)
        else:
            nodes.add_success(sent=body)
    return nodes


def nothing_taken(nodes: Sequence[Node]) -> bool:
    """Return whether every item has failed for certain."""
    return not any(node.ok or node.errortype == UNKNOWN for node in nodes)


def _by_content(bodies: Sequence[JsonObject], errors: Sequence[Json], found: dict[int, Json]) -> list[Json]:
    """Assign the errors to the items that they repeat, and return the errors that repeat none."""
    places: dict[str, deque[int]] = defaultdict(deque)
    for index, body in enumerate(bodies):
        places[_content(body)].append(index)
    strange = []
    for error in errors:
        same = places.get(_content(_repeated(error)))
        if same is None:
            strange.append(error)
        elif same:
            found[same.popleft()] = error
        # Else all that are the same have failed, and FullStory says it once more.
    return strange


def _by_identity(
    bodies: Sequence[JsonObject], errors: Sequence[Json], found: dict[int, Json], doubtful: set[int]
) -> list[Json]:
    """Match errors by the items' user and content; an error for some of several items leaves all in doubt."""
    places: dict[str, list[int]] = defaultdict(list)
    for index, body in enumerate(bodies):
        places[_identity(body)].append(index)
    about: dict[str, list[Json]] = defaultdict(list)
    strange = []
    for error in errors:
        repeated = _repeated(error)
        identity = "" if repeated is None else _identity(repeated)
        if identity in places:
            about[identity].append(error)
        else:
            strange.append(error)
    for identity, same in about.items():
        left = [index for index in places[identity] if index not in found]
        if len(same) < len(left):
            doubtful.update(left)
        else:
            found.update(zip(left, same, strict=False))
    return strange


def _content(value: Json) -> str:
    """Return a str that is equal for equal content; "" for content nested too deeply for an event."""
    try:
        text = json.dumps(value, sort_keys=True)
        return json.dumps(_plain(value), sort_keys=True) if _WHOLE.search(text) else text
    except RecursionError:
        return ""


def _plain(value: Json) -> Json:
    """Return the value with `1` for `1.0`, which are the same in JSON and may come back either way."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _identity(body: JsonObject) -> str:
    told: list[Any] = [_filled(body.get(key)) for key in _IDENTITY]
    return _content([*told, event_time(body.get("timestamp"))])


def _filled(value: Json) -> Json:
    if isinstance(value, dict):
        value = {key: item for key, item in value.items() if item}
    return value or None


def _repeated(error: Json) -> JsonObject | None:
    """Return the item that an error is about."""
    if not isinstance(error, dict):
        return None
    item = error.get("event", error.get("user"))
    return item if isinstance(item, dict) else None


def _add_refusal(nodes: MultiStatus, error: Json, body: JsonObject) -> None:
    said = {key: error[key] for key in ("message", "code") if isinstance(error.get(key), str)}
    message = said.get("message", "")[:500] or "FullStory refused it and gave no reason"
    nodes.add_failure(STATUS_OF.get(said.get("code", ""), 400), message, body=said, sent=body)
