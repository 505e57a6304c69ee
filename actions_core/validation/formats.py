"""The formats of text, each as a function that says yes or no.

Text comes from outside and may be made to hurt, so no pattern here can backtrack further than it read:
alternatives begin with different characters, and repetition is never nested over the same ones.
"""

from __future__ import annotations

import ipaddress
import re
import warnings
from datetime import date
from typing import TYPE_CHECKING, Final

from actions_core.values.times import is_time_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Every character that a URI's path may hold, its percent-encoded bytes aside.
_PATH: Final = r"A-Za-z0-9\-._~!$&'()*+,;=:@/"
_QUERY: Final = rf"(?:\?(?:[{_PATH}?]|%[0-9A-Fa-f]{{2}})*)?"
_FRAGMENT: Final = rf"(?:#(?:[{_PATH}?]|%[0-9A-Fa-f]{{2}})*)?"
_USER: Final = r"(?:(?:[A-Za-z0-9\-._~!$&'()*+,;=:]|%[0-9A-Fa-f]{2})*@)?"
_REST: Final = rf"(?::[0-9]*)?(?:/(?:[{_PATH}]|%[0-9A-Fa-f]{{2}})*)?{_QUERY}{_FRAGMENT}"

_DATE: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_TIME: Final = re.compile(
    r"(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]|23:59:60)(?:\.[0-9]+)?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)?"
)
_DATE_LENGTH: Final = len("2026-01-02")
_LOCAL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL: Final = re.compile(r"[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*")
_URI: Final = re.compile(rf"[A-Za-z][A-Za-z0-9+.\-]*:(?:[{_PATH}]|%[0-9A-Fa-f]{{2}})+{_QUERY}{_FRAGMENT}")
_ADDRESS: Final = re.compile(rf"([A-Za-z][A-Za-z0-9+.\-]*:)?//{_USER}\[([0-9A-Za-z:.]+)\]{_REST}")
_REFERENCE: Final = re.compile(rf"(?:[{_PATH}]|%[0-9A-Fa-f]{{2}})*{_QUERY}{_FRAGMENT}")
_VARIABLE: Final = r"(?:[A-Za-z0-9_.]|%[0-9A-Fa-f]{2})+(?::[1-9][0-9]{0,3}|\*)?"
_TEMPLATE: Final = re.compile(
    rf"(?:[^\x00-\x20\"'<>%\\^`{{|}}]|%[0-9A-Fa-f]{{2}}|\{{[+#./;?&=,!@|]?{_VARIABLE}(?:,{_VARIABLE})*\}})*"
)
_UUID: Final = re.compile(
    r"(?:[Uu][Rr][Nn]:[Uu][Uu][Ii][Dd]:)?[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"
)
_BYTE: Final = r"(?:25[0-5]|2[0-4][0-9]|[01]?[0-9]{1,2})"
_IPV4: Final = re.compile(rf"(?:{_BYTE}\.){{3}}{_BYTE}")
_LONGEST_HOSTNAME: Final = 253
_LONGEST_LABEL: Final = 63
_LONGEST_PATTERN: Final = 1000


def is_date(text: str) -> bool:
    """Return whether the text is `YYYY-MM-DD` and that day exists."""
    match = _DATE.fullmatch(text)
    if match is None:
        return False
    try:
        date(
            int(match[1]) or 4, int(match[2]), int(match[3])
        )  # Python has no year 0; it is a leap year, as 4 is
    except ValueError:
        return False
    return True


def is_time(text: str) -> bool:
    """Return whether the text is a time of day with seconds; the zone may be missing."""
    return _TIME.fullmatch(text) is not None


def is_date_time(text: str) -> bool:
    """Return whether the text is a date and a time, with `T`, `t` or a blank between them."""
    middle = text[_DATE_LENGTH : _DATE_LENGTH + 1]
    return middle in ("T", "t", " ") and is_date(text[:_DATE_LENGTH]) and is_time(text[_DATE_LENGTH + 1 :])


def is_email(text: str) -> bool:
    """Return whether the text is an address at an ASCII domain of at least two labels."""
    local, at, domain = text.rpartition("@")
    labels = domain.split(".")
    return (
        at == "@"
        and len(labels) > 1
        and _LOCAL.fullmatch(local) is not None
        and all(_LABEL.fullmatch(label) for label in labels)
    )


def is_hostname(text: str) -> bool:
    """Return whether the text is a hostname; a dot at its end is allowed."""
    name = text.removesuffix(".")
    return len(name) <= _LONGEST_HOSTNAME and all(
        len(label) <= _LONGEST_LABEL and _LABEL.fullmatch(label) for label in name.split(".")
    )


def is_ipv4(text: str) -> bool:
    """Return whether the text is an IPv4 address in four decimal parts."""
    return _IPV4.fullmatch(text) is not None


def is_ipv6(text: str) -> bool:
    """Return whether the text is an IPv6 address, without zone and brackets."""
    if "%" in text or not text.isascii():
        return False
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def is_uri(text: str) -> bool:
    """Return whether the text is an absolute URI in ASCII: a scheme, and something after it."""
    if _URI.fullmatch(text) is not None:
        return True
    match = _ADDRESS.fullmatch(text)
    return match is not None and match[1] is not None and is_ipv6(match[2])


def is_uri_reference(text: str) -> bool:
    """Return whether the text is a URI, or one relative to another."""
    if _REFERENCE.fullmatch(text) is not None:
        return True
    match = _ADDRESS.fullmatch(text)
    return match is not None and is_ipv6(match[2])


def is_uri_template(text: str) -> bool:
    """Return whether the text is a URI template."""
    return _TEMPLATE.fullmatch(text) is not None


def is_uuid(text: str) -> bool:
    """Return whether the text is a UUID, with or without `urn:uuid:`."""
    return _UUID.fullmatch(text) is not None


def is_regex(text: str) -> bool:
    """Return whether the text is a regular expression, as Python reads them."""
    if len(text) > _LONGEST_PATTERN:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            re.compile(text)
        except (re.error, OverflowError, RecursionError):
            return False
    return True


#: What each format asks of text; `text` and `password` ask nothing and are not here.
CHECKS: Final[Mapping[str, Callable[[str], bool]]] = {
    "date": is_date,
    "date-like": is_time_text,
    "date-time": is_date_time,
    "email": is_email,
    "hostname": is_hostname,
    "ipv4": is_ipv4,
    "ipv6": is_ipv6,
    "regex": is_regex,
    "time": is_time,
    "uri": is_uri,
    "uri-reference": is_uri_reference,
    "uri-template": is_uri_template,
    "uuid": is_uuid,
}

#: What `format` may say in a definition: two of the names only tell how the field is edited.
FORMATS: Final = (*sorted([*CHECKS, "password", "text"]),)

#: The name of each format in a sentence.
NAMES: Final[Mapping[str, str]] = {
    "date": "a date (YYYY-MM-DD)",
    "date-like": "a date or a time",
    "date-time": "a date and a time",
    "email": "an email address",
    "hostname": "the name of a host",
    "ipv4": "an IPv4 address",
    "ipv6": "an IPv6 address",
    "regex": "a regular expression",
    "time": "a time of day",
    "uri": "a URI",
    "uri-reference": "a URI or a part of one",
    "uri-template": "a URI template",
    "uuid": "a UUID",
}
