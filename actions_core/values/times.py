"""Times: every form that a `datetime` field takes, read as one moment, and the one form that is written.

A handler gets such a field as it came. Numbers, and text of digits, count from 1970: in milliseconds
from twelve digits on, below that in seconds. A date is its midnight in UTC; without a zone, UTC is meant.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from actions_core.errors import PayloadError

if TYPE_CHECKING:
    from actions_core.values.types import Json

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: Ten digits are seconds and thirteen milliseconds; between them lies the year 5138, and 1973.
_MILLISECONDS_FROM: Final = 10**11
#: More digits than any moment has that Python can name.
_MOST_DIGITS: Final = 16

_ISO: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?([Zz]|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)
_WITH_SECONDS: Final = len("2026-01-02T03:04:05Z")
_WITH_MILLISECONDS: Final = len("2026-01-02T03:04:05.000Z")
_LEAP: Final = 60
_LAST_HOUR: Final = 23
_LAST_MINUTE: Final = 59
#: Looking digits up is three times faster than formatting them.
_PAIRS: Final = [f"{number:02d}" for number in range(60)]
_TRIPLES: Final = [f"{number:03d}" for number in range(1000)]
_FOUR_DIGITS_FROM: Final = 1000


def read_time(value: Json) -> datetime:
    """Return the moment that the value names, with its zone; raises `PayloadError` when it names none."""
    if type(value) is str:
        # The usual forms have a shortcut: at these lengths, with these signs in these places, the parser
        # has no other reading. (It is lenient with others.)
        size = len(value)
        if ((size == _WITH_MILLISECONDS and value[19] == ".") or size == _WITH_SECONDS) and value[
            4:17:3
        ] == "--T::":
            try:
                if value[-1] == "Z":
                    return datetime.fromisoformat(value)
            except ValueError:
                pass
        return _read_text(value)
    if isinstance(value, datetime):
        return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    if isinstance(value, str):
        return _read_text(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _read_number(value)
    raise _unreadable(value)


def is_time_text(text: str) -> bool:
    """Return whether the text is digits, an ISO 8601 date, or an ISO 8601 date and time."""
    try:
        read_time(text)
    except PayloadError:
        return text.isascii() and text.isdigit()
    return True


def format_time(moment: datetime) -> str:
    """Write the moment in UTC with milliseconds: `2026-01-02T01:04:05.000Z`. Without a zone, UTC is meant."""
    if moment.tzinfo is not UTC and moment.tzinfo is not None:
        try:
            moment = moment.astimezone(UTC)
        except OverflowError:
            raise _unreadable(moment) from None
    pairs = _PAIRS
    year = moment.year
    return (
        f"{year if year >= _FOUR_DIGITS_FROM else f'{year:04d}'}-{pairs[moment.month]}-{pairs[moment.day]}"
        f"T{pairs[moment.hour]}:{pairs[moment.minute]}:{pairs[moment.second]}"
        f".{_TRIPLES[moment.microsecond // 1000]}Z"
    )


def _read_text(text: str) -> datetime:
    if text.isascii() and text.isdigit():
        if len(text) > _MOST_DIGITS:
            raise _unreadable(text)
        return _read_number(int(text))
    match = _ISO.fullmatch(text)
    if match is None:
        raise _unreadable(text)
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    leap = second is not None and int(second) == _LEAP
    try:
        moment = datetime(
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            _LEAP - 1 if leap else int(second or 0),
            int((fraction or "")[:6].ljust(6, "0")),
            tzinfo=_read_zone(zone),
        )
        return moment + timedelta(seconds=1) if leap else moment
    except (ValueError, OverflowError):
        raise _unreadable(text) from None


def _read_zone(zone: str | None) -> timezone:
    if zone is None or zone in "Zz":
        return UTC
    hours, minutes = int(zone[1:3]), int(zone[3:].removeprefix(":") or 0)
    if hours > _LAST_HOUR or minutes > _LAST_MINUTE:
        raise ValueError(zone)
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if zone[0] == "-" else offset)


def _read_number(number: float) -> datetime:
    try:
        if -_MILLISECONDS_FROM < number < _MILLISECONDS_FROM:
            return _EPOCH + timedelta(seconds=number)
        return _EPOCH + timedelta(milliseconds=number)
    except (ValueError, OverflowError):
        raise _unreadable(number) from None


def _unreadable(value: object) -> PayloadError:
    if isinstance(value, str):
        return PayloadError(f"{value[:40]!r} is not a time that can be read.")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return PayloadError("This number is not a time that can be read.")
    if isinstance(value, datetime):
        return PayloadError("This time lies outside the years that can be written.")
    return PayloadError("A time must be a string or a number.")
