"""Times: every form that a `datetime` field takes, read as one moment, and the one form that is written.

A handler gets such a field as it came. Numbers, and text of a decimal number, count from 1970: in
milliseconds from twelve digits on, below that in seconds. A date is its midnight in UTC; without a zone,
UTC is meant. Beside ISO 8601, the forms are read that JavaScript's `Date` reads and programs write:
`1/2/2026`, English month names, and dates of mails and HTTP. A day that does not exist is refused.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from typing import TYPE_CHECKING, Final

from actions_core.errors import PayloadError

if TYPE_CHECKING:
    from actions_core.values.types import Json

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: Ten digits are seconds and thirteen milliseconds; between them lies the year 5138, and 1973.
_MILLISECONDS_FROM: Final = 10**11
#: A longer text names no moment; reading it would cost more than refusing it.
_LONGEST: Final = 100
_DECIMAL: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")

_ISO: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?([Zz]|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)
#: The end of an English time: a time of day, a zone, and a remark as JavaScript's `toString` adds it.
_CLOCK: Final = r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d+))?)?"
_HALF_AND_ZONE: Final = (
    r"(?: ?(?P<half>[ap]\.?m\b\.?))?"
    r"(?: ?(?P<zone>(?:(?:utc?|gmt)?[+-]\d\d:?\d\d)|[a-z]{1,3}))?(?: ?\([^()]*\))?"
)
_WEEKDAY: Final = r"(?:(?:sun|mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?)(?:day)?\b[.,]? ?)?"
_MONTH: Final = r"(?P<month>[a-z]{3,9})"
_ENGLISH: Final = (
    *(
        rf"{day}(?:,? {_CLOCK}{_HALF_AND_ZONE})?"
        for day in (
            r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})",
            r"(?P<year>\d{4})/(?P<month>\d{1,2})/(?P<day>\d{1,2})",
            rf"{_MONTH}[. -] ?(?P<day>\d{{1,2}})[, -] ?(?P<year>\d{{4}})",
            rf"(?P<day>\d{{1,2}})[ -]{_MONTH}(?:[., -]|\., ) ?(?P<year>\d{{4}})",
        )
    ),
    # As C's `ctime` and `date` write it, the year last.
    rf"{_MONTH} (?P<day>\d{{1,2}}) {_CLOCK}(?: (?P<zone>[a-z]{{1,3}}))? (?P<year>\d{{4}})",
)
_MONTHS: Final = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
#: The names of zones that JavaScript knows, in hours.
_ZONES: Final = {
    "": 0, "z": 0, "ut": 0, "utc": 0, "gmt": 0, "edt": -4, "est": -5, "cdt": -5, "cst": -6,
    "mdt": -6, "mst": -7, "pdt": -7, "pst": -8,
}  # fmt: skip
_NOON: Final = 12
_WITH_SECONDS: Final = len("2026-01-02T03:04:05Z")
_WITH_MILLISECONDS: Final = len("2026-01-02T03:04:05.000Z")
_LEAP: Final = 60
_LAST_HOUR: Final = 23
_LAST_MINUTE: Final = 59
#: Looking digits up is three times faster than formatting them.
_PAIRS: Final = [f"{number:02d}" for number in range(60)]
_TRIPLES: Final = [f"{number:03d}" for number in range(1000)]
_FOUR_DIGITS_FROM: Final = 1000
#: The second that was written last, since 1970, and its text up to the dot.
_latest_second: tuple[int, str] = -1, ""


class SteadyClock:
    """Seconds since 1970 that never jump: the wall clock at the start, moved on by a clock that only runs.

    Where the system has one, that is a clock which counts the time a machine sleeps.
    """

    def __init__(self) -> None:
        kind: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
        self._kind = kind
        self._start = time.time() - time.clock_gettime(kind)

    def __call__(self) -> float:
        """Return the present time."""
        return self._start + time.clock_gettime(self._kind)


def read_time(value: Json) -> datetime:
    """Return the moment that the value names, with its zone; raises `PayloadError` when it names none."""
    if type(value) is str:
        return _usual_time(value) or _read_text(value)
    if isinstance(value, datetime):
        return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    if isinstance(value, str):
        return _read_text(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _read_number(value)
    raise _unreadable(value)


def _usual_time(text: str) -> datetime | None:
    """Read one of the usual forms; None for any other text.

    At these lengths, with these signs in these places, the parser has no other reading. (It is lenient with
    others.)
    """
    size = len(text)
    if (
        ((size == _WITH_MILLISECONDS and text[19] == ".") or size == _WITH_SECONDS)
        and text[-1] == "Z"
        and text[4:17:3] == "--T::"
    ):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    return None


def is_time_text(text: str) -> bool:
    """Return whether the text is a decimal number, or names a date or a time that `read_time` reads."""
    if _usual_time(text) is not None or _DECIMAL.fullmatch(text) is not None:
        return True
    try:
        _read_text(text)
    except PayloadError:
        return False
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


def present_time() -> str:
    """Write the present moment, as `format_time` does."""
    global _latest_second  # noqa: PLW0603 - a second is written once, for all of its events
    second, rest = divmod(time.time_ns(), 1_000_000_000)
    latest = _latest_second
    if latest[0] != second:
        text = format_time(datetime.fromtimestamp(second, UTC))
        _latest_second = latest = second, text[: -len("000Z")]
    return f"{latest[1]}{_TRIPLES[rest // 1_000_000]}Z"


def _read_text(text: str) -> datetime:
    if len(text) > _LONGEST:
        raise _unreadable(text)
    if _DECIMAL.fullmatch(text) is not None:
        try:
            return _read_number(int(text) if text.isdigit() else float(text))
        except PayloadError:
            raise _unreadable(text) from None
    match = _ISO.fullmatch(text)
    try:
        if match is None:
            return read_english_time(text)
        year, month, day, hour, minute, second, fraction, zone = match.groups()
        moment = datetime(int(year), int(month), int(day), tzinfo=_read_zone(zone))
        return moment if hour is None else _at_clock(moment, int(hour), minute, second, fraction)
    except (ValueError, OverflowError):
        raise _unreadable(text) from None


@cache
def _english_forms() -> list[re.Pattern[str]]:
    """Compile the forms of English times, once one is read: most programs read none."""
    return [re.compile(rf"{_WEEKDAY}{form}", re.ASCII | re.IGNORECASE) for form in _ENGLISH]


def read_english_time(text: str) -> datetime:
    """Read a time as JavaScript reads English text, in UTC where no zone is given.

    Raise `ValueError` or `OverflowError` for anything else.
    """
    text = " ".join(text.split()) if len(text) <= _LONGEST else ""
    for form in _english_forms():
        match = form.fullmatch(text)
        if match is not None:
            break
    else:
        raise ValueError(text)
    parts = match.groupdict()
    zone = (parts["zone"] or "").lower()
    name = zone.rstrip("+-:0123456789")
    offset = timezone(timedelta(hours=_zone_hours(name)))
    if name != zone:
        offset = _read_zone(zone[len(name) :])
    moment = datetime(int(parts["year"]), _month(parts["month"]), int(parts["day"]), tzinfo=offset)
    if parts["hour"] is None:
        return moment
    hour = _hour_of_day(int(parts["hour"]), (parts.get("half") or "").lower())
    return _at_clock(moment, hour, parts["minute"], parts["second"], parts["fraction"])


def _at_clock(
    day: datetime, hour: int, minute: str | None, second: str | None, fraction: str | None
) -> datetime:
    """Return a time of a day: 24:00 is the next day's midnight, a leap second the next minute."""
    seconds, microseconds = int(second or 0), int((fraction or "")[:6].ljust(6, "0"))
    if hour > _LAST_HOUR and not (int(minute or 0) or seconds or int(fraction or 0)):
        if hour > _LAST_HOUR + 1:
            raise ValueError(hour)
        return day + timedelta(days=1)
    if seconds == _LEAP:
        return day.replace(
            hour=hour, minute=int(minute or 0), second=_LEAP - 1, microsecond=microseconds
        ) + timedelta(seconds=1)
    return day.replace(hour=hour, minute=int(minute or 0), second=seconds, microsecond=microseconds)


def _month(text: str) -> int:
    if text.isdigit():
        return int(text)
    name = text.lower()
    for number, month in enumerate(_MONTHS, 1):
        if name in (month, month[:3]) or (name == "sept" and month == "september"):
            return number
    raise ValueError(text)


def _hour_of_day(hour: int, half: str) -> int:
    if not half:
        return hour
    if not 1 <= hour <= _NOON:
        raise ValueError(hour)
    return hour % _NOON + (_NOON if half[0] == "p" else 0)


def _zone_hours(name: str) -> int:
    if name not in _ZONES:
        raise ValueError(name)
    return _ZONES[name]


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
