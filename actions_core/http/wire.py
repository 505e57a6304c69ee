"""What may stand in a request on the wire: its headers, its URL, and the query that is added to it.

Nothing of a request is left out or read otherwise than it was written: what cannot stand where it is put is
refused before anything is sent. Values of an event get everywhere, so the rules hold for every request.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from actions_core.errors import PayloadError, RequestError, SettingsError
from actions_core.values.javascript import number_text, to_text
from actions_core.values.python_values import UnfitError, simplify
from actions_core.values.types import MISSING
from actions_core.values.wording import kind

if TYPE_CHECKING:
    from collections.abc import Callable

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
#: A URL in which there is nothing to look at: no escapes, no fragment, nobody's name in front of the host,
#: which is within its bounds, as its port is.
_PLAIN_URL: Final = re.compile(
    r"https?://[A-Za-z0-9-]{1,62}+(?:\.[A-Za-z0-9-]{1,62}+){0,3}+(?::[0-9]{1,4}+)?"
    r"(?:[/?][A-Za-z0-9!$&'()*+,\-./:;=?_~]*+)?"
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
_NO_HOST: Final = re.compile(r"[\x00-\x20\x7f\\<>^`{|}%\ud800-\udfff]")
#: What stands behind a host: nothing, or a port, which may be empty.
_PORT: Final = re.compile(r":([0-9]*)")
#: A host that ends in a number is an address, never a name.
_NUMERIC: Final = re.compile(r"(?:^|\.)[0-9]+\Z")
_HIGHEST_PORT: Final = 65535
#: As the names of hosts are: labels of 63 characters, 253 in all.
_LONGEST_HOST: Final = 253

#: What is JSON already, but for the items of a list.
_JSON: Final = (str, int, float, list, tuple, dict, type(None))
_PADDED: Final = re.compile(r"\s\Z")
_ADVICE: Final = 'quote what is put into it: urllib.parse.quote(value, safe="")'


def is_absolute(url: str) -> bool:
    """Return whether the URL is one of HTTP, in whatever case its scheme is written."""
    return url.startswith(_SCHEMES) or url[:8].lower().startswith(_SCHEMES)


def method_fault(method: object) -> str:
    """Say what is wrong with the method of a request."""
    if not isinstance(method, str):
        return f"must be a string but it is {kind(method)}"
    return "" if _TOKEN.fullmatch(method) else f"{method[:100]!a} is no token, such as POST"


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
    if not isinstance(url, str):
        raise refused(f"the URL must be a string but it is {kind(url)}")
    if is_plain_url(url):
        return url
    if not is_absolute(url):
        raise refused(f"the URL {url.partition('?')[0]!r} is not absolute: prepare must add the base URL")
    scheme, _, rest = url.partition("://")
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    path = rest[len(authority) :]
    fault = host_fault(authority) or _path_fault(path)
    if fault:
        raise refused(f"the URL {fault}")
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
    fault = host_fault(authority) or _path_fault(path)
    return fault.partition(";")[0]  # without advice on quoting


def refused(message: str) -> RequestError:
    """Return the error for a request that cannot be sent as it is written."""
    return RequestError(message, code="REQUEST_INVALID", status=400)


@lru_cache(maxsize=256)
def host_fault(authority: str) -> str:
    """Say why no server can be found by a host and its port; whether one is there shows when it is asked."""
    named = authority.rpartition("@")[2]
    if _NO_HOST.search(authority):
        return "has a host with a blank or another character that no host may have"
    if named.startswith("["):
        host, bracket, port = named[1:].partition("]")
        fault = "" if bracket and _is_address(_inet6, host) else "has an address in brackets that is none"
    else:
        host, colon, number = named.partition(":")
        fault, port = _label_fault(host), colon + number
    if not fault and port:
        digits = _PORT.fullmatch(port)
        if digits is None or int(digits[1][:6] or "0") > _HIGHEST_PORT:
            return f"has a port that cannot be: behind the host may stand a number up to {_HIGHEST_PORT}"
    return fault


def _label_fault(host: str) -> str:
    if not host:
        return "has no host"
    if _NUMERIC.search(host) and not _is_address(socket.inet_aton, host):
        return "has a host that ends in a number but is no address"
    try:
        name = host.removesuffix(".").encode("idna")
    except ValueError:  # an empty label, one of more than 63 characters, a letter that no name may have
        name = b""
    if not 0 < len(name) <= _LONGEST_HOST:
        return "has a host that cannot be: each part between its dots has 1 to 63 characters, all 253 at most"
    return ""


def _is_address(read: Callable[[str], bytes], text: str) -> bool:
    try:
        return bool(
            read(text)
        )  # in the forms of old too, such as 127.1: whether it may be reached is asked later
    except (OSError, ValueError):
        return False


def _inet6(text: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6, text)


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
    """Write a query, or a form: without None, lists repeat their name, values as JavaScript spells them.

    Raises `PayloadError` for what has no spelling, or none in UTF-8.
    """
    if not isinstance(params, Mapping):
        raise PayloadError(f"the parameters of the request must be an object but they are {kind(params)}")
    pairs: list[tuple[str, str]] = []
    for name, value in params.items():
        plain = _plain(value)
        items = [_plain(item) for item in plain] if isinstance(plain, list | tuple) else [plain]
        pairs += [(_text(name), _text(item)) for item in items if item is not None and item is not MISSING]
    try:
        return urlencode(pairs, quote_via=quote, safe="")
    except UnicodeEncodeError:
        raise PayloadError("a parameter of the request contains half a surrogate pair") from None


def _plain(value: Any) -> Any:
    """Return one of Python's own values (an enum, a UUID, a time, a set) as it is in an event."""
    try:
        while value is not MISSING and not isinstance(value, _JSON):
            value = simplify(value)
    except UnfitError as error:
        raise PayloadError(f"a parameter of the request {error}") from None
    return value


def _text(value: Any) -> str:
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, float):
        return number_text(float(value))
    if isinstance(value, list | tuple):
        items = [_plain(item) for item in value]
        return ",".join(["" if item is None or item is MISSING else _text(item) for item in items])
    plain = _plain(value)
    return to_text(plain) if isinstance(plain, bool | int | dict | None) else _text(plain)


def with_query(url: str, params: Mapping[str, Any]) -> str:
    """Return the URL with more in its query."""
    more = query(params)
    if not more:
        return url
    head, mark, fragment = url.partition("#")
    return f"{head}{'&' if '?' in head else '?'}{more}{mark}{fragment}"
