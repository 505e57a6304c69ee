"""Liquid's filters on dates, in UTC unless a filter is given another zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from liquid.exceptions import LiquidValueError

from actions_core.mapping.liquid.values import text
from actions_core.values.javascript import stringify
from actions_core.values.times import read_english_time

if TYPE_CHECKING:
    from collections.abc import Callable

_ISO: Final = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)"
    r"(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.](\d{1,9}))?)?\s*(Z|[+-]\d\d:?\d\d)?)?)?)?",
    re.ASCII,
)
_DIRECTIVE: Final = re.compile(r"%([-_0^#:]*)(\d{0,3})([a-zA-Z%+])")
_SECONDS: Final = re.compile("[0-9]{1,15}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_FORMAT: Final = 1_000


def read_date(value: Any) -> datetime | None:
    """Read a date: seconds, `now`, ISO 8601 or English text; return None for anything else."""
    try:
        if isinstance(value, str):
            return _from_text(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _EPOCH + timedelta(seconds=value)
    except (ValueError, OverflowError, TypeError):
        pass
    return None


def _from_text(value: str) -> datetime:
    if value in ("now", "today"):
        return datetime.now(UTC)
    if _SECONDS.fullmatch(value):
        return _EPOCH + timedelta(seconds=int(value))
    found = _ISO.fullmatch(value)
    return _from_iso(*found.groups()) if found else read_english_time(value).astimezone(UTC)


def _from_iso(year: str, *rest: str | None) -> datetime:
    month, day, hour, minute, second, fraction, zone = rest
    midnight = hour == "24" and not int(minute or 0) + int(second or 0) + int(fraction or 0)
    moment = datetime(
        int(year), int(month or 1), int(day or 1), 0 if midnight else int(hour or 0),
        int(minute or 0), int(second or 0),
        int((fraction or "0")[:6].ljust(6, "0")), UTC,
    )  # fmt: skip
    moment += timedelta(days=midnight)
    if zone and zone != "Z":
        sign = -1 if zone[0] == "-" else 1
        moment -= sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    return moment


def _ordinal(number: int) -> str:
    teens = range(11, 14)
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in teens else ending}"


def _week(moment: datetime, first_weekday: int) -> int:
    days = moment.timetuple().tm_yday - 1
    return (days + 7 - (moment.isoweekday() - first_weekday) % 7) // 7


_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

#: Letter → the text or number, the width to which it is filled, and the character to fill with.
_PARTS: Final[dict[str, tuple[Callable[[datetime], Any], int, str]]] = {
    "a": (lambda moment: _DAYS[moment.weekday()][:3], 0, " "),
    "A": (lambda moment: _DAYS[moment.weekday()], 0, " "),
    "b": (lambda moment: _MONTHS[moment.month - 1][:3], 0, " "),
    "B": (lambda moment: _MONTHS[moment.month - 1], 0, " "),
    "c": (lambda moment: format_date(moment, "%x, %X"), 0, " "),
    "C": (lambda moment: moment.year // 100, 2, "0"),
    "d": (lambda moment: moment.day, 2, "0"),
    "D": (lambda moment: format_date(moment, "%m/%d/%y"), 0, " "),
    "e": (lambda moment: moment.day, 2, " "),
    "F": (lambda moment: format_date(moment, "%Y-%m-%d"), 0, " "),
    "h": (lambda moment: _MONTHS[moment.month - 1][:3], 0, " "),
    "H": (lambda moment: moment.hour, 2, "0"),
    "I": (lambda moment: moment.hour % 12 or 12, 2, "0"),
    "j": (lambda moment: moment.timetuple().tm_yday, 3, "0"),
    "k": (lambda moment: moment.hour, 2, " "),
    "l": (lambda moment: moment.hour % 12 or 12, 2, " "),
    "L": (lambda moment: moment.microsecond // 1000, 3, "0"),
    "m": (lambda moment: moment.month, 2, "0"),
    "M": (lambda moment: moment.minute, 2, "0"),
    "n": (lambda _: "\n", 0, " "),
    "p": (lambda moment: "PM" if moment.hour >= 12 else "AM", 0, " "),  # noqa: PLR2004  # noon
    "P": (lambda moment: "pm" if moment.hour >= 12 else "am", 0, " "),  # noqa: PLR2004  # noon
    "q": (lambda moment: _ordinal(moment.day)[-2:], 0, " "),
    "r": (lambda moment: format_date(moment, "%I:%M:%S %p"), 0, " "),
    "R": (lambda moment: format_date(moment, "%H:%M"), 0, " "),
    "s": (lambda moment: int(moment.timestamp()), 0, "0"),
    "S": (lambda moment: moment.second, 2, "0"),
    "t": (lambda _: "\t", 0, " "),
    "T": (lambda moment: format_date(moment, "%H:%M:%S"), 0, " "),
    "u": (lambda moment: moment.isoweekday(), 0, "0"),
    "U": (lambda moment: _week(moment, 7), 2, "0"),
    "w": (lambda moment: moment.isoweekday() % 7, 0, "0"),
    "W": (lambda moment: _week(moment, 1), 2, "0"),
    "x": (lambda moment: f"{moment.month}/{moment.day}/{moment.year}", 0, " "),
    "X": (lambda moment: f"{moment.hour % 12 or 12}{format_date(moment, ':%M:%S %p')}", 0, " "),
    "y": (lambda moment: moment.year % 100, 2, "0"),
    "Y": (lambda moment: moment.year, 4, "0"),
    "z": (lambda moment: f"{moment:%z}", 0, " "),
    "Z": (lambda moment: f"{moment:%Z}", 0, " "),
    "%": (lambda _: "%", 0, " "),
}


def format_date(moment: datetime, pattern: str) -> str:
    """Format a date by a `strftime` pattern."""

    def part(found: re.Match[str]) -> str:
        flags, width, letter = found.groups()
        if letter == "N":
            return f"{moment.microsecond // 1000:03}000000".ljust(int(width or 9), "0")[: int(width or 9)]
        known = _PARTS.get(letter)
        if known is None:
            return found[0]
        value, fill_to, fill = str(known[0](moment)), known[1], known[2]
        if letter == "z" and ":" in flags:
            value = f"{value[:3]}:{value[3:]}"
        if "^" in flags:
            value = value.upper()
        if "#" in flags:
            value = value.swapcase()
        if "_" in flags or "0" in flags:
            fill = " " if "_" in flags else "0"
        if "-" in flags:
            return value
        return value.rjust(int(width or fill_to), fill)

    return _DIRECTIVE.sub(part, pattern)


def _zone(name: Any) -> tzinfo:
    """Return the zone of a name, or of JavaScript's minutes, which count to the west."""
    if isinstance(name, int | float) and not isinstance(name, bool):
        return timezone(timedelta(minutes=-name))
    try:
        return ZoneInfo(text(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise LiquidValueError(f"{stringify(text(name))} is not a time zone", token=None) from None


def _date(value: Any, pattern: Any = None, zone: Any = None) -> Any:
    moment = read_date(value)
    if moment is None:
        return value
    if zone is not None:
        moment = moment.astimezone(_zone(zone))
    return format_date(moment, _DEFAULT_PATTERN if pattern is None else text(pattern)[:_MAX_FORMAT])


def _with_pattern(pattern: str) -> Callable[..., Any]:
    return lambda value: _date(value, pattern)


def _with_month(month: str) -> Callable[..., Any]:
    def apply(value: Any, kind: Any = None, style: Any = None) -> Any:
        if kind != "ordinal":
            return _date(value, f"%d {month} %Y")
        return _date(value, f"{month} %-d%q, %Y" if style == "US" else f"%-d%q {month} %Y")

    return apply


_DEFAULT_PATTERN: Final = "%A, %B %-e, %Y at %-l:%M %P %z"

DATE_FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "date": _date,
    "date_to_long_string": _with_month("%B"),
    "date_to_rfc822": _with_pattern("%a, %d %b %Y %H:%M:%S %z"),
    "date_to_string": _with_month("%b"),
    "date_to_xmlschema": _with_pattern("%Y-%m-%dT%H:%M:%S%:z"),
}
