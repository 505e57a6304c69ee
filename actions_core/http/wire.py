"""What may stand in a request on the wire: its headers, its URL, and the query that is added to it.

Nothing of a request is left out or read otherwise than it was written: what cannot stand where it is put is
refused before anything is sent. Values of an event get everywhere, so the rules hold for every request.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode, urlsplit

from actions_core.errors import PayloadError, RequestError, SettingsError
from actions_core.values.javascript import number_text, to_text
from actions_core.values.python_values import UnfitError, simplify
from actions_core.values.types import MISSING
from actions_core.values.wording import kind

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCHEMES: Final = ("https://", "http://")
#: How a header's value says how its message is framed, or whom it is for: the transport's to say.
_FRAMING: Final = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "http2-settings",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
#: The name of a header is a token (RFC 9110, 5.1 and 5.6.2).
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]++")
#: What no value of a header may contain (RFC 9110, 5.5); a tab may stand in one.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
#: A URL in which there is nothing to look at: no escapes, no fragment, nobody's name in front of the host.
_PLAIN_URL: Final = re.compile(
    r"https?://[A-Za-z0-9.-]++(?::[0-9]++)?(?:[/?][A-Za-z0-9!$&'()*+,\-./:;=?_~]*+)?"
)
#: The same of a path below a base URL.
_PLAIN_PATH: Final = re.compile(r"/(?!/)[A-Za-z0-9!$&'()*+,\-./:;=?_~]*+")
#: What would not arrive from a path or a query, and what it is.
_LOST: Final = (
    (re.compile("#"), "a fragment (#), which no server gets"),
    (re.compile(r"[\x00-\x1f\x7f]"), "a line break or another control character"),
    (re.compile(r"\\"), "a backslash, which some read as a slash"),
    (re.compile(r"%(?![0-9A-Fa-f]{2})"), "a % that begins no escape"),
    (re.compile("[\ud800-\udfff]"), "half a surrogate pair"),
)
#: Characters that stand for nothing else, so that their escape says the same (as browsers write it).
_ESCAPED: Final = re.compile(r"""[ "<>^`{|}]|[^\x00-\x7f]""")
_DOT: Final = re.compile("%2e", re.IGNORECASE)
#: A port may be empty; what is wrong with the rest of a host shows where it is looked up.
_NO_HOST: Final = re.compile(r"[\x00-\x20\x7f\\<>^`{|}]")

_PADDED: Final = re.compile(r"\s\Z")
_ADVICE: Final = 'quote what is put into it: urllib.parse.quote(value, safe="")'


def is_absolute(url: str) -> bool:
    """Return whether the URL is one of HTTP, in whatever case its scheme is written."""
    return url.startswith(_SCHEMES) or url[:8].lower().startswith(_SCHEMES)


def is_plain_url(url: str) -> bool:
    """Return whether an absolute URL goes out as it is, without a closer look."""
    return _PLAIN_URL.fullmatch(url) is not None and "/." not in url


@lru_cache(maxsize=256)
def is_plain_path(path: str) -> bool:
    """Return whether what is put below a base URL goes out as it is, without a closer look.

    Cached, since most requests go to one of few paths.
    """
    return _PLAIN_PATH.fullmatch(path) is not None and "/." not in path


def check_headers(headers: Mapping[str, str]) -> None:
    """Raise `PayloadError` for headers that cannot be sent, or that would change where the message ends."""
    fault = name_fault(tuple(headers))
    if fault:
        raise PayloadError(fault)
    try:
        # All at once, because nearly all headers are fine.
        if "".join(headers.values()).isprintable():
            return
    except TypeError:
        pass
    for name, value in headers.items():
        _check_value(name, value)


@lru_cache(maxsize=256)
def name_fault(names: tuple[object, ...]) -> str:
    """Say what is wrong with the names of headers; cached, since names hardly change."""
    for name in names:
        if not isinstance(name, str):
            return f"the name of a header must be a string but it is {kind(name)}"
        if not _TOKEN.fullmatch(name):
            return (
                f"the header {name[:100]!a} has a name that is no token: letters, digits and "
                "!#$%&'*+-.^_`|~ may stand in one"
            )
        if name.lower().replace("_", "-") in _FRAMING:
            return f"the header {name} cannot be set: it belongs to the connection, which the transport keeps"
    return ""


def _check_value(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise PayloadError(f"the header {name} must be a string but it is {kind(value)}")
    if _CONTROL.search(value):
        raise PayloadError(f"the header {name} contains a line break or another control character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise PayloadError(f"the header {name} contains characters that no header may") from None


def checked_url(url: str, headers: Mapping[str, str]) -> str:
    """Return an absolute URL as it is sent: what merely needs an escape gets it, in UTF-8.

    Raises `RequestError` for what would be dropped or read otherwise on its way: a fragment, control
    characters, backslashes, a `%` that begins no escape, segments `.` and `..`. Raises `SettingsError` for a
    user and a password in front of the host where the headers carry credentials too.
    """
    if is_plain_url(url):
        return url
    if not is_absolute(url):
        raise _refused(f"the URL {url.partition('?')[0]!r} is not absolute: prepare must add the base URL")
    scheme, _, rest = url.partition("://")
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    path = rest[len(authority) :]
    fault = _host_fault(authority) or _path_fault(path)
    if fault:
        raise _refused(f"the URL {fault}")
    if "@" in authority and any(name.lower() == "authorization" for name in headers):
        raise SettingsError(
            "the URL has a user and a password in front of its host (user:password@), and the request has a "
            "header Authorization: take them out of the setting that has the URL"
        )
    return f"{scheme.lower()}://{authority}{_ESCAPED.sub(_escape, path)}"


@lru_cache(maxsize=256)
def base_fault(base_url: str) -> str:
    """Say what is wrong with a base URL; cached, since every request of an instance has the same.

    The URL itself is not shown: it may hold a secret.
    """
    if not is_absolute(base_url):
        return "must begin with https:// or http://"
    rest = base_url.partition("://")[2]
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    path = rest[len(authority) :]
    if "?" in path:
        return "has a query (?), behind which no path can be added"
    if _PADDED.search(base_url):
        return "ends with a blank or a line break"
    fault = _host_fault(authority) or _name_of_host_fault(authority) or _path_fault(path)
    return fault.partition(";")[0]  # without advice on quoting


def _name_of_host_fault(authority: str) -> str:
    """Say what shows only where a host is looked up: its port, the lengths of its labels."""
    try:
        parts = urlsplit(f"//{authority}")
        _ = parts.port  # computed, and checked, when it is read
        host = parts.hostname or ""
        if ":" not in host:
            host.removesuffix(".").encode("idna")
    except ValueError:
        return "has a host or a port that cannot be"
    return "" if host else "has no host"


def _refused(message: str) -> RequestError:
    return RequestError(message, code="REQUEST_INVALID", status=400)


def _host_fault(authority: str) -> str:
    if not authority.rpartition("@")[2]:
        return "has no host"
    if _NO_HOST.search(authority):
        return "has a host with a blank or another character that no host may have"
    return ""


def _path_fault(path: str) -> str:
    """Say what in a path and its query would not arrive."""
    for pattern, fault in _LOST:
        if pattern.search(path):
            return f"contains {fault}; {_ADVICE}"
    for segment in _DOT.sub(".", path.partition("?")[0]).split("/"):
        if segment.partition(";")[0] in {".", ".."}:
            return f"has the segment {segment!r}, which leads to another path and cannot be quoted"
    return ""


def _escape(found: re.Match[str]) -> str:
    return quote(found[0])


def query(params: Mapping[str, Any]) -> str:
    """Write a query, or a form: without None, lists repeat their name, values as JavaScript spells them."""
    pairs: list[tuple[str, str]] = []
    for name, value in params.items():
        items = value if isinstance(value, list | tuple | set | frozenset) else (value,)
        items = simplify(items) if isinstance(items, set | frozenset) else items
        pairs += [(_text(name), _text(item)) for item in items if item is not None and item is not MISSING]
    return urlencode(pairs, quote_via=quote, safe="", errors="replace")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, float):
        return number_text(float(value))
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, list | tuple):
        return ",".join(["" if item is None or item is MISSING else _text(item) for item in value])
    if value is None or isinstance(value, bool | int | dict):
        return to_text(value)
    # Python's own values (an enum, a UUID, a time, a set) are spelled as they are in an event.
    try:
        return _text(simplify(value))
    except UnfitError as error:
        raise PayloadError(f"a parameter of the request {error}") from None


def with_query(url: str, params: Mapping[str, Any]) -> str:
    """Return the URL with more in its query."""
    more = query(params)
    if not more:
        return url
    head, mark, fragment = url.partition("#")
    return f"{head}{'&' if '?' in head else '?'}{more}{mark}{fragment}"
