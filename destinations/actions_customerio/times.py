"""Dates as Customer.io compares them: in seconds since 1970."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from actions_core import PayloadError, read_time

if TYPE_CHECKING:
    from actions_core import Json

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: What counts as a date where nothing says that it is one: ISO 8601, a time of day after a `T`.
_DATE: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)


def seconds(time: Json) -> Json:
    """Return a time in seconds since 1970, or what was given where it names none."""
    try:
        return (read_time(time) - _EPOCH) // timedelta(seconds=1)
    except PayloadError:
        return time


def with_seconds(value: Json) -> Json:
    """Return a value with its dates in seconds, also those in objects inside it; lists stay as they are."""
    if isinstance(value, dict):
        return {key: with_seconds(one) for key, one in value.items()}
    return seconds(value) if isinstance(value, str) and _DATE.fullmatch(value) else value
