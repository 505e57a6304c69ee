"""Random responses: what a server may answer, and what comes in its place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from tests.fuzz.words import chance, deep, key, pick, text, value

if TYPE_CHECKING:
    from random import Random

STATUSES: Final = (
    200, 200, 200, 201, 202, 204, 207, 299, 300, 301, 304, 306, 400, 401, 403, 404, 408, 409, 410, 413, 414,
    416, 422, 423, 429, 429, 499, 500, 501, 502, 503, 509, 599, 600, 999, 0, -1, 100,
)  # fmt: skip
RETRY_AFTERS: Final = (
    "0", "1", "-5", "nan", "inf", "-inf", "1e9", "1e400", "", " 3 ", "x", "Fri, 02 Jan 2026 03:04:05 GMT",
    "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 +2359", "2026-01-02T03:04:05Z", "9" * 400,
    "9" * 5000, "1_000", "٣", "\ud800", "Fri, 99 Foo 2026 99:99:99 GMT", "0x10", "1, 2",
    "Fri, 02 Jan 99999999999 03:04:05 GMT", "Fri, 02 Jan 2026 03:04:05 +99999999999999",
)  # fmt: skip
#: As long as a header can be that a reader of HTTP accepts.
_LONGEST_HEADER: Final = 8_000
BODIES: Final = (
    "", "{}", "null", "[]", '""', "1", "NaN", '{"id": "1"}', '{"job": {"id": "j"}}', '{"error": "bad"}',
    "<html>", '{"job": {"id": "j", "status": "COMPLETED"}}', '{"job": {"id": "j", "status": "FAILED"}}',
    '{"results": []}', '{"code": "x", "message": "m"}', '{"message": {"a": 1}}', '{"a": 1, "a": 2}',
    '{"a": 1e400}', "\ufeff{}", '{"access_token": "t2"}', '{"access_token": 3}',
    '{"results": null, "next_page_token": 5}', "[" * 9_000, '{"job": null}', '{"job": []}',
    '{"job": {"id": 5}}', '{"results": [{"index": 99, "code": "x"}]}', "9" * 5_000,
    '{"failed_events": [null]}', '{"next_page_token": "t", "results": [{"item_id": "x"}]}',
    '{"a": "\\ud800"}', '{"imports": {"total": "x"}}',
    '{"job": {"id": "j", "status": "PROCESSING"}, "imports": 5}',
)  # fmt: skip


def response(rng: Random) -> dict[str, Any]:
    """Make a response: status, headers, body, or the error that comes in its place."""
    roll = rng.random()
    if roll < 0.05:
        return {"error": pick(rng, ("reset", "timeout", "value"))}
    headers = {"content-type": pick(rng, ("application/json", "text/html; charset=x-nope", "", "\ud800"))}
    if chance(rng, 0.4):
        headers["retry-after"] = pick(rng, RETRY_AFTERS)
    if chance(rng, 0.2):
        headers[key(rng)] = text(rng)[:_LONGEST_HEADER]
    if chance(rng, 0.1):
        headers["location"] = pick(rng, ("/x", "http://169.254.169.254/", "", "\ud800", "http://[", "//"))
    return {"status": pick(rng, STATUSES), "headers": headers, "body": body(rng)}


def body(rng: Random) -> str:
    """Make the text of a body; what UTF-8 cannot say goes out as it stands."""
    roll = rng.random()
    if roll < 0.6:
        return pick(rng, BODIES)
    if roll < 0.95:
        made = deep(rng, 1) if chance(rng, 0.05) else value(rng, 3)
        try:
            return json.dumps(made)
        except (ValueError, RecursionError):
            return "[]"
    return text(rng)
