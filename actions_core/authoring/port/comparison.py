"""What differs between a run of the published destination and one of ours, leaf by leaf.

What both make anew at each run (the present time, random ids) is equal if both sides have it.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.values.types import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions_core.authoring.port.requests import PlainRequest
    from actions_core.values.types import Json, JsonObject

_UUID: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[1-9a-f][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE
)
_ISO: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)")
#: How far from the present a time may be that a side has read from its clock.
_PRESENT_S: Final = 300
_RETRYABLE: Final = frozenset({408, 423, 429})
_SERVER_ERRORS: Final = range(500, 600)
_NOT_IMPLEMENTED: Final = 501
_LONGEST_MESSAGE: Final = 90


@attrs.frozen
class Failure:
    """Why a run, or an item of a batch, failed. `retryable` says whether it would be tried again."""

    message: str
    retryable: bool


@attrs.frozen(eq=False)
class Run:
    """What one side did: its requests, in their order, and how it ended.

    Without `failure` it went well; `failures` has a place for each item of a batch. `note` says why it cannot
    be compared.
    """

    requests: tuple[PlainRequest, ...] = ()
    failure: Failure | None = None
    failures: tuple[Failure | None, ...] | None = None
    note: str = ""


@attrs.frozen
class Difference:
    """One leaf with the value of each side; MISSING where a side has none."""

    leaf: str
    published: Json
    ours: Json


def is_retryable_status(status: int | None) -> bool:
    """Return whether a published destination's error with this status would be tried again."""
    if status is None:
        return False
    return status in _RETRYABLE or (status in _SERVER_ERRORS and status != _NOT_IMPLEMENTED)


def compare_runs(published: Run, ours: Run, given: str) -> list[Difference]:
    """Return what differs; `given` is the text of what both were given, where ids may come from."""
    found = list(_outcomes("", published.failure, ours.failure))
    if published.failures is not None and ours.failures is not None:
        if len(published.failures) != len(ours.failures):
            found.append(Difference("items", len(published.failures), len(ours.failures)))
        for one, other in zip(published.failures, ours.failures, strict=False):
            found += _outcomes("items[]: ", one, other)
    pairs, left, right = _paired(list(published.requests), list(ours.requests), given)
    for published_one, our_one in pairs:
        found += _leaves(published_one.parts, our_one.parts, "", given)
    if (published.failure is None) != (ours.failure is None):
        return found  # that one side makes no request follows from its refusal
    found += [Difference("request", _summary(request), MISSING) for request in left]
    found += [Difference("request", MISSING, _summary(request)) for request in right]
    return found


def _outcomes(prefix: str, published: Failure | None, ours: Failure | None) -> Iterator[Difference]:
    if published is None and ours is not None:
        yield Difference(f"{prefix}only ours refuses: {_general(ours.message)}", "goes well", ours.message)
    elif published is not None and ours is None:
        message = published.message
        yield Difference(f"{prefix}only the published one refuses: {_general(message)}", message, "goes well")
    elif published is not None and ours is not None and published.retryable != ours.retryable:
        words = [
            f"{'tried again' if one.retryable else 'final'} ({one.message[:_LONGEST_MESSAGE]})"
            for one in (published, ours)
        ]
        yield Difference(f"{prefix}retry", *words)


def _general(message: str) -> str:
    """Return a message without the values in it, so that the same refusal counts as one."""
    line = " ".join(message.split())
    line = re.sub(r"'[^']*'|\"[^\"]*\"|`[^`]*`", "…", line)
    line = re.sub(r"\d+", "…", line)
    return line[:_LONGEST_MESSAGE]


def _summary(request: PlainRequest) -> Json:
    body = {request.kind: request.body} if request.kind else {}
    return {"method": request.method, "url": request.url, **body}


def _paired(
    published: list[PlainRequest], ours: list[PlainRequest], given: str
) -> tuple[list[tuple[PlainRequest, PlainRequest]], list[PlainRequest], list[PlainRequest]]:
    """Pair the requests of both sides: equal ones first, then those to one address, then as they come."""
    pairs: list[tuple[PlainRequest, PlainRequest]] = []

    def equal(one: PlainRequest, other: PlainRequest) -> bool:
        return next(_leaves(one.parts, other.parts, "", given), None) is None

    def same_address(one: PlainRequest, other: PlainRequest) -> bool:
        return (one.method, one.url) == (other.method, other.url)

    def any_two(_one: PlainRequest, _other: PlainRequest) -> bool:
        return True

    for fits in (equal, same_address, any_two):
        for one in list(published):
            other = next((candidate for candidate in ours if fits(one, candidate)), None)
            if other is not None:
                pairs.append((one, other))
                published.remove(one)
                ours.remove(other)
    return pairs, published, ours


def _leaves(published: Json, ours: Json, path: str, given: str) -> Iterator[Difference]:
    if isinstance(published, dict) and isinstance(ours, dict):
        for key in [*published, *(key for key in ours if key not in published)]:
            below = f"{path}.{key}" if path else key
            yield from _leaves(published.get(key, MISSING), ours.get(key, MISSING), below, given)
    elif isinstance(published, list) and isinstance(ours, list):
        for index in range(max(len(published), len(ours))):
            one = published[index] if index < len(published) else MISSING
            other = ours[index] if index < len(ours) else MISSING
            yield from _leaves(one, other, f"{path}[]", given)
    elif not _same(published, ours, given):
        yield Difference(path, published, ours)


def _same(published: Json, ours: Json, given: str) -> bool:
    if published is MISSING or ours is MISSING:
        return published is ours
    if isinstance(published, bool) or isinstance(ours, bool):
        return published is ours
    if isinstance(published, int | float) and isinstance(ours, int | float):
        return published == ours or (_is_present(published) and _is_present(ours))
    if isinstance(published, str) and isinstance(ours, str):
        return published == ours or _same_text(published, ours, given)
    return bool(published == ours)


def _same_text(published: str, ours: str, given: str) -> bool:
    if published.isdigit() and ours.isdigit():
        return _is_present(int(published)) and _is_present(int(ours))
    one, other = _steady(published, given), _steady(ours, given)
    if one == other:
        return True
    # A body within the text, such as JSON in a form, may contain the present time.
    if published[:1] in "{[" and ours[:1] in "{[":
        try:
            left, right = json.loads(published), json.loads(ours)
        except ValueError:
            return False
        return not any(True for _ in _leaves(left, right, "", given))
    return False


def _steady(text: str, given: str) -> str:
    """Replace what is made anew at each run: ids that nobody gave, and the present time."""
    text = _UUID.sub(lambda found: found[0] if found[0] in given else "<new id>", text)
    return _ISO.sub(lambda found: "<now>" if _is_now(found[0]) and found[0] not in given else found[0], text)


def _is_now(text: str) -> bool:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return False
    return abs((moment - datetime.now(UTC)).total_seconds()) < _PRESENT_S


def _is_present(number: float) -> bool:
    now = datetime.now(UTC).timestamp()
    return any(abs(number / unit - now) < _PRESENT_S for unit in (1, 1e3, 1e6, 1e9))


def given_text(events: Sequence[JsonObject], settings: JsonObject) -> str:
    """Return the text of what a trial gives."""
    return json.dumps([list(events), settings], ensure_ascii=False, default=str)
